/*
 * cache_object.h: a stored response in a worker's hands: its head, read once, and its body, in memory, in a file, or
 * still on its way.  Counted by references: the map of hot objects, a fetch that fills it and each client that is sent
 * it have one; a client's is given back with the pool of its request, as its head borrows the fields.
 */
#ifndef WEIR_CORE_CACHE_CACHE_OBJECT_H
#define WEIR_CORE_CACHE_CACHE_OBJECT_H

#include "core/cache/cache.h"
#include "core/cache/store_write.h"
#include "http/cache_policy.h"
#include "http/message.h"

/* A body up to this many bytes is held in memory while it comes; a longer one goes to its file at once. */
#define CACHE_MEMORY_MAX ((uint64_t)60 * 1024)

struct cache_object {
    unsigned refs;
    bool is_marker; /* leads to the variants of its key (store_vary.h) */
    bool growing; /* more of the body may come; `length` is what was announced, if anything was */
    bool has_length;
    bool in_part; /* not growing any more, and not whole: what follows will never come */
    uint64_t length; /* of the whole body */
    uint64_t have; /* bytes of it that can be sent */
    struct cache_facts facts;
    unsigned status;
    struct str reason;
    struct header_list fields; /* of the response as stored, without Age and Content-Length */
    struct store_object stored; /* where it was read from a file; .head holds for every object */
    struct store_write *write; /* where it is filled, and large: holds the file; else NULL */
    char *body; /* malloc, or in `stored.bytes`; NULL: in the file */
    size_t body_room; /* of one that is filled */
    struct cache_object *body_of; /* another that holds the body: it was validated, and has got a new head; NULL: none */
    char *tail; /* malloc: of one that will not be stored, the bytes from tail_at to `have`; NULL: all is above */
    uint64_t tail_at;
    struct pool *pool; /* what the texts and fields above lie in */
};

/* One of a file; takes over what *from holds.  NULL: no memory or a damaged list of fields; *from is closed. */
struct cache_object *cache_object_of_file(struct store_object *from);

/*
 * One that is filled: for the key, with these fields, which are copied.  Tags, seq and facts of the head are the
 * caller's to set.  NULL: no memory, or the head is too large to be stored.
 */
struct cache_object *cache_object_new(const struct store_key *, const struct message *response,
                                      const struct cache_facts *);

struct cache_object *cache_object_hold(struct cache_object *);
void cache_object_release(struct cache_object *);

/* Holds it until the pool's life is over. */
void cache_object_hold_in(struct pool *, struct cache_object *);

/* Gives it the body of `from`, whole, which it holds from now on. */
void cache_object_take_body(struct cache_object *, struct cache_object *from);

/* Bytes of memory that it takes. */
size_t cache_object_bytes(const struct cache_object *);

/* The map's object of that hash, without a reference for the caller; NULL: there is none. */
struct cache_object *cache_hot_find(struct cache *, struct hash_128);

/* Puts it into the map, if that has room for its like. */
void cache_hot_put(struct cache *, struct cache_object *);

#endif

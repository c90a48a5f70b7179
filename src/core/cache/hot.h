/*
 * hot.h: objects that one worker holds in its memory, by 128-bit hash, up to a number of bytes. Replacement
 * is S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak 2023): new objects pass a small queue (a tenth of the bytes);
 * only those that were asked for there move on to the main one, where each use (up to three) is worth another
 * round. What left the small queue unused is remembered by its hash for as long as the main queue is (a
 * sketch of fingerprints): back again, it enters the main queue at once.  So a scan flushes nothing but the
 * small queue. Every operation takes a time that does not depend on how much is held.  An object is counted
 * by references: who got one keeps its bytes, also when it has left the map.
 */
#ifndef WEIR_CORE_CACHE_HOT_H
#define WEIR_CORE_CACHE_HOT_H

#include "base/hash.h"
#include "base/list.h"

struct hot;

struct hot_object {
    struct hot *hot; /* NULL: out of the map */
    struct hot_object *chain;
    struct list link; /* in its queue */
    struct hash_128 hash;
    unsigned refs; /* one is the map's */
    uint8_t uses; /* 0 to 3 */
    uint8_t in_main;
    size_t bytes; /* what it counts as */
    void (*on_free)(struct hot_object *); /* for descriptors and the like; NULL: none */
    size_t len;
    _Alignas(max_align_t) char payload[]; /* `len` bytes, the caller's */
};

struct hot_stats {
    uint64_t hits, misses; /* of hot_get */
    uint64_t objects, bytes; /* held now */
    uint64_t evicted;
};

/* At most `limit` bytes, payloads and some 130 bytes for each; 0: holds nothing.  Never NULL. */
struct hot *hot_new(size_t limit);

/* Objects that are still referred to live on.  NULL is allowed. */
void hot_free(struct hot *);

/* With a reference for the caller; NULL: not there. */
struct hot_object *hot_get(struct hot *, struct hash_128);

/*
 * Room for an object with `len` bytes of payload, entered in the place of an older one of that hash, with a
 * reference for the caller, who fills it before the next turn of the loop.  `extra`: bytes that it is counted
 * as beyond them (a descriptor that it holds).  NULL: it would take more than an eighth of the limit, or
 * there is no memory.
 */
struct hot_object *hot_put(struct hot *, struct hash_128, size_t len, size_t extra);

/* Gives a reference back. */
void hot_release(struct hot_object *);

/* Takes it out of the map: false, there was none. */
bool hot_drop(struct hot *, struct hash_128);

/* The same for this very object, if it is in the map still. */
void hot_drop_object(struct hot_object *);

void hot_stats(const struct hot *, struct hot_stats *);

#endif

/*
 * store_head.h: the head of a stored object, as bytes of a file and as a structure.
 * On the disk: a fixed part of plain numbers in the order of this machine, the hashes of the tags, the key,
 * the variant, the fields.  A hash (XXH3-64) over all of that is in the fixed part; every length is checked
 * before it is used, so that any bytes may be given to store_head_decode.
 */
#ifndef WEIR_CORE_CACHE_STORE_HEAD_H
#define WEIR_CORE_CACHE_STORE_HEAD_H

#include "core/cache/store.h"

enum store_kind {
    STORE_OBJECT = 1, /* a response */
    STORE_MARKER = 2 /* what leads to the variants of a response with Vary: store_vary.h */
};

/* Plain numbers that the store keeps and does not read, but for STORE_SOFT. */
struct store_facts {
    int64_t request_time, response_time; /* seconds since 1970 */
    int64_t initial_age, lifetime; /* seconds */
    int64_t stale_while_revalidate, stale_if_error; /* seconds; -1: not said */
    int64_t spare[2]; /* the caller's */
    uint32_t flags; /* the caller's, but for STORE_SOFT */
    uint16_t status;
    uint16_t minor; /* of the version HTTP/1.x */
};

#define STORE_SOFT 0x80000000u /* in flags: a soft purge has hit it, it must be validated */

/* The texts are borrowed: when writing from the caller, when reading from the bytes of the file. */
struct store_head {
    enum store_kind kind;
    struct str key;
    struct str variant; /* of a variant: its values; of a marker: the names of the fields that Vary lists */
    struct str fields; /* store_field_put and _next */
    uint64_t nonce; /* of a variant and of a marker; else 0 */
    struct hash_128 primary, hash;
    uint64_t seq; /* purge_seq from before the request for it was sent */
    uint64_t tags[STORE_TAGS_MAX]; /* store_tag_hash */
    unsigned tag_count;
    struct store_facts facts;

    /* Of the file: set by the writer. */
    uint64_t body_len;
    uint64_t body_hash; /* of the body, or of the table of its blocks where it has several */
    uint32_t body_at;
    uint32_t room; /* bytes for the head in each of its two places in a big file; 0 in a small one */
    uint32_t version; /* how often the head was rewritten; its lowest bit: in which of the two places it is */
};

/* An empty head for that key: kind STORE_OBJECT, all else 0; kind, nonce and variant may be changed. */
void store_head_init(struct store_head *, const struct store_key *);

/* Bytes that it takes in a file; 0: a limit is passed (key, variant, tags, STORE_HEAD_MAX). */
size_t store_head_size(const struct store_head *);

/* Writes store_head_size bytes. */
void store_head_encode(const struct store_head *, char *to);

#define STORE_ROOM_UNIT 512 /* a room is a multiple of it */

/* The room that a head says it has, if it begins as one, even where the rest is damaged; else 0. */
uint32_t store_head_room(const char *bytes, size_t len);

/*
 * Reads a head from the first of `len` bytes.  The texts point into them.  NULL, or a static text that says
 * what is wrong.  Cost: one XXH3 over the head.
 */
const char *store_head_decode(const char *bytes, size_t len, struct store_head *);

/* The bytes that the texts point to were copied from `from` to `to`. */
void store_head_move(struct store_head *, const char *from, const char *to);

/*
 * The fields: bytes that a field takes, its writing (returns the place behind it), and the walk over all; the
 * walk ends with false, at damage too.
 */
#define STORE_FIELD_MAX 65535 /* bytes of a name or a value */
size_t store_field_size(struct str name, struct str value);
char *store_field_put(char *to, struct str name, struct str value);
bool store_field_next(struct str *rest, struct str *name, struct str *value);

#endif

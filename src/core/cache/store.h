/*
 * store.h: the directory of one cache, as one process sees it.
 * An object is one file, named by the hash of its key: three hexadecimal digits that are its directory (4,096
 * of them, made when first needed), then the rest.  A file gets its final name by rename alone, so that a
 * crash at any instruction leaves the whole object or none; what is read is checked before use
 * (store_read.h).  There is no index: to look is to open.  Names are keyed by `salt`, a file in the
 * directory: who does not know it cannot choose keys that collide, and a collision costs a miss, since the
 * key is in the file in full. A store that belongs to the processes of one machine; every function but
 * store_open and store_close may be called from several threads at once.  Nothing is synced: a power cut
 * loses objects, and never serves a wrong one.
 */
#ifndef WEIR_CORE_CACHE_STORE_H
#define WEIR_CORE_CACHE_STORE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/hash.h"
#include "core/cache/store_fault.h"

#define STORE_DIRECTORIES 4096
#define STORE_KEY_MAX (8 * 1024) /* bytes of a key; of a variant's values; of a marker's names */
#define STORE_TAGS_MAX 64
#define STORE_HEAD_MAX (32 * 1024) /* all that a file holds besides the body */
#define STORE_BUFFER (64 * 1024) /* what one read takes; a file that fits is "small" */

struct purge;
struct store;

/*
 * What this process added and removed since it began: written by it alone, read by all (on the board or
 * elsewhere).
 */
struct store_counts {
    _Atomic uint64_t added_bytes; /* as store_disk_bytes counts them */
    _Atomic uint64_t removed_bytes;
    _Atomic uint64_t added_objects;
    _Atomic uint64_t removed_objects;
    _Atomic uint64_t writing_bytes; /* of big objects that are not whole yet; to be zeroed when the process has ended */
};

/* Which object: the primary of a key, or one of its variants.  The texts are borrowed. */
struct store_key {
    struct str key; /* in full */
    struct str variant; /* of a variant: the values that it was chosen for, in normal form */
    uint64_t nonce; /* of a variant: of the marker that leads to it; of a primary: 0 */
    struct hash_128 primary; /* of the key alone: what purges of the key are looked up by */
    struct hash_128 hash; /* names the file */
};

/*
 * Makes `path` (one level) with mode 0700 for that owner where it is missing: for the master, before it gives
 * up its rights.  0, or -1 with *fault.
 */
int store_make_directory(const char *path, uid_t uid, gid_t gid, struct store_fault *fault) WEIR_MUST_CHECK;

/*
 * Opens the store; to be done after fork, by each process for itself.  The directory is made where it is
 * missing; it must belong to the user of the process, and none other may write there.  `purge` (what is
 * invalid; NULL: nothing) and `counts` must live as long as the store.  NULL with *fault.
 */
struct store *store_open(const char *path, struct purge *purge, struct store_counts *counts,
    struct store_fault *fault);

/* NULL is allowed. */
void store_close(struct store *);

/* The descriptor of the directory, for purge_log.h; stays the same while the store is open. */
int store_directory(const struct store *);

/* The primary of `key`; -1: the key is empty or longer than STORE_KEY_MAX. */
int store_key_primary(const struct store *, struct str key, struct store_key *) WEIR_MUST_CHECK;

/*
 * The variant of `primary` for the values `variant`, under the marker with `nonce`; -1: the values are too
 * long.
 */
int store_key_variant(const struct store *, const struct store_key *primary, uint64_t nonce, struct str variant,
    struct store_key *) WEIR_MUST_CHECK;

/* What a tag is known by in heads and purges. */
uint64_t store_tag_hash(const struct store *, struct str tag);

/* Removes the file of that hash and counts it; -1 with errno, ENOENT where there is none.  Calls: newfstatat,
 * unlinkat. */
int store_unlink(struct store *, struct hash_128 hash);

/* What a file of `length` bytes is counted as: whole pages of 4,096. */
uint64_t store_disk_bytes(uint64_t length);

#endif

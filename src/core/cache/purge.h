/*
 * purge.h: what of a cache is no longer valid, known to all processes at once.
 * One memory, shared (zeroed at first; its words are only ever raised): a counter `seq`, for keys and tags
 * two tables (hard, soft) of 2^22 words by hash, and a list of at most 256 prefixes.  Each purge takes the
 * next seq.  An object remembers the seq from before it was asked for; it is invalid where a word of its key
 * or of one of its tags, or an entry of the list that is a prefix of its key, is higher.  Two hashes in one
 * word cost a miss, never a wrong hit. Cost of a check: one load where there was no purge since the object
 * came; else a random load for each of key and tags in each table, and the list where it has grown since the
 * copy was checked.
 * Nothing that is read from the memory is trusted: indexes and lengths are cut to their limits.
 */
#ifndef WEIR_CORE_CACHE_PURGE_H
#define WEIR_CORE_CACHE_PURGE_H

#include "base/str.h"

#define PURGE_BITS 22
#define PURGE_ENTRIES 256
#define PURGE_PREFIX_MAX 1000 /* bytes */

enum purge_kind {
    PURGE_NONE, /* of a check: valid */
    PURGE_SOFT, /* to be validated before it is used; may serve as stale where that is allowed */
    PURGE_HARD /* as if it were not there */
};

struct purge_board;

/* The view of one process. */
struct purge {
    struct purge_board *board;
    unsigned bits;
};

/* What a check is about. */
struct purge_subject {
    uint64_t primary; /* hash_128.high of the key: of the primary, for variants too */
    struct str key;
    const uint64_t *tags;
    unsigned tag_count;
    uint64_t seq;
    uint64_t checked; /* at first 0; set by purge_check and kept with the copy: the list is looked at when it grew */
};

/* Bytes of the memory, for tables of 2^bits words (PURGE_BITS; less in tests). */
size_t purge_board_bytes(unsigned bits);

/* `memory`: aligned for a cache line, shared by all processes that use the cache, zeroed or in use. */
void purge_init(struct purge *, void *memory, unsigned bits);

/* The seq of the last purge: to be read BEFORE the request for an object is sent. */
uint64_t purge_seq(const struct purge *);

/* Raises the counter to at least `seq`: at start, so that it never falls behind what files say. */
void purge_raise(struct purge *, uint64_t seq);

/* PURGE_HARD before PURGE_SOFT where both hold. */
enum purge_kind purge_check(const struct purge *, struct purge_subject *);

/*
 * Purges a key or tag by its hash in all processes, until the memory is gone: for unsafe methods, which
 * unlink the object too.  The seq.  What must survive a restart goes by purge_log.h.
 */
uint64_t purge_hash(struct purge *, uint64_t hash, enum purge_kind kind);

/*
 * The same for all keys that begin with `prefix` (empty: all); 0 with errno: ENOSPC the list is full,
 * ENAMETOOLONG.
 */
uint64_t purge_prefix(struct purge *, struct str prefix, enum purge_kind kind);

/* The two with a given seq: for what a file says. */
void purge_hash_at(struct purge *, uint64_t hash, enum purge_kind kind, uint64_t seq);
int purge_prefix_at(struct purge *, struct str prefix, enum purge_kind kind, uint64_t seq) WEIR_MUST_CHECK;

/* Entries of the list in use, for a metric. */
unsigned purge_listed(const struct purge *);

/* There are purges newer than those of which a full walk has removed all objects. */
bool purge_pending(const struct purge *);

/*
 * A walk that began at `begun` has gone through all files: frees the entries up to there.  From now on
 * purge_may_store refuses what was asked for before; purge_pending looks at newer ones.
 */
void purge_walked(struct purge *, uint64_t begun);

/* Whether an object asked for at `seq` may still be stored: the purges since then are still known. */
bool purge_may_store(const struct purge *, uint64_t seq);

/* The purges of former lives were read (purge_log_load): until then nothing on the disk may be used. */
bool purge_ready(const struct purge *);
void purge_set_ready(struct purge *);

/* Counts epochs of the files of purge_log.h, in the shared memory. */
uint64_t purge_epoch(const struct purge *);
void purge_epoch_set(struct purge *, uint64_t epoch);

#endif

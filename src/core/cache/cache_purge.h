/*
 * cache_purge.h: an operator's purges: of a key, of all keys with a prefix, of a tag, of all; hard, or soft.
 * They hold in all processes at once, by words that all share (purge.h), and after a restart, by a file that is synced
 * before the answer (purge_log.h).  A thread does both, so that neither the checks of the keeper nor the clients of a
 * worker wait for the disk.
 */
#ifndef WEIR_CORE_CACHE_CACHE_PURGE_H
#define WEIR_CORE_CACHE_CACHE_PURGE_H

#include "core/cache/cache.h"

enum cache_purge_what { CACHE_PURGE_KEY, CACHE_PURGE_PREFIX, CACHE_PURGE_TAG, CACHE_PURGE_ALL };

enum cache_purge_outcome {
    CACHE_PURGE_DONE,
    CACHE_PURGE_UNSAVED, /* it holds until the machine is started anew; `fault` says why */
    CACHE_PURGE_FULL, /* nothing was done: there are too many prefixes */
    CACHE_PURGE_REFUSED /* nothing was done: `why` */
};

/* Who waits for one; in the memory of the request. */
struct cache_purge_wait {
    void (*done)(struct cache_purge_wait *);
    struct cache_purge_job *job; /* NULL: it is over */
    enum cache_purge_outcome outcome;
    const char *why; /* static, of CACHE_PURGE_REFUSED */
    struct store_fault fault;
};

/*
 * Begins it; `value` (of CACHE_PURGE_ALL: none) is copied.  wait->done is called with `outcome` set when it is over: not
 * before this returns.  -1: nothing was begun, wait->why says why.
 */
int cache_purge_begin(struct cache *, enum cache_purge_what, struct str value, enum purge_kind,
                      struct cache_purge_wait *) WEIR_MUST_CHECK;

/* Nobody waits any more; what was begun is done all the same.  May be called at any time. */
void cache_purge_forget(struct cache_purge_wait *);

/* In words: "the key \"...\"", "all keys that begin with \"...\"", "all". */
struct str cache_purge_text(enum cache_purge_what, struct str value, struct pool *);

#endif

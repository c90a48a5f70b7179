/*
 * store_walk.h: the slow walk over all directories, the janitor's: one directory a call. It counts what is
 * there, drops temporary files whose owner is dead (or that nobody has written for an hour) and objects that
 * a hard purge has hit, and marks those that a soft one has hit, so that after a full walk the purges from
 * before it are forgotten (purge_log.h).  Heads are read only while there are such purges. And the
 * summary: what a cache holds, kept in a file for the next start.
 */
#ifndef WEIR_CORE_CACHE_STORE_WALK_H
#define WEIR_CORE_CACHE_STORE_WALK_H

#include "core/cache/store.h"

struct store_walk {
    unsigned next; /* directory; 0: a new walk begins */
    uint64_t begun_seq; /* of the purges when it began */
    uint64_t bytes, objects; /* counted so far */
    uint64_t temporary; /* files that were dropped */
    uint64_t purged; /* objects that were dropped */
    uint64_t marked; /* objects that were marked */
    unsigned failed; /* directories that could not be read: then no purge is forgotten */
    char *buffer; /* STORE_BUFFER bytes aligned for uint64_t, the caller's */
};

/*
 * Does one directory; `now` in seconds since 1970.  1: that was the last one, the counts are of the whole
 * cache, and the next call begins anew; 0; -1 with *fault: that directory could not be read, and counts as
 * empty.
 */
int store_walk_step(struct store *, struct store_walk *, int64_t now, struct store_fault *fault) WEIR_MUST_CHECK;

struct store_summary {
    uint64_t bytes, objects;
    uint64_t seq; /* purge_seq at that time */
};

/* Replaces the file `summary`; 0 or -1 with *fault.  Calls: openat, write, renameat, close. */
int store_summary_write(struct store *, const struct store_summary *, struct store_fault *fault) WEIR_MUST_CHECK;

/* 0; -1 with *fault: there is none (ENOENT), or it is damaged (EBADMSG): all 0. */
int store_summary_read(struct store *, struct store_summary *, struct store_fault *fault) WEIR_MUST_CHECK;

#endif

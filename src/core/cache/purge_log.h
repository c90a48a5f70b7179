/*
 * purge_log.h: purges that outlive the machine, as files in the directory of the cache. A record is appended
 * to `purges.N` and synced before the purge is answered; N is an epoch: a walk begins a new one, and at its
 * end the files of the former ones go, since the walk has dropped (or marked) all that they speak of.  Each
 * record has its hash: a torn one is passed over.  At start the files are read into the memory of purge.h.
 * All of these wait for the disk: not for a worker's loop.
 */
#ifndef WEIR_CORE_CACHE_PURGE_LOG_H
#define WEIR_CORE_CACHE_PURGE_LOG_H

#include "core/cache/purge.h"
#include "core/cache/store_fault.h"

/*
 * Purges a key (hash_128.high) or tag in all processes at once, then on disk; -1 with *fault: it holds until
 * a restart only.  Calls: openat, write, fdatasync, close.
 */
int purge_log_hash(struct purge *, int directory, uint64_t hash, enum purge_kind kind, struct store_fault *fault)
    WEIR_MUST_CHECK;

/*
 * The same for a prefix (empty: all); EXFULL with the text "the list of prefixes is full" and ENAMETOOLONG:
 * nothing was done.
 */
int purge_log_prefix(struct purge *, int directory, struct str prefix, enum purge_kind kind,
    struct store_fault *fault) WEIR_MUST_CHECK;

/*
 * At start, once for each new memory: reads the files, raises seq to what they say and to `at_least` (the
 * time in microseconds is a good number: seq must never fall back), and sets purge_ready.  Files that cannot
 * be read, or lists that do not fit, count as a purge of all: -1 with *fault then.
 */
int purge_log_load(struct purge *, int directory, uint64_t at_least, struct store_fault *fault) WEIR_MUST_CHECK;

/* A walk begins: a new epoch.  The seq that it begins at. */
uint64_t purge_log_begin(struct purge *);

/* That walk has ended: purge_walked, and the files of former epochs go. */
void purge_log_end(struct purge *, int directory, uint64_t begun);

#endif

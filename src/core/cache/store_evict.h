/*
 * store_evict.h: room for new objects.
 * The worst objects of one directory go: those least often asked for (sketch.h), the older first among
 * equals.  The directory is chosen at random by the caller, so that in the long run all are treated alike,
 * without an index.  Where directories hold few objects the ones behind it are looked at too, as a choice among
 * few is a bad one.  Cost: a listing and a stat for each object looked at, about 0.3 ms for 250 of them.
 */
#ifndef WEIR_CORE_CACHE_STORE_EVICT_H
#define WEIR_CORE_CACHE_STORE_EVICT_H

#include "core/cache/sketch.h"
#include "core/cache/store.h"

struct store_evicted {
    uint64_t bytes, objects;
    unsigned bar; /* the highest frequency among them: what a new object should reach to be worth its place */
};

/*
 * Unlinks objects of `directory` (below STORE_DIRECTORIES) and, while they are fewer than 64, of at most 127 behind it,
 * until `bytes` are gone or half of what was looked at; looks at the first 16,384 names.  0, or -1 with *fault where a
 * directory cannot be read; a missing one is empty.
 */
int store_evict(struct store *, unsigned directory, uint64_t bytes, const struct sketch *, struct store_evicted *,
    struct store_fault *fault) WEIR_MUST_CHECK;

#endif

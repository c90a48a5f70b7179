/*
 * cache_stats.h: what one process counts of one cache: on the board, plain words with one writer, summed by readers and
 * never reset.
 */
#ifndef WEIR_CORE_CACHE_CACHE_STATS_H
#define WEIR_CORE_CACHE_CACHE_STATS_H

#include <stdint.h>

#include "http/cache_status.h"

/* What became of a request at a cache: the words of RFC 9211 for what was forwarded, and three more. */
enum cache_result {
    CACHE_RESULT_HIT, /* and what follows in the order of enum cache_forward */
    CACHE_RESULT_BYPASS,
    CACHE_RESULT_METHOD,
    CACHE_RESULT_URI_MISS,
    CACHE_RESULT_VARY_MISS,
    CACHE_RESULT_MISS,
    CACHE_RESULT_REQUEST,
    CACHE_RESULT_STALE,
    CACHE_RESULT_PARTIAL,
    CACHE_RESULT_HIT_STALE, /* answered with what is stale: while it is asked for again, or as the upstream failed */
    CACHE_RESULT_REVALIDATED, /* "stale", and the upstream said that nothing has changed */
    CACHE_RESULT_ONLY_IF_CACHED, /* 504: the client wanted no upstream asked, and nothing was there to use */
    CACHE_RESULTS
};

struct cache_stats {
    uint64_t results[CACHE_RESULTS]; /* each request once */
    uint64_t hot; /* hits that needed no file */
    uint64_t collapsed; /* requests that waited for what another had asked for */
    uint64_t fetches; /* asked of an upstream on behalf of those who wait */
    uint64_t stored, stored_bytes; /* objects; of bodies */
    uint64_t refused; /* answers that could have been stored, but for the room */
    uint64_t failed; /* that could not be stored: the disk, a purge meanwhile */
    uint64_t faults; /* of the disk, when reading too */
    uint64_t invalidated; /* keys, by unsafe requests */
    uint64_t purges; /* calls */
    uint64_t bytes_sent; /* of bodies from what is stored */
};

/* "hit", "uri-miss" ... of a number below CACHE_RESULTS. */
struct str cache_result_name(enum cache_result);

/* What an answer with that status counts as. */
enum cache_result cache_result_of(const struct cache_status *);

/* Counts a request that goes on to the upstream past the cache. */
static inline void cache_stats_forward(struct cache_stats *stats, enum cache_forward forward)
{
    stats->results[forward == CACHE_FORWARD_NONE ? CACHE_RESULT_MISS : (enum cache_result)forward]++;
}

#endif

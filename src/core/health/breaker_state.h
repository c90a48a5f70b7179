/* breaker_state.h: what breaker.c keeps in a worker's state of an upstream; see breaker.h. */
#ifndef WEIR_CORE_HEALTH_BREAKER_STATE_H
#define WEIR_CORE_HEALTH_BREAKER_STATE_H

#include <stdint.h>

struct breaker {
    int64_t counted_ms; /* when the others were */
    uint64_t others_active, others_queued; /* of other processes */
    unsigned retries; /* of this worker, under way */
    double latency_ms; /* mean time to the first byte, of late */
    unsigned samples;
    int64_t probe_at_ms; /* too slow: one request is let through then; 0: not */
    const char *open; /* the setting that refused last; NULL: closed */
    int64_t refused_ms; /* when it did */
};

#endif

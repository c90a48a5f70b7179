/*
 * breaker.h: `circuit_breaker` of an upstream: what is too much for its servers is refused at once, before it
 * makes them slower still.  Requests under way and waiting are counted over the instance, from the board, at
 * most 20 ms ago; a worker has its share of max_retries; latency is what the worker sees itself.
 */
#ifndef WEIR_CORE_HEALTH_BREAKER_H
#define WEIR_CORE_HEALTH_BREAKER_H

#include "core/upstream/upstream.h"

/* The time to the first byte that counts less the older it is; too few of them decide nothing. */
#define BREAKER_SAMPLES_LEAST 10

/* Refused: which setting did it, its value as for the log ("circuit_breaker.max_requests is 100"). */
struct breaker_refusal {
    const char *setting;
    int64_t value;
    bool is_time; /* milliseconds */
};

/*
 * Whether a new request may go to the upstream; else *refusal, counted and logged once for each opening.
 * *probe: it is let through to find out whether the upstream is still too slow.
 */
bool breaker_admits(struct upstream_state *, struct breaker_refusal *refusal, bool *probe);

/* Whether one more request may be retried; then breaker_retry_over() follows. */
bool breaker_retry(struct upstream_state *);
void breaker_retry_over(struct upstream_state *);

/*
 * The first byte of an answer came, or was waited for in vain, after so long.  Where it is too slow only what
 * a `probe` saw counts: others were sent before.
 */
void breaker_latency(struct upstream_state *, int64_t ms, bool probe);

#endif

/*
 * passive.h: outlier ejection: a server that fails several times in a row gets no requests for a pause, which
 * grows when it goes on failing.  All workers count in one word on the board and see an ejection at once.
 * The last server that can be used is never ejected; and when fewer than half of an upstream's servers can be
 * used, the ejected ones are used all the same, for then the fault is hardly theirs.
 */
#ifndef WEIR_CORE_HEALTH_PASSIVE_H
#define WEIR_CORE_HEALTH_PASSIVE_H

#include "core/upstream/upstream.h"

/* The pause is at most this times the configured one. */
#define PASSIVE_PAUSES_MAX 10

/* A request to the server failed; `why` is for the log. */
void passive_failure(struct peer_state *, const char *why);

/* The server answered well. */
void passive_success(struct peer_state *);

/* Whether an answer of this status is a failure. */
bool passive_is_failure(const struct upstream *, unsigned status);

/* The pause of the server may be over: logs it, once for all workers.  At each look. */
void passive_look(struct peer_state *, int64_t now_ms);

/* Too few servers can be used: ejected ones count as up. */
bool passive_is_panic(const struct upstream_state *, int64_t now_ms);

/* One more error in the word `errors` of struct peer_shared; how many there are in the window now. */
unsigned passive_count(uint64_t *errors, int64_t window_ms, int64_t now_ms);

#endif

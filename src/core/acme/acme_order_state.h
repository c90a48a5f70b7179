/*
 * acme_order_state.h: between acme_order.c, which asks and hears, and acme_order_steps.c, which knows what comes next;
 * for these two alone.
 */
#ifndef WEIR_CORE_ACME_ACME_ORDER_STATE_H
#define WEIR_CORE_ACME_ACME_ORDER_STATE_H

#include <jansson.h>

#include "core/acme/acme_order.h"

/* It is over. */
void order_fail(struct acme_order *, const char *fmt, ...) WEIR_PRINTF(2, 3);
void order_done(struct acme_order *);

/* Asks `url` for the next step: with a signed `payload`, which is empty for a mere look (RFC 8555 6.3). */
void order_post(struct acme_order *, enum acme_step, struct str url, struct str payload);
void order_get(struct acme_order *, enum acme_step, struct str url);

/* Asks `url` later, as the authority wished. */
void order_look_later(struct acme_order *, enum acme_step, struct str url);

/* An answer to the step has come, of a good status. */
void order_step(struct acme_order *);

/* What a problem document says (RFC 7807), in the pool. */
struct str order_problem(struct pool *, const json_t *problem);

/* Ends what the authority was to see. */
void order_challenge_over(struct acme_order *);

#endif

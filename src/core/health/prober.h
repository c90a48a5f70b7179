/*
 * prober.h: the active checks of the whole instance, made by the keeper of the serving generation: when
 * which server is asked (core/health/check_plan.h), over which connection (core/health/probe.h), and what the results
 * come to, which goes to the words about the server on the board, to the log and to the alerts.  A new
 * prober goes on from what the board says; only the counts of results in a row begin anew.
 */
#ifndef WEIR_CORE_HEALTH_PROBER_H
#define WEIR_CORE_HEALTH_PROBER_H

#include "core/health/alert.h"
#include "core/health/check.h"

struct prober;
struct worker;

/*
 * Begins the checks of worker->config's upstreams; `checks` by enum check_type.  What the board says of
 * servers that are not checked any more is forgotten.  `alerts` outlive the prober.
 */
struct prober *prober_new(struct worker *, const struct check *const *checks, struct alerts *);

/* To be called at each tick of the loop: begins what is due, and looks for servers that came and went. */
void prober_tick(struct prober *);

/* Ends the checks under way without a result.  NULL is allowed. */
void prober_free(struct prober *);

#endif

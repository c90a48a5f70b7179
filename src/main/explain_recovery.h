/*
 * explain_recovery.h: what `weir explain` tells of failures: when another server is asked, when one is ejected,
 * what is refused.
 */
#ifndef WEIR_MAIN_EXPLAIN_RECOVERY_H
#define WEIR_MAIN_EXPLAIN_RECOVERY_H

#include <stdio.h>

#include "core/config/config.h"
#include "core/json.h"

/* Lines "retry", "passive", "breaker" of a route that forwards. */
void explain_print_recovery(const struct route *, FILE *to);

/* Members "retry", "passive", "circuit_breaker" of the object that is open. */
void explain_put_recovery(struct json *, const struct route *);

#endif

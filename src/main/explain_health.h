/*
 * explain_health.h: an upstream's active checks, said in one line.
 */
#ifndef WEIR_MAIN_EXPLAIN_HEALTH_H
#define WEIR_MAIN_EXPLAIN_HEALTH_H

#include "core/config/config.h"

/* "http GET /healthz every 5s, ..." in memory of `pool`; "not checked". */
struct str explain_health(const struct check_conf *, struct pool *pool);

#endif

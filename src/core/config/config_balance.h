/*
 * config_balance.h: the part of building upstreams that says how servers are chosen: `balance` and what is
 * beside it, and `divert`, whose upstreams may stand further down.  For config_upstream.c alone.
 */
#ifndef WEIR_CORE_CONFIG_CONFIG_BALANCE_H
#define WEIR_CORE_CONFIG_CONFIG_BALANCE_H

#include "core/config/config_build.h"

void config_build_balance(struct build *, struct upstream_settings *, struct upstream *);

/* When all upstreams have their names. */
void config_build_diverts(struct build *, const struct upstream_settings *, struct upstream *);

/* When all are built: reports those that lead back to where they come from. */
void config_check_diverts(struct build *);

#endif

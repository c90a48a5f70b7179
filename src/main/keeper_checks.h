/*
 * keeper_checks.h: the keeper as the one who asks servers whether they are well, and tells others of changes.
 */
#ifndef WEIR_MAIN_KEEPER_CHECKS_H
#define WEIR_MAIN_KEEPER_CHECKS_H

#include "core/health/prober.h"
#include "main/child.h"

/* Zeroed at first. */
struct keeper_checks {
    struct prober *prober; /* NULL: another keeper asks */
    struct alerts alerts;
    bool has_alerts;
};

/* At each tick; only the keeper of the serving generation asks. */
void keeper_checks_tick(struct keeper_checks *, struct child *);

/* Whether somebody is still to be told. */
bool keeper_checks_busy(const struct keeper_checks *);

/* Before the worker is freed. */
void keeper_checks_end(struct keeper_checks *);

#endif

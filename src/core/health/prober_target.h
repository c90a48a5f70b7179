/*
 * prober_target.h: the servers that the prober asks: those of the configuration, and those that came at run
 * time.  For prober.c alone.
 */
#ifndef WEIR_CORE_HEALTH_PROBER_TARGET_H
#define WEIR_CORE_HEALTH_PROBER_TARGET_H

#include "core/health/alert.h"
#include "core/health/check_plan.h"

struct check;
struct hash_table;
struct worker;

struct prober {
    struct worker *worker;
    const struct check *const *checks; /* by enum check_type */
    struct alerts *alerts;
    struct probes probes;
    struct check_plan plan;
    struct list targets; /* struct target by `link` */
    struct target **servers;      /* by slot from BOARD_SERVERS_FROM on: those that came at run time */
    struct hash_table *upstreams; /* by name */
    uint32_t seen;                /* board_servers_version() at the last look */
    bool looked;
};

struct target {
    struct check_timer timer;
    struct list link;
    struct prober *prober;
    const struct upstream *upstream; /* with a check */
    const struct peer_conf *conf;
    struct peer_shared *shared;
    struct addr address; /* that is asked */
    struct check_streak streak;
    bool under_way;
    bool gone; /* to be freed when what is under way ends */
};

/* What the board says; what it may not say counts as not checked. */
enum peer_health target_health(const struct target *);

/* Taken out by hand: it is not asked. */
bool target_is_idle(const struct target *);

/* Those of the configuration, planned. */
void targets_begin(struct prober *);

/* Those that came and went at run time, if anything changed. */
void targets_look(struct prober *);

/* Takes it out of the plan; it is not under way. */
void target_free(struct target *);

#endif

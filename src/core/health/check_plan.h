/*
 * check_plan.h: when which server is checked, and what a row of results comes to.  No clock and no socket:
 * the times are given, so that a test can let days pass.  One heap for all servers; what is being checked
 * is not in it, so that no check of a server begins before its last one ended.
 */
#ifndef WEIR_CORE_HEALTH_CHECK_PLAN_H
#define WEIR_CORE_HEALTH_CHECK_PLAN_H

#include "base/rnd.h"
#include "core/upstream/peer.h"

#define CHECK_PLAN_NOWHERE SIZE_MAX

/* Embedded in what is to be checked. */
struct check_timer {
    int64_t due;   /* monotonic milliseconds */
    int64_t began; /* the last check */
    size_t at;     /* in the heap; CHECK_PLAN_NOWHERE: in none */
};

struct check_plan {
    struct check_timer **heap;
    size_t count, room;
};

/* The results in a row. */
struct check_streak {
    unsigned passes, fails;
};

void check_plan_init(struct check_plan *);
void check_plan_free(struct check_plan *);

/* Puts in `timer`, which is in no plan. */
void check_plan_put(struct check_plan *, struct check_timer *timer, int64_t due);

/* Takes `timer` out, if it is in. */
void check_plan_remove(struct check_plan *, struct check_timer *timer);

/* Takes out the timer that is due first, if it is due at `now`; NULL: none is. */
struct check_timer *check_plan_take(struct check_plan *, int64_t now);

/*
 * When the first check of server `index` of `count` is due: spread evenly over the interval; at once when
 * it gets no traffic before.
 */
int64_t check_plan_first(const struct check_conf *, bool at_once, size_t index, size_t count, int64_t now);

/*
 * When the next one is due, the last having begun at `began` and ended at `now`: an interval after its begin,
 * give or take the jitter, never before `now`.  `changing`: fast_interval instead.
 */
int64_t check_plan_next(const struct check_conf *, int64_t began, int64_t now, bool changing, struct rnd *);

/*
 * Counts a result and says what the server is now: after `fall` failures in a row FAILED, after `rise` passes
 * in a row PASSED again; one that is CHECKING waits for its first pass.
 */
enum peer_health check_plan_judge(const struct check_conf *, struct check_streak *, enum peer_health,
                                  bool ok);

/* Whether the last results speak against what the server is taken for. */
bool check_plan_changing(const struct check_streak *, enum peer_health);

#endif

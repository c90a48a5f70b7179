/* check_plan.c: see check_plan.h. */
#include "core/health/check_plan.h"

#include <stdlib.h>

void check_plan_init(struct check_plan *plan)
{
    *plan = (struct check_plan){NULL, 0, 0};
}

void check_plan_free(struct check_plan *plan)
{
    free(plan->heap);
    check_plan_init(plan);
}

static void place(struct check_plan *plan, size_t at, struct check_timer *timer)
{
    plan->heap[at] = timer;
    timer->at = at;
}

static void move_up(struct check_plan *plan, size_t at, struct check_timer *timer)
{
    for (; at > 0; at = (at - 1) / 2) {
        struct check_timer *above = plan->heap[(at - 1) / 2];

        if (above->due <= timer->due)
            break;
        place(plan, at, above);
    }
    place(plan, at, timer);
}

static void move_down(struct check_plan *plan, size_t at, struct check_timer *timer)
{
    for (;;) {
        size_t below = 2 * at + 1;

        if (below + 1 < plan->count && plan->heap[below + 1]->due < plan->heap[below]->due)
            below++;
        if (below >= plan->count || plan->heap[below]->due >= timer->due)
            break;
        place(plan, at, plan->heap[below]);
        at = below;
    }
    place(plan, at, timer);
}

void check_plan_put(struct check_plan *plan, struct check_timer *timer, int64_t due)
{
    if (plan->count == plan->room) {
        size_t room = plan->room ? plan->room * 2 : 64;
        struct check_timer **heap = realloc(plan->heap, room * sizeof(*heap));

        if (!heap)
            abort();
        plan->heap = heap;
        plan->room = room;
    }
    timer->due = due;
    move_up(plan, plan->count++, timer);
}

void check_plan_remove(struct check_plan *plan, struct check_timer *timer)
{
    size_t at = timer->at;
    struct check_timer *last;

    if (at == CHECK_PLAN_NOWHERE)
        return;
    timer->at = CHECK_PLAN_NOWHERE;
    last = plan->heap[--plan->count];
    if (last == timer)
        return;
    if (last->due < timer->due)
        move_up(plan, at, last);
    else
        move_down(plan, at, last);
}

struct check_timer *check_plan_take(struct check_plan *plan, int64_t now)
{
    struct check_timer *first = plan->count > 0 ? plan->heap[0] : NULL;

    if (!first || first->due > now)
        return NULL;
    check_plan_remove(plan, first);
    return first;
}

int64_t check_plan_first(const struct check_conf *conf, bool at_once, size_t index, size_t count, int64_t now)
{
    if (at_once || count == 0)
        return now;
    return now + (int64_t)((uint64_t)conf->interval * (index % count) / count);
}

int64_t check_plan_next(const struct check_conf *conf, int64_t began, int64_t now, bool changing,
                        struct rnd *rnd)
{
    int64_t length = changing && conf->fast_interval > 0 ? conf->fast_interval : conf->interval;
    int64_t swing = length * (int64_t)conf->jitter / 100;
    int64_t due = began + length;

    if (swing > 0)
        due += (int64_t)rnd_below(rnd, 2 * (uint64_t)swing + 1) - swing;
    return due > now ? due : now;
}

enum peer_health check_plan_judge(const struct check_conf *conf, struct check_streak *streak,
                                  enum peer_health health, bool ok)
{
    if (ok) {
        streak->passes += streak->passes < UINT32_MAX;
        streak->fails = 0;
        return health != PEER_HEALTH_FAILED || streak->passes >= conf->rise ? PEER_HEALTH_PASSED : health;
    }
    streak->fails += streak->fails < UINT32_MAX;
    streak->passes = 0;
    return health != PEER_HEALTH_CHECKING && streak->fails >= conf->fall ? PEER_HEALTH_FAILED : health;
}

bool check_plan_changing(const struct check_streak *streak, enum peer_health health)
{
    return health == PEER_HEALTH_FAILED ? streak->passes > 0
                                        : health == PEER_HEALTH_CHECKING || streak->fails > 0;
}

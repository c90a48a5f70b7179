/* shed.c: see shed.h. */
#include "core/shed.h"

#define LEVELS 2

void shed_init(struct shed *s, int64_t target_ms, int64_t period_ms)
{
    *s = (struct shed){.target_ms = target_ms, .period_ms = period_ms};
}

/* How late the worker is: what was due before, or what came when the turn began and is done only now. */
static int64_t lag_of(struct shed *s, int64_t turn_ms, int64_t now_ms)
{
    int64_t late = s->due_ms ? now_ms - s->due_ms : 0;
    int64_t turn = now_ms - turn_ms;

    /* As the loop does it: a look that was missed is not made up for. */
    s->due_ms = (s->due_ms && late < s->period_ms ? s->due_ms : now_ms) + s->period_ms;
    return late > turn ? late : turn;
}

static enum shed_change more(struct shed *s)
{
    if (s->level == LEVELS)
        return SHED_SAME;
    if (s->level++ > 0)
        return SHED_MORE;
    s->count = 0;
    return SHED_BEGINS;
}

static enum shed_change less(struct shed *s)
{
    if (s->level == 0)
        return SHED_SAME;
    return --s->level > 0 ? SHED_LESS : SHED_ENDS;
}

enum shed_change shed_look(struct shed *s, int64_t turn_ms, int64_t now_ms)
{
    bool first = s->due_ms == 0;
    bool late = lag_of(s, turn_ms, now_ms) > s->target_ms;

    if (first || late != s->late) {
        s->late = late;
        s->since_ms = now_ms;
        return SHED_SAME;
    }
    if (now_ms - s->since_ms < SHED_INTERVAL_MS)
        return SHED_SAME;
    s->since_ms = now_ms;
    return late ? more(s) : less(s);
}

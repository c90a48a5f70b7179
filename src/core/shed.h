/*
 * shed.h: turning requests away before any work is done for them, when a worker is so late with all it does
 * that everybody would wait: those of low priority first, then the normal ones, never the high ones.  What
 * counts is the lag that stands, as in CoDel (RFC 8289): one long turn is nothing, but when over an
 * interval every look finds the worker late, it has more to do than it can.  Takes the time as an argument.
 */
#ifndef WEIR_CORE_SHED_H
#define WEIR_CORE_SHED_H

#include "core/config/config.h"

#define SHED_INTERVAL_MS 500

struct shed {
    int64_t target_ms; /* of the lag; 0: off */
    int64_t period_ms; /* between two looks, if the worker is not late */
    int64_t due_ms; /* the next look; 0: none was before */
    int64_t since_ms; /* all looks since then were on the same side of the target */
    bool late; /* on which */
    unsigned level; /* 0: nobody; 1: low; 2: normal too */
    uint64_t count; /* requests turned away in this episode */
};

enum shed_change { SHED_SAME, SHED_BEGINS, SHED_MORE, SHED_LESS, SHED_ENDS };

void shed_init(struct shed *, int64_t target_ms, int64_t period_ms);

/* A look at `now_ms`, in a turn of the loop that began at `turn_ms`. */
enum shed_change shed_look(struct shed *, int64_t turn_ms, int64_t now_ms);

/* Whether a request of this priority is turned away. */
static inline bool shed_refuses(const struct shed *s, enum route_priority priority)
{
    return s->level > 0 && priority != PRIORITY_HIGH && (priority == PRIORITY_LOW || s->level > 1);
}

#endif

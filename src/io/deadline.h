/*
 * deadline.h: many time-outs without a timer for each.  A wheel of slots, one for each tick, holds the
 * deadlines by the time at which they were last due; activity only writes a time.  When a slot's turn comes,
 * what was renewed in the meantime is put where it is due now, and what has passed is called.  Every
 * operation is a few words; a deadline is met at most one tick late.
 */
#ifndef WEIR_IO_DEADLINE_H
#define WEIR_IO_DEADLINE_H

#include <stdint.h>

#include "base/list.h"

#define DEADLINE_SLOTS 2048
#define DEADLINE_SLOT_MS 50

struct deadline {
    struct list link; /* in a slot; in none: not running */
    int64_t last_at; /* monotonic milliseconds of the latest activity */
    int64_t length; /* milliseconds; 0: not running */
    void (*on_passed)(struct deadline *);
};

/* The deadlines of one process. */
struct deadlines {
    struct list slots[DEADLINE_SLOTS];
    int64_t done; /* the number of the last slot looked at: time / DEADLINE_SLOT_MS */
};

/* `now`: monotonic milliseconds. */
void deadlines_init(struct deadlines *, int64_t now);

/* A deadline that is not running; `on_passed` is called when it passes, and it is then not running. */
void deadline_init(struct deadline *, void (*on_passed)(struct deadline *));

/* Begins (anew) with `length` milliseconds from `now`; 0 stops it. */
void deadline_start(struct deadlines *, struct deadline *, int64_t length, int64_t now);

/* Activity: the time counts from `now`. */
static inline void deadline_renew(struct deadline *d, int64_t now)
{
    d->last_at = now;
}

void deadline_stop(struct deadline *);

/* Calls what has passed at `now`; called by the tick.  Callbacks may start and stop any deadline. */
void deadlines_check(struct deadlines *, int64_t now);

#endif

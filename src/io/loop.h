/*
 * loop.h: one process's event loop: libevent with epoll, a tick of 50 ms, the turn's clock and a list of
 * what is freed when the turn is over, so that no callback of a turn meets a freed object.
 * libevent 2.1 cannot tell when epoll_wait returns; so every event callback begins with loop_event().
 */
#ifndef WEIR_IO_LOOP_H
#define WEIR_IO_LOOP_H

#include <stdbool.h>

#include <event2/event.h>

#include "base/base.h"
#include "base/clock.h"

#define LOOP_TICK_MS 50
#define LOOP_EVENTS_PER_CLOCK 16

/* Embedded in what is to be called late, and in one list at a time. */
struct loop_deferred {
    struct loop_deferred *next;
    void (*fn)(struct loop_deferred *);
};

struct loop {
    struct event_base *base;
    struct clock clock; /* as of the turn's latest refresh */
    int64_t turn_ms; /* monotonic: when the turn's first event was there */
    unsigned events;    /* callbacks since then; 0: the turn has had none */
    bool stopping;
    struct event *tick;
    void (*on_tick)(void *arg);
    void *tick_arg;
    struct loop_deferred *deferred;
    struct loop_deferred *next_turn;
};

/*
 * A new loop, or NULL where the system gives no epoll.  `on_tick` (may be NULL) is called with `arg`
 * every LOOP_TICK_MS.
 */
struct loop *loop_new(void (*on_tick)(void *arg), void *arg);

/* Runs what is deferred and frees the loop; its users have deleted their events.  NULL is allowed. */
void loop_free(struct loop *);

/*
 * First thing in a forked child: parts the loop from the parent's epoll descriptor, so that events can be
 * deleted and the loop freed without the parent losing its own.  0, or -1: the child must end.
 */
int loop_detach_in_child(struct loop *) WEIR_MUST_CHECK;

/* Turns until loop_stop(); 0, or -1 when libevent failed. */
int loop_run(struct loop *);

/* One turn: waits for events, calls them, runs what was deferred; 0, or -1 when libevent failed. */
int loop_turn(struct loop *);

/* Lets the present turn, if there is one, be the last. */
void loop_stop(struct loop *);

/*
 * Calls `fn(d)` once the turn is over; `d` lies in the object that fn frees and is deferred only once.
 * What fn defers is called in the same pass.
 */
void loop_defer(struct loop *, struct loop_deferred *d, void (*fn)(struct loop_deferred *));

/*
 * Calls `fn(d)` in the next turn, after the events that are ready then, for which it does not wait: for what could go on
 * at once but must let others have their turn.
 */
void loop_next_turn(struct loop *, struct loop_deferred *d, void (*fn)(struct loop_deferred *));

/* Calls what is deferred now, as the end of a turn does. */
void loop_settle(struct loop *);

/* Reads the clock. */
void loop_refresh(struct loop *);

/* First line of every event callback: reads the clock for the first of a turn and every 16th after it. */
static inline void loop_event(struct loop *loop)
{
    if (loop->events++ % LOOP_EVENTS_PER_CLOCK == 0)
        loop_refresh(loop);
}

#endif

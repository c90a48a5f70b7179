/*
 * queue.h: those who wait for something that is all in use, in the order of their priority and, within one,
 * of their coming.  No clock, no sockets, no limits of its own: who lets somebody in counts
 * (upstream_wait.h).
 */
#ifndef WEIR_CORE_QUEUE_H
#define WEIR_CORE_QUEUE_H

#include "base/list.h"
#include "core/config.h"

/* Waiters that are asked in vain before the others are left alone: they may want something particular. */
#define QUEUE_MISSES 8

struct queue;

/* Why one leaves that has not got a place. */
enum queue_end {
    QUEUE_EXPIRED, /* it has waited too long */
    QUEUE_DISPLACED /* the queue is full, and one of a higher priority came */
};

struct queue_waiter {
    struct list link; /* in none: does not wait */
    struct queue *queue;
    enum route_priority priority;
    int64_t since_ms;
    /*
     * There may be a place: the waiter leaves, takes it and is never touched again, true; or it stays as it
     * is, false.
     */
    bool (*place)(struct queue_waiter *);
    /* It has left, and is never touched again. */
    void (*ended)(struct queue_waiter *, enum queue_end);
};

struct queue {
    struct list lists[PRIORITIES];
    size_t count;
    struct list *next; /* whom queue_serve() asks next */
    bool serving; /* queue_serve() runs */
};

void queue_init(struct queue *);

/* One that does not wait yet. */
void queue_waiter_init(struct queue_waiter *, bool (*place)(struct queue_waiter *),
                       void (*ended)(struct queue_waiter *, enum queue_end));

void queue_join(struct queue *, struct queue_waiter *, enum route_priority, int64_t now_ms);

/* Nothing where it does not wait. */
void queue_leave(struct queue_waiter *);

static inline bool queue_is_waiting(const struct queue_waiter *w)
{
    return !list_empty(&w->link);
}

/* Whether somebody waits who comes before a newcomer of this priority. */
bool queue_is_ahead(const struct queue *, enum route_priority);

/* Who is to go so that one of this priority finds room: the last of the lowest priority below it, or NULL. */
struct queue_waiter *queue_last_below(const struct queue *, enum route_priority);

/* One that came at `before_ms` or earlier, or NULL. */
struct queue_waiter *queue_expired(const struct queue *, int64_t before_ms);

/* Asks the waiters in their order, until QUEUE_MISSES of them had no use of it. */
void queue_serve(struct queue *);

#endif

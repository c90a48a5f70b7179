/*
 * queue.h: those who wait for something that is all in use, in the order of their priority and, within one,
 * of their coming.  No clock, no sockets, no limits of its own: who lets somebody in counts
 * (upstream_wait.h).
 */
#ifndef WEIR_CORE_UPSTREAM_QUEUE_H
#define WEIR_CORE_UPSTREAM_QUEUE_H

#include "base/list.h"
#include "core/config/config.h"

/* Waiters content with anything that are asked in vain before the others of their kind are left alone. */
#define QUEUE_MISSES 8

struct queue;

/* Why one leaves that has not got a place. */
enum queue_end {
    QUEUE_EXPIRED, /* it has waited too long */
    QUEUE_DISPLACED /* the queue is full, and one of a higher priority came */
};

/* Something particular that waiters may want; zeroed, wherever its owner keeps it. */
struct queue_wish {
    uint64_t missed; /* the round in which one who wants it was asked in vain: the others are not asked */
};

struct queue_waiter {
    struct list link; /* in none: does not wait */
    struct queue *queue;
    enum route_priority priority;
    int64_t since_ms;
    struct queue_wish *wish; /* NULL: anything, or not known yet; see queue_waiter_wish() */
    /*
     * There may be a place: the waiter leaves, takes it and is never touched again, true; or it stays, false,
     * and has said with queue_waiter_wish() what it waits for.
     */
    bool (*place)(struct queue_waiter *);
    /* It has left, and is never touched again. */
    void (*ended)(struct queue_waiter *, enum queue_end);
};

struct queue {
    struct list lists[PRIORITIES];
    size_t count;
    size_t content; /* of them those without a wish */
    uint64_t round; /* of queue_serve() */
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

/* One that waits, and was asked in vain: what it waits for; NULL: anything. */
void queue_waiter_wish(struct queue_waiter *, struct queue_wish *);

/*
 * Asks the waiters in their order, until QUEUE_MISSES of those without a wish had no use of it.  Of those
 * with the same wish none is asked behind one who was in vain: so many who wait for one thing that is all in
 * use keep nobody from others.
 */
void queue_serve(struct queue *);

#endif

/* queue.c: see queue.h. */
#include "core/upstream/queue.h"

void queue_init(struct queue *q)
{
    *q = (struct queue){.count = 0};
    for (size_t i = 0; i < PRIORITIES; i++)
        list_init(&q->lists[i]);
}

void queue_waiter_init(struct queue_waiter *w, bool (*place)(struct queue_waiter *),
                       void (*ended)(struct queue_waiter *, enum queue_end))
{
    *w = (struct queue_waiter){.place = place, .ended = ended};
    list_init(&w->link);
}

void queue_join(struct queue *q, struct queue_waiter *w, enum route_priority priority, int64_t now_ms)
{
    w->queue = q;
    w->priority = priority < PRIORITIES ? priority : PRIORITY_LOW;
    w->since_ms = now_ms;
    w->wish = NULL;
    list_append(&q->lists[w->priority], &w->link);
    q->count++;
    q->content++;
}

void queue_leave(struct queue_waiter *w)
{
    if (!queue_is_waiting(w))
        return;
    if (w->queue->next == &w->link)
        w->queue->next = w->link.next;
    list_remove(&w->link);
    w->queue->count--;
    w->queue->content -= !w->wish;
}

void queue_waiter_wish(struct queue_waiter *w, struct queue_wish *wish)
{
    if (!queue_is_waiting(w))
        return;
    w->queue->content += !wish;
    w->queue->content -= !w->wish;
    w->wish = wish;
}

bool queue_is_ahead(const struct queue *q, enum route_priority priority)
{
    for (size_t i = 0; i < PRIORITIES && i <= (size_t)priority; i++)
        if (!list_empty(&q->lists[i]))
            return true;
    return false;
}

struct queue_waiter *queue_last_below(const struct queue *q, enum route_priority priority)
{
    for (size_t i = PRIORITIES - 1; i > (size_t)priority; i--)
        if (!list_empty(&q->lists[i]))
            return container_of(q->lists[i].prev, struct queue_waiter, link);
    return NULL;
}

struct queue_waiter *queue_expired(const struct queue *q, int64_t before_ms)
{
    for (size_t i = 0; i < PRIORITIES; i++) {
        struct queue_waiter *first = container_of(q->lists[i].next, struct queue_waiter, link);

        if (!list_empty(&q->lists[i]) && first->since_ms <= before_ms)
            return first;
    }
    return NULL;
}

/* Whether one who is content with anything was asked in vain. */
static bool ask(struct queue *q, struct queue_waiter *w)
{
    if (w->wish && w->wish->missed == q->round)
        return false;
    if (w->place(w))
        return false;
    if (w->wish)
        w->wish->missed = q->round;
    return !w->wish;
}

void queue_serve(struct queue *q)
{
    unsigned misses = 0;

    q->serving = true;
    q->round++;
    for (size_t i = 0; i < PRIORITIES && misses < QUEUE_MISSES; i++) {
        for (q->next = q->lists[i].next; q->next != &q->lists[i] && misses < QUEUE_MISSES;) {
            struct queue_waiter *w = container_of(q->next, struct queue_waiter, link);

            /* Others may leave meanwhile: queue_leave() moves on who would be next. */
            q->next = w->link.next;
            misses += ask(q, w);
        }
    }
    q->next = NULL;
    q->serving = false;
}

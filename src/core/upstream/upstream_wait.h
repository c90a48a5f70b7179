/*
 * upstream_wait.h: a worker's requests that wait for a place at a server of an upstream, and how they hear
 * of one.  Who gives a place back serves its own waiters at the end of the turn, or, when other workers'
 * requests wait for the same server, in turn with theirs: it writes the eventfd of that worker.  Whoever
 * waits looks by itself every 10 ms besides, so that a lost word, a dead worker or one of another master
 * costs no more than that.  The bit of a worker in peer_shared.waiters says that requests wait there.
 */
#ifndef WEIR_CORE_UPSTREAM_UPSTREAM_WAIT_H
#define WEIR_CORE_UPSTREAM_UPSTREAM_WAIT_H

#include "core/upstream/upstream.h"

#define UPSTREAM_WAIT_LOOK_MS 10

/* A newcomer of this priority has to stand behind others. */
bool upstream_must_wait(const struct upstream_state *, enum route_priority);

/*
 * Joins the upstream's queue; who waits with a lower priority may have to go for it.  False: the queue is
 * full, over all workers.
 */
bool upstream_wait(struct upstream_state *, struct queue_waiter *, enum route_priority) WEIR_MUST_CHECK;

/* Leaves it; milliseconds waited.  0 where it did not wait. */
int64_t upstream_wait_end(struct upstream_state *, struct queue_waiter *);

/* A place at the server is free again. */
void upstream_place_free(struct peer_state *);

/* Other workers' requests wait for a place at the server: who comes now has to do so too. */
bool upstream_others_wait(const struct peer_state *);

/* When the worker ends; nobody waits any more. */
void upstream_waits_free(struct upstreams *);

#endif

/*
 * held.h: places at a server that all processes of the instance share (`max_connections`), and places in an
 * upstream's queue (its `size`).  Each process has a word of its own, which no other writes; to take a
 * place it adds one to it, sums the words of all processes that live, and takes the one back if there are
 * too many.  So the limit is never passed, whoever dies when: the master zeroes the words of the dead.
 * Draining processes of older generations count.  Servers without a limit pay nothing.  A process or a
 * server that has no words on the board (see board.h) has its part of the limit for itself.
 */
#ifndef WEIR_CORE_UPSTREAM_HELD_H
#define WEIR_CORE_UPSTREAM_HELD_H

#include "core/upstream/upstream.h"

/* How long a server that was full is taken to be full without a look at the others' words. */
#define HELD_LOOK_MS 10

/* A place for a request at the server; false: it is full.  Counts as stats->active. */
bool held_take(struct peer_state *) WEIR_MUST_CHECK;
void held_give(struct peer_state *);

/* Whether the server seems full; as of HELD_LOOK_MS ago at most, and only held_take() can be relied on. */
bool held_is_full(struct peer_state *);

/* What the others hold is to be looked at anew. */
void held_forget(struct peer_state *);

/* A place in the queue, of `size`, of the upstream whose queue_peer it is; counts as stats->queued. */
bool held_queue(struct peer_state *, unsigned size) WEIR_MUST_CHECK;
void held_unqueue(struct peer_state *);

/* The bit of this process in peer_shared.waiters. */
uint64_t held_bit(const struct worker *);

#endif

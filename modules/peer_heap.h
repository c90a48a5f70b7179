/*
 * peer_heap.h: the servers of a tier, the one with the lowest score on top; among equals the lowest turn.
 * Made at once in linear time; afterwards a changed score costs log n.
 */
#ifndef WEIR_MODULES_PEER_HEAP_H
#define WEIR_MODULES_PEER_HEAP_H

#include "base/pool.h"
#include "core/upstream/upstream.h"

struct peer_heap_item {
    double score;
    uint64_t turn;
    unsigned peer; /* index of the server */
};

struct peer_heap {
    struct peer_heap_item *items;
    size_t count;
    unsigned *places; /* by index of the server: its item + 1; 0: it is not here */
    size_t place_count;
};

/* The servers of the tier, all scores and turns 0; set them, then call peer_heap_order(). */
void peer_heap_init(struct peer_heap *, const struct upstream_state *, bool backup, struct pool *);

/* After any number of changes. */
void peer_heap_order(struct peer_heap *);

/* The item of server `index`, or NULL; peer_heap_move() after a change of it. */
struct peer_heap_item *peer_heap_find(struct peer_heap *, size_t index);
void peer_heap_move(struct peer_heap *, struct peer_heap_item *);

/* The lowest item whose server is usable; NULL: none.  Looks at all of them where the top is not. */
struct peer_heap_item *peer_heap_lowest(struct peer_heap *, const struct upstream_state *,
                                        const struct pick *);

#endif

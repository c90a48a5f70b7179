/*
 * balance_least.h: what the methods that take the server with the lowest score share: a heap for each
 * tier, kept right as requests begin and end, and made anew when the others' load was summed again.  Among
 * equals servers take turns by weight, so that an idle upstream is used evenly; each worker begins
 * elsewhere.
 */
#ifndef WEIR_MODULES_BALANCE_LEAST_H
#define WEIR_MODULES_BALANCE_LEAST_H

#include "modules/balance_load.h"
#include "modules/peer_heap.h"

struct balance_least {
    double (*score)(struct balance_least *, const struct peer_state *);
    struct pool *pool; /* of what follows; made anew with it */
    struct peer_heap heaps[2];
    struct balance_load load;
    uint64_t *turns; /* by index of the server */
    size_t turn_count;
    uint64_t turn; /* of the last choice */
    double best, best_before; /* the score function's own: of this round through all, and the last */
};

/* As the members of struct balancer; a method's rebuild gives its score. */
void balance_least_rebuild(struct upstream_state *,
                           double (*score)(struct balance_least *, const struct peer_state *));
int balance_least_pick(struct upstream_state *, const struct pick *);
void balance_least_update(struct upstream_state *, int index);
void balance_least_release(struct upstream_state *);

#endif

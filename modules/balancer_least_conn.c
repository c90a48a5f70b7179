/*
 * balancer_least_conn.c: the server with the fewest requests under way for its weight, as this worker sees it; among
 * equals the one after the last choice, so that an idle upstream is used in turn.
 */
#include <stdlib.h>

#include "core/balancer.h"
#include "core/worker.h"
#include "modules/modules.h"

struct least_conn {
    size_t next; /* place in the tier where the next scan begins */
};

static void least_conn_rebuild(struct upstream_state *state)
{
    struct least_conn *own = state->balancer_data;

    if (own)
        return;
    own = calloc(1, sizeof(*own));
    if (own)
        own->next = state->worker->index;
    state->balancer_data = own;
}

/* a has less to do for its weight than b. */
static bool is_less(const struct peer_state *a, const struct peer_state *b)
{
    return (uint64_t)a->active * b->share < (uint64_t)b->active * a->share;
}

static int least_conn_pick(struct upstream_state *state, const struct pick *pick)
{
    const struct upstream_tier *tier = &state->tiers[pick->backup];
    struct least_conn *own = state->balancer_data;
    size_t i = own ? own->next % tier->count : 0;
    struct peer_state *best = NULL;

    for (size_t n = 0; n < tier->count; n++, i = i + 1 < tier->count ? i + 1 : 0) {
        struct peer_state *peer = state->peers[tier->peers[i]];

        if (!upstream_peer_usable(state, peer->index, pick) || (best && !is_less(peer, best)))
            continue;
        best = peer;
        if (own)
            own->next = i + 1;
        if (best->active == 0)
            break;
    }
    return best ? (int)best->index : -1;
}

const struct balancer balancer_least_conn = {
    .name = "least_conn",
    .rebuild = least_conn_rebuild,
    .pick = least_conn_pick,
};

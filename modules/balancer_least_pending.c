/*
 * balancer_least_pending.c: the server with the fewest requests of this worker that it has not begun to
 * answer: tunnels and long downloads do not count.  The scan begins behind the last choice, in each worker
 * elsewhere, and ends at a server that owes nothing.
 */
#include "core/upstream/balancer.h"
#include "core/worker.h"
#include "modules/modules.h"

struct least_pending {
    size_t next[2]; /* place in the tier where the next scan begins */
};

static void least_pending_rebuild(struct upstream_state *state)
{
    struct least_pending *own = state->balancer_data;

    if (own)
        return;
    own = pool_alloc(state->worker->pool, sizeof(*own));
    own->next[0] = own->next[1] = state->worker->index;
    state->balancer_data = own;
}

static int least_pending_pick(struct upstream_state *state, const struct pick *pick)
{
    const struct upstream_tier *tier = &state->tiers[pick->backup];
    struct least_pending *own = state->balancer_data;
    const struct peer_state *best = NULL;
    size_t start = own->next[pick->backup];

    for (size_t n = 0; n < tier->count && !(best && best->pending == 0); n++) {
        size_t at = (start + n) % tier->count;
        const struct peer_state *peer = state->peers[tier->peers[at]];

        if ((best && peer->pending >= best->pending) || !upstream_peer_usable(state, peer->index, pick))
            continue;
        best = peer;
        own->next[pick->backup] = at + 1;
    }
    return best ? (int)best->index : -1;
}

/* It lies in the worker's pool. */
static void least_pending_release(struct upstream_state *state)
{
    state->balancer_data = NULL;
}

const struct balancer balancer_least_pending = {
    .name = "least_pending",
    .rebuild = least_pending_rebuild,
    .pick = least_pending_pick,
    .release = least_pending_release,
};

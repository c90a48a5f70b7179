/*
 * balancer_round_robin.c: smooth weighted round robin.  Each pick adds every server's weight to its number,
 * takes the largest and subtracts the sum of all: 5:1:1 gives a a b a c a a, never five times a in a row.
 */
#include "core/upstream.h"
#include "core/worker.h"
#include "modules/modules.h"

#define OFFSETS 64 /* workers beyond it start where others do */

static int round_robin_pick(struct upstream_state *state, struct request *req WEIR_UNUSED,
                            const uint64_t *tried, bool backup)
{
    int64_t sum = 0;
    int best = -1;

    for (size_t i = 0; i < state->peer_count; i++) {
        struct peer_state *peer = &state->peers[i];

        if (!upstream_peer_usable(state, i, tried, backup))
            continue;
        sum += peer->conf->weight;
        peer->current_weight += peer->conf->weight;
        if (best < 0 || peer->current_weight > state->peers[best].current_weight)
            best = (int)i;
    }
    if (best >= 0)
        state->peers[best].current_weight -= sum;
    return best;
}

/* Each worker begins elsewhere: all beginning with the first server would hit it together. */
static void round_robin_rebuild(struct upstream_state *state)
{
    for (size_t i = 0; i < state->peer_count; i++)
        state->peers[i].current_weight = 0;
    for (unsigned i = 0; i < state->worker->index % OFFSETS; i++) {
        round_robin_pick(state, NULL, NULL, false);
        round_robin_pick(state, NULL, NULL, true);
    }
}

const struct balancer balancer_round_robin = {
    .name = "round_robin",
    .rebuild = round_robin_rebuild,
    .pick = round_robin_pick,
};

/*
 * balancer_round_robin.c: smooth weighted round robin.  Each pick adds every server's weight to its number,
 * takes the largest and subtracts the sum of all from it: 5:1:1 gives a a b a c a a, never five times a in a
 * row.
 */
#include "core/balancer.h"
#include "core/worker.h"
#include "modules/modules.h"

#define OFFSETS 64 /* workers beyond it start where others do */

static int round_robin_pick(struct upstream_state *state, const struct pick *pick)
{
    const struct upstream_tier *tier = &state->tiers[pick->backup];
    struct peer_state *best = NULL;
    int64_t sum = 0;

    for (size_t i = 0; i < tier->count; i++) {
        struct peer_state *peer = state->peers[tier->peers[i]];

        if (!upstream_peer_usable(state, peer->index, pick))
            continue;
        sum += peer->share;
        peer->current_weight += peer->share;
        if (!best || peer->current_weight > best->current_weight)
            best = peer;
    }
    if (!best)
        return -1;
    best->current_weight -= sum;
    return (int)best->index;
}

/*
 * Who stays keeps its number: in a slow start there is a rebuild ten times a second, and to begin anew with
 * each would give all requests to the heaviest.  Each worker begins elsewhere: all beginning with the first
 * server would hit it together.
 */
static void round_robin_rebuild(struct upstream_state *state)
{
    struct pick pick = {.backup = false};
    bool begun = false;

    for (size_t i = 0; i < state->peer_count; i++) {
        if (state->peers[i]->status != PEER_UP)
            state->peers[i]->current_weight = 0;
        begun = begun || state->peers[i]->current_weight != 0;
    }
    if (begun)
        return;
    for (unsigned i = 0; i < state->worker->index % OFFSETS; i++) {
        pick.backup = false;
        round_robin_pick(state, &pick);
        pick.backup = true;
        round_robin_pick(state, &pick);
    }
}

const struct balancer balancer_round_robin = {
    .name = "round_robin",
    .rebuild = round_robin_rebuild,
    .pick = round_robin_pick,
};

/*
 * balancer_round_robin.c: smooth weighted round robin.  Each pick adds every server's weight to its number,
 * takes the largest and subtracts the sum of all from it: 5:1:1 gives a a b a c a a, never five times a in a
 * row.  Where all weights are the same that is one after the other, and costs nothing.
 */
#include "core/upstream/balancer.h"
#include "core/worker.h"
#include "modules/modules.h"

#define OFFSETS 64 /* workers beyond it start where others do */

static int rotate(struct upstream_state *state, const struct pick *pick)
{
    struct upstream_tier *tier = &state->tiers[pick->backup];

    for (size_t n = 0; n < tier->count; n++) {
        size_t at = (tier->next + n) % tier->count;

        if (!upstream_peer_usable(state, tier->peers[at], pick))
            continue;
        tier->next = at + 1;
        return (int)tier->peers[at];
    }
    return -1;
}

static int pick_smooth(struct upstream_state *state, const struct pick *pick)
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

static int round_robin_pick(struct upstream_state *state, const struct pick *pick)
{
    struct upstream_tier *tier = &state->tiers[pick->backup];

    if (tier->equal)
        return rotate(state, pick);
    for (size_t skip = tier->next % OFFSETS; skip > 0; skip--)
        (void)pick_smooth(state, pick);
    tier->next = 0;
    return pick_smooth(state, pick);
}

/*
 * Numbers go on through changes, or many of them (slow start) would begin with the first server again and
 * again.  Who comes back does not make up for what it missed.
 */
static void round_robin_rebuild(struct upstream_state *state)
{
    for (size_t i = 0; i < state->peer_count; i++)
        if (state->peers[i]->status != PEER_UP)
            state->peers[i]->current_weight = 0;
}

const struct balancer balancer_round_robin = {
    .name = "round_robin",
    .rebuild = round_robin_rebuild,
    .pick = round_robin_pick,
};

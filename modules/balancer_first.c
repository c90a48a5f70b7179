/* balancer_first.c: the first server in the order of the file that has room: the last ones may sleep. */
#include "core/upstream/balancer.h"
#include "modules/modules.h"

static int first_pick(struct upstream_state *state, const struct pick *pick)
{
    const struct upstream_tier *tier = &state->tiers[pick->backup];

    for (size_t i = 0; i < tier->count; i++)
        if (upstream_peer_usable(state, tier->peers[i], pick))
            return (int)tier->peers[i];
    return -1;
}

const struct balancer balancer_first = {
    .name = "first",
    .pick = first_pick,
};

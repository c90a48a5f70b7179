/* balancer_least_conn.c: the server with the fewest requests under way for its weight, over all workers. */
#include "core/upstream/balancer.h"
#include "modules/balance_least.h"
#include "modules/modules.h"

static double score(struct balance_least *own, const struct peer_state *peer)
{
    double load = (double)balance_load_of(&own->load, peer->upstream, peer->index);

    return load / (peer->share > 0 ? peer->share : 1);
}

static void least_conn_rebuild(struct upstream_state *state)
{
    balance_least_rebuild(state, score);
}

const struct balancer balancer_least_conn = {
    .name = "least_conn",
    .rebuild = least_conn_rebuild,
    .pick = balance_least_pick,
    .begin = balance_least_update,
    .done = balance_least_update,
    .release = balance_least_release,
};

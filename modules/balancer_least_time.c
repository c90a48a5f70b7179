/*
 * balancer_least_time.c: the server whose answers come soonest: what it took of late to the first byte,
 * times the requests it has with this one, for its weight.  What was measured long ago counts for less and
 * less, so that a server that was slow is asked again; of one that was never asked the best is expected.
 */
#include <math.h>

#include "core/upstream/balancer.h"
#include "core/worker.h"
#include "modules/balance_least.h"
#include "modules/modules.h"

/* What was measured counts half after this time. */
#define HALF_MS 10000
/* Servers faster than this are alike: the clock has no more. */
#define LEAST_MS 1.0

static double latency(const struct balance_least *own, const struct peer_state *peer)
{
    int64_t now_ms = peer->upstream->worker->loop->clock.mono_ms;
    int64_t halvings = (now_ms - peer->latency_at_ms) / HALF_MS;
    double ms = own->best_before;

    if (peer->latency_at_ms > 0)
        ms = ldexp(peer->latency, halvings < 64 ? -(int)halvings : -64);
    return ms > LEAST_MS ? ms : LEAST_MS;
}

static double score(struct balance_least *own, const struct peer_state *peer)
{
    double load = (double)balance_load_of(&own->load, peer->upstream, peer->index);

    /* What is expected of those that were never asked. */
    if (peer->latency_at_ms > 0 && (own->best <= 0 || peer->latency < own->best))
        own->best = peer->latency;
    return latency(own, peer) * (load + 1) / (peer->share > 0 ? peer->share : 1);
}

static void least_time_rebuild(struct upstream_state *state)
{
    balance_least_rebuild(state, score);
}

const struct balancer balancer_least_time = {
    .name = "least_time",
    .rebuild = least_time_rebuild,
    .pick = balance_least_pick,
    .begin = balance_least_update,
    .done = balance_least_update,
    .release = balance_least_release,
};

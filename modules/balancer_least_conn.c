/*
 * balancer_least_conn.c: the server with the fewest requests under way for its weight, as this worker sees it; among
 * equals the one after the last choice, so that an idle upstream is used in turn.
 */
#include "core/upstream.h"
#include "core/worker.h"
#include "modules/modules.h"

struct least_conn {
    size_t next; /* where the next scan begins */
};

static void least_conn_rebuild(struct upstream_state *state)
{
    struct least_conn *own = pool_zalloc(state->worker->pool, sizeof(*own));

    own->next = state->peer_count > 0 ? state->worker->index % state->peer_count : 0;
    state->balancer_data = own;
}

/* a has less to do for its weight than b. */
static bool is_less(const struct peer_state *a, const struct peer_state *b)
{
    return (uint64_t)a->active * b->conf->weight < (uint64_t)b->active * a->conf->weight;
}

static int least_conn_pick(struct upstream_state *state, struct request *req WEIR_UNUSED, const uint64_t *tried,
                           bool backup)
{
    struct least_conn *own = state->balancer_data;
    size_t i = own->next;
    int best = -1;

    for (size_t n = 0; n < state->peer_count; n++, i = i + 1 < state->peer_count ? i + 1 : 0) {
        if (!upstream_peer_usable(state, i, tried, backup))
            continue;
        if (best < 0 || is_less(&state->peers[i], &state->peers[best]))
            best = (int)i;
        if (state->peers[best].active == 0)
            break;
    }
    if (best >= 0)
        own->next = (size_t)best + 1 < state->peer_count ? (size_t)best + 1 : 0;
    return best;
}

const struct balancer balancer_least_conn = {
    .name = "least_conn",
    .rebuild = least_conn_rebuild,
    .pick = least_conn_pick,
};

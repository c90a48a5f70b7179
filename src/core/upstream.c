/* upstream.c: see upstream.h. */
#include "core/upstream.h"

#include "core/balancer.h"
#include "core/board.h"
#include "core/uconn.h"
#include "core/worker.h"

static void peer_init(struct peer_state *peer, struct upstream_state *state, const struct peer_conf *conf)
{
    struct worker *worker = state->worker;
    char text[ADDR_TEXT_MAX];

    peer->conf = conf;
    peer->upstream = state;
    peer->address = pool_str(worker->pool, addr_print(&conf->address, text));
    list_init(&peer->idle);
    peer->idle_max = state->conf->keepalive_timeout;
    peer->stats = &peer->own_stats;
    if (worker->board && conf->board_slot >= 0)
        peer->stats = board_peer_stats(worker->board, worker->slot, (unsigned)conf->board_slot);
}

static void state_init(struct upstream_state *state, struct worker *worker, const struct upstream *conf)
{
    const struct balancer *balancer = worker->balancers[conf->balance];

    state->conf = conf;
    state->worker = worker;
    state->peer_count = conf->peer_count;
    state->peers = pool_zalloc(worker->pool, sizeof(*state->peers) * (conf->peer_count + 1));
    for (size_t i = 0; i < conf->peer_count; i++)
        peer_init(&state->peers[i], state, &conf->peers[i]);
    if (balancer->rebuild)
        balancer->rebuild(state);
}

struct upstreams *upstreams_new(struct worker *worker)
{
    struct upstreams *all = pool_zalloc(worker->pool, sizeof(*all));

    all->worker = worker;
    all->count = worker->config->upstream_count;
    all->states = pool_zalloc(worker->pool, sizeof(*all->states) * (all->count + 1));
    list_init(&all->uconns);
    for (size_t i = 0; i < all->count; i++)
        state_init(&all->states[i], worker, worker->config->upstreams[i]);
    return all;
}

void upstreams_free(struct upstreams *all)
{
    if (!all)
        return;
    while (!list_empty(&all->uconns))
        uconn_close(container_of(all->uconns.next, struct uconn, all_link));
}

struct upstream_state *upstream_state(struct upstreams *all, const struct upstream *conf)
{
    return &all->states[conf->index];
}

static bool is_full(const struct upstream_state *state, const struct peer_state *peer)
{
    unsigned max = peer->conf->max_connections;
    unsigned share = max / (state->worker->count ? state->worker->count : 1);

    return max > 0 && peer->active >= (share ? share : 1);
}

bool upstream_peer_usable(const struct upstream_state *state, size_t index, const uint64_t *tried,
                          bool backup)
{
    const struct peer_state *peer = &state->peers[index];

    if (tried && (tried[index / 64] >> (index % 64) & 1))
        return false;
    return !peer->conf->down && peer->conf->weight > 0 && peer->conf->backup == backup &&
           !is_full(state, peer);
}

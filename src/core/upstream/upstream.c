/* upstream.c: see upstream.h. */
#include "core/upstream/upstream.h"

#include <stdlib.h>

#include "core/upstream/balancer.h"
#include "core/board/board.h"
#include "core/upstream/h2_uconn.h"
#include "core/upstream/held.h"
#include "core/health/passive.h"
#include "core/upstream/sticky.h"
#include "core/tls/tls_sessions.h"
#include "core/upstream/uconn.h"
#include "core/upstream/upstream_servers.h"
#include "core/upstream/upstream_wait.h"
#include "core/worker.h"

void peer_init(struct peer_state *peer, struct upstream_state *state, const struct peer_conf *conf,
               struct str address)
{
    struct worker *worker = state->worker;

    peer->conf = conf;
    peer->upstream = state;
    peer->address = address;
    list_init(&peer->idle);
    list_init(&peer->shared_uconns);
    peer->idle_max = state->conf->keepalive_timeout;
    peer->stats = &peer->own_stats;
    peer->shared = &peer->own_shared;
    if (worker->board && conf->board_slot >= 0) {
        peer->stats = board_peer_stats(worker->board, worker->slot, (unsigned)conf->board_slot);
        peer->shared = board_peer_shared(worker->board, (unsigned)conf->board_slot);
    }
}

/* ---- looking ---- */

static void tiers_clear(struct upstream_state *state)
{
    for (size_t i = 0; i < ARRAY_SIZE(state->tiers); i++) {
        state->tiers[i].count = 0;
        state->tiers[i].share = 0;
        state->tiers[i].equal = true;
    }
}

static void peer_look(struct peer_state *peer, bool panic, int64_t now_ms)
{
    struct upstream_state *state = peer->upstream;
    struct upstream_tier *tier = &state->tiers[peer->conf->backup];
    int64_t ejected_until = __atomic_load_n(&peer->shared->ejected_until_ms, __ATOMIC_RELAXED);

    passive_look(peer, now_ms);
    peer->backup = peer->conf->backup;
    peer->limited = peer->conf->max_connections > 0;
    peer->status = peer->gone ? PEER_GONE : peer_status_of(peer->conf, peer->shared, now_ms);
    if (panic && peer->status == PEER_EJECTED)
        peer->status = PEER_UP;
    if (peer->status == PEER_GONE)
        peer_close_idle(peer);
    peer->weight = peer_weight_of(peer->conf, peer->shared);
    peer->share = peer_share_of(peer->conf, peer->shared, now_ms, &state->look_at_ms);
    if (ejected_until > now_ms && ejected_until < state->look_at_ms)
        state->look_at_ms = ejected_until;
    if (peer->status != PEER_UP)
        return;
    tier->peers[tier->count++] = (unsigned)peer->index;
    tier->equal = tier->equal && peer->share == state->peers[tier->peers[0]]->share;
    tier->share += peer->share;
}

static uint32_t board_version(const struct upstream_state *state)
{
    return state->worker->board ? board_peers_version(state->worker->board) : 0;
}

static void look(struct upstream_state *state, int64_t now_ms)
{
    bool panic;

    /* Before the words are read: what changes meanwhile is seen at the next look. */
    state->seen = board_version(state);
    state->look_at_ms = INT64_MAX;
    tiers_clear(state);
    panic = passive_is_panic(state, now_ms);
    for (size_t i = 0; i < state->peer_count; i++)
        peer_look(state->peers[i], panic, now_ms);
    if (state->sticky)
        sticky_look(state);
    if (state->balancer->rebuild)
        state->balancer->rebuild(state);
}

void upstream_look(struct upstream_state *state)
{
    int64_t now_ms = state->worker->loop->clock.mono_ms;

    if (state->seen == board_version(state) && now_ms < state->look_at_ms)
        return;
    upstream_servers_look(state->worker->upstreams->servers);
    look(state, now_ms);
}

/* ---- states ---- */

static struct peer_state *queue_peer_new(struct upstream_state *state)
{
    struct peer_conf *conf = pool_zalloc(state->worker->pool, sizeof(*conf));
    struct peer_state *peer = pool_zalloc(state->worker->pool, sizeof(*peer));

    conf->name = state->conf->name;
    conf->board_slot = state->conf->servers_file_slot;
    peer_init(peer, state, conf, STR_NONE);
    return peer;
}

/* Each begins where a cache line does. */
static void peers_alloc(struct upstream_state *state, struct pool *pool)
{
    size_t line = 64, each = (sizeof(struct peer_state) + line - 1) / line * line;
    char *bytes = pool_zalloc(pool, each * state->peer_count + line);

    bytes += (line - (uintptr_t)bytes % line) % line;
    state->peers = pool_zalloc(pool, sizeof(struct peer_state *) * (state->peer_count + 1));
    for (size_t i = 0; i < state->peer_count; i++)
        state->peers[i] = (struct peer_state *)(void *)(bytes + i * each);
}

static void state_init(struct upstream_state *state, struct worker *worker, const struct upstream *conf)
{
    char text[ADDR_TEXT_MAX];

    state->conf = conf;
    state->worker = worker;
    state->balancer = worker->balancers[conf->balance];
    state->peer_count = state->peer_room = conf->peer_count;
    state->turn = worker->index % 64;
    queue_init(&state->queue);
    peers_alloc(state, worker->pool);
    for (size_t i = 0; i < ARRAY_SIZE(state->tiers); i++) {
        /* Each worker begins elsewhere: all beginning with the first server would hit it together. */
        state->tiers[i].next = worker->index;
        state->tiers[i].peers = pool_zalloc(worker->pool, sizeof(unsigned) * (conf->peer_count + 1));
    }
    for (size_t i = 0; i < conf->peer_count; i++) {
        state->peers[i]->index = i;
        peer_init(state->peers[i], state, &conf->peers[i],
                  pool_str(worker->pool, addr_print(&conf->peers[i].address, text)));
    }
    state->queue_peer = conf->peer_count > 0 ? state->peers[0] : queue_peer_new(state);
    state->sticky = sticky_new(state);
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
    all->servers = upstream_servers_new(all);
    upstream_servers_look(all->servers);
    for (size_t i = 0; i < all->count; i++)
        look(&all->states[i], worker->loop->clock.mono_ms);
    return all;
}

void upstreams_tick(struct upstreams *all)
{
    upstream_servers_look(all->servers);
}

void upstreams_free(struct upstreams *all)
{
    if (!all)
        return;
    upstream_waits_free(all);
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < all->states[i].peer_count; k++)
            h2_uconns_close_idle(all->states[i].peers[k]);
    while (!list_empty(&all->uconns))
        uconn_close(container_of(all->uconns.next, struct uconn, all_link));
    for (size_t i = 0; i < all->count; i++) {
        struct upstream_state *state = &all->states[i];

        if (state->balancer->release)
            state->balancer->release(state);
        else
            free(state->balancer_data);
        state->balancer_data = NULL;
        sticky_free(state->sticky);
        for (size_t k = 0; k < state->conf->peer_count; k++)
            tls_sessions_free(state->peers[k]->tls_sessions);
    }
    upstream_servers_free(all->servers);
    all->servers = NULL;
}

struct upstream_state *upstream_state(struct upstreams *all, const struct upstream *conf)
{
    return &all->states[conf->index];
}

size_t upstream_slots(const struct upstream_state *state, size_t first, int *slots, size_t most)
{
    size_t n = 0;

    for (; n < most && first + n < state->peer_count; n++)
        slots[n] = state->peers[first + n]->conf->board_slot;
    return n;
}

/* ---- choosing ---- */

static bool was_tried(size_t index, const int *tried, size_t tried_count)
{
    for (size_t i = 0; i < tried_count; i++)
        if ((size_t)tried[i] == index)
            return true;
    return false;
}

/* What others wait for is for those who wait. */
static bool is_full(const struct upstream_state *state, struct peer_state *peer)
{
    if (!peer->limited)
        return false;
    return held_is_full(peer) || (!state->queue.serving && upstream_others_wait(peer));
}

bool upstream_peer_keeps(const struct upstream_state *state, size_t index, const struct pick *pick,
                         bool *full)
{
    struct peer_state *peer = state->peers[index];

    *full = false;
    if (was_tried(index, pick->tried, pick->tried_count) ||
        (peer->status != PEER_UP && peer->status != PEER_DRAIN))
        return false;
    *full = is_full(state, peer);
    return !*full;
}

bool upstream_peer_usable(const struct upstream_state *state, size_t index, const struct pick *pick)
{
    struct peer_state *peer = state->peers[index];

    return !was_tried(index, pick->tried, pick->tried_count) && peer->status == PEER_UP &&
           peer->backup == pick->backup && !is_full(state, peer);
}

bool upstream_is_full(const struct upstream_state *state, const int *tried, size_t tried_count)
{
    for (size_t i = 0; i < state->peer_count; i++) {
        struct peer_state *peer = state->peers[i];

        if (peer->status == PEER_UP && peer->conf->max_connections > 0 && !was_tried(i, tried, tried_count) &&
            is_full(state, peer))
            return true;
    }
    return false;
}

/* The backups stand in for servers that are down; for those that are full only where nobody may wait. */
static bool wants_backup(const struct upstream_state *state, const struct pick *pick)
{
    const struct upstream_tier *tier = &state->tiers[0];

    if (state->tiers[1].count == 0)
        return false;
    for (size_t i = 0; state->conf->queue.size > 0 && i < tier->count; i++) {
        struct peer_state *peer = state->peers[tier->peers[i]];

        if (!was_tried(peer->index, pick->tried, pick->tried_count) && is_full(state, peer))
            return false;
    }
    return true;
}

static int pick_by_method(struct upstream_state *state, struct pick *pick)
{
    int index = state->tiers[0].count > 0 ? state->balancer->pick(state, pick) : -1;

    if (index >= 0 || !wants_backup(state, pick))
        return index;
    pick->backup = true;
    return state->balancer->pick(state, pick);
}

int upstream_pick(struct upstream_state *state, struct request *req, const int *tried, size_t tried_count)
{
    struct pick pick = {.req = req, .tried = tried, .tried_count = tried_count};
    int index = STICKY_NONE;

    upstream_look(state);
    if (state->sticky && req)
        index = sticky_pick(state, &pick);
    if (index == STICKY_NONE)
        index = pick_by_method(state, &pick);
    if (state->sticky && req)
        sticky_picked(req, index);
    return index == STICKY_WAIT ? -1 : index;
}

/* What other processes hold is known as of some time ago only: once more with what they hold now. */
static int pick_again(struct upstream_state *state, struct request *req, const int *tried, size_t tried_count)
{
    if (state->queue.serving || !upstream_is_full(state, tried, tried_count))
        return -1;
    for (size_t i = 0; i < state->peer_count; i++)
        held_forget(state->peers[i]);
    return upstream_pick(state, req, tried, tried_count);
}

int upstream_take(struct upstream_state *state, struct request *req, const int *tried, size_t tried_count)
{
    /* A server that could not be had counts as full from then on, so that each is met once. */
    for (size_t n = 0; n <= state->peer_count; n++) {
        int index = upstream_pick(state, req, tried, tried_count);

        if (index < 0)
            index = pick_again(state, req, tried, tried_count);
        if (index < 0 || upstream_begin(state, index))
            return index;
    }
    return -1;
}

bool upstream_begin(struct upstream_state *state, int index)
{
    struct peer_state *peer = state->peers[index];

    if (!held_take(peer))
        return false;
    state->active++;
    peer->active++;
    peer->pending++;
    peer->stats->requests++;
    if (state->balancer->begin)
        state->balancer->begin(state, index);
    return true;
}

/* The part of the average that is the last measurement's: 1 of so many. */
#define LATENCY_PARTS 8
/* What an answer that never came counts as, at least: who refuses at once is not fast. */
#define LATENCY_FAILED_MS 1000

void upstream_answered(struct upstream_state *state, int index, int64_t latency_ms)
{
    struct peer_state *peer = state->peers[index];
    double ms = (double)latency_ms;

    peer->pending--;
    if (latency_ms < 0)
        ms = peer->latency > LATENCY_FAILED_MS ? peer->latency : LATENCY_FAILED_MS;
    peer->latency = peer->latency_at_ms > 0 ? peer->latency + (ms - peer->latency) / LATENCY_PARTS : ms;
    peer->latency_at_ms = state->worker->loop->clock.mono_ms;
}

void upstream_not_awaited(struct upstream_state *state, int index, int64_t waited_ms)
{
    struct peer_state *peer = state->peers[index];

    if (peer->latency_at_ms > 0 && (double)waited_ms > peer->latency)
        upstream_answered(state, index, waited_ms);
    else
        peer->pending--;
}

void upstream_done(struct upstream_state *state, int index)
{
    struct peer_state *peer = state->peers[index];

    state->active--;
    peer->active--;
    held_give(peer);
    if (state->balancer->done)
        state->balancer->done(state, index);
    if (peer->conf->max_connections > 0)
        upstream_place_free(peer);
    peer_let_go(peer);
}

/* balance_load.c: see balance_load.h. */
#include "modules/balance_load.h"

#include "core/board/board.h"
#include "core/worker.h"

/* Slots summed at once. */
#define RUN 64

void balance_load_init(struct balance_load *load, const struct upstream_state *state, struct pool *pool)
{
    load->count = state->peer_count;
    load->others = pool_zalloc(pool, (state->peer_count + 1) * sizeof(*load->others));
    load->others_total = 0;
    load->due_ms = 0;
}

/* Servers from `first` on whose slots follow each other. */
static size_t run_of(const struct upstream_state *state, size_t first, size_t end)
{
    int slot = state->peers[first]->conf->board_slot;
    size_t n = 1;

    while (n < RUN && first + n < end && state->peers[first + n]->conf->board_slot == slot + (int)n)
        n++;
    return n;
}

static void sum_run(struct balance_load *load, const struct upstream_state *state, size_t first, size_t count)
{
    unsigned slot = (unsigned)state->peers[first]->conf->board_slot;
    uint64_t sums[RUN];

    board_peer_actives(state->worker->board, slot, count, sums);
    for (size_t i = 0; i < count; i++) {
        uint64_t own = state->peers[first + i]->stats->active;

        load->others[first + i] = sums[i] > own ? sums[i] - own : 0;
        load->others_total += load->others[first + i];
    }
}

bool balance_load_look(struct balance_load *load, const struct upstream_state *state)
{
    int64_t now_ms = state->worker->loop->clock.mono_ms;
    size_t end = load->count < state->peer_count ? load->count : state->peer_count;

    if (now_ms < load->due_ms)
        return false;
    load->due_ms = now_ms + BALANCE_LOAD_MS;
    load->others_total = 0;
    for (size_t i = 0, n; state->worker->board && i < end; i += n) {
        n = state->peers[i]->conf->board_slot >= 0 ? run_of(state, i, end) : 1;
        if (state->peers[i]->conf->board_slot >= 0)
            sum_run(load, state, i, n);
    }
    return true;
}

uint64_t balance_load_now(const struct upstream_state *state, size_t index)
{
    const struct peer_state *peer = state->peers[index];
    uint64_t own = peer->stats->active;
    uint64_t all = 0;

    if (state->worker->board && peer->conf->board_slot >= 0)
        all = board_peer_active(state->worker->board, (unsigned)peer->conf->board_slot);
    return peer->active + (all > own ? all - own : 0);
}

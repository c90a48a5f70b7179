/* balance_load.c: see balance_load.h. */
#include "modules/balance_load.h"

#include "core/board/board.h"
#include "core/worker.h"

/* Servers summed at once. */
#define AT_ONCE 64

void balance_load_init(struct balance_load *load, const struct upstream_state *state, struct pool *pool)
{
    load->count = state->peer_count;
    load->others = pool_zalloc(pool, (state->peer_count + 1) * sizeof(*load->others));
    load->others_total = 0;
    load->due_ms = 0;
}

static void sum_some(struct balance_load *load, const struct upstream_state *state, size_t first,
                     const int *slots, size_t count)
{
    uint64_t sums[AT_ONCE];

    board_peer_actives(state->worker->board, slots, count, sums);
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
    int slots[AT_ONCE];

    if (now_ms < load->due_ms)
        return false;
    load->due_ms = now_ms + BALANCE_LOAD_MS;
    load->others_total = 0;
    for (size_t i = 0, n; state->worker->board && i < end; i += n) {
        n = upstream_slots(state, i, slots, end - i < AT_ONCE ? end - i : AT_ONCE);
        sum_some(load, state, i, slots, n);
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

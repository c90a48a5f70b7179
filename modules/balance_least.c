/* balance_least.c: see balance_least.h. */
#include "modules/balance_least.h"

#include "core/worker.h"

/* A turn costs this much for a share of 1, so that it can be divided by any share. */
#define TURN (UINT64_C(1) << 30)

/* Turns go on where they were; who comes new, or back, does not make up for the time it was away. */
static void set_turns(struct balance_least *own, const struct upstream_state *state, struct pool *pool)
{
    uint64_t *turns = pool_alloc(pool, (state->peer_count + 1) * sizeof(*turns));
    size_t start = state->peer_count > 0 ? state->worker->index % state->peer_count : 0;

    for (size_t i = 0; i < state->peer_count; i++) {
        uint64_t first = own->turn + (i + state->peer_count - start) % state->peer_count;

        turns[i] = i < own->turn_count ? own->turns[i] : first;
        if (turns[i] < own->turn)
            turns[i] = own->turn;
    }
    own->turns = turns;
    own->turn_count = state->peer_count;
}

static void order(struct balance_least *own, const struct upstream_state *state)
{
    own->best_before = own->best;
    own->best = 0;
    for (size_t k = 0; k < ARRAY_SIZE(own->heaps); k++) {
        struct peer_heap *heap = &own->heaps[k];

        for (size_t i = 0; i < heap->count; i++) {
            heap->items[i].score = own->score(own, state->peers[heap->items[i].peer]);
            heap->items[i].turn = own->turns[heap->items[i].peer];
        }
        peer_heap_order(heap);
    }
}

void balance_least_rebuild(struct upstream_state *state,
                           double (*score)(struct balance_least *, const struct peer_state *))
{
    struct balance_least *own = state->balancer_data;
    struct pool *pool = pool_new(4096);

    if (!own) {
        own = pool_zalloc(state->worker->pool, sizeof(*own));
        state->balancer_data = own;
    }
    own->score = score;
    set_turns(own, state, pool);
    for (size_t k = 0; k < ARRAY_SIZE(own->heaps); k++)
        peer_heap_init(&own->heaps[k], state, k == 1, pool);
    balance_load_init(&own->load, state, pool);
    pool_free(own->pool);
    own->pool = pool;
    order(own, state);
}

int balance_least_pick(struct upstream_state *state, const struct pick *pick)
{
    struct balance_least *own = state->balancer_data;
    struct peer_heap *heap = &own->heaps[pick->backup];
    struct peer_heap_item *item;
    unsigned index, share;

    if (balance_load_look(&own->load, state))
        order(own, state);
    item = peer_heap_lowest(heap, state, pick);
    if (!item)
        return -1;
    index = item->peer;
    share = state->peers[index]->share;
    own->turn = item->turn;
    item->turn += TURN / (share > 0 ? share : 1);
    own->turns[index] = item->turn;
    peer_heap_move(heap, item);
    return (int)index;
}

void balance_least_update(struct upstream_state *state, int index)
{
    struct balance_least *own = state->balancer_data;
    const struct peer_state *peer = state->peers[index];
    struct peer_heap *heap = &own->heaps[peer->conf->backup];
    struct peer_heap_item *item = peer_heap_find(heap, peer->index);

    if (!item)
        return;
    item->score = own->score(own, peer);
    peer_heap_move(heap, item);
}

void balance_least_release(struct upstream_state *state)
{
    struct balance_least *own = state->balancer_data;

    if (own)
        pool_free(own->pool);
}

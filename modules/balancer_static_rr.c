/*
 * balancer_static_rr.c: round robin by the weights of the file alone: slow start and weights set at run
 * time change nothing.  Each choice costs log n, however many servers there are; the order is even, not
 * smooth.
 */
#include "core/upstream/balancer.h"
#include "core/worker.h"
#include "modules/modules.h"
#include "modules/peer_heap.h"

struct static_rr {
    struct pool *pool;
    struct peer_heap heaps[2];
};

static double step_of(const struct peer_state *peer)
{
    return 1.0 / (peer->conf->weight > 0 ? peer->conf->weight : 1);
}

/* Where a server stood; one that comes new begins with the last. */
static double old_score(struct static_rr *own, const struct peer_state *peer, double first)
{
    struct peer_heap *heap = &own->heaps[peer->conf->backup];
    const struct peer_heap_item *item = own->pool ? peer_heap_find(heap, peer->index) : NULL;

    if (item)
        return item->score;
    return heap->count > 0 ? heap->items[0].score + first : first;
}

static void static_rr_rebuild(struct upstream_state *state)
{
    struct static_rr *own = state->balancer_data;
    struct static_rr new = {.pool = pool_new(4096)};

    if (!own) {
        own = pool_zalloc(state->worker->pool, sizeof(*own));
        state->balancer_data = own;
    }
    for (size_t k = 0; k < ARRAY_SIZE(new.heaps); k++) {
        struct peer_heap *heap = &new.heaps[k];

        peer_heap_init(heap, state, k == 1, new.pool);
        for (size_t i = 0; i < heap->count; i++) {
            struct peer_heap_item *item = &heap->items[i];
            const struct peer_state *peer = state->peers[item->peer];

            item->score = old_score(own, peer, step_of(peer) / 2);
            /* Each worker begins elsewhere. */
            item->turn = (i + heap->count - state->worker->index % heap->count) % heap->count;
        }
        peer_heap_order(heap);
    }
    pool_free(own->pool);
    *own = new;
}

static int static_rr_pick(struct upstream_state *state, const struct pick *pick)
{
    struct static_rr *own = state->balancer_data;
    struct peer_heap *heap = &own->heaps[pick->backup];
    struct peer_heap_item *item = peer_heap_lowest(heap, state, pick);
    unsigned index;

    if (!item)
        return -1;
    index = item->peer;
    item->score += step_of(state->peers[index]);
    peer_heap_move(heap, item);
    return (int)index;
}

static void static_rr_release(struct upstream_state *state)
{
    struct static_rr *own = state->balancer_data;

    if (own)
        pool_free(own->pool);
}

const struct balancer balancer_static_rr = {
    .name = "static_rr",
    .rebuild = static_rr_rebuild,
    .pick = static_rr_pick,
    .release = static_rr_release,
};

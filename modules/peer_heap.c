/* peer_heap.c: see peer_heap.h. */
#include "modules/peer_heap.h"

void peer_heap_init(struct peer_heap *heap, const struct upstream_state *state, bool backup,
                    struct pool *pool)
{
    const struct upstream_tier *tier = &state->tiers[backup];

    heap->count = tier->count;
    heap->items = pool_zalloc(pool, (tier->count + 1) * sizeof(*heap->items));
    heap->place_count = state->peer_count;
    heap->places = pool_zalloc(pool, (state->peer_count + 1) * sizeof(*heap->places));
    for (size_t i = 0; i < tier->count; i++)
        heap->items[i].peer = tier->peers[i];
}

static bool is_lower(const struct peer_heap_item *a, const struct peer_heap_item *b)
{
    return a->score < b->score || (a->score <= b->score && a->turn < b->turn);
}

static void put(struct peer_heap *heap, size_t at, struct peer_heap_item item)
{
    heap->items[at] = item;
    heap->places[item.peer] = (unsigned)at + 1;
}

static void sink(struct peer_heap *heap, size_t at)
{
    struct peer_heap_item item = heap->items[at];

    for (size_t child = 2 * at + 1; child < heap->count; child = 2 * at + 1) {
        if (child + 1 < heap->count && is_lower(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!is_lower(&heap->items[child], &item))
            break;
        put(heap, at, heap->items[child]);
        at = child;
    }
    put(heap, at, item);
}

static void rise(struct peer_heap *heap, size_t at)
{
    struct peer_heap_item item = heap->items[at];

    while (at > 0 && is_lower(&item, &heap->items[(at - 1) / 2])) {
        put(heap, at, heap->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(heap, at, item);
}

void peer_heap_order(struct peer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->places[heap->items[i].peer] = (unsigned)i + 1;
    for (size_t i = heap->count / 2; i-- > 0;)
        sink(heap, i);
}

struct peer_heap_item *peer_heap_find(struct peer_heap *heap, size_t index)
{
    unsigned place = index < heap->place_count ? heap->places[index] : 0;

    return place > 0 ? &heap->items[place - 1] : NULL;
}

void peer_heap_move(struct peer_heap *heap, struct peer_heap_item *item)
{
    size_t at = (size_t)(item - heap->items);

    if (at > 0 && is_lower(item, &heap->items[(at - 1) / 2]))
        rise(heap, at);
    else
        sink(heap, at);
}

struct peer_heap_item *peer_heap_lowest(struct peer_heap *heap, const struct upstream_state *state,
                                        const struct pick *pick)
{
    struct peer_heap_item *lowest = NULL;

    if (heap->count > 0 && upstream_peer_usable(state, heap->items[0].peer, pick))
        return &heap->items[0];
    for (size_t i = 1; i < heap->count; i++)
        if ((!lowest || is_lower(&heap->items[i], lowest)) &&
            upstream_peer_usable(state, heap->items[i].peer, pick))
            lowest = &heap->items[i];
    return lowest;
}

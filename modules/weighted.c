/* weighted.c: see weighted.h. */
#include "modules/weighted.h"

void weighted_init(struct weighted *w, size_t count, struct pool *pool)
{
    *w = (struct weighted){.peers = pool_alloc(pool, (count + 1) * sizeof(*w->peers)),
                           .ends = pool_alloc(pool, (count + 1) * sizeof(*w->ends))};
}

void weighted_add(struct weighted *w, unsigned peer, uint64_t weight)
{
    if (weight == 0)
        return;
    w->total += weight;
    w->peers[w->count] = peer;
    w->ends[w->count++] = w->total;
}

unsigned weighted_at(const struct weighted *w, uint64_t point)
{
    size_t low = 0, high = w->count - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (point < w->ends[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return w->peers[low];
}

unsigned weighted_of(const struct weighted *w, uint64_t bits)
{
    return weighted_at(w, (uint64_t)((unsigned __int128)bits * w->total >> 64));
}

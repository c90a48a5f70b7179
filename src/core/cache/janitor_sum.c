/* janitor_sum.c: what a cache holds: see janitor_cache.h. */
#include "core/cache/janitor_cache.h"

#include <string.h>

#include "core/cache/store_file.h"

void janitor_set_held(struct janitor_cache *c, uint64_t bytes, uint64_t objects)
{
    struct store_counts sum;

    board_cache_sum_counts(c->setup->board, c->slot, &sum);
    atomic_store(&c->size->base_bytes, bytes - (sum.added_bytes - sum.removed_bytes));
    atomic_store(&c->size->base_objects, objects - (sum.added_objects - sum.removed_objects));
    atomic_store(&c->size->is_known, 1);
}

/* What was counted since the slot was given came after the summary: it is added to it. */
void janitor_learn_size(struct janitor_cache *c)
{
    struct store_summary summary;
    struct store_fault fault;

    if (atomic_load(&c->size->is_known))
        return;
    if (store_summary_read(c->store, &summary, &fault) < 0) {
        if (fault.number != ENOENT)
            janitor_tell(c, &fault);
        janitor_hurry(c);
        return;
    }
    c->written = summary;
    atomic_store(&c->size->base_bytes, summary.bytes);
    atomic_store(&c->size->base_objects, summary.objects);
    atomic_store(&c->size->is_known, 1);
}

void janitor_write_summary(struct janitor_cache *c)
{
    struct board_cache_held held = board_cache_held(c->setup->board, c->slot);
    struct store_summary now = {held.bytes, held.objects, purge_seq(&c->purge)};
    struct store_fault fault;

    if (!atomic_load(&c->size->is_known) || memcmp(&now, &c->written, sizeof(now)) == 0)
        return;
    if (store_summary_write(c->store, &now, &fault) == 0) {
        c->written = now;
        return;
    }
    janitor_tell(c, &fault);
    /* Somebody has removed the directory: it is made again, and what it held is gone. */
    if (fault.number == ENOENT && store_restore(c->store, &fault) == 0)
        janitor_hurry(c);
}

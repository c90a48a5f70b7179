/*
 * janitor_walk.c: the walk through all directories: see janitor_cache.h.
 * What it counts is of many moments: what is added to directories that it is through with is missing.  Names are hashes,
 * so that of what is added meanwhile this is the part that the walk has done, whenever that is: it is reckoned in, step
 * by step.  How far that is off is as with other samples: about the square root of the changes.
 */
#include "core/cache/janitor_cache.h"

#define STEP_MS 100
#define HURRY_MS 20 /* at a time */
#define DIFFERS 64 /* from a sixty-fourth of the limit on it is corrected */
#define UNSURE 2 /* times the square root of the changes */

void janitor_hurry(struct janitor_cache *c)
{
    c->walk.next = 0;
    c->hurries = true;
    c->walk_ms = 0;
}

static double net(uint64_t added, uint64_t removed, uint64_t added_before, uint64_t removed_before)
{
    return (double)(int64_t)(added - added_before) - (double)(int64_t)(removed - removed_before);
}

/* Before a step: what has changed since the last one. */
static void reckon(struct janitor_cache *c)
{
    double through = (double)c->walk.next / STORE_DIRECTORIES;
    struct store_counts now;

    board_cache_sum_counts(c->setup->board, c->slot, &now);
    if (c->walk.next == 0) {
        c->moved_bytes = c->moved_objects = 0;
        c->changes = 0;
        c->purged = c->dropped = 0;
        c->before = now;
        return;
    }
    c->changes += now.added_objects - c->before.added_objects + now.removed_objects - c->before.removed_objects;
    c->moved_bytes += through * net(now.added_bytes, now.removed_bytes, c->before.added_bytes, c->before.removed_bytes);
    c->moved_objects +=
        through * net(now.added_objects, now.removed_objects, c->before.added_objects, c->before.removed_objects);
    c->before = now;
}

/* What the step itself has removed is not in its counts: it is no change. */
static void leave_out(struct janitor_cache *c, const struct store_counts *was, const struct store_counts *is)
{
    c->before.added_bytes += is->added_bytes - was->added_bytes;
    c->before.added_objects += is->added_objects - was->added_objects;
    c->before.removed_bytes += is->removed_bytes - was->removed_bytes;
    c->before.removed_objects += is->removed_objects - was->removed_objects;
}

static uint64_t sum_of(uint64_t counted, double moved)
{
    double sum = (double)counted + moved;

    return sum > 0 ? (uint64_t)sum : 0;
}

static bool is_apart(uint64_t a, uint64_t b, uint64_t by)
{
    return (a > b ? a - b : b - a) > by;
}

static uint64_t square_root(uint64_t of)
{
    uint64_t root = 1;

    while (root * root < of && root < (uint64_t)1 << 31)
        root *= 2;
    for (int i = 0; i < 6; i++)
        root = (root + of / root + 1) / 2;
    return root;
}

/* The end of a walk: what it found is believed where it is not about what was thought. */
static void correct(struct janitor_cache *c)
{
    struct board_cache_held held = board_cache_held(c->setup->board, c->slot);
    uint64_t bytes = sum_of(c->walk.bytes, c->moved_bytes), objects = sum_of(c->walk.objects, c->moved_objects);
    uint64_t unsure = UNSURE * square_root(c->changes), each = objects ? bytes / objects : 0;

    atomic_fetch_add(&c->size->walks, 1);
    if (c->walk.failed > 0)
        return;
    if (c->hurries || is_apart(bytes, held.bytes, c->conf->size / DIFFERS + unsure * each) ||
        is_apart(objects, held.objects, objects / DIFFERS + unsure))
        janitor_set_held(c, bytes, objects);
    c->hurries = false;
}

static void step(struct janitor_cache *c)
{
    const struct store_counts *own = board_cache_counts(c->setup->board, c->setup->slot, c->slot);
    struct store_counts was;
    struct store_fault fault;
    int result;

    reckon(c);
    was = *own;
    result = store_walk_step(c->store, &c->walk, c->setup->loop->clock.wall_s, &fault);
    if (result < 0)
        janitor_tell(c, &fault);
    leave_out(c, &was, own);
    atomic_fetch_add(&c->size->purged_objects, c->walk.purged - c->purged);
    atomic_fetch_add(&c->size->dropped_files, c->walk.temporary - c->dropped);
    c->purged = c->walk.purged;
    c->dropped = c->walk.temporary;
    atomic_store(&c->size->walk_at, c->walk.next);
    if (c->walk.next == 0)
        correct(c);
}

void janitor_walk(struct janitor_cache *c)
{
    struct loop *loop = c->setup->loop;
    int64_t until = loop->clock.mono_ms + HURRY_MS;

    if (loop->clock.mono_ms < c->walk_ms)
        return;
    do {
        step(c);
        loop_refresh(loop);
    } while (c->hurries && loop->clock.mono_ms < until);
    c->walk_ms = c->hurries ? 0 : loop->clock.mono_ms + STEP_MS;
}

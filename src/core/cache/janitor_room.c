/* janitor_room.c: room for new objects: see janitor_cache.h. */
#include <sys/statvfs.h>

#include "core/cache/janitor_cache.h"
#include "core/cache/store_evict.h"

#define WORK_MS 20 /* at a time */
#define FROM_PERCENT 97 /* of the limit: what is above goes */
#define TO_PERCENT 96
#define BAR_PERCENT 90 /* below it all that comes is stored */
#define BAR_FADES_MS 1000
#define LOOKED_AT 64 /* objects, at least, where there are so many */
#define VAIN_MAX 64
#define DISK_LOOK_MS 1000
#define DISK_SPARE 64 /* of that many bytes of the limit one stays free on the disk */

uint64_t janitor_limit(const struct janitor_cache *c)
{
    uint64_t limit = atomic_load(&c->size->limit);

    return limit > 0 && limit < c->conf->size ? limit : c->conf->size;
}

/* xorshift: which directory is next needs no more. */
static unsigned choose(struct janitor_cache *c)
{
    c->seed ^= c->seed << 13;
    c->seed ^= c->seed >> 7;
    c->seed ^= c->seed << 17;
    return (unsigned)(c->seed >> 20) % STORE_DIRECTORIES;
}

/* ---- the bar ---- */

static void set_bar(struct janitor_cache *c, unsigned sixteenths)
{
    c->bar16 = sixteenths;
    c->bar_ms = c->setup->loop->clock.mono_ms + BAR_FADES_MS;
    atomic_store(&c->size->bar, c->bar16 / 16);
}

static void raise_bar(struct janitor_cache *c, unsigned frequency)
{
    set_bar(c, (c->bar16 * 7 + frequency * 16) / 8);
}

/* Where nothing is stored nothing is evicted either, which alone tells what objects are worth: then it sinks. */
static void lower_bar(struct janitor_cache *c, bool to_nothing)
{
    if (c->bar16 > 0 && to_nothing)
        set_bar(c, 0);
    else if (c->bar16 > 0 && c->setup->loop->clock.mono_ms >= c->bar_ms)
        set_bar(c, c->bar16 > 16 ? c->bar16 - 16 : 0);
}

/* ---- eviction ---- */

/* From one look: a small part of what is looked at, so that the worst go; more where room is short. */
static uint64_t at_once(const struct board_cache_held *held, uint64_t bytes, uint64_t limit)
{
    uint64_t looked = held->bytes / STORE_DIRECTORIES;
    uint64_t some = held->objects > 0 ? held->bytes / held->objects * LOOKED_AT : 0;
    unsigned part = bytes > limit / 1000 * 995 ? 4 : bytes > limit / 100 * 98 ? 16 : 32;

    return (looked > some ? looked : some) / part + 1;
}

/* False: it cannot go on. */
static bool evict_some(struct janitor_cache *c, uint64_t bytes)
{
    struct store_evicted evicted;
    struct store_fault fault;

    if (store_evict(c->store, choose(c), bytes, &c->sketch, &evicted, &fault) < 0) {
        janitor_tell(c, &fault);
        return false;
    }
    if (evicted.objects == 0) {
        /* Where should be so much there is nothing: what the cache holds is not what is thought. */
        if (++c->in_vain < VAIN_MAX)
            return true;
        c->in_vain = 0;
        if (!c->hurries)
            janitor_hurry(c);
        return false;
    }
    c->in_vain = 0;
    raise_bar(c, evicted.bar);
    atomic_fetch_add(&c->size->evicted_bytes, evicted.bytes);
    atomic_fetch_add(&c->size->evicted_objects, evicted.objects);
    return true;
}

/* Something was added since the last look. */
static bool is_filling(struct janitor_cache *c)
{
    struct store_counts sum;
    uint64_t before = c->added;

    board_cache_sum_counts(c->setup->board, c->slot, &sum);
    c->added = sum.added_bytes + sum.writing_bytes;
    return c->added != before;
}

bool janitor_make_room(struct janitor_cache *c)
{
    struct loop *loop = c->setup->loop;
    int64_t until = loop->clock.mono_ms + WORK_MS;
    uint64_t limit = janitor_limit(c);
    struct board_cache_held held = board_cache_held(c->setup->board, c->slot);
    uint64_t bytes = held.bytes + held.writing;
    bool filling = is_filling(c);

    lower_bar(c, bytes < limit / 100 * BAR_PERCENT);
    if (bytes <= limit / 100 * FROM_PERCENT)
        return filling && bytes > limit / 100 * BAR_PERCENT;
    while (bytes > limit / 100 * TO_PERCENT) {
        if (!evict_some(c, at_once(&held, bytes, limit)))
            return false;
        held = board_cache_held(c->setup->board, c->slot);
        bytes = held.bytes + held.writing;
        loop_refresh(loop);
        if (loop->clock.mono_ms >= until)
            return true;
    }
    return filling;
}

/* ---- the disk ---- */

static void tell_disk(struct janitor_cache *c, bool is_short, uint64_t limit)
{
    if (c->short_of_disk == is_short)
        return;
    c->short_of_disk = is_short;
    if (is_short)
        log_write(c->setup->log, LOG_LEVEL_WARN,
                  "cache \"%.*s\": its disk has not the room for 'size' = %llu MB: it holds at most %llu MB until there is",
                  STR_ARG(c->conf->name), (unsigned long long)(c->conf->size >> 20), (unsigned long long)(limit >> 20));
    else
        log_write(c->setup->log, LOG_LEVEL_NOTICE, "cache \"%.*s\": its disk has room for 'size' again",
                  STR_ARG(c->conf->name));
}

void janitor_look_at_disk(struct janitor_cache *c)
{
    struct board_cache_held held = board_cache_held(c->setup->board, c->slot);
    uint64_t spare = c->conf->size / DISK_SPARE, free_bytes, limit;
    struct statvfs fs;

    if (c->setup->loop->clock.mono_ms < c->disk_ms)
        return;
    c->disk_ms = c->setup->loop->clock.mono_ms + DISK_LOOK_MS;
    if (fstatvfs(store_directory(c->store), &fs) < 0)
        return;
    free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    limit = held.bytes + held.writing + free_bytes;
    limit = limit > spare ? limit - spare : 1;
    if (limit >= c->conf->size)
        limit = 0;
    atomic_store(&c->size->limit, limit);
    tell_disk(c, limit > 0, limit);
}

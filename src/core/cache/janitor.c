/* janitor.c: see janitor.h. */
#include "core/cache/janitor_cache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/rnd.h"
#include "core/cache/purge_log.h"
#include "core/cache/store_read.h"

#define SOON_MS 5 /* a cache that fills fast is looked at again */
#define OPEN_MS 10000
#define SUMMARY_MS 10000
#define TELL_MS (60 * 1000)

struct janitor {
    struct janitor_setup setup;
    struct janitor_cache *all;
    size_t count;
    char *buffer; /* STORE_BUFFER bytes */
    bool serves;
    struct event *soon;
};

void janitor_tell(struct janitor_cache *c, const struct store_fault *fault)
{
    int64_t now = c->setup->loop->clock.mono_ms;

    if (now < c->tell_ms)
        return;
    c->tell_ms = now + TELL_MS;
    log_write(c->setup->log, LOG_LEVEL_ERROR, "cache \"%.*s\": %s: %s%s%s", STR_ARG(c->conf->name),
              cache_conf_path(c->conf), fault->what, fault->number ? ": " : "",
              fault->number ? strerror(fault->number) : "");
}

/* ---- life of one ---- */

/*
 * Numbers of purges go on from the time in microseconds, so that they are higher than those of a former life, whatever is
 * left of that; or from its summary, if the clock was set back.
 */
static uint64_t first_seq(struct janitor_cache *c)
{
    struct store_summary summary;
    struct store_fault ignored;
    struct timespec now;
    uint64_t seq;

    clock_gettime(CLOCK_REALTIME, &now);
    seq = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    if (store_summary_read(c->store, &summary, &ignored) == 0 && summary.seq >= seq)
        seq = summary.seq + SUMMARY_MS * 1000;
    return seq;
}

static void load_purges(struct janitor_cache *c)
{
    struct store_fault fault;

    if (!purge_ready(&c->purge) && purge_log_load(&c->purge, store_directory(c->store), first_seq(c), &fault) < 0)
        janitor_tell(c, &fault);
}

static void open_store(struct janitor_cache *c)
{
    struct board *board = c->setup->board;
    struct store_fault fault;

    if (c->setup->loop->clock.mono_ms < c->open_ms)
        return;
    c->open_ms = c->setup->loop->clock.mono_ms + OPEN_MS;
    c->store = store_open(cache_conf_path(c->conf), &c->purge, board_cache_counts(board, c->setup->slot, c->slot), &fault);
    if (c->store)
        load_purges(c);
    else
        janitor_tell(c, &fault);
}

static void init(struct janitor_cache *c, const struct janitor *j, const struct cache_conf *conf)
{
    struct board *board = j->setup.board;
    _Atomic uint64_t *words;
    size_t count = 0;

    c->setup = &j->setup;
    c->conf = conf;
    c->slot = (unsigned)conf->board_slot;
    c->size = board_cache_size(board, c->slot);
    if (!c->size)
        return;
    rnd_bytes(&c->seed, sizeof(c->seed));
    c->seed |= 1;
    c->walk.buffer = j->buffer;
    purge_init(&c->purge, board_cache_purges(board, c->slot), BOARD_CACHE_PURGE_BITS);
    words = board_cache_sketch(board, c->slot, &count);
    sketch_init(&c->sketch, words, count, c->seed);
    c->bar16 = (unsigned)atomic_load(&c->size->bar) % (SKETCH_MAX + 1) * 16;
    open_store(c);
}

/* ---- all ---- */

/* True: it is to be looked at again soon. */
static bool look_after(struct janitor_cache *c)
{
    bool filling;

    if (!c->store)
        return false;
    filling = janitor_make_room(c);
    if (c->hurries)
        janitor_walk(c);
    return filling || c->hurries;
}

static void look_again(struct janitor *j)
{
    static const struct timeval soon = {.tv_sec = 0, .tv_usec = SOON_MS * 1000};
    bool again = false;

    for (size_t i = 0; i < j->count; i++)
        again |= look_after(&j->all[i]);
    if (again)
        (void)event_add(j->soon, &soon);
}

static void on_soon(evutil_socket_t fd WEIR_UNUSED, short what WEIR_UNUSED, void *arg)
{
    struct janitor *j = arg;

    loop_event(j->setup.loop);
    if (j->serves)
        look_again(j);
}

static void work(struct janitor_cache *c)
{
    int64_t now = c->setup->loop->clock.mono_ms;

    if (!c->size)
        return;
    if (!c->store)
        open_store(c);
    if (!c->store)
        return;
    if (!c->hurries)
        janitor_learn_size(c);
    janitor_look_at_disk(c);
    janitor_walk(c);
    if (now >= c->summary_ms) {
        c->summary_ms = now + SUMMARY_MS;
        janitor_write_summary(c);
    }
}

/* Another generation's janitor goes on from there. */
static void rest(struct janitor *j)
{
    for (size_t i = 0; i < j->count; i++) {
        if (j->all[i].store)
            janitor_write_summary(&j->all[i]);
        j->all[i].walk.next = 0;
        j->all[i].hurries = false;
    }
    event_del(j->soon);
}

struct janitor *janitor_new(const struct janitor_setup *setup)
{
    struct janitor *j = calloc(1, sizeof(*j));

    if (!j)
        abort();
    j->setup = *setup;
    j->count = setup->config->cache_count;
    j->all = calloc(j->count + 1, sizeof(*j->all));
    j->buffer = malloc(STORE_BUFFER);
    j->soon = event_new(setup->loop->base, -1, 0, on_soon, j);
    if (!j->all || !j->buffer || !j->soon)
        abort();
    for (size_t i = 0; i < j->count; i++)
        init(&j->all[i], j, &setup->config->caches[i]);
    return j;
}

void janitor_tick(struct janitor *j, bool serves)
{
    if (j->serves && !serves)
        rest(j);
    j->serves = serves;
    if (!serves)
        return;
    for (size_t i = 0; i < j->count; i++)
        work(&j->all[i]);
    look_again(j);
}

void janitor_free(struct janitor *j)
{
    if (!j)
        return;
    if (j->serves)
        rest(j);
    for (size_t i = 0; i < j->count; i++)
        store_close(j->all[i].store);
    event_free(j->soon);
    free(j->buffer);
    free(j->all);
    free(j);
}

/* cache.c: see cache.h. */
#include "core/cache/cache_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/board/board_cache.h"
#include "core/worker.h"
#include "io/offload.h"

/* A disk that fails does so for every request. */
#define TELL_MS (60 * 1000)
#define OPEN_MS (10 * 1000)
#define HOT_USES 16 /* of them one is counted */
#define FEW_USES 4 /* what was counted less often is counted each time */

void cache_tell_fault(struct cache *c, const struct store_fault *fault)
{
    struct worker *w = c->worker;
    int64_t now = w->loop->clock.mono_ms;

    c->stats->faults++;
    if (now < c->tell_ms)
        return;
    c->tell_ms = now + TELL_MS;
    log_write(w->log, LOG_LEVEL_ERROR, "cache \"%.*s\": %s%s%s; what is not stored is asked for each time",
              STR_ARG(c->conf->name), fault->what, fault->number ? ": " : "",
              fault->number ? strerror(fault->number) : "");
}

/* ---- what is stored ---- */

bool cache_is_readable(const struct cache *c)
{
    return !c->purge || purge_ready(c->purge);
}

void cache_count_use(struct cache *c, uint64_t hash, bool hot, unsigned exact)
{
    unsigned few = exact > FEW_USES ? exact : FEW_USES;

    if (!c->sketch.words || (hot && ++c->looks % HOT_USES != 0))
        return;
    if (hot || sketch_estimate(&c->sketch, hash) < few || ++c->looks % HOT_USES == 0)
        sketch_add(&c->sketch, hash);
}

bool cache_admits(struct cache *c, uint64_t hash, uint64_t bytes)
{
    struct board_cache_held held;
    uint64_t limit, bar;

    if (!c->size)
        return true;
    limit = atomic_load(&c->size->limit);
    if (limit == 0 || limit > c->conf->size)
        limit = c->conf->size;
    held = board_cache_held(c->worker->board, (unsigned)c->conf->board_slot);
    bar = atomic_load_explicit(&c->size->bar, memory_order_relaxed);
    if (held.bytes + held.writing + store_disk_bytes(bytes) <= limit &&
        (bar == 0 || sketch_estimate(&c->sketch, hash) >= bar))
        return true;
    c->stats->refused++;
    return false;
}

/* ---- visits that wait for other workers ---- */

static void on_look(evutil_socket_t fd WEIR_UNUSED, short what WEIR_UNUSED, void *arg)
{
    struct caches *all = arg;

    loop_event(all->worker->loop);
    cache_visits_look(all);
    if (list_empty(&all->waiting))
        (void)event_del(all->look);
}

void caches_look_later(struct caches *all)
{
    static const struct timeval period = {.tv_sec = 0, .tv_usec = CACHE_LOOK_MS * 1000};

    if (!event_pending(all->look, EV_TIMEOUT, NULL))
        (void)event_add(all->look, &period);
}

/* ---- life ---- */

/* What all processes share of it; without a board, in tests, there is a place for the counters alone. */
static void open_shared(struct cache *c)
{
    struct worker *w = c->worker;
    unsigned slot = (unsigned)c->conf->board_slot;
    void *purges = w->board ? board_cache_purges(w->board, slot) : NULL;
    size_t words = 0;

    if (!purges) {
        c->counts = pool_zalloc(w->pool, sizeof(*c->counts));
        c->stats = pool_zalloc(w->pool, sizeof(*c->stats));
        return;
    }
    c->counts = board_cache_counts(w->board, w->slot, slot);
    c->stats = board_cache_stats(w->board, w->slot, slot);
    c->size = board_cache_size(w->board, slot);
    c->purge = pool_zalloc(w->pool, sizeof(*c->purge));
    purge_init(c->purge, purges, BOARD_CACHE_PURGE_BITS);
    c->sketch.words = board_cache_sketch(w->board, slot, &words);
    sketch_init(&c->sketch, c->sketch.words, words, rnd_u64(&w->rnd));
}

static void open_store(struct cache *c)
{
    struct store_fault fault;

    c->open_ms = c->worker->loop->clock.mono_ms + OPEN_MS;
    c->store = store_open(cache_conf_path(c->conf), c->purge, c->counts, &fault);
    if (!c->store)
        c->stats->faults++;
}

static void open_cache(struct cache *c, struct worker *w, const struct cache_conf *conf)
{
    c->worker = w;
    c->conf = conf;
    list_init(&c->fetches);
    open_shared(c);
    /* The keeper answers nobody from them. */
    c->hot = hot_new(w->admin ? 0 : (size_t)(conf->memory / w->count));
    open_store(c);
}

bool cache_is_open(struct cache *c)
{
    if (!c->store && c->worker->loop->clock.mono_ms >= c->open_ms)
        open_store(c);
    return c->store;
}

struct caches *caches_new(struct worker *w)
{
    const struct config *config = w->config;
    struct caches *all;

    if (config->cache_count == 0)
        return NULL;
    all = pool_zalloc(w->pool, sizeof(*all));
    all->worker = w;
    all->count = config->cache_count;
    all->all = pool_zalloc(w->pool, all->count * sizeof(*all->all));
    all->buffer = pool_alloc(w->pool, STORE_BUFFER);
    list_init(&all->again);
    list_init(&all->waiting);
    all->look = event_new(w->loop->base, -1, EV_PERSIST, on_look, all);
    if (!all->look)
        abort();
    for (size_t i = 0; i < all->count; i++)
        open_cache(&all->all[i], w, &config->caches[i]);
    return all;
}

bool caches_are_busy(const struct caches *all)
{
    return all && all->fetching > 0;
}

void caches_free(struct caches *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++) {
        struct cache *c = &all->all[i];

        list_each_safe(link, &c->fetches)
            cache_fetch_end(container_of(link, struct cache_fetch, link));
    }
    loop_settle(all->worker->loop);
    offload_free(all->offload);
    for (size_t i = 0; i < all->count; i++) {
        hot_free(all->all[i].hot);
        store_close(all->all[i].store);
    }
    event_free(all->look);
}

/* cache.c: see cache.h. */
#include "core/cache/cache_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/worker.h"
#include "io/offload.h"

/* A disk that fails does so for every request. */
#define TELL_MS (60 * 1000)

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

static void open_cache(struct cache *c, struct worker *w, const struct cache_conf *conf)
{
    struct store_fault fault;

    c->worker = w;
    c->conf = conf;
    list_init(&c->fetches);
    c->counts = pool_zalloc(w->pool, sizeof(*c->counts));
    c->stats = pool_zalloc(w->pool, sizeof(*c->stats));
    /* The keeper answers nobody from them. */
    c->hot = hot_new(w->admin ? 0 : (size_t)(conf->memory / w->count));
    c->store = store_open(conf->path.s, c->purge, c->counts, &fault);
    if (!c->store)
        cache_tell_fault(c, &fault);
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

/* cache_invalidate.c: requests that change something, past a cache; the rules are in http/cache_invalidate. */
#include "core/cache/cache_visit.h"

#include "core/cache/cache_key.h"
#include "core/worker.h"
#include "http/cache_invalidate.h"
#include "http/uri.h"

/* The key of a GET of that target, which is in no normal form yet; STR_NONE: it has none. */
static struct str key_of(struct request *req, struct str target)
{
    struct request asked = *req;
    struct uri_target parsed;

    if (uri_parse_target(STR("GET"), target, &parsed) != URI_OK || parsed.form != URI_ORIGIN ||
        uri_normalise(parsed.path, 0, req->pool, &asked.path) != URI_OK)
        return STR_NONE;
    asked.head.method = STR("GET");
    asked.head.target = target;
    asked.query = parsed.query;
    asked.has_query = parsed.has_query;
    return cache_key(req->route->cache, &asked);
}

static void invalidate(struct request *req, struct str target)
{
    struct cache *c = &req->worker->caches->all[req->route->cache->cache->index];
    struct str text = key_of(req, target);
    struct store_key key;

    if (!text.s || store_key_primary(c->store, text, &key) < 0)
        return;
    if (c->purge)
        (void)purge_hash(c->purge, key.primary.high, PURGE_HARD);
    hot_drop(c->hot, key.hash);
    (void)store_unlink(c->store, key.hash);
}

static void on_head(struct request *req, const struct message *head)
{
    struct str port = pool_printf(req->pool, ":%u", req->host_port);
    struct str host = req->host;
    const struct cache_place place = {
        .scheme = req->tls ? STR("https") : STR("http"),
        .authority = req->host_port ? pool_printf(req->pool, "%.*s%.*s", STR_ARG(host), STR_ARG(port)) : host,
        .target = req->has_query ? pool_printf(req->pool, "%.*s?%.*s", STR_ARG(req->path), STR_ARG(req->query))
                                 : req->path,
    };
    struct cache_invalid invalid = {.count = 0};

    req->watch = NULL;
    cache_invalidate_list(&place, req->head.method, head->status, &head->headers, req->pool, &invalid);
    for (unsigned i = 0; i < invalid.count; i++)
        invalidate(req, invalid.targets[i]);
}

void cache_invalidate_watch(struct request *req)
{
    if (req->worker->caches->all[req->route->cache->cache->index].store &&
        !cache_invalidate_is_safe(req->head.method))
        req->watch = on_head;
}

/* handler_purge.c: drops what a cache has of the URL: what a GET of it would find, in all variants. */
#include <string.h>

#include "core/cache/cache_key.h"
#include "core/cache/cache_purge.h"
#include "core/cache/store_read.h"
#include "core/json.h"
#include "core/reply.h"
#include "core/route/router.h"
#include "core/worker.h"
#include "modules/modules.h"

struct purge_visit {
    struct cache_purge_wait wait;
    struct request *req;
    struct str key;
    bool found; /* something was there */
};

/*
 * The GET of the path that the route makes of the request's, and how the route that it would take uses the cache: as the
 * cache itself says where that one does not use it.
 */
static const struct cache_usage *usage_of(const struct request *req, struct request *get)
{
    const struct cache_conf *cache = req->route->purge;
    struct str allow = STR_NONE;

    *get = *req;
    get->head.method = STR("GET");
    get->path = req->forward_path;
    get->has_query = req->forward_query.len > 0;
    get->query = get->has_query ? str_from(req->forward_query, 1) : STR_NONE;
    if (router_find(get->site->router, get, &allow, NULL) == ROUTER_FOUND && get->route->cache &&
        get->route->cache->cache == cache)
        return get->route->cache;
    return &cache->defaults;
}

static bool is_stored(struct cache *c, const struct store_key *key)
{
    struct store_object object;
    struct store_fault fault;

    if (store_read_open(c->store, key, c->worker->caches->buffer, &object, &fault) != STORE_HIT)
        return false;
    store_read_close(&object);
    return true;
}

static void on_purged(struct cache_purge_wait *wait)
{
    struct purge_visit *p = container_of(wait, struct purge_visit, wait);
    struct request *req = p->req;
    struct json json;

    req->handler_data = NULL;
    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_bool(&json, "ok", p->found);
    json_str(&json, "text", p->found ? STR("purged") : STR("nothing was stored"));
    json_str(&json, "cache", req->route->purge->name);
    json_str(&json, "key", p->key);
    json_bool(&json, "saved", wait->outcome == CACHE_PURGE_DONE);
    if (wait->outcome != CACHE_PURGE_DONE)
        json_str(&json, "warning", pool_printf(req->pool, "%s: %s", wait->fault.what, strerror(wait->fault.number)));
    json_object_end(&json);
    reply_text(req, p->found ? 200 : 404, STR("application/json"), json_text(&json));
}

static void start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    struct cache *c = &req->worker->caches->all[req->route->purge->index];
    struct purge_visit *p = pool_zalloc(req->pool, sizeof(*p));
    struct store_key key;
    struct request get;

    p->req = req;
    p->wait.done = on_purged;
    p->key = cache_key(usage_of(req, &get), &get);
    if (!p->key.s) {
        reply_status(req, 414, "the key of what is to be purged is longer than 64 KB");
        return;
    }
    /* A fill may be under way where nothing is found: it is purged all the same. */
    p->found = cache_is_open(c) && store_key_primary(c->store, p->key, &key) == 0 && is_stored(c, &key);
    req->handler_data = p;
    if (cache_purge_begin(c, CACHE_PURGE_KEY, p->key, PURGE_HARD, &p->wait) == 0)
        return;
    req->handler_data = NULL;
    reply_status(req, 503, p->wait.why);
}

static void abort_purge(struct request *req, const char *reason WEIR_UNUSED)
{
    struct purge_visit *p = req->handler_data;

    if (p)
        cache_purge_forget(&p->wait);
}

const struct handler handler_purge = {.name = "purge", .start = start, .abort = abort_purge};

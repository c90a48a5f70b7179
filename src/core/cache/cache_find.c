/* cache_find.c: what is stored for a request: in the worker's memory, else in a file. */
#include "core/cache/cache_visit.h"

#include "core/worker.h"
#include "http/cache_vary.h"

/* A hot object is used while it is not purged; a stale one may have been validated by another worker since. */
static bool is_usable(struct cache *c, struct cache_object *o)
{
    struct purge_subject subject;

    if (!c->purge)
        return true;
    subject = (struct purge_subject){
        .primary = o->stored.head.primary.high,
        .key = o->stored.head.key,
        .tags = o->stored.head.tags,
        .tag_count = o->stored.head.tag_count,
        .seq = o->stored.head.seq,
        .checked = o->stored.checked,
    };
    switch (purge_check(c->purge, &subject)) {
    case PURGE_HARD:
        return false;
    case PURGE_SOFT:
        o->stored.soft = true;
        break;
    case PURGE_NONE:
        break;
    }
    o->stored.checked = subject.checked;
    return true;
}

static bool is_fresh(const struct cache *c, const struct cache_object *o)
{
    return o->is_marker || cache_policy_ttl(&o->facts, c->worker->loop->clock.wall_s) > 0;
}

static struct cache_object *from_file(struct cache_visit *v, const struct store_key *key)
{
    struct cache *c = v->cache;
    struct store_object stored;
    struct store_fault fault = {0, NULL};
    struct cache_object *o;

    if (!cache_is_readable(c))
        return NULL;
    switch (store_read_open(c->store, key, c->worker->caches->buffer, &stored, &fault)) {
    case STORE_HIT:
        break;
    case STORE_BAD:
    case STORE_FAULT:
        cache_tell_fault(c, &fault);
        return NULL;
    case STORE_PURGED:
        v->reason = CACHE_REASON_PURGED;
        return NULL;
    case STORE_MISS:
        return NULL;
    }
    o = cache_object_of_file(&stored);
    if (o)
        cache_hot_put(c, o);
    return o;
}

/* Held in the request's pool. */
static struct cache_object *find(struct cache_visit *v, const struct store_key *key)
{
    struct cache *c = v->cache;
    struct cache_object *hot = cache_hot_find(c, key->hash), *o;

    if (hot && !is_usable(c, hot)) {
        hot_drop(c->hot, key->hash);
        hot = NULL;
    }
    if (!v->counted)
        cache_count_use(c, key->hash.high, hot != NULL, v->use->min_uses);
    if (hot && is_fresh(c, hot)) {
        cache_object_hold_in(v->req->pool, hot);
        c->stats->hot += !hot->is_marker;
        return hot;
    }
    if (hot)
        cache_object_hold_in(v->req->pool, hot);
    o = from_file(v, key);
    if (!o)
        return hot;
    cache_object_hold_in(v->req->pool, o);
    cache_object_release(o);
    return o;
}

struct store_key cache_find_key(const struct cache_object *o)
{
    const struct store_head *head = &o->stored.head;

    return (struct store_key){.key = head->key, .variant = head->variant, .nonce = head->nonce,
                              .primary = head->primary, .hash = head->hash};
}

static void find_both(struct cache_visit *v)
{
    struct cache_object *o;
    struct store_key key;
    struct str values;

    v->found = v->marker = NULL;
    v->key = v->primary;
    v->forward = CACHE_FORWARD_URI_MISS;
    v->reason = CACHE_REASON_ABSENT;
    o = find(v, &v->primary);
    if (!o)
        return;
    if (!o->is_marker) {
        v->found = o;
        return;
    }
    v->marker = o;
    v->forward = CACHE_FORWARD_VARY_MISS;
    v->reason = CACHE_REASON_VARIANT_ABSENT;
    values = cache_vary_key(o->stored.head.variant, &v->req->head.headers, v->req->pool);
    if (store_key_variant(v->cache->store, &v->primary, o->stored.head.nonce, values, &key) < 0)
        return;
    v->key = key;
    v->found = find(v, &key);
}

void cache_find(struct cache_visit *v)
{
    find_both(v);
    /* It may look again when others have stored something. */
    v->counted = true;
}

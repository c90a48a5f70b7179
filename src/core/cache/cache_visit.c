/* cache_visit.c: the handler: what becomes of a client's request at a cache. */
#include "core/cache/cache_fetch.h"

#include "core/cache/cache_key.h"
#include "core/reply.h"
#include "core/route/match.h"
#include "core/worker.h"

static const struct handler *upstream_of(const struct request *req)
{
    return req->worker->handlers[ACTION_PROXY];
}

static void pass(struct request *req, enum cache_forward why, struct str body, bool last)
{
    struct cache *c = &req->worker->caches->all[req->route->cache->cache->index];

    cache_stats_forward(c->stats, why);
    req->cache_status = cache_status_forward_text(why);
    req->handler = upstream_of(req);
    req->handler->start(req, body, last);
}

void cache_visit_detach(struct cache_visit *v)
{
    list_remove(&v->link);
    deadline_stop(&v->patience);
    v->fetch = NULL;
}

/* It goes past the cache after all. */
static void leave(struct cache_visit *v)
{
    cache_visit_detach(v);
    pass(v->req, v->forward, STR_NONE, true);
}

/* ---- what is to be done ---- */

static void answer_found(struct cache_visit *v, enum cache_reason why)
{
    const struct cache_status status = {.detail = why == CACHE_REASON_FRESH ? CACHE_REASON_NONE : why};

    cache_answer(v, v->found, &status);
}

static void refuse(struct cache_visit *v)
{
    static const struct reply_error failure = {.status = 504,
                                               .reason = "the request wants only what is stored, and nothing is",
                                               .quiet = true};

    cache_visit_detach(v);
    v->cache->stats->results[CACHE_RESULT_ONLY_IF_CACHED]++;
    reply_error(v->req, &failure);
}

/* From its first wait on, however often it waits. */
static void be_patient(struct cache_visit *v)
{
    struct worker *w = v->req->worker;
    int64_t now = w->loop->clock.mono_ms;

    v->cache->stats->collapsed += !v->collapsed;
    v->collapsed = true;
    if (v->patient_until == 0)
        v->patient_until = now + v->use->lock_timeout;
    deadline_start(&w->deadlines, &v->patience, v->patient_until > now ? v->patient_until - now : 1, now);
}

static void wait_for_others(struct cache_visit *v)
{
    struct caches *all = v->req->worker->caches;

    be_patient(v);
    v->state = VISIT_WAITS;
    list_append(&all->waiting, &v->link);
    caches_look_later(all);
}

/* Whether it has to wait for another visit's question, or another worker's; if not, `claim` may have been taken. */
static bool must_wait(struct cache_visit *v, struct cache_claim *claim)
{
    struct hash_128 hash = v->key.hash;
    struct cache_fetch *f;

    if (cache_claim_is_open(v->cache, hash)) {
        v->reason = CACHE_REASON_HIT_FOR_MISS;
        return false;
    }
    f = cache_fetch_find(v->cache, hash);
    if (f) {
        be_patient(v);
        cache_fetch_join(f, v);
        return true;
    }
    if (cache_claim_take(v->cache, hash, claim) != CLAIM_BUSY)
        return false;
    wait_for_others(v);
    return true;
}

static bool is_head(const struct request *req)
{
    return str_eq(req->head.method, STR("HEAD"));
}

/* It was not asked for `min_uses` times. */
static bool is_new(const struct cache_visit *v)
{
    const struct cache *c = v->cache;

    return v->use->min_uses > 1 && c->sketch.words &&
           sketch_estimate(&c->sketch, v->key.hash.high) < v->use->min_uses;
}

/* The upstream is asked, by this visit or by another whose question is the same. */
static void ask(struct cache_visit *v)
{
    struct cache_claim claim = {.held = false};

    if (is_head(v->req)) {
        leave(v);
        return;
    }
    if (!v->found && !v->bypasses && is_new(v)) {
        v->reason = CACHE_REASON_MIN_USES;
    } else if (v->use->lock && !v->unconditional && !v->impatient && !v->bypasses && must_wait(v, &claim)) {
        return;
    }
    if (cache_fetch_begin(v, &claim, false) < 0) {
        cache_claim_release(v->cache, &claim, 0);
        leave(v);
    }
}

/* It is served stale meanwhile. */
static void ask_behind(struct cache_visit *v)
{
    struct cache_claim claim = {.held = false};
    enum cache_claim_result result;

    if (cache_fetch_find(v->cache, v->key.hash))
        return;
    /* One that may not be stored would be asked for with each hit. */
    result = cache_claim_take(v->cache, v->key.hash, &claim);
    if (result == CLAIM_BUSY || result == CLAIM_PASS)
        return;
    if (cache_fetch_begin(v, &claim, true) < 0)
        cache_claim_release(v->cache, &claim, 0);
}

static struct cache_verdict judge(const struct cache_visit *v)
{
    const struct cache_control *asked = v->asks ? &v->asked : NULL;
    int64_t now = v->req->worker->loop->clock.wall_s;

    if (!v->found)
        return cache_policy_absent(asked);
    if (v->found->stored.soft)
        return (struct cache_verdict){CACHE_USE_REVALIDATE, CACHE_REASON_PURGED};
    return cache_policy_use(&v->found->facts, asked, now);
}

static void go(struct cache_visit *v)
{
    struct cache_verdict verdict = judge(v);

    switch (verdict.use) {
    case CACHE_USE_STALE:
        if (verdict.reason == CACHE_REASON_WHILE_REVALIDATE)
            ask_behind(v);
        answer_found(v, verdict.reason);
        return;
    case CACHE_USE_FRESH:
        answer_found(v, verdict.reason);
        return;
    case CACHE_USE_TIMEOUT:
        refuse(v);
        return;
    case CACHE_USE_REVALIDATE:
        break;
    }
    if (v->found) {
        v->reason = verdict.reason;
        v->forward = v->found->stored.soft ? CACHE_FORWARD_STALE : cache_status_forward(verdict.reason);
    }
    ask(v);
}

/* ---- its turn comes again ---- */

static void on_again(struct loop_deferred *d)
{
    struct caches *all = container_of(d, struct caches, deferred);

    all->is_deferred = false;
    cache_visits_go_on(all);
}

void cache_visit_again(struct cache_visit *v, bool passes)
{
    struct caches *all = v->req->worker->caches;

    cache_visit_detach(v);
    v->state = VISIT_WAITS;
    v->passes = passes;
    list_append(&all->again, &v->link);
    if (!all->is_deferred) {
        all->is_deferred = true;
        loop_defer(v->req->worker->loop, &all->deferred, on_again);
    }
}

/* Its time to wait is over, but not that of those who wait with it. */
static void on_impatient(struct deadline *d)
{
    struct cache_visit *v = container_of(d, struct cache_visit, patience);

    if (v->state != VISIT_WAITS)
        return;
    v->impatient = true;
    cache_visit_again(v, false);
}

static void go_again(struct cache_visit *v)
{
    list_remove(&v->link);
    if (v->passes) {
        leave(v);
        return;
    }
    v->found = NULL;
    cache_find(v);
    go(v);
}

void cache_visits_go_on(struct caches *all)
{
    struct list now;

    list_init(&now);
    while (!list_empty(&all->again)) {
        struct list *link = all->again.next;

        list_remove(link);
        list_append(&now, link);
    }
    while (!list_empty(&now))
        go_again(container_of(now.next, struct cache_visit, link));
}

void cache_visits_look(struct caches *all)
{
    list_each_safe(link, &all->waiting) {
        struct cache_visit *v = container_of(link, struct cache_visit, link);

        /* One of them may just have begun to ask for all. */
        if (!cache_claim_is_busy(v->cache, v->key.hash) || cache_fetch_find(v->cache, v->key.hash))
            go_again(v);
    }
}

/* ---- the handler ---- */

/* Whether the cache may answer it at all. */
static enum cache_reason may_look(const struct request *req, const struct cache_usage *use, struct str body, bool last)
{
    unsigned method = str_eq(req->head.method, STR("GET")) ? CACHE_GET : 0;

    if (str_eq(req->head.method, STR("HEAD")))
        method = CACHE_HEAD;
    if (method == 0 || !(use->methods & method))
        return CACHE_REASON_SETTING_METHODS;
    if (!last || body.len > 0 || req->frame.kind == FRAME_CHUNKED || req->frame.upgrade)
        return CACHE_REASON_REQUEST_BODY;
    return CACHE_REASON_NONE;
}

static void visit_init(struct cache_visit *v, struct request *req)
{
    const struct cache_usage *use = req->route->cache;

    v->req = req;
    v->use = use;
    v->cache = &req->worker->caches->all[use->cache->index];
    v->forward = CACHE_FORWARD_URI_MISS;
    list_init(&v->link);
    deadline_init(&v->patience, on_impatient);
    v->asks = cache_control_read(&req->head.headers, &v->asked);
    req->handler_data = v;
}

static void cache_start(struct request *req, struct str body, bool last)
{
    const struct cache_usage *use = req->route->cache;
    struct cache_visit *v;
    enum cache_reason against = may_look(req, use, body, last);
    struct str key;

    if (against != CACHE_REASON_NONE) {
        cache_invalidate_watch(req);
        pass(req, cache_status_forward(against), body, last);
        return;
    }
    v = pool_zalloc(req->pool, sizeof(*v));
    visit_init(v, req);
    key = cache_key(use, req);
    if (!key.s || !cache_is_open(v->cache) || store_key_primary(v->cache->store, key, &v->primary) < 0) {
        pass(req, CACHE_FORWARD_BYPASS, STR_NONE, true);
        return;
    }
    if (use->bypass && match_holds(use->bypass, req, NULL) != MATCH_NO) {
        v->reason = CACHE_REASON_SETTING_BYPASS;
        v->forward = CACHE_FORWARD_BYPASS;
        v->key = v->primary;
        v->bypasses = true;
        ask(v);
        return;
    }
    cache_find(v);
    go(v);
}

static void cache_resume(struct request *req)
{
    struct cache_visit *v = req->handler_data;
    struct cache_fetch *f = v->fetch;

    v->blocked = false;
    if (v->state == VISIT_SENT)
        cache_answer_more(v);
    if (f)
        cache_fetch_resume(f);
}

static void cache_abort(struct request *req, const char *reason WEIR_UNUSED)
{
    struct cache_visit *v = req->handler_data;

    cache_fetch_leave(v);
}

const struct handler handler_cache = {
    .name = "cache",
    .start = cache_start,
    .resume = cache_resume,
    .abort = cache_abort,
};

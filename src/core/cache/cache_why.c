/* cache_why.c: see cache_why.h. */
#include "core/cache/cache_why.h"

#include "core/board/board_claim.h"
#include "core/cache/cache_key.h"
#include "core/cache/store_vary.h"
#include "core/route/match.h"
#include "core/worker.h"
#include "http/cache_vary.h"

static int64_t now_s(const struct cache_why *w)
{
    return w->visit.cache->worker->loop->clock.wall_s;
}

/* ---- what there is ---- */

/* "accept-encoding=gzip; accept-language=de": a line for each field becomes one. */
static struct str readable(struct str values, struct pool *pool)
{
    char *text = pool_text(pool, 2 * values.len + 1);
    size_t n = 0;

    while (values.len > 0 && values.s[values.len - 1] == '\n')
        values.len--;
    for (size_t i = 0; i < values.len; i++) {
        bool ends = values.s[i] == '\n';

        text[n++] = ends ? ';' : values.s[i];
        if (ends)
            text[n++] = ' ';
    }
    return (struct str){text, n};
}

static void list_variants(struct cache_why *w)
{
    struct cache_visit *v = &w->visit;
    const struct store_object *marker = &v->marker->stored;
    unsigned count = store_vary_count(marker);
    char *buffer = v->cache->worker->caches->buffer;
    struct store_object o;

    w->variant = readable(cache_vary_key(marker->head.variant, &w->req.head.headers, w->req.pool), w->req.pool);
    w->variants = pool_alloc(w->req.pool, (count + 1) * sizeof(*w->variants));
    for (unsigned i = 0; i < count; i++) {
        if (store_vary_read(v->cache->store, marker, i, buffer, &o) != STORE_HIT)
            continue;
        w->variants[w->variant_count++] = (struct cache_why_variant){
            .values = readable(o.head.variant, w->req.pool),
            .status = o.head.facts.status,
            .ttl = o.head.facts.lifetime - o.head.facts.initial_age - (now_s(w) - o.head.facts.response_time),
            .soft = o.soft,
        };
        store_read_close(&o);
    }
}

/* Nothing can be there that is older than a purge of the key. */
static bool is_covered(const struct cache_why *w)
{
    const struct cache *c = w->visit.cache;
    struct purge_subject subject = {.primary = w->visit.primary.primary.high, .key = w->key};

    return c->purge && purge_check(c->purge, &subject) == PURGE_HARD;
}

static enum cache_why_answer judge(struct cache_why *w)
{
    const struct cache_visit *v = &w->visit;
    struct cache_verdict verdict;

    if (!v->found) {
        w->reason = v->reason;
        if (v->reason == CACHE_REASON_ABSENT && !w->passes && is_covered(w))
            w->reason = CACHE_REASON_PURGED;
        return w->reason == CACHE_REASON_PURGED ? CACHE_WHY_PURGED
               : v->marker                      ? CACHE_WHY_VARIANT_ABSENT
                                                : CACHE_WHY_ABSENT;
    }
    if (v->found->stored.soft) {
        w->reason = CACHE_REASON_PURGED;
        return CACHE_WHY_SOFT_PURGED;
    }
    verdict = cache_policy_use(&v->found->facts, v->asks ? &v->asked : NULL, now_s(w));
    w->reason = verdict.reason;
    if (verdict.use == CACHE_USE_FRESH)
        return CACHE_WHY_FRESH;
    return cache_policy_ttl(&v->found->facts, now_s(w)) > 0 ? CACHE_WHY_REVALIDATE : CACHE_WHY_STALE;
}

static void look_at_claims(struct cache_why *w)
{
    struct cache_visit *v = &w->visit;
    const struct worker *worker = v->cache->worker;
    struct store_key key = v->found ? cache_find_key(v->found) : v->primary;

    if (!worker->board)
        return;
    switch (board_claim_look(worker->board, key.hash, worker->loop->clock.mono_ms)) {
    case BOARD_CLAIM_BUSY:
        w->is_fetched = true;
        break;
    case BOARD_CLAIM_OPEN:
        w->passes = true;
        break;
    case BOARD_CLAIM_TAKEN:
    case BOARD_CLAIM_FREE:
        break;
    }
}

/* ---- the question ---- */

static enum cache_reason not_asked(struct cache_why *w)
{
    struct str method = w->req.head.method;
    unsigned bit = str_eq(method, STR("GET")) ? CACHE_GET : str_eq(method, STR("HEAD")) ? CACHE_HEAD : 0;

    if (!(w->use->methods & bit))
        return CACHE_REASON_SETTING_METHODS;
    if (w->use->bypass && match_holds(w->use->bypass, &w->req, NULL) != MATCH_NO)
        return CACHE_REASON_SETTING_BYPASS;
    return CACHE_REASON_NONE;
}

static enum cache_why_answer answer(struct cache_why *w, struct worker *worker)
{
    struct cache_visit *v = &w->visit;

    w->status = request_route(&w->req, &w->text);
    if (w->status != 0)
        return CACHE_WHY_NOT_ROUTED;
    w->use = w->req.route->cache;
    if (!w->use)
        return CACHE_WHY_NOT_CACHED;
    w->key = cache_key(w->use, &w->req);
    *v = (struct cache_visit){.req = &w->req, .use = w->use, .counted = true};
    v->cache = &worker->caches->all[w->use->cache->index];
    v->asks = cache_control_read(&w->req.head.headers, &v->asked);
    if (!cache_is_open(v->cache) || !cache_is_readable(v->cache))
        return CACHE_WHY_UNUSABLE;
    w->reason = not_asked(w);
    if (!w->key.s || store_key_primary(v->cache->store, w->key, &v->primary) < 0)
        return CACHE_WHY_BYPASS;
    cache_find(v);
    if (v->marker)
        list_variants(w);
    look_at_claims(w);
    if (w->reason != CACHE_REASON_NONE)
        return CACHE_WHY_BYPASS;
    return judge(w);
}

int cache_why(struct worker *worker, const struct asked *asked, struct pool *pool, struct cache_why *w, char *error,
              size_t error_size)
{
    struct host host;
    bool assumed;

    memset(w, 0, sizeof(*w));
    w->key = w->variant = STR_NONE;
    if (asked_init(&w->req, asked, worker->config, pool, &host, &assumed, error, error_size) < 0)
        return -1;
    w->answer = answer(w, worker);
    return 0;
}

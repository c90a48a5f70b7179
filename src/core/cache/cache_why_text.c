/* cache_why_text.c: what cache_why.h found, in words. */
#include "core/cache/cache_why.h"

#include "core/worker.h"

struct str cache_why_word(enum cache_why_answer answer)
{
    static const char *const words[] = {
        [CACHE_WHY_NOT_ROUTED] = "not-routed",
        [CACHE_WHY_NOT_CACHED] = "not-cached",
        [CACHE_WHY_UNUSABLE] = "unusable",
        [CACHE_WHY_BYPASS] = "bypass",
        [CACHE_WHY_ABSENT] = "absent",
        [CACHE_WHY_PURGED] = "purged",
        [CACHE_WHY_VARIANT_ABSENT] = "variant-absent",
        [CACHE_WHY_FRESH] = "fresh",
        [CACHE_WHY_SOFT_PURGED] = "soft-purged",
        [CACHE_WHY_STALE] = "stale",
        [CACHE_WHY_REVALIDATE] = "revalidate",
    };

    return str_of(words[answer]);
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* "its lifetime is 60 s by max-age, its age 3 s". */
static struct str times(const struct cache_why *w)
{
    const struct cache_facts *facts = &w->visit.found->facts;
    int64_t now = w->visit.cache->worker->loop->clock.wall_s;
    struct str source = cache_source_text((enum cache_source)facts->source);

    return pool_printf(w->req.pool, "its lifetime is %lld s (%.*s), its age %lld s", (long long)facts->lifetime,
                       STR_ARG(source), (long long)cache_policy_age(facts, now));
}

static const char *what_follows(const struct cache_why *w)
{
    if (w->reason == CACHE_REASON_WHILE_REVALIDATE)
        return "it is used, and the upstream asked meanwhile";
    if (w->reason == CACHE_REASON_MAX_STALE)
        return "it is used all the same";
    return w->visit.found->facts.flags & CACHE_FACT_VALIDATOR ? "the upstream is asked whether it has changed"
                                                                : "the upstream is asked for it anew";
}

static struct str text_of_stored(const struct cache_why *w)
{
    const struct cache_facts *facts = &w->visit.found->facts;
    long long ttl = (long long)cache_policy_ttl(facts, w->visit.cache->worker->loop->clock.wall_s);
    struct str told = times(w), reason = cache_reason_text(w->reason);
    struct pool *pool = w->req.pool;

    switch (w->answer) {
    case CACHE_WHY_FRESH:
        return pool_printf(pool, "It is stored, and fresh for %lld second%s more: %.*s.", ttl, plural(ttl),
                           STR_ARG(told));
    case CACHE_WHY_SOFT_PURGED:
        return pool_printf(pool, "It is stored, but was purged softly: %s before it is used.", what_follows(w));
    case CACHE_WHY_STALE:
        return pool_printf(pool, "It is stored, and stale since %lld second%s: %.*s. %.*s: %s.", -ttl, plural(-ttl),
                           STR_ARG(told), STR_ARG(reason), what_follows(w));
    default:
        return pool_printf(pool, "It is stored, and fresh for %lld second%s more, but %.*s: %s.", ttl, plural(ttl),
                           STR_ARG(reason), what_follows(w));
    }
}

static struct str text_of_route(const struct cache_why *w)
{
    const struct route *route = w->req.route;

    if (!route->purge)
        return STR("The route that takes it has no `cache`.");
    return pool_printf(w->req.pool, "The route that takes it purges the cache \"%.*s\".", STR_ARG(route->purge->name));
}

struct str cache_why_text(const struct cache_why *w)
{
    struct pool *pool = w->req.pool;
    struct str reason = cache_reason_text(w->reason);

    switch (w->answer) {
    case CACHE_WHY_NOT_ROUTED:
        return pool_printf(pool, "It is answered with %u before any cache: %s.", w->status, w->text);
    case CACHE_WHY_NOT_CACHED:
        return text_of_route(w);
    case CACHE_WHY_UNUSABLE:
        return STR("The directory of the cache cannot be used, or not yet; the error log says why.");
    case CACHE_WHY_BYPASS:
        if (w->reason == CACHE_REASON_NONE)
            return STR("The cache is not asked: the key is empty or longer than 8 KB.");
        return pool_printf(pool, "The cache is not asked: %.*s.", STR_ARG(reason));
    case CACHE_WHY_ABSENT:
        return w->passes ? STR("It is not stored: the last answer for this key was none that may be, and for "
                               "`hit_for_miss` nobody waits for another.")
                         : STR("It is not stored: nothing is there under the key.");
    case CACHE_WHY_PURGED:
        return STR("It is not stored: a purge covers the key, and nothing came since.");
    case CACHE_WHY_VARIANT_ABSENT:
        return pool_printf(pool, "It is not stored for such a request: what is there answers requests with other values "
                                 "of the fields that Vary names (%.*s).",
                           STR_ARG(w->visit.marker->stored.head.variant));
    default:
        return text_of_stored(w);
    }
}

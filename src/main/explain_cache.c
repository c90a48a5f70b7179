/* explain_cache.c: see explain_cache.h. */
#include "main/explain_cache.h"

#include "base/log.h"
#include "core/cache/cache_key.h"
#include "core/route/match.h"
#include "core/var_table.h"

#define KEY_SHOWN 500

static bool text_needs_answer(const struct template *text)
{
    size_t count = 0;
    const struct var *pieces = text ? template_pieces(text, &count) : NULL;

    for (size_t i = 0; i < count; i++)
        if ((pieces[i].kind >= VAR_STATUS && pieces[i].kind <= VAR_ERROR) || pieces[i].kind == VAR_SENT_HEADER)
            return true;
    return false;
}

static bool needs_answer(const struct match_term *t)
{
    for (size_t i = 0; t->subject == MATCH_ANY && i < t->any_count; i++)
        if (needs_answer(&t->any[i]))
            return true;
    return t->subject == MATCH_STATUS || t->subject == MATCH_SENT_HEADER || t->subject == MATCH_LONGER_THAN ||
           text_needs_answer(t->value);
}

/* The first reason that holds, else one that may; STR_NONE: none does. */
static struct str reason_of(struct explain *e, const struct match *reasons)
{
    struct str open = STR_NONE;

    for (size_t i = 0; reasons && i < reasons->terms[0].any_count; i++) {
        struct match_term *t = &reasons->terms[0].any[i];
        const struct match one = {t, 1};
        struct str text = match_describe(t, e->req.pool);

        if (needs_answer(t))
            open = pool_printf(e->req.pool, "if %.*s, which the answer decides", STR_ARG(text));
        else if (explain_is_open(e, &one))
            open = pool_printf(e->req.pool, "if %.*s, which only the running Weir knows", STR_ARG(text));
        else if (match_holds(&one, &e->req, NULL) == MATCH_YES)
            return text;
    }
    return open;
}

static bool is_asked(const struct explain *e, const struct cache_usage *use)
{
    struct str method = e->req.head.method;

    if (str_eq(method, STR("GET")))
        return use->methods & CACHE_GET;
    return str_eq(method, STR("HEAD")) && use->methods & CACHE_HEAD;
}

static const char *methods_text(const struct cache_usage *use)
{
    return use->methods & CACHE_HEAD ? "for GET and HEAD" : "for GET";
}

static void print_removed(const struct header_ops *ops, FILE *to)
{
    const char *before = "";

    for (size_t i = 0; i < ops->count; i++) {
        if (!ops->ops[i].for_cache)
            continue;
        if (!*before)
            fprintf(to, "%-11s", "taken out");
        fprintf(to, "%s%.*s", before, STR_ARG(ops->ops[i].name));
        before = ", ";
    }
    if (*before)
        fputs(" (of GET and HEAD, as they are not in the key)\n", to);
}

static void print_name(struct explain *e, const struct cache_conf *cache, FILE *to)
{
    struct str place = explain_place(cache->at, e->req.pool);

    fprintf(to, "%-11s%.*s, %.*s  (%.*s)\n", "cache", STR_ARG(cache->name), STR_ARG(cache->path), STR_ARG(place));
}

void explain_print_cache(struct explain *e, FILE *to)
{
    const struct cache_usage *use = e->req.route->cache;
    struct str key, bypass, no_store, method = e->req.head.method;
    char text[KEY_SHOWN];

    if (e->req.route->purge)
        print_name(e, e->req.route->purge, to);
    if (!use)
        return;
    print_name(e, use->cache, to);
    key = cache_key(use, &e->req);
    fprintf(to, "%-11s\"%.*s\"\n", "cache key", STR_ARG(log_escape(key, text, sizeof(text))));
    bypass = reason_of(e, use->bypass);
    no_store = reason_of(e, use->no_store);
    if (!key.s)
        fprintf(to, "%-11snot asked: the key is longer than 64 KB\n", "cached");
    else if (!is_asked(e, use))
        fprintf(to, "%-11snot asked: %s only, not for %.*s\n", "cached", methods_text(use), STR_ARG(method));
    else if (bypass.s)
        fprintf(to, "%-11snot asked (bypass): %.*s\n", "cached", STR_ARG(bypass));
    else
        fprintf(to, "%-11sasked; weir ctl cache why tells what it has\n", "cached");
    if (no_store.s)
        fprintf(to, "%-11snot stored (no_store): %.*s\n", "", STR_ARG(no_store));
    print_removed(&e->req.route->request_headers, to);
}

static void put_use(struct json *j, struct explain *e, const struct cache_usage *use)
{
    const struct header_ops *ops = &e->req.route->request_headers;
    struct str place = explain_place(use->cache->at, j->pool);

    json_object(j, "cache");
    json_str(j, "name", use->cache->name);
    json_str(j, "at", place.len ? place : STR_NONE);
    json_str(j, "path", use->cache->path);
    json_str(j, "key", cache_key(use, &e->req));
    json_bool(j, "asked_for_method", is_asked(e, use));
    json_array(j, "methods");
    json_str(j, NULL, STR("GET"));
    if (use->methods & CACHE_HEAD)
        json_str(j, NULL, STR("HEAD"));
    json_array_end(j);
    json_str(j, "bypass", reason_of(e, use->bypass));
    json_str(j, "no_store", reason_of(e, use->no_store));
    json_array(j, "removed");
    for (size_t i = 0; i < ops->count; i++)
        if (ops->ops[i].for_cache)
            json_str(j, NULL, ops->ops[i].name);
    json_array_end(j);
    json_object_end(j);
}

void explain_put_cache(struct json *j, struct explain *e)
{
    const struct route *route = e->req.route;

    if (route->purge)
        json_str(j, "purge", route->purge->name);
    if (route->cache)
        put_use(j, e, route->cache);
    else
        json_null(j, "cache");
}

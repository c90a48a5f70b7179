/* api_cache_why.c: GET /api/v1/cache/why?url=URL: what a cache has for a URL, and why. */
#include "core/cache/cache_why.h"
#include "http/bytes.h"
#include "modules/api.h"

#define WHY_FIELDS 50

/* ---- the question ---- */

static const char *add_field(struct asked *asked, struct str text)
{
    const char *colon = memchr(text.s, ':', text.len);
    size_t len = colon ? (size_t)(colon - text.s) : 0;
    struct str name = {text.s, len}, value = str_trim(str_from(text, colon ? len + 1 : text.len));

    if (!colon || !bytes_are_token(name) || !bytes_are_value(value))
        return "A `header` is \"Name: value\".";
    return header_add(&asked->headers, name, value) < 0 ? "There are more than 50 header fields." : NULL;
}

/* One "name=value" of the query; NULL, or what is wrong. */
static const char *add_argument(const struct request *req, struct asked *asked, struct str argument)
{
    const char *equals = memchr(argument.s, '=', argument.len);
    struct str name = {argument.s, equals ? (size_t)(equals - argument.s) : argument.len}, value;

    if (!equals || !api_name(req, str_from(argument, name.len + 1), &value))
        return "What is asked is ?url=URL, with method=, from= and header= where they matter, percent-encoded.";
    if (str_eq(name, STR("url")))
        asked->url = value;
    else if (str_eq(name, STR("header")))
        return add_field(asked, value);
    else if (str_eq(name, STR("from")))
        return addr_parse_ip(value, 0, &asked->from) < 0 ? "`from` is an IP address." : NULL;
    else if (str_eq(name, STR("method")) && bytes_are_token(value))
        asked->method = value;
    else
        return "There are the arguments url, method, from and header.";
    return NULL;
}

static const char *read_question(const struct request *req, struct asked *asked)
{
    struct str rest = req->has_query ? req->query : STR_NONE;
    const char *wrong = NULL;

    asked->method = STR("GET");
    header_list_init(&asked->headers, req->pool, WHY_FIELDS + 1);
    if (addr_parse_ip(STR("127.0.0.1"), 0, &asked->from) < 0)
        return "There is no loopback.";
    while (rest.len > 0 && !wrong) {
        const char *end = memchr(rest.s, '&', rest.len);
        struct str argument = {rest.s, end ? (size_t)(end - rest.s) : rest.len};

        if (argument.len > 0)
            wrong = add_argument(req, asked, argument);
        rest = str_from(rest, argument.len + (end != NULL));
    }
    return !wrong && asked->url.len == 0 ? "Say which: ?url=URL." : wrong;
}

/* ---- the answer ---- */

static void add_stored(struct json *json, const struct cache_why *w)
{
    const struct cache_object *o = w->visit.found;
    const struct cache_facts *facts;
    int64_t now;

    if (!o) {
        json_null(json, "stored");
        return;
    }
    facts = &o->facts;
    now = w->visit.cache->worker->loop->clock.wall_s;
    json_object(json, "stored");
    json_uint(json, "status", o->status);
    json_uint(json, "bytes", o->length);
    json_int(json, "at", facts->response_time);
    json_int(json, "age", cache_policy_age(facts, now));
    json_int(json, "lifetime", facts->lifetime);
    json_str(json, "lifetime_from", cache_source_text((enum cache_source)facts->source));
    json_int(json, "ttl", cache_policy_ttl(facts, now));
    json_int(json, "stale_while_revalidate", facts->stale_while_revalidate);
    json_int(json, "stale_if_error", facts->stale_if_error);
    json_bool(json, "validator", facts->flags & CACHE_FACT_VALIDATOR);
    json_bool(json, "no_cache", facts->flags & CACHE_FACT_NO_CACHE);
    json_bool(json, "must_revalidate", facts->flags & CACHE_FACT_MUST_REVALIDATE);
    json_bool(json, "soft_purged", o->stored.soft);
    json_uint(json, "tags", o->stored.head.tag_count);
    json_object_end(json);
}

static void add_variants(struct json *json, const struct cache_why *w)
{
    if (!w->visit.marker) {
        json_null(json, "vary");
        return;
    }
    json_str(json, "vary", w->visit.marker->stored.head.variant);
    json_str(json, "variant", w->variant);
    json_array(json, "variants");
    for (unsigned i = 0; i < w->variant_count; i++) {
        const struct cache_why_variant *v = &w->variants[i];

        json_object(json, NULL);
        json_str(json, "variant", v->values);
        json_uint(json, "status", v->status);
        json_int(json, "ttl", v->ttl);
        json_bool(json, "soft_purged", v->soft);
        json_object_end(json);
    }
    json_array_end(json);
}

static void add_route(struct json *json, const struct cache_why *w)
{
    const struct request *req = &w->req;

    json_str(json, "site", req->site ? req->site->name : STR_NONE);
    json_str(json, "route", req->route ? req->route->name : STR_NONE);
    json_str(json, "cache", w->use ? w->use->cache->name : STR_NONE);
    json_str(json, "key", w->key);
}

static void answer(struct request *req, const struct cache_why *w, struct str url)
{
    struct json json;

    json_init(&json, req->pool);
    json_object(&json, NULL);
    json_str(&json, "url", url);
    add_route(&json, w);
    json_str(&json, "answer", cache_why_word(w->answer));
    json_str(&json, "reason", cache_reason_token(w->reason));
    json_str(&json, "text", cache_why_text(w));
    json_bool(&json, "fetched_now", w->is_fetched);
    json_bool(&json, "passes", w->passes);
    add_stored(&json, w);
    add_variants(&json, w);
    json_object_end(&json);
    api_reply_json(req, 200, &json);
}

void api_cache_why(struct request *req)
{
    struct cache_why *why = pool_alloc(req->pool, sizeof(*why));
    struct asked asked = {.url = STR_NONE};
    const char *wrong = read_question(req, &asked);
    char error[256];

    if (wrong)
        api_reply_error(req, 400, str_of(wrong), STR_NONE);
    else if (cache_why(req->worker, &asked, req->pool, why, error, sizeof(error)) < 0)
        api_reply_error(req, 400, pool_str(req->pool, str_of(error)), STR_NONE);
    else
        answer(req, why, asked.url);
}

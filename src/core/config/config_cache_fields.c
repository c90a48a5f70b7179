/*
 * config_cache_fields.c: what tells requests apart that is not in the key of a cache: fields that are taken out, and what
 * warnings look at.
 */
#include "core/config/config_build.h"
#include "core/var_table.h"

/*
 * By these, widely used frameworks change the host, path, scheme or method that they answer for: one request with such a
 * field would spoil what is kept for all.
 */
static const char *const overriding[] = {
    "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Scheme",   "X-Forwarded-Ssl", "X-Url-Scheme",
    "Front-End-Https",    "X-Host",             "X-Original-Host",      "X-HTTP-Host-Override",
    "X-Original-URL",     "X-Rewrite-URL",      "X-HTTP-Method",        "X-Method-Override",
    "X-HTTP-Method-Override",
};

/* Where Weir does not say so itself, a client's own would be passed on. */
static const char *const forwarding[] = {"X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "Forwarded"};

#define OPS_MOST (ARRAY_SIZE(overriding) + ARRAY_SIZE(forwarding))

static bool same_name(struct str a, struct str b)
{
    bool same = a.len == b.len;

    for (size_t i = 0; same && i < a.len; i++) {
        char x = ascii_lower(a.s[i]), y = ascii_lower(b.s[i]);
        same = (x == '_' ? '-' : x) == (y == '_' ? '-' : y);
    }
    return same;
}

/* Whether the key has the variable; `name`: of a family, or empty. */
static bool key_has(const struct cache_usage *use, enum var_kind kind, struct str name)
{
    size_t count = 0;
    const struct var *pieces = use->key ? template_pieces(use->key, &count) : NULL;

    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind == kind && (!name.len || same_name(pieces[i].text, name)))
            return true;
    return false;
}

bool config_key_has_header(const struct cache_usage *use, struct str name)
{
    return key_has(use, VAR_HEADER, name);
}

static bool ops_have(const struct header_ops *ops, struct str name)
{
    for (size_t i = 0; i < ops->count; i++)
        if (str_ieq(ops->ops[i].name, name))
            return true;
    return false;
}

static void add_ops(const struct route *r, const char *const *names, size_t n, struct header_ops *to)
{
    for (size_t i = 0; i < n; i++) {
        struct str name = str_of(names[i]);

        if (!config_key_has_header(r->cache, name) && !ops_have(&r->request_headers, name))
            to->ops[to->count++] = (struct header_op){
                .what = HEADER_OP_REMOVE, .name = name, .id = header_id_of(name), .for_cache = true};
    }
}

void config_cache_fields(struct build *b, struct route *r)
{
    const void *from[] = {r->cache, r->request_headers.ops, r->forwarded ? r->cache : NULL};
    struct str id = pool_str(b->pool, (struct str){(const char *)from, sizeof(from)});
    struct header_ops *made = hash_table_get(b->made, id);

    if (!made) {
        made = pool_zalloc(b->pool, sizeof(*made));
        made->ops = pool_zalloc(b->pool, (OPS_MOST + r->request_headers.count) * sizeof(*made->ops));
        add_ops(r, overriding, ARRAY_SIZE(overriding), made);
        if (!r->forwarded)
            add_ops(r, forwarding, ARRAY_SIZE(forwarding), made);
        if (r->request_headers.count)
            memcpy(made->ops + made->count, r->request_headers.ops, r->request_headers.count * sizeof(*made->ops));
        made->count += r->request_headers.count;
        hash_table_set(b->made, id, made);
    }
    r->request_headers = *made;
}

/* As in cache_key_query(). */
static bool is_ignored(const struct cache_names *ignored, struct str name)
{
    for (size_t i = 0; i < ignored->count; i++) {
        struct str pattern = ignored->names[i];

        if (str_eq(pattern, name) || (str_has_suffix(pattern, STR("*")) &&
                                      str_has_prefix(name, (struct str){pattern.s, pattern.len - 1})))
            return true;
    }
    return false;
}

bool config_key_has_query(const struct cache_usage *use)
{
    return key_has(use, VAR_QUERY, STR_NONE) || key_has(use, VAR_QUERY_MARK, STR_NONE);
}

static bool has_argument(const struct cache_usage *use, struct str name)
{
    if (is_ignored(&use->ignore_query, name))
        return false;
    return config_key_has_query(use) || key_has(use, VAR_ARG, name);
}

bool config_key_has_host(const struct cache_usage *use)
{
    return key_has(use, VAR_HOST, STR_NONE) || key_has(use, VAR_HOST_CAPTURE, STR_NONE) ||
           config_key_has_header(use, STR("host"));
}

bool config_key_has_path(const struct cache_usage *use)
{
    return key_has(use, VAR_PATH, STR_NONE) || key_has(use, VAR_CAPTURE, STR_NONE);
}

bool config_key_has_scheme(const struct cache_usage *use)
{
    return key_has(use, VAR_SCHEME, STR_NONE) || config_key_has_header(use, STR("x-forwarded-proto"));
}

bool config_key_has_site(const struct cache_usage *use)
{
    return key_has(use, VAR_SITE, STR_NONE) || key_has(use, VAR_ROUTE, STR_NONE);
}

bool config_key_has_route(const struct cache_usage *use)
{
    return key_has(use, VAR_ROUTE, STR_NONE);
}

/* An argument that the key would have, and never has. */
struct str config_key_lost_argument(const struct cache_usage *use)
{
    size_t count = 0;
    const struct var *pieces = use->key ? template_pieces(use->key, &count) : NULL;

    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind == VAR_ARG && is_ignored(&use->ignore_query, pieces[i].text))
            return pieces[i].text;
    return STR_NONE;
}

/* Whether the variable is the same for all requests of one key. */
static bool is_keyed(const struct cache_usage *use, const struct var *var)
{
    switch (var->kind) {
    case VAR_TEXT:
    case VAR_METHOD: /* what is stored is the answer to GET */
    case VAR_SITE:
    case VAR_ROUTE: return true;
    case VAR_QUERY:
    case VAR_QUERY_MARK: return config_key_has_query(use) && use->ignore_query.count == 0;
    case VAR_ARG: return has_argument(use, var->text);
    case VAR_CAPTURE: return config_key_has_path(use);
    case VAR_HOST:
    case VAR_HOST_CAPTURE: return config_key_has_host(use);
    case VAR_HEADER:
        return config_key_has_header(use, var->text) ||
               (same_name(var->text, STR("host")) && config_key_has_host(use));
    default: return key_has(use, var->kind, var->text);
    }
}

static const char *name_of(const struct var *var)
{
    switch (var->kind) {
    case VAR_HEADER: return "header_";
    case VAR_COOKIE: return "cookie_";
    case VAR_ARG: return "arg_";
    default: return NULL;
    }
}

struct str config_key_lacks(const struct cache_usage *use, const struct template *value, struct pool *pool)
{
    size_t count = 0;
    const struct var *pieces = value ? template_pieces(value, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        const char *family = name_of(&pieces[i]);

        if (!family || is_keyed(use, &pieces[i]))
            continue;
        char *text = pool_text(pool, strlen(family) + pieces[i].text.len);
        struct str name = pool_printf(pool, "%s%.*s", family, STR_ARG(pieces[i].text));
        for (size_t k = 0; k < name.len; k++)
            text[k] = name.s[k] == '-' ? '_' : name.s[k];
        return (struct str){text, name.len};
    }
    return STR_NONE;
}

static bool value_is_keyed(const struct cache_usage *use, const struct template *value)
{
    size_t count = 0;
    const struct var *pieces = value ? template_pieces(value, &count) : NULL;

    for (size_t i = 0; i < count; i++)
        if (!is_keyed(use, &pieces[i]))
            return false;
    return true;
}

static bool term_is_keyed(const struct cache_usage *use, const struct match_term *t)
{
    struct var var = {.header = HEADER_OTHER, .text = t->name};

    switch (t->subject) {
    case MATCH_METHOD: return true;
    case MATCH_SOURCE: var.kind = VAR_REMOTE_ADDR; break;
    case MATCH_SCHEME: var.kind = VAR_SCHEME; break;
    case MATCH_LANGUAGE: var = (struct var){.kind = VAR_HEADER, .text = STR("accept-language")}; break;
    case MATCH_USER_AGENT: var = (struct var){.kind = VAR_HEADER, .text = STR("user-agent")}; break;
    case MATCH_SNI: var.kind = VAR_SSL_SNI; break;
    case MATCH_HEADER: var.kind = VAR_HEADER; break;
    case MATCH_COOKIE: var.kind = VAR_COOKIE; break;
    case MATCH_QUERY: var.kind = VAR_ARG; break;
    case MATCH_PERCENT:
    case MATCH_VALUE: return value_is_keyed(use, t->value);
    case MATCH_ANY:
        for (size_t i = 0; i < t->any_count; i++)
            if (!term_is_keyed(use, &t->any[i]))
                return false;
        return true;
    default: return false;
    }
    return is_keyed(use, &var);
}

bool config_key_has_conditions(const struct cache_usage *use, const struct match *match)
{
    for (size_t i = 0; match && i < match->count; i++)
        if (!term_is_keyed(use, &match->terms[i]))
            return false;
    return true;
}

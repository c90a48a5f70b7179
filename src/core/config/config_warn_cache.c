/*
 * config_warn_cache.c: settings of caches that do nothing; and keys that do not tell apart what is not the same, so that
 * one client would get what is meant for another.
 */
#include "core/config/config_build.h"
#include "core/var.h"

static const struct conf_group *const group = &settings_cache_group;

static struct conf_place place(const struct cache_settings *s, const char *name)
{
    return conf_place_of(group, &s->head, name);
}

/* ---- by itself ---- */

static bool is_held(const struct conf_list *by, const struct conf_statuses *status)
{
    const struct conf_statuses *items = by->items;

    for (size_t i = 0; i < by->n; i++)
        if (items[i].first <= status->first && status->last <= items[i].last)
            return true;
    return false;
}

/* The one of `ttl` before the i-th that has all of its statuses; or NULL. */
static const struct cache_ttl_settings *ttl_before(const struct cache_ttl_settings *ttls, size_t i)
{
    const struct conf_statuses *statuses = ttls[i].status.items;

    for (size_t k = 0; k < i; k++) {
        size_t held = 0;

        while (held < ttls[i].status.n && is_held(&ttls[k].status, &statuses[held]))
            held++;
        if (held == ttls[i].status.n)
            return &ttls[k];
    }
    return NULL;
}

static void warn_ttls(struct build *b, const struct cache_settings *s)
{
    const struct cache_ttl_settings *ttls = s->ttl.items, *before;

    for (size_t i = 0; i < s->ttl.n; i++) {
        before = ttl_before(ttls, i);
        if (before)
            conf_report_warn(b->report, ttls[i].head.at,
                             "this element of 'ttl' does nothing, as the one at %s:%u has its statuses; remove one of them",
                             before->head.at.file, before->head.at.line);
    }
}

static void warn_written(struct build *b, const struct cache_settings *s, const char *name, const char *text)
{
    if (settings_has(group, &s->head, name))
        conf_report_warn(b->report, place(s, name), "'%s' does nothing %s", name, text);
}

/* Of a cache, or of what a route makes of it. */
static void warn_usage(struct build *b, const struct cache_settings *s, const struct cache_usage *use)
{
    struct str lost = config_key_lost_argument(use);

    warn_ttls(b, s);
    if (!s->lock) {
        warn_written(b, s, "lock_timeout", "with lock = false, where nobody waits; remove it");
        warn_written(b, s, "hit_for_miss", "with lock = false, where nobody waits; remove it");
    }
    if (lost.s)
        conf_report_warn(b->report, place(s, "ignore_query"),
                         "'ignore_query' takes out the argument \"%.*s\", which 'key' names; take it out of one of them",
                         STR_ARG(lost));
    if (!config_key_has_query(use) && !lost.s) {
        warn_written(b, s, "sort_query", "with a 'key' without $uri and $query; remove it");
        warn_written(b, s, "ignore_query", "with a 'key' without $uri and $query; remove it");
    }
}

/* ---- with what is forwarded ---- */

/* A route and what its cache is to it. */
struct cached {
    struct build *b;
    const struct route *route;
    const struct cache_usage *use;
    const struct cache_settings *settings; /* joined: of the use */
    const struct level_settings *level;
};

/* Whether any other host than one can come to the site. */
static bool has_hosts(const struct config *c, const struct site *site)
{
    for (size_t i = 0; i < c->listener_count; i++)
        if (!c->listeners[i].admin && c->listeners[i].default_site == site)
            return true;
    return site->host_count != 1 || strpbrk(pool_str(c->pool, site->hosts[0]).s, "*~") || site->hosts[0].s[0] == '.';
}

/* Two sites whose answers have the same keys; said once of a key, whose first route is remembered. */
static void warn_sites(const struct cached *c)
{
    const struct route *first = config_made(c->b, c->use->key);

    if (!first)
        config_keep(c->b, c->use->key, (void *)(uintptr_t)c->route);
    if (!first || first->site == c->route->site || first->cache->cache != c->use->cache)
        return;
    conf_report_warn(c->b->report, place(c->settings, "key"),
                     "'key' is without $host, and the cache is that of several sites, those at %s:%u and others; write "
                     "key = \"$scheme$host$uri\"",
                     first->site->at.file, first->site->at.line);
}

static void warn_host(const struct cached *c)
{
    if (config_key_has_host(c->use))
        return;
    if (has_hosts(c->b->config, c->route->site))
        conf_report_warn(c->b->report, place(c->settings, "key"),
                         "'key' is without $host, and the site at %s:%u answers for more than one: what one host has is "
                         "given out for others; write key = \"$scheme$host$uri\"",
                         c->route->site->at.file, c->route->site->at.line);
    else if (!config_key_has_site(c->use))
        warn_sites(c);
}

/* Whether clients come to the site with TLS, or without; through trusted peers. */
static bool is_reached(const struct config *c, const struct site *site, bool (*how)(const struct listener_conf *))
{
    for (size_t i = 0; i < c->listener_count; i++)
        for (size_t k = 0; how(&c->listeners[i]) && k < c->listeners[i].site_count; k++)
            if (c->listeners[i].sites[k] == site)
                return true;
    return false;
}

static bool by_tls(const struct listener_conf *l)
{
    return !l->admin && l->tls;
}

static bool by_clear(const struct listener_conf *l)
{
    return !l->admin && !l->tls;
}

static bool by_trusted(const struct listener_conf *l)
{
    return !l->admin && l->trusted_count > 0;
}

static void warn_scheme(const struct cached *c)
{
    const struct config *config = c->b->config;
    const struct site *site = c->route->site;

    if (!config_key_has_scheme(c->use) && !c->route->https_port && is_reached(config, site, by_tls) &&
        is_reached(config, site, by_clear))
        conf_report_warn(c->b->report, place(c->settings, "key"),
                         "'key' is without $scheme, and clients come with TLS and without: a redirect to https would be "
                         "given to both; write key = \"$scheme$host$uri\"");
}

static void warn_path(const struct cached *c)
{
    if (!config_key_has_path(c->use) && c->route->matcher != ROUTE_EXACT && !template_is_literal(c->use->key))
        conf_report_warn(c->b->report, place(c->settings, "key"),
                         "'key' is without $uri and $path, so that all paths of the route at %s:%u are one object; write "
                         "key = \"$scheme$host$uri\"",
                         c->route->at.file, c->route->at.line);
}

static bool is_changed(const struct route *r, struct str name)
{
    for (size_t i = 0; i < r->request_headers.count; i++)
        if (str_ieq(r->request_headers.ops[i].name, name) && r->request_headers.ops[i].what != HEADER_OP_ADD)
            return true;
    return false;
}

/* What peers that are trusted say is passed on as they say it; many let it through from clients. */
static void warn_trusted(const struct cached *c)
{
    static const char *const names[] = {"X-Forwarded-Host", "X-Forwarded-Proto"};
    static const char *const variables[] = {"$header_x_forwarded_host", "$header_x_forwarded_proto"};

    if (!c->route->forwarded || !is_reached(c->b->config, c->route->site, by_trusted))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!config_key_has_header(c->use, str_of(names[i])) && !is_changed(c->route, str_of(names[i])))
            conf_report_warn(c->b->report, place(c->settings, "key"),
                             "'key' is without %s, which peers in 'trusted' may send and servers may answer by; put it "
                             "into the key, or write request_headers = { remove = \"%s\"; };",
                             variables[i], names[i]);
}

static void warn_fields(const struct cached *c)
{
    const struct header_ops *ops = &c->route->request_headers;
    const struct conf_group *g = &settings_route_group;
    struct str lacks;

    for (size_t i = 0; i < ops->count; i++) {
        lacks = ops->ops[i].value ? config_key_lacks(c->use, ops->ops[i].value, c->b->pool) : STR_NONE;
        if (lacks.s)
            conf_report_warn(c->b->report, conf_place_of(g, &c->level->head, "request_headers"),
                             "%.*s is made of $%.*s, which is not in the 'key' of the cache: an answer by it is given to "
                             "all; put $%.*s into the key",
                             STR_ARG(ops->ops[i].name), STR_ARG(lacks), STR_ARG(lacks));
    }
    lacks = config_key_lacks(c->use, c->route->proxy_host, c->b->pool);
    if (lacks.s)
        conf_report_warn(c->b->report, conf_place_of(g, &c->level->head, "proxy_headers"),
                         "Host is made of $%.*s, which is not in the 'key' of the cache: an answer by it is given to all; "
                         "put $%.*s into the key",
                         STR_ARG(lacks), STR_ARG(lacks));
}

static void warn_upstream(const struct cached *c)
{
    const struct upstream *u = c->route->upstream;

    for (size_t i = 0; i < u->divert_count; i++)
        if (!config_key_has_conditions(c->use, u->diverts[i].when))
            conf_report_warn(c->b->report, c->level->cache->head.at,
                             "'divert' at %s:%u chooses by what is not in the 'key' of the cache: what one of the "
                             "upstreams answers is given to all; put it into the key, or write cache = false",
                             u->diverts[i].at.file, u->diverts[i].at.line);
    if (u->sticky && u->sticky->mode == STICKY_INSERT)
        conf_report_warn(c->b->report, c->level->cache->head.at,
                         "the upstream \"%.*s\" at %s:%u has 'sticky', and an answer on which that sets its cookie is "
                         "private: it is not stored, only those to clients that have the cookie are",
                         STR_ARG(u->name), u->at.file, u->at.line);
}

static bool may_meet(const struct route *a, const struct route *b)
{
    if (a->internal || b->internal || a->matcher == ROUTE_REGEX || b->matcher == ROUTE_REGEX)
        return !a->internal && !b->internal;
    if (a->matcher == ROUTE_EXACT || b->matcher == ROUTE_EXACT)
        return str_has_prefix(a->path, b->path) || str_has_prefix(b->path, a->path);
    return str_has_prefix(a->path, b->path);
}

static bool is_the_same(const struct route *a, const struct route *b)
{
    return a->upstream == b->upstream && a->rewrites == b->rewrites && a->replace_path == b->replace_path &&
           str_eq(a->strip_prefix, b->strip_prefix) && str_eq(a->add_prefix, b->add_prefix) &&
           a->proxy_host == b->proxy_host;
}

/* Another route that takes the same URLs where this one's conditions do not hold, and whose answers have the same keys. */
static void warn_when(const struct cached *c)
{
    const struct site *site = c->route->site;

    if (!c->route->when || config_key_has_conditions(c->use, c->route->when) || config_key_has_route(c->use))
        return;
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route *other = &site->routes[i];

        if (other == c->route || !other->cache || other->cache->cache != c->use->cache || !may_meet(c->route, other) ||
            !str_eq(template_text(other->cache->key), template_text(c->use->key)) || is_the_same(c->route, other))
            continue;
        conf_report_warn(c->b->report, c->route->at,
                         "'when' chooses this route by what is not in the 'key' of its cache, which the one at %s:%u has "
                         "too: what one of them gets is given out by both; put it into the key, or $route",
                         other->at.file, other->at.line);
        return;
    }
}

static void warn_cached(struct build *b, const struct route *r, const struct level_settings *level)
{
    const struct cached c = {b, r, r->cache, config_cache_settings(b, r->cache), level};

    warn_usage(b, c.settings, c.use);
    warn_host(&c);
    warn_scheme(&c);
    warn_path(&c);
    warn_trusted(&c);
    warn_fields(&c);
    warn_upstream(&c);
    warn_when(&c);
}

/* ---- caches ---- */

static void warn_cache(struct build *b, const struct cache_conf *cache, bool used)
{
    const struct cache_settings *s = (const struct cache_settings *)b->settings->caches.items + cache->index;

    warn_usage(b, s, &cache->defaults);
    if (!used)
        conf_report_warn(b->report, cache->at, "no route uses the cache \"%.*s\"; write cache = \"%.*s\"; in one that "
                                               "forwards",
                         STR_ARG(cache->name), STR_ARG(cache->name));
    if (settings_has(group, &s->head, "memory") && cache->memory > cache->size)
        conf_report_warn(b->report, place(s, "memory"),
                         "'memory' is larger than 'size', and what is beyond that is never used; write a smaller one");
}

void config_warn_caches(struct build *b)
{
    const struct config *c = b->config;
    const struct level_settings *sites = b->settings->sites.items;
    bool *used = pool_zalloc(b->pool, (c->cache_count + 1) * sizeof(*used));

    if (c->cache_count == 0)
        return;
    for (size_t i = 0; i < c->site_count; i++) {
        for (size_t k = 0; k < c->sites[i].route_count; k++) {
            const struct route *r = &c->sites[i].routes[k];
            const struct level_settings *level =
                k < sites[i].routes.n ? (const struct level_settings *)sites[i].routes.items + k : &sites[i];

            if (!r->cache || !r->upstream)
                continue;
            used[r->cache->cache->index] = true;
            warn_cached(b, r, level);
        }
    }
    for (size_t i = 0; i < c->cache_count; i++)
        warn_cache(b, &c->caches[i], used[i]);
}

/* config_site.c: sites, their routes in order, and what two of them may not share. */
#include "core/config/config_build.h"

static bool site_names_action(const struct level_settings *s)
{
    return s->proxy.s || s->root.s || s->alias.s || s->redirect || s->respond || s->status || s->purge.s;
}

/* An action of the site itself is its last route. */
static void site_last_route(struct build *b, struct site *site, const struct level_settings *s)
{
    struct level_settings *last = pool_zalloc(b->pool, sizeof(*last));
    struct route *route = &site->routes[site->route_count];

    last->head.at = s->head.at;
    last->proxy = s->proxy;
    last->root = s->root;
    last->alias = s->alias;
    last->redirect = s->redirect;
    last->respond = s->respond;
    last->status = s->status;
    last->purge = s->purge;
    /* A site's root is also for routes without an action, so another action goes before it. */
    if (s->proxy.s || s->alias.s || s->redirect || s->respond || s->status || s->purge.s)
        last->root = STR_NONE;
    route->index = site->route_count++;
    config_build_route(b, site, route, last, s, &settings_site_group);
}

static struct str route_key(struct build *b, const struct route *r)
{
    char *key = pool_text(b->pool, r->path.len + 1);

    key[0] = r->matcher == ROUTE_REGEX ? '~' : r->matcher == ROUTE_EXACT ? '=' : '^';
    memcpy(key + 1, r->path.s, r->path.len);
    return (struct str){key, r->path.len + 1};
}

/* A route without conditions takes all that those behind it with the same matcher would. */
static void check_matcher(struct build *b, struct hash_table *seen, const struct level_settings *s,
                          struct route *r, bool *shadowed)
{
    struct str key = route_key(b, r);
    struct route *first;

    *shadowed = false;
    if (r->internal)
        return;
    if (s && s->nocase)
        key = pool_printf(b->pool, "i%.*s", STR_ARG(key));
    first = hash_table_get(seen, key);
    if (first) {
        *shadowed = true;
        if (s)
            conf_report_add(b->report, r->at,
                            "this route is never reached: the one at %s:%u takes the same requests; "
                            "give that one a `when` or remove one of them",
                            first->at.file, first->at.line);
    } else if (!r->when) {
        hash_table_set(seen, key, r);
    }
}

static void check_route_name(struct build *b, struct hash_table *names, struct route *r)
{
    struct route *first = r->name.len ? hash_table_get(names, r->name) : NULL;

    if (first)
        conf_report_add(b->report, r->at,
                        "the route \"%.*s\" is in this site twice, first at %s:%u; rename one",
                        STR_ARG(r->name), first->at.file, first->at.line);
    else if (r->name.len)
        hash_table_set(names, r->name, r);
}

static void site_routes(struct build *b, struct site *site, struct level_settings *s)
{
    struct level_settings *routes = s->routes.items;
    struct hash_table *seen = hash_table_new(b->pool, b->key, s->routes.n);
    struct hash_table *names = hash_table_new(b->pool, b->key, 8);
    bool shadowed;

    site->routes = pool_zalloc(b->pool, (s->routes.n + 1) * sizeof(*site->routes));
    for (size_t i = 0; i < s->routes.n; i++) {
        struct route *r = &site->routes[i];
        r->index = site->route_count++;
        config_build_route(b, site, r, &routes[i], s, &settings_site_group);
        check_matcher(b, seen, &routes[i], r, &shadowed);
        check_route_name(b, names, r);
    }
    if (site_names_action(s) || (s->routes.n == 0 && b->settings->defaults->root.s)) {
        site_last_route(b, site, s);
        check_matcher(b, seen, NULL, &site->routes[site->route_count - 1], &shadowed);
        if (shadowed)
            site->route_count--;
    } else if (s->routes.n == 0 && !s->head.broken) {
        conf_report_add(b->report, site->at,
                        "the site does nothing; write routes = ( ... ); or an action such as "
                        "proxy, root, redirect or respond");
    }
}

static void site_build(struct build *b, struct level_settings *s, struct site *site)
{
    struct site *first;

    site->at = s->head.at;
    site->index = (size_t)(site - b->config->sites);
    site->hosts = s->hosts.items;
    site->host_count = s->hosts.n;
    site->name = s->name.s ? s->name : s->hosts.n ? site->hosts[0] : STR("");
    if (!b->hostless && s->hosts.n == 0)
        b->hostless = site;
    (void)!settings_join(&b->load, &settings_site_group, s, &settings_defaults_group, b->settings->defaults);
    config_build_site_tls(b, s, site);
    config_build_access_logs(b, s, &site->access_logs, &site->access_log_count);
    site_routes(b, site, s);
    config_resolve_tries(b, site);
    site->router = router_new(b->pool, b->key, site->routes, site->route_count);
    if (!site->name.len)
        return;
    first = hash_table_get(b->sites, site->name);
    if (!first)
        hash_table_set(b->sites, site->name, site);
    else
        conf_report_add(b->report, site->at, "the site \"%.*s\" is defined twice, first at %s:%u; rename one",
                        STR_ARG(site->name), first->at.file, first->at.line);
}

void config_build_sites(struct build *b)
{
    const struct conf_list *list = &b->settings->sites;
    struct config *c = b->config;

    c->site_count = list->n;
    c->sites = pool_zalloc(b->pool, (list->n + 1) * sizeof(*c->sites));
    for (size_t i = 0; i < list->n; i++)
        site_build(b, (struct level_settings *)list->items + i, &c->sites[i]);
}

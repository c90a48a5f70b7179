/* config_tcp.c: listeners of mode "tcp": who may connect, and which upstream takes the connection. */
#include "core/config/config_build.h"

enum { MODE_TCP = 1 };

static struct conf_place place_of(const struct listener_settings *s, const char *name)
{
    return conf_place_of(&settings_listener_group, &s->head, name);
}

static bool has(const struct listener_settings *s, const char *name)
{
    return settings_has(&settings_listener_group, &s->head, name);
}

/* Settings that mean something in the other mode only. */
static void refuse_others(struct build *b, const struct listener_settings *s, const char *const *names, size_t n,
                          const char *mode)
{
    for (size_t i = 0; i < n; i++)
        if (has(s, names[i]))
            conf_report_add(b->report, place_of(s, names[i]), "'%s' is for listeners with mode = \"%s\"; remove it, or write "
                            "that", names[i], mode);
}

/* There is no head, so that only the connection itself can be asked about. */
static void check_conditions(struct build *b, const struct match_term *terms, size_t count, struct conf_place at)
{
    for (size_t i = 0; i < count; i++) {
        const struct match_term *t = &terms[i];

        if (t->subject == MATCH_ANY)
            check_conditions(b, t->any, t->any_count, at);
        else if (t->subject != MATCH_SOURCE && t->subject != MATCH_PERCENT && t->subject != MATCH_SNI)
            conf_report_add(b->report, at, "a tcp listener sees no HTTP; ask for source, percent or sni in its `when`");
    }
}

static bool asks_for_name(const struct match_term *terms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (terms[i].subject == MATCH_SNI || (terms[i].subject == MATCH_ANY && asks_for_name(terms[i].any, terms[i].any_count)))
            return true;
    return false;
}

static const char *const needs_http[] = {"uri", "url_param", "header", "rdp_cookie"};

static void check_upstream(struct build *b, const struct upstream *upstream, struct conf_place at)
{
    const char *method = upstream ? config_balance_name(upstream->balance) : NULL;

    for (size_t i = 0; method && i < ARRAY_SIZE(needs_http); i++)
        if (strcmp(method, needs_http[i]) == 0)
            conf_report_add(b->report, at, "the upstream \"%.*s\" balances by \"%s\", which needs HTTP; write another method "
                            "there, such as \"source\"", STR_ARG(upstream->name), method);
    if (upstream && upstream->sticky)
        conf_report_add(b->report, at, "the upstream \"%.*s\" has 'sticky', which needs HTTP; write balance = \"source\" there",
                        STR_ARG(upstream->name));
}

/* One route, as if it stood in a site. */
static void route_build(struct build *b, const struct listener_settings *s, struct tcp_conf *tcp, struct route *r,
                        const struct tcp_route_settings *from, struct conf_place at, struct str proxy)
{
    struct level_settings *level = pool_zalloc(b->pool, sizeof(*level));

    level->head.at = at;
    level->proxy = proxy;
    level->name = from && from->name.s ? from->name : STR_NONE;
    level->timeouts = s->timeouts;
    level->retry = s->retry;
    level->access_log = s->access_log;
    settings_mark(&b->load, &settings_route_group, &level->head, "proxy", at);
    settings_mark(&b->load, &settings_route_group, &level->head, "timeouts", at);
    settings_mark(&b->load, &settings_route_group, &level->head, "retry", at);
    settings_mark(&b->load, &settings_route_group, &level->head, "access_log", at);
    config_build_route(b, tcp->site, r, level, b->settings->defaults, &settings_defaults_group);
    r->body_buffering = BODY_STREAM;
    r->label = r->name.len ? r->name : s->address.text;
    if (from && from->when.n) {
        r->when = config_match(b, &from->when, VAR_REQUEST);
        if (r->when) {
            check_conditions(b, r->when->terms, r->when->count, at);
            tcp->wants_name = tcp->wants_name || (!s->tls && asks_for_name(r->when->terms, r->when->count));
        }
    }
    check_upstream(b, r->upstream, at);
}

static void routes_build(struct build *b, const struct listener_settings *s, struct listener_conf *l, struct tcp_conf *tcp)
{
    const struct tcp_route_settings *routes = s->routes.items;
    struct site *site = pool_zalloc(b->pool, sizeof(*site));
    size_t count = s->routes.n + (s->proxy.s != NULL);

    tcp->site = site;
    site->name = l->text;
    site->at = l->at;
    site->routes = pool_zalloc(b->pool, (count + 1) * sizeof(*site->routes));
    for (size_t i = 0; i < s->routes.n; i++)
        if (routes[i].proxy.s)
            route_build(b, s, tcp, &site->routes[site->route_count++], &routes[i], routes[i].head.at, routes[i].proxy);
    if (s->proxy.s)
        route_build(b, s, tcp, &site->routes[site->route_count++], NULL, place_of(s, "proxy"), s->proxy);
    if (count == 0)
        conf_report_add(b->report, l->at, "the tcp listener has nowhere to send to; write proxy = \"UPSTREAM\";");
}

bool config_build_listener_tcp(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    static const char *const tcp_only[] = {"proxy", "routes", "allow", "deny"};
    static const char *const http_only[] = {"sites", "default_site", "admin", "http2"};
    struct tcp_conf *tcp;

    if (s->mode != MODE_TCP) {
        refuse_others(b, s, tcp_only, ARRAY_SIZE(tcp_only), "tcp");
        return false;
    }
    refuse_others(b, s, http_only, ARRAY_SIZE(http_only), "http");
    tcp = pool_zalloc(b->pool, sizeof(*tcp));
    tcp->allow = config_networks(b, &s->allow, &tcp->allow_count);
    tcp->deny = config_networks(b, &s->deny, &tcp->deny_count);
    routes_build(b, s, l, tcp);
    l->tcp = tcp;
    l->hosts = config_no_hosts(b);
    /* The other side may have the first word: not to be waited for unless that is wanted. */
    if (!has(s, "defer_accept"))
        l->defer_accept_s = 0;
    return true;
}

/* config_tcp.c: listeners of mode "tcp": who may connect, and which upstream takes the connection. */
#include "core/config/config_build.h"
#include "core/upstream/balance_key.h"

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
static void refuse_others(struct build *b, const struct listener_settings *s, unsigned scope, const char *mode)
{
    const struct conf_group *g = &settings_listener_group;

    for (size_t i = 0; i < g->n_rows; i++)
        if ((g->rows[i].scopes & scope) && settings_is_written(g, &s->head, g->rows[i].name))
            conf_report_add(b->report, place_of(s, g->rows[i].name), "'%s' is for listeners with mode = \"%s\"; remove it, "
                            "or write that", g->rows[i].name, mode);
}

static void check_key(struct build *b, const struct template *key, struct conf_place at)
{
    if (key && template_wants_head(key))
        conf_report_add(b->report, at, "a tcp listener sees no HTTP, of which \"%.*s\" is; write variables such as "
                        "$remote_addr or $ssl_sni", STR_ARG(template_text(key)));
}

/* There is no head, so that only the connection itself can be asked about. */
static void check_terms(struct build *b, const struct match_term *terms, size_t count, struct conf_place at)
{
    for (size_t i = 0; i < count; i++) {
        const struct match_term *t = &terms[i];

        if (!config_match_is_raw(t->subject))
            conf_report_add(b->report, at, "a tcp listener sees no HTTP; ask for source, percent or sni in the `when` here");
        else if (t->subject == MATCH_ANY)
            check_terms(b, t->any, t->any_count, at);
        else
            check_key(b, t->value, at);
    }
}

static void check_conditions(struct build *b, const struct match *when, struct conf_place at)
{
    if (when)
        check_terms(b, when->terms, when->count, at);
}

static bool wants_sni(const struct template *text)
{
    return text && template_wants_sni(text);
}

static bool terms_want_name(const struct match_term *terms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (terms[i].subject == MATCH_SNI || wants_sni(terms[i].value) || terms_want_name(terms[i].any, terms[i].any_count))
            return true;
    return false;
}

static bool when_wants_name(const struct match *when)
{
    return when && terms_want_name(when->terms, when->count);
}

/* Those of the listener itself: what sites have in their lines shall not make all others wait for a name. */
static bool logs_want_name(const struct route *r)
{
    for (size_t i = 0; i < r->access_log_count; i++) {
        const struct access_log *log = r->access_logs[i];

        if (wants_sni(log->line) || when_wants_name(log->when))
            return true;
        for (size_t k = 0; k < log->fields.count; k++)
            if (wants_sni(log->fields.items[k].value))
                return true;
    }
    return false;
}

/* An upstream and those it diverts to; `left` ends circles, which are reported elsewhere. */
static void check_upstream(struct build *b, struct tcp_conf *tcp, const struct upstream *u, struct conf_place at, size_t left)
{
    const char *method = config_balance_name(u->balance);

    if (u->balance == BALANCE_HASH)
        check_key(b, u->balance_conf.key, at);
    else if (balance_wants_head(u))
        conf_report_add(b->report, at, "the upstream \"%.*s\" balances by \"%s\", which needs HTTP; write another method "
                        "there, such as \"source\"", STR_ARG(u->name), method);
    if (u->sticky)
        conf_report_add(b->report, at, "the upstream \"%.*s\" has 'sticky', which needs HTTP; write balance = \"source\" there",
                        STR_ARG(u->name));
    tcp->wants_name = tcp->wants_name || wants_sni(u->balance_conf.key);
    for (size_t i = 0; i < u->divert_count && left > 0; i++) {
        check_conditions(b, u->diverts[i].when, u->diverts[i].at);
        tcp->wants_name = tcp->wants_name || when_wants_name(u->diverts[i].when);
        check_upstream(b, tcp, u->diverts[i].to, at, left - 1);
    }
}

/* What is of HTTP: there is none to log, and no answer to try again after. */
static void warn_http(struct build *b, const struct listener_settings *s, const struct route *r)
{
    const struct access_log_settings *logs = s->access_log.items;

    for (size_t i = 0; i < s->access_log.n; i++)
        for (size_t k = 0; k < r->access_log_count; k++) {
            const struct template *text = r->access_logs[k]->line;

            if (text && str_eq(template_text(text), logs[i].format) && template_wants_head(text))
                conf_report_warn(b->report, conf_place_of(&settings_access_log_group, &logs[i].head, "format"),
                                 "the format has variables of HTTP, of which a tcp listener sees nothing");
        }
    if (s->retry && settings_is_written(&settings_retry_group, &s->retry->head, "on") &&
        (r->retry.on_502 || r->retry.on_503 || r->retry.on_504))
        conf_report_warn(b->report, conf_place_of(&settings_retry_group, &s->retry->head, "on"),
                         "a tcp listener sees no answer, so that \"502\", \"503\" and \"504\" do nothing; write \"connect\"");
    for (size_t i = 0; i < r->upstream->peer_count; i++) {
        if (!r->upstream->peers[i].http2)
            continue;
        conf_report_warn(b->report, r->at, "the protocol of the upstream \"%.*s\" does nothing here: a tcp listener passes "
                         "bytes on as they are", STR_ARG(r->upstream->name));
        break;
    }
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
        check_conditions(b, r->when, at);
        tcp->needs_name = tcp->needs_name || when_wants_name(r->when);
    }
    if (r->upstream) {
        warn_http(b, s, r);
        check_upstream(b, tcp, r->upstream, at, b->config->upstream_count);
    }
    if (settings_is_written(&settings_listener_group, &s->head, "access_log"))
        tcp->wants_name = tcp->wants_name || logs_want_name(r);
}

/* Behind one that takes every connection. */
static void warn_unreached(struct build *b, const struct listener_settings *s, size_t i)
{
    const struct tcp_route_settings *routes = s->routes.items;
    struct conf_place behind = i + 1 < s->routes.n ? routes[i + 1].head.at : place_of(s, "proxy");

    if (routes[i].when.n == 0 && (i + 1 < s->routes.n || s->proxy.s))
        conf_report_warn(b->report, behind, "this is never reached: the route at %s:%u has no `when` and takes every "
                         "connection", routes[i].head.at.file, routes[i].head.at.line);
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
        warn_unreached(b, s, i);
    for (size_t i = 0; i < s->routes.n; i++)
        if (routes[i].proxy.s)
            route_build(b, s, tcp, &site->routes[site->route_count++], &routes[i], routes[i].head.at, routes[i].proxy);
    if (s->proxy.s)
        route_build(b, s, tcp, &site->routes[site->route_count++], NULL, place_of(s, "proxy"), s->proxy);
    if (count == 0)
        conf_report_add(b->report, l->at, "the tcp listener has nowhere to send to; write proxy = \"UPSTREAM\";");
}

static void limit_build(struct build *b, const struct connection_limit_settings *s, struct tcp_conf *tcp)
{
    struct conf_place at;

    if (!s)
        return;
    tcp->limit = (uint64_t)s->max;
    if (!s->key.len || str_eq(s->key, STR("$remote_addr")))
        return;
    at = conf_place_of(&settings_connection_limit_group, &s->head, "key");
    tcp->limit_key = template_new(b->pool, s->key, VAR_REQUEST, at, b->report);
    check_key(b, tcp->limit_key, at);
    tcp->wants_name = wants_sni(tcp->limit_key);
}

bool config_build_listener_tcp(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    struct tcp_conf *tcp;

    if (s->mode != MODE_TCP) {
        refuse_others(b, s, SCOPE_MODE_TCP, "tcp");
        return false;
    }
    refuse_others(b, s, SCOPE_MODE_HTTP, "http");
    tcp = pool_zalloc(b->pool, sizeof(*tcp));
    tcp->allow = config_networks(b, &s->allow, &tcp->allow_count);
    tcp->deny = config_networks(b, &s->deny, &tcp->deny_count);
    limit_build(b, s->connection_limit, tcp);
    routes_build(b, s, l, tcp);
    tcp->wants_name = !s->tls && (tcp->wants_name || tcp->needs_name);
    l->tcp = tcp;
    l->hosts = config_no_hosts(b);
    /* The other side may have the first word: not to be waited for unless that is wanted. */
    if (!has(s, "defer_accept"))
        l->defer_accept_s = 0;
    return true;
}

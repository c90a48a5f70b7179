/* explain_text.c: an explanation for people: a line for each thing, its name in the first column. */
#include "base/log.h"
#include "base/units.h"
#include "core/discovery/servers_file.h"
#include "core/https.h"
#include "core/tls/tls_client.h"
#include "core/var.h"
#include "main/explain.h"
#include "main/explain_cache.h"
#include "main/explain_health.h"
#include "main/explain_recovery.h"
#include "main/explain_tls.h"

/* More sites are shown one by one with --all only. */
#define SITES_SHOWN 5
/* Bytes of a body that are shown. */
#define BODY_SHOWN 200

static void line(FILE *to, const char *name, struct str text)
{
    fprintf(to, "%-11s%.*s\n", name, STR_ARG(text));
}

static struct str with_place(struct str text, struct conf_place at, struct pool *pool)
{
    struct str place = explain_place(at, pool);

    return place.len ? pool_printf(pool, "%.*s  (%.*s)", STR_ARG(text), STR_ARG(place)) : text;
}

static void print_request(struct explain *e, FILE *to)
{
    struct request *req = &e->req;
    struct str came = req->head.target;
    struct str uri = var_value(req, STR("uri"));

    line(to, "listener", with_place(req->listener->text, req->listener->at, req->pool));
    if (e->listener_assumed)
        line(to, "", STR("assumed: none has the usual port, and the URL names no other"));
    explain_print_tls(e, to);
    line(to, "client", var_value(req, STR("remote_addr")));
    line(to, "path", str_eq(came, uri) || !uri.len
                         ? came
                         : pool_printf(req->pool, "%.*s  (came as %.*s)", STR_ARG(uri), STR_ARG(came)));
    if (req->site)
        line(to, "site", with_place(req->site->name, req->site->at, req->pool));
    else
        line(to, "site", STR("none"));
}

/* What did not fit by its name is counted only, unless `all`; a few are always shown. */
static void print_sites(struct explain *e, bool all, FILE *to)
{
    const struct config *config = e->config;
    size_t shown = 0;

    for (size_t i = 0; i < config->site_count; i++) {
        const struct site *site = &config->sites[i];
        struct str why = explain_why_site(e, site);

        if (site != e->req.site && !all && config->site_count > SITES_SHOWN)
            continue;
        fprintf(to, "%-11s%s %.*s: %.*s\n", shown++ ? "" : "sites", site == e->req.site ? "*" : "-",
                STR_ARG(site->name), STR_ARG(why));
    }
    if (shown < config->site_count)
        fprintf(to, "%-11s- %zu other sites: not of this host or listener (--all shows each)\n",
                shown ? "" : "sites", config->site_count - shown);
}

static void print_candidates(struct explain *e, bool all, FILE *to)
{
    const struct site *site = e->req.site;
    size_t shown = 0;

    for (size_t i = 0; site && i < site->route_count; i++) {
        const struct route *route = &site->routes[i];
        if (!all && explain_is_apart(e, route))
            continue;
        struct str matcher = with_place(explain_matcher(route, e->req.pool), route->at, e->req.pool);
        struct str why = explain_why(e, route);

        fprintf(to, "%-11s%s %.*s: %.*s\n", shown++ ? "" : "routes", route == e->req.route ? "*" : "-",
                STR_ARG(matcher), STR_ARG(why));
    }
    if (site && shown < site->route_count)
        fprintf(to, "%-11s- %zu other route%s: the path is not theirs (--all shows each)\n",
                shown ? "" : "routes", site->route_count - shown, site->route_count - shown == 1 ? "" : "s");
    if (explain_is_by_chance(e))
        line(
            to, "note",
            STR("`percent` without a `secret`: a running Weir has made up another and may decide otherwise"));
}

static void print_captures(const char *name, const struct regex_captures *captures, FILE *to)
{
    for (unsigned i = 1; i < captures->count; i++)
        fprintf(to, "%-11s%u: %.*s\n", i == 1 ? name : "", i, STR_ARG(captures->group[i]));
}

static void print_path(struct explain *e, FILE *to)
{
    for (size_t i = 0; i < e->step_count; i++)
        fprintf(to, "%-11s%.*s -> %.*s\n", i ? "" : "rewriting", STR_ARG(e->steps[i].what),
                STR_ARG(e->steps[i].path));
}

static void print_defaults(struct explain *e, FILE *to)
{
    struct header_list fields;

    explain_defaults(e, &fields);
    for (size_t i = 0; i < fields.count; i++)
        fprintf(to, "%-11s%.*s: %.*s\n", i ? "" : "sent", STR_ARG(fields.items[i].name), STR_ARG(fields.items[i].value));
}

static void print_ops(struct explain *e, const char *name, const struct header_ops *ops, FILE *to)
{
    for (size_t i = 0; i < ops->count; i++) {
        const struct header_op *op = &ops->ops[i];
        struct str value;

        if (op->for_cache)
            continue;
        value = explain_value(op, &e->req);
        fprintf(to, "%-11s%s %.*s", name, explain_op(op), STR_ARG(op->name));
        name = "";
        if (op->value)
            fprintf(to, ": %.*s", STR_ARG(value));
        if (op->value && !template_is_literal(op->value))
            fprintf(to, "  (from \"%.*s\")", STR_ARG(template_text(op->value)));
        fputc('\n', to);
    }
}

/* Where nothing can be full, nobody waits. */
static void print_queue(const struct upstream *upstream, FILE *to)
{
    char text[UNITS_TEXT_MAX];
    bool limited = false;

    for (size_t i = 0; i < upstream->peer_count; i++)
        limited = limited || upstream->peers[i].max_connections > 0;
    if (limited && upstream->queue.size > 0)
        fprintf(to, "%-11sat most %u requests, for %.*s\n", "queue", upstream->queue.size,
                STR_ARG(units_print_duration(upstream->queue.timeout, text)));
    else if (limited)
        line(to, "queue", STR("none: 503 when all servers are full"));
}

static void print_server_tls(const struct tls_client_conf *tls, FILE *to)
{
    if (!tls->verify)
        fprintf(to, ", TLS with whoever answers");
    else
        fprintf(to, ", TLS with a certificate for %.*s by %.*s", STR_ARG(tls->name.len ? tls->name : STR("its address")),
                STR_ARG(tls->ca.len ? tls->ca : STR("the system's authorities")));
    if (tls->cert.len)
        fprintf(to, ", shown %.*s", STR_ARG(tls->cert));
}

static void print_server(const struct peer_conf *peer, bool is_first, FILE *to)
{
    char duration[UNITS_TEXT_MAX];

    fprintf(to, "%-11s%.*s weight %u", is_first ? "servers" : "", STR_ARG(peer->name), peer->weight);
    if (peer->max_connections)
        fprintf(to, ", at most %u connections", peer->max_connections);
    if (peer->slow_start)
        fprintf(to, ", slow start %.*s", STR_ARG(units_print_duration(peer->slow_start, duration)));
    if (peer->http2)
        fprintf(to, ", HTTP/2");
    if (peer->tls)
        print_server_tls(peer->tls, to);
    if (peer->proxy_protocol)
        fprintf(to, ", told who the client is (PROXY, version %u)", peer->proxy_protocol);
    if (peer->transparent)
        fprintf(to, ", from the client's address");
    fprintf(to, "%s%s%s\n", peer->backup ? ", backup" : "", peer->down ? ", down" : "",
            peer->resolve ? ", not resolved yet: its addresses are looked up while Weir runs" : "");
}

static void print_servers_file(const struct upstream *upstream, FILE *to)
{
    const struct server_set *set = upstream->servers_file_set;

    for (size_t i = 0; set && i < set->count; i++)
        fprintf(to, "%-11s%.*s weight %u%s  (%s)\n", i || upstream->peer_count ? "" : "servers",
                STR_ARG(set->items[i].name), set->items[i].weight, set->items[i].backup ? ", backup" : "",
                upstream->servers_file.s);
}

static void print_upstream(const struct explain *e, const struct upstream *upstream, FILE *to)
{
    struct str text = pool_printf(e->req.pool, "%.*s, %s", STR_ARG(upstream->name),
                                  config_balance_name(upstream->balance));
    struct str server;

    line(to, "upstream", with_place(text, upstream->at, e->req.pool));
    line(to, "health", explain_health(upstream->check, e->req.pool));
    print_queue(upstream, to);
    if (upstream->sticky)
        line(to, "sticky", explain_sticky(e, upstream, &server));
    for (size_t i = 0; i < upstream->peer_count; i++)
        print_server(&upstream->peers[i], i == 0, to);
    print_servers_file(upstream, to);
}

static void print_choice(const struct explain *e, FILE *to)
{
    char text[BODY_SHOWN];

    explain_print_diverts(e, to);
    if (e->upstream != e->req.route->upstream)
        line(to, "diverted", pool_printf(e->req.pool, "from %.*s: the conditions hold",
                                         STR_ARG(e->req.route->upstream->name)));
    print_upstream(e, e->upstream, to);
    if (e->key.s)
        fprintf(to, "%-11s\"%.*s\"\n", "key", STR_ARG(log_escape(e->key, text, sizeof(text))));
    if (e->server)
        fprintf(to, "%-11s%.*s: %.*s\n", "server", STR_ARG(e->server->name), STR_ARG(e->server_why));
    else if (e->server_why.len)
        line(to, "server", e->server_why);
}

static void print_files(struct explain *e, FILE *to)
{
    const struct files_conf *files = e->req.route->files;

    line(to, files->alias ? "alias" : "root", files->root);
    if (!files->try_count)
        line(to, "file", explain_file(e, e->req.forward_path));
    for (size_t i = 0; i < files->try_count; i++) {
        const struct try_step *step = &files->tries[i];
        const char *name = i ? "" : "try";

        if (step->what == TRY_STATUS)
            fprintf(to, "%-11s%u\n", name, step->status);
        else if (step->what == TRY_ROUTE)
            fprintf(to, "%-11s@%.*s\n", name, STR_ARG(step->route->name));
        else
            line(to, name, explain_file(e, template_expand(step->path, &e->req)));
    }
}

static void print_body(struct explain *e, FILE *to)
{
    const struct route *route = e->req.route;
    struct str body = route->respond_body ? template_expand(route->respond_body, &e->req) : STR("");
    char text[BODY_SHOWN];
    struct str shown = log_escape(body, text, sizeof(text));

    if (route->respond_type.len)
        line(to, "type", route->respond_type);
    fprintf(to, "%-11s%zu bytes: \"%.*s\"%s\n", "body", body.len, STR_ARG(shown),
            body.len >= sizeof(text) ? " ..." : "");
}

static void print_action(struct explain *e, FILE *to)
{
    const struct route *route = e->req.route;

    line(to, "action", str_of(explain_action(route->action)));
    if (explain_refusal(e))
        line(to, "answer", pool_printf(e->req.pool, "405 to %.*s, where what is asked for is there: %s",
                                       STR_ARG(e->req.head.method), explain_refusal(e)));
    if (route->action == ACTION_PROXY && route->upstream) {
        line(to, "forwarded", pool_printf(e->req.pool, "%.*s%.*s", STR_ARG(e->req.forward_path),
                                          STR_ARG(e->req.forward_query)));
        print_choice(e, to);
    }
    if (route->action == ACTION_FILES && route->files)
        print_files(e, to);
    if (route->action == ACTION_REDIRECT || route->action == ACTION_RESPOND)
        fprintf(to, "%-11s%u\n", "status", route->status);
    if (route->action == ACTION_RESPOND)
        print_body(e, to);
    if (route->redirect_to)
        line(to, "to", template_expand(route->redirect_to, &e->req));
}

static void print_timeouts(const struct timeouts *t, FILE *to)
{
    const struct {
        const char *name;
        int64_t ms;
    } rows[] = {
        {"connect", t->connect}, {"send", t->send}, {"read", t->read}, {"client_body", t->client_body},
        {"client_send", t->client_send}, {"tunnel", t->tunnel}, {"total", t->total},
    };
    const char *comma = "";

    fprintf(to, "%-11s", "timeouts");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[UNITS_TEXT_MAX];
        struct str duration = rows[i].ms ? units_print_duration(rows[i].ms, text) : STR("none");

        fprintf(to, "%s%s %.*s", comma, rows[i].name, STR_ARG(duration));
        comma = ", ";
    }
    fputc('\n', to);
}

static void print_limits(const struct route *route, FILE *to)
{
    char text[UNITS_TEXT_MAX];
    struct str size = route->body_max ? units_print_size(route->body_max, text) : STR("any size");

    fprintf(to, "%-11srequest body %.*s, attempts %u, priority %.*s\n", "limits", STR_ARG(size),
            route->retry.tries, STR_ARG(config_priority_name(route->priority)));
}

/* To a listener of mode "tcp". */
static void print_connection(struct explain *e, FILE *to)
{
    const struct request *req = &e->req;

    line(to, "listener", with_place(req->listener->text, req->listener->at, req->pool));
    line(to, "client", var_value(&e->req, STR("remote_addr")));
    explain_print_tcp(e, to);
    if (e->status) {
        fprintf(to, "%-11s%s\n", "answer", e->reason);
        return;
    }
    print_choice(e, to);
    print_timeouts(&req->route->timeouts, to);
    explain_print_recovery(req->route, to);
}

void explain_print_text(struct explain *e, bool all, FILE *to)
{
    const struct route *route = e->req.route;

    if (e->req.raw) {
        print_connection(e, to);
        return;
    }
    print_request(e, to);
    print_sites(e, all, to);
    print_candidates(e, all, to);
    print_captures("host parts", &e->req.host_captures, to);
    if (route) {
        struct str text = explain_matcher(route, e->req.pool);

        if (route->name.len)
            text = pool_printf(e->req.pool, "%.*s: %.*s", STR_ARG(route->name), STR_ARG(text));
        line(to, "route", with_place(text, route->at, e->req.pool));
        print_captures("captures", &e->req.captures, to);
        print_path(e, to);
    }
    if (e->status) {
        fprintf(to, "%-11s%u: %s\n", "answer", e->status, e->reason ? e->reason : "");
        if (e->status == 301 || e->status == 308)
            line(to, "Location", https_location(&e->req));
        return;
    }
    print_defaults(e, to);
    print_ops(e, "request", &route->request_headers, to);
    print_ops(e, "response", &route->response_headers, to);
    print_action(e, to);
    print_timeouts(&route->timeouts, to);
    print_limits(route, to);
    explain_print_recovery(route, to);
    explain_print_cache(e, to);
}

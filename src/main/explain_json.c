/* explain_json.c: an explanation for programs: one object. */
#include "core/https.h"
#include "core/tls/tls_client.h"
#include "core/upstream/sticky.h"
#include "core/var.h"
#include "main/explain.h"
#include "main/explain_cache.h"
#include "main/explain_health.h"
#include "main/explain_recovery.h"
#include "main/explain_tls.h"

static void put_place(struct json *j, struct conf_place at)
{
    struct str place = explain_place(at, j->pool);

    json_str(j, "at", place.len ? place : STR_NONE);
}

static void put_route(struct json *j, const char *name, const struct route *route)
{
    if (!route) {
        json_null(j, name);
        return;
    }
    json_object(j, name);
    json_str(j, "name", route->name.len ? route->name : STR(""));
    json_uint(j, "index", route->index);
    json_str(j, "matcher", explain_matcher(route, j->pool));
    put_place(j, route->at);
    json_object_end(j);
}

static void put_candidates(struct json *j, const struct explain *e)
{
    const struct site *site = e->req.site;

    json_array(j, "candidates");
    for (size_t i = 0; site && i < site->route_count; i++) {
        const struct route *route = &site->routes[i];

        json_object(j, NULL);
        json_str(j, "name", route->name.len ? route->name : STR(""));
        json_str(j, "matcher", explain_matcher(route, j->pool));
        put_place(j, route->at);
        json_bool(j, "taken", route == e->req.route);
        json_str(j, "why", explain_why(e, route));
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_sites(struct json *j, const struct explain *e)
{
    json_array(j, "sites");
    for (size_t i = 0; i < e->config->site_count; i++) {
        const struct site *site = &e->config->sites[i];

        json_object(j, NULL);
        json_str(j, "name", site->name);
        json_bool(j, "taken", site == e->req.site);
        json_str(j, "why", explain_why_site(e, site));
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_defaults(struct json *j, struct explain *e)
{
    struct header_list fields;

    explain_defaults(e, &fields);
    json_object(j, "sent_headers");
    for (size_t i = 0; i < fields.count; i++)
        json_str(j, pool_printf(j->pool, "%.*s", STR_ARG(fields.items[i].name)).s, fields.items[i].value);
    json_object_end(j);
}

static void put_captures(struct json *j, const char *name, const struct regex_captures *captures)
{
    json_array(j, name);
    for (unsigned i = 1; i < captures->count; i++)
        json_str(j, NULL, captures->group[i]);
    json_array_end(j);
}

static void put_steps(struct json *j, const struct explain *e)
{
    json_array(j, "rewrite");
    for (size_t i = 0; i < e->step_count; i++) {
        json_object(j, NULL);
        json_str(j, "by", e->steps[i].what);
        json_str(j, "path", e->steps[i].path);
        json_object_end(j);
    }
    json_array_end(j);
    json_str(j, "forward", pool_printf(j->pool, "%.*s%.*s", STR_ARG(e->req.forward_path),
                                       STR_ARG(e->req.forward_query)));
}

static void put_ops(struct json *j, const char *name, const struct header_ops *ops, struct request *req)
{
    json_array(j, name);
    for (size_t i = 0; i < ops->count; i++) {
        if (ops->ops[i].for_cache)
            continue;
        json_object(j, NULL);
        json_str(j, "do", str_of(explain_op(&ops->ops[i])));
        json_str(j, "name", ops->ops[i].name);
        if (ops->ops[i].value)
            json_str(j, "value", explain_value(&ops->ops[i], req));
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_sticky(struct json *j, const struct explain *e, const struct upstream *upstream)
{
    struct str server, text = explain_sticky(e, upstream, &server);

    json_object(j, "sticky");
    json_str(j, "mode", str_of(sticky_mode_name(upstream->sticky->mode)));
    json_str(j, "cookie", upstream->sticky->cookie);
    json_str(j, "server", server);
    json_str(j, "what", text);
    json_object_end(j);
}

static void put_server_tls(struct json *j, const struct tls_client_conf *tls)
{
    if (!tls) {
        json_null(j, "tls");
        return;
    }
    json_object(j, "tls");
    json_bool(j, "verify", tls->verify);
    json_str(j, "name", tls->name);
    json_str(j, "ca", tls->ca);
    json_str(j, "cert", tls->cert);
    json_object_end(j);
}

static void put_servers(struct json *j, const struct upstream *upstream)
{
    char text[ADDR_TEXT_MAX];

    json_str(j, "balance", str_of(config_balance_name(upstream->balance)));
    json_str(j, "health", upstream->check ? explain_health(upstream->check, j->pool) : STR_NONE);
    json_object(j, "queue");
    json_uint(j, "size", upstream->queue.size);
    json_int(j, "timeout_ms", upstream->queue.timeout);
    json_object_end(j);
    json_array(j, "servers");
    for (size_t i = 0; i < upstream->peer_count; i++) {
        const struct peer_conf *peer = &upstream->peers[i];

        json_object(j, NULL);
        json_str(j, "name", peer->name);
        json_str(j, "address", addr_print(&peer->address, text));
        json_uint(j, "weight", peer->weight);
        json_uint(j, "max_connections", peer->max_connections);
        json_int(j, "slow_start_ms", peer->slow_start);
        json_bool(j, "backup", peer->backup);
        json_bool(j, "down", peer->down);
        json_bool(j, "resolve", peer->resolve);
        put_server_tls(j, peer->tls);
        json_uint(j, "proxy_protocol", peer->proxy_protocol);
        json_bool(j, "transparent", peer->transparent);
        json_str(j, "protocol", peer->http2 ? STR("h2") : STR("http1"));
        json_object_end(j);
    }
    json_array_end(j);
    if (upstream->servers_file.len)
        json_str(j, "servers_file", upstream->servers_file);
}

static void put_choice(struct json *j, const struct explain *e)
{
    explain_put_diverts(j, e);
    put_servers(j, e->upstream);
    json_str(j, "diverted_from",
             e->upstream != e->req.route->upstream ? e->req.route->upstream->name : STR_NONE);
    if (!e->server_why.len)
        return;
    json_str(j, "balance_key", e->key);
    json_str(j, "server", e->server ? e->server->name : STR_NONE);
    json_str(j, "server_why", e->server_why);
}

static void put_files(struct json *j, struct explain *e)
{
    const struct files_conf *files = e->req.route->files;

    json_str(j, files->alias ? "alias" : "root", files->root);
    json_array(j, "try");
    for (size_t i = 0; i < files->try_count; i++) {
        const struct try_step *step = &files->tries[i];

        if (step->what == TRY_STATUS)
            json_uint(j, NULL, step->status);
        else if (step->what == TRY_ROUTE)
            json_str(j, NULL, pool_printf(j->pool, "@%.*s", STR_ARG(step->route->name)));
        else
            json_str(j, NULL, explain_file(e, template_expand(step->path, &e->req)));
    }
    json_array_end(j);
}

static void put_timeouts(struct json *j, const struct timeouts *t)
{
    json_object(j, "timeouts_ms");
    json_int(j, "connect", t->connect);
    json_int(j, "send", t->send);
    json_int(j, "read", t->read);
    json_int(j, "client_body", t->client_body);
    json_int(j, "client_send", t->client_send);
    json_int(j, "tunnel", t->tunnel);
    json_int(j, "total", t->total);
    json_object_end(j);
}

static void put_handling(struct json *j, struct explain *e)
{
    const struct route *route = e->req.route;

    put_captures(j, "captures", &e->req.captures);
    put_steps(j, e);
    put_defaults(j, e);
    put_ops(j, "request_headers", &route->request_headers, &e->req);
    put_ops(j, "response_headers", &route->response_headers, &e->req);
    json_str(j, "action", str_of(explain_action(route->action)));
    if (explain_refusal(e))
        json_uint(j, "status_if_found", 405);
    if (route->action == ACTION_PROXY && route->upstream)
        put_choice(j, e);
    if (e->upstream && e->upstream->sticky)
        put_sticky(j, e, e->upstream);
    if (route->action == ACTION_FILES && route->files)
        put_files(j, e);
    if (route->action == ACTION_REDIRECT || route->action == ACTION_RESPOND)
        json_uint(j, "respond_status", route->status);
    if (route->action == ACTION_RESPOND) {
        json_str(j, "type", route->respond_type);
        json_str(j, "body", route->respond_body ? template_expand(route->respond_body, &e->req) : STR(""));
    }
    if (route->redirect_to)
        json_str(j, "to", template_expand(route->redirect_to, &e->req));
    put_timeouts(j, &route->timeouts);
    json_uint(j, "body_max", route->body_max);
    json_uint(j, "tries", route->retry.tries);
    explain_put_recovery(j, route);
    explain_put_cache(j, e);
    json_str(j, "priority", config_priority_name(route->priority));
}

void explain_print_json(struct explain *e, FILE *to)
{
    const struct request *req = &e->req;
    const struct route *route = req->route;
    struct str text;
    struct json j;

    json_init(&j, req->pool);
    json_object(&j, NULL);
    json_str(&j, "listener", req->listener->text);
    json_str(&j, "site", req->site ? req->site->name : STR_NONE);
    explain_put_tls(&j, e);
    put_route(&j, "route", route);
    json_str(&j, "upstream", e->upstream ? e->upstream->name : STR_NONE);
    json_str(&j, "path", req->path);
    json_str(&j, "client", var_value(&e->req, STR("remote_addr")));
    if (e->status) {
        json_uint(&j, "status", e->status);
        json_str(&j, "reason", str_of(e->reason));
        if (e->status == 301 || e->status == 308)
            json_str(&j, "location", https_location(&e->req));
    }
    put_sites(&j, e);
    put_candidates(&j, e);
    json_bool(&j, "by_chance", explain_is_by_chance(e) || e->diverts_open);
    if (route)
        put_handling(&j, e);
    json_object_end(&j);
    text = json_text(&j);
    fprintf(to, "%.*s\n", STR_ARG(text));
}

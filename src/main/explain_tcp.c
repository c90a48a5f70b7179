/* explain_tcp.c: a connection to a listener of mode "tcp", and a client that speaks the wrong one of http and https. */
#include "core/client/tcp_server.h"
#include "core/route/match.h"
#include "main/explain.h"

static struct str route_text(const struct explain *e, const struct route *route)
{
    struct pool *pool = e->req.pool;
    struct str text = STR("every connection");

    for (size_t i = 0; route->when && i < route->when->count; i++) {
        struct str one = match_describe(&route->when->terms[i], pool);

        text = i ? pool_printf(pool, "%.*s; %.*s", STR_ARG(text), STR_ARG(one)) : one;
    }
    return route->name.len ? pool_printf(pool, "%.*s: %.*s", STR_ARG(route->name), STR_ARG(text)) : text;
}

bool explain_tcp(struct explain *e)
{
    struct request *req = &e->req;
    const struct tcp_conf *tcp = req->listener->tcp;

    if (!tcp)
        return false;
    req->raw = true;
    req->site = tcp->site;
    req->path = req->forward_path = STR("/");
    if (e->sni.len == 0 && req->host.len > 0)
        req->sni = req->host;
    req->host = req->sni;
    if (!tcp_lets_in(tcp, &req->client)) {
        e->status = 403;
        e->reason = "the connection is closed without a word: `allow` and `deny` of the listener refuse the client";
        return true;
    }
    req->route = tcp_find_route(tcp, req);
    if (req->route)
        return true;
    e->status = 403;
    e->reason = "the connection is closed without a word: no route of the listener takes it";
    return true;
}

bool explain_wrong_scheme(struct explain *e)
{
    const struct listener_conf *l = e->req.listener;

    if (e->listener_assumed || l->tcp || e->req.tls == (l->tls != NULL))
        return false;
    e->status = 400;
    e->reason = l->tls ? "HTTP in the clear where TLS is spoken; ask for https://"
                       : "TLS where HTTP in the clear is spoken, so that the client's handshake fails; ask for http://";
    return true;
}

void explain_print_tcp(const struct explain *e, FILE *to)
{
    const struct site *site = e->req.site;
    struct pool *pool = e->req.pool;

    fprintf(to, "%-11sa listener of mode \"tcp\": bytes are passed on, and no HTTP is looked at\n", "mode");
    if (e->req.sni.len)
        fprintf(to, "%-11s%.*s, where the client begins with TLS and asks for it\n", "name", STR_ARG(e->req.sni));
    for (size_t i = 0; i < site->route_count; i++) {
        const struct route *route = &site->routes[i];
        struct str text = route_text(e, route), place = explain_place(route->at, pool);
        const char *why = route == e->req.route ? "taken"
                          : e->req.route ? route < e->req.route ? "its conditions do not hold" : "one before it is taken"
                          : e->status && tcp_lets_in(e->req.listener->tcp, &e->req.client) ? "its conditions do not hold"
                                                                                           : "not asked";

        fprintf(to, "%-11s%s %.*s  (%.*s): %s\n", i ? "" : "routes", route == e->req.route ? "*" : "-", STR_ARG(text),
                STR_ARG(place), why);
    }
}

/* tcp_server.c: see tcp_server.h. */
#include "core/client/tcp_server.h"

#include "core/client/conn_limit.h"
#include "core/client/conn_peek.h"
#include "core/client/conn_tls.h"
#include "core/client/h1_exchange.h"
#include "core/client/h1_server.h"
#include "core/log/fault.h"
#include "core/route/match.h"
#include "core/var.h"
#include "io/client_hello.h"

/* The length of the longest network that holds the address; -1: none does. */
static int longest(const struct cidr *networks, size_t count, const struct addr *address)
{
    int best = -1;

    for (size_t i = 0; i < count; i++)
        if ((int)networks[i].bits > best && cidr_holds(&networks[i], address))
            best = (int)networks[i].bits;
    return best;
}

bool tcp_lets_in(const struct tcp_conf *tcp, const struct addr *address)
{
    int allowed = longest(tcp->allow, tcp->allow_count, address);
    int denied = longest(tcp->deny, tcp->deny_count, address);

    if (allowed < 0 && denied < 0)
        return tcp->allow_count == 0;
    return allowed > denied;
}

const struct route *tcp_find_route(const struct tcp_conf *tcp, struct request *req)
{
    for (size_t i = 0; i < tcp->site->route_count; i++) {
        const struct route *route = &tcp->site->routes[i];

        if (!route->when || match_holds(route->when, req, NULL) == MATCH_YES)
            return route;
    }
    return NULL;
}

/* Where the key is the address alone, before anything is waited for. */
static bool limit_by_address(struct conn *c)
{
    const struct tcp_conf *tcp = c->listener->tcp;
    struct addr peer = conn_peer(c);
    char text[ADDR_TEXT_MAX];

    return tcp->limit == 0 || tcp->limit_key || conn_limit_take(c, tcp->limit, conn_limit_address(&peer, text));
}

/* A key that comes to nothing is the address. */
static bool limit_by_key(struct conn *c, struct request *req)
{
    const struct tcp_conf *tcp = c->listener->tcp;
    char text[ADDR_TEXT_MAX];
    struct str key;

    if (tcp->limit == 0 || !tcp->limit_key)
        return true;
    key = template_expand(tcp->limit_key, req);
    return conn_limit_take(c, tcp->limit, key.len > 0 ? key : conn_limit_address(&req->client, text));
}

/* Gives it to the proxy. */
static void run(struct conn *c, struct request *req)
{
    c->phase = CONN_WORK;
    c->driving = true;
    req->handler = c->worker->handlers[req->route->action];
    req->handler->start(req, STR_NONE, true);
    c->driving = false;
    if (conn_register(c) < 0)
        h1_give_up(c, "epoll refused the connection");
    else
        conn_go_on_later(c);
}

/*
 * A request that is all body: bytes pass both ways once a server is there.  `name`: what was read of the client's hello;
 * where TLS ends here, the session has it.
 */
static void start(struct conn *c, const char *name)
{
    struct h1_exchange *ex = h1_exchange_new(c);
    struct request *req;

    if (!ex) {
        conn_close(c);
        return;
    }
    req = &ex->request;
    ex->head_done = ex->in_done = true;
    ex->in_left = INT64_MAX; /* nobody knows */
    req->raw = true;
    req->sni = pool_lower(req->pool, c->tls ? req->sni : str_of(name));
    req->head.method = STR("TCP");
    req->head.target = c->listener->text;
    req->host = req->sni;
    req->path = req->forward_path = STR("/");
    req->frame = (struct frame){.kind = FRAME_NONE, .upgrade = true};
    req->site = c->listener->tcp->site;
    req->route = tcp_find_route(c->listener->tcp, req);
    c->protocol = &h1_protocol;
    if (!req->route) {
        fault_log(req, LOG_LEVEL_INFO, "", "closed: no route of the listener takes it");
        h1_give_up(c, "no route of the listener takes it");
        return;
    }
    if (!limit_by_key(c, req))
        h1_give_up(c, "connection_limit");
    else
        run(c, req);
}

/* Looks at the name in the ClientHello, which stays in the socket for the server. */
static void look_for_name(struct conn *c)
{
    char name[CLIENT_HELLO_NAME_MAX];
    char *bytes = c->worker->receive;
    size_t n = conn_peek(c, bytes, CLIENT_HELLO_BYTES_MAX + 1024);

    if (n == 0)
        return;
    switch (client_hello_name((struct str){bytes, n}, name)) {
    case CLIENT_HELLO_MORE:
        if (c->closed_seen && c->listener->tcp->needs_name)
            conn_close(c);
        else if (c->closed_seen)
            start(c, name);
        return;
    case CLIENT_HELLO_DONE:
    case CLIENT_HELLO_NONE:
        start(c, name);
        return;
    }
}

/*
 * Where TLS ends here this comes twice: before the handshake, which costs time, for the limit; after it, in which an
 * authority may have asked something (ACME), for `allow` and `deny`.
 */
static void begin(struct conn *c)
{
    const struct tcp_conf *tcp = c->listener->tcp;
    bool before_tls = c->listener->tls && !c->tls;
    struct addr peer = conn_peer(c);

    if (!before_tls && !tcp_lets_in(tcp, &peer))
        conn_refuse(c, LOG_LEVEL_INFO, "`allow` and `deny` of the listener refuse it");
    else if (!c->tls && !limit_by_address(c))
        conn_close(c);
    else if (before_tls)
        conn_next_protocol(c, &conn_tls_protocol);
    else if (tcp->wants_name)
        conn_peek_begin(c);
    else
        start(c, "");
}

/* It may be one of those who wait for the server's first word: their name is only wanted for a key or a log. */
static void on_deadline(struct conn *c)
{
    if (!c->listener->tcp->needs_name) {
        start(c, "");
        return;
    }
    conn_refuse(c, LOG_LEVEL_INFO, "the name that its TLS asks for did not come in time (timeouts.client_header)");
}

const struct conn_protocol tcp_protocol = {
    .name = "tcp",
    .begin = begin,
    .on_event = conn_peek_event,
    .on_deadline = on_deadline,
    .go_on = look_for_name,
    .give_up = conn_peek_give_up,
    .take_leave = conn_peek_give_up,
};

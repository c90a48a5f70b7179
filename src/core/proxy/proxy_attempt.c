/* proxy_attempt.c: choosing a server and getting a connection to it; what becomes of it where that fails. */
#include <errno.h>

#include "core/log/fault.h"
#include "core/proxy/proxy_state.h"
#include "core/upstream/upstream_wait.h"

void proxy_disk_failed(struct proxy *p)
{
    struct reply_error error = {.status = 507, .reason = "the temporary file of the body cannot be written"};

    error.cause = fault_errno(p->req, errno);
    p->own_fault = true;
    proxy_end(p, &error);
}

/* Ends the attempt's claim on its peer. */
void proxy_leave_peer(struct proxy *p)
{
    struct peer_state *peer = p->peer;

    if (!peer)
        return;
    p->peer = NULL;
    if (!p->answered && (p->own_fault || p->left))
        upstream_not_awaited(p->state, p->index, p->sent_at ? proxy_now(p) - p->sent_at : 0);
    else if (!p->answered)
        upstream_answered(p->state, p->index, -1);
    upstream_done(p->state, p->index);
}

void proxy_leave(struct proxy *p)
{
    if (p->client.uconn)
        p->client.transport->leave(&p->client);
    proxy_leave_peer(p);
}

void proxy_stop(struct proxy *p)
{
    deadline_stop(&p->patience);
    deadline_stop(&p->total);
    deadline_stop(&p->per_try);
    proxy_wait_end(p);
    proxy_retry_over(p);
}

void proxy_drop(struct proxy *p)
{
    proxy_stop(p);
    proxy_leave(p);
}

void proxy_count_failure(struct proxy *p)
{
    p->req->worker->stats->upstream_failures++;
    if (p->peer)
        p->peer->stats->failures++;
}

void proxy_end(struct proxy *p, const struct reply_error *error)
{
    proxy_drop(p);
    reply_error(p->req, error);
}

/* Which error of connecting the client is told (RFC 9209 2.3). */
static struct reply_error connect_error(int error)
{
    struct reply_error told = {.status = 502};

    switch (error) {
    case 0:
    case ETIMEDOUT:
        told.status = 504;
        told.proxy_error = "connection_timeout";
        told.reason = "connecting to the upstream timed out";
        break;
    case ECONNREFUSED:
    case ENOENT:
    case EAGAIN:
        told.proxy_error = "connection_refused";
        told.reason = "the upstream refused the connection";
        break;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        told.proxy_error = "destination_ip_unroutable";
        told.reason = "no way to the upstream";
        break;
    case EPERM:
        told.proxy_error = "proxy_internal_error";
        told.reason = "no right to connect to the upstream from the client's address";
        break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        told.status = 503;
        told.proxy_error = "proxy_internal_error";
        told.reason = "no descriptor or memory for a connection";
        told.retry_after_s = PROXY_RETRY_AFTER_S;
        break;
    case ENOPROTOOPT:
        told.proxy_error = "tls_protocol_error";
        told.reason = "the upstream did not choose HTTP/2 in the handshake";
        break;
    default:
        told.proxy_error = "connection_terminated";
        told.reason = "the connection to the upstream failed";
        break;
    }
    return told;
}

/* Nothing was sent, so any request may go to another server. */
void proxy_connect_failed(struct proxy *p, int cause)
{
    const struct route *route = p->req->route;
    struct reply_error error = connect_error(cause);

    error.cause =
        cause ? fault_errno(p->req, cause) : fault_time(p->req, "timeouts.connect", route->timeouts.connect);
    if (cause == EPROTO)
        (void)proxy_tls_failed(p, &error);
    else if (cause == 0 && p->client.uconn && p->client.uconn->tls)
        error.reason = "the TLS handshake with the upstream timed out";
    p->own_fault = error.status == 503 || cause == EADDRNOTAVAIL || cause == EPERM;
    proxy_attempt_failed(p, RETRY_CONNECT, &error, STR_NONE);
}

/* Whether what was sent, or not, may be sent again on a new connection to the same server. */
bool proxy_may_repeat(const struct proxy *p)
{
    const struct uclient *c = &p->client;

    if (c->upload.whole && !upload_is_kept(&c->upload))
        return false;
    return c->reused && !c->begun && !p->repeated &&
           (p->repeatable || upload_is_untouched(&c->upload));
}

bool proxy_may_resend(const struct proxy *p)
{
    return p->bodyless || upload_is_kept(&p->client.upload) || upload_is_untouched(&p->client.upload);
}

static void connect_peer(struct proxy *p, struct str body)
{
    struct request *req = p->req;
    struct uclient *c = &p->client;

    if (body.len > 0 && upload_keep(&c->upload, body, false) < 0) {
        proxy_disk_failed(p);
        return;
    }
    if (c->transport->connect(c, p->peer, req->route->timeouts.connect) < 0)
        proxy_connect_failed(p, errno);
    else if (!c->connecting)
        proxy_send(p, STR_NONE);
    else
        proxy_give_credit(p);
}

/* The server had closed an idle connection before it saw the request: not a failure of it. */
void proxy_repeat(struct proxy *p, struct str body)
{
    struct uclient *c = &p->client;

    p->repeated = true;
    p->sendable = false;
    p->sent_at = 0;
    c->transport->leave(c);
    upload_restart(&c->upload);
    c->transport->again(c);
    connect_peer(p, body);
}

int proxy_take_server(struct proxy *p, const int *tried, size_t tried_count)
{
    return upstream_take(p->state, p->req, tried, tried_count);
}

/* One attempt at server `index`. */
void proxy_attempt_at(struct proxy *p, int index, struct str body)
{
    struct uclient *c = &p->client;

    p->answered = false;
    p->index = index;
    p->peer = p->state->peers[index];
    p->req->upstream_addr = p->peer->address;
    /* Its place may have another server when the request is logged. */
    if (p->peer->index >= p->state->conf->peer_count)
        p->req->upstream_addr = pool_str(p->req->pool, p->peer->address);
    p->req->times.attempt = proxy_now(p);
    proxy_start_per_try(p);
    c->transport = p->req->raw ? &raw_transport : p->peer->conf->http2 ? &h2_transport : &h1_transport;
    c->transport->again(c);
    if (p->client.upgrading && c->transport == &h2_transport) {
        static const struct reply_error none = {.status = 502, .proxy_error = "http_upgrade_failed",
                                                .reason = "the server is spoken to in HTTP/2, which has no way for a websocket here"};

        p->own_fault = true;
        proxy_end(p, &none);
        return;
    }
    if (c->transport->take(c, p->peer, !p->repeatable))
        proxy_send(p, body);
    else
        connect_peer(p, body);
}

bool proxy_try(struct proxy *p, struct str body)
{
    int index;

    /* Who comes anew stands behind those who wait. */
    if (upstream_must_wait(p->state, p->req->route->priority))
        return false;
    index = proxy_take_server(p, p->tried, p->tried_count);
    if (index < 0)
        return false;
    proxy_wait_end(p);
    proxy_attempt_at(p, index, body);
    return true;
}

/* The first attempt. */
void proxy_attempt(struct proxy *p, struct str body)
{
    if (!proxy_try(p, body))
        proxy_wait(p, body);
}

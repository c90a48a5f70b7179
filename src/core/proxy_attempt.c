/* proxy_attempt.c: choosing a server and getting a connection to it; what becomes of it where that fails. */
#include <errno.h>

#include "core/fault.h"
#include "core/proxy_state.h"

#define RETRY_AFTER_S 1

void proxy_disk_failed(struct proxy *p)
{
    struct reply_error error = {.status = 507, .reason = "the temporary file of the body cannot be written"};

    error.cause = fault_errno(p->req, errno);
    proxy_end(p, &error);
}

/* Ends the attempt's claim on its peer. */
void proxy_leave_peer(struct proxy *p)
{
    struct peer_state *peer = p->peer;

    if (!peer)
        return;
    p->peer = NULL;
    upstream_done(p->state, p->index);
}

/* Ends the attempt, whatever became of it. */
static void leave(struct proxy *p)
{
    if (p->client.uconn)
        uconn_close(p->client.uconn);
    p->client.uconn = NULL;
    proxy_leave_peer(p);
}

void proxy_drop(struct proxy *p)
{
    deadline_stop(&p->patience);
    deadline_stop(&p->total);
    leave(p);
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
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        told.status = 503;
        told.proxy_error = "proxy_internal_error";
        told.reason = "no descriptor or memory for a connection";
        told.retry_after_s = RETRY_AFTER_S;
        break;
    default:
        told.proxy_error = "connection_terminated";
        told.reason = "the connection to the upstream failed";
        break;
    }
    return told;
}

static void mark_tried(struct proxy *p)
{
    int *more = pool_alloc(p->req->pool, (p->tried_count + 1) * sizeof(*more));

    /* A list: there are at most retry.tries of them, however many servers there are. */
    if (p->tried_count > 0)
        memcpy(more, p->tried, p->tried_count * sizeof(*more));
    more[p->tried_count++] = p->index;
    p->tried = more;
}

/* Nothing was sent, so any request may go to another server. */
void proxy_connect_failed(struct proxy *p, int cause)
{
    const struct route *route = p->req->route;
    struct reply_error error = connect_error(cause);

    error.cause =
        cause ? fault_errno(p->req, cause) : fault_time(p->req, "timeouts.connect", route->timeouts.connect);
    proxy_count_failure(p);
    mark_tried(p);
    leave(p);
    p->repeated = false;
    p->tries++;
    if (route->retry.on_connect && p->tries < route->retry.tries) {
        p->connect_error = error;
        fault_log(p->req, LOG_LEVEL_WARN, "", "%s; %.*s; another server is tried", error.reason, STR_ARG(error.cause));
        proxy_attempt(p, STR_NONE);
        return;
    }
    proxy_end(p, &error);
}

/* Whether what was sent, or not, may be sent again on a new connection to the same server. */
bool proxy_may_repeat(const struct proxy *p)
{
    const struct h1_client *c = &p->client;
    /* Then the body is still where it came from, all of it and unframed. */
    bool untouched = c->upload.sent == 0 && !c->upload.spool && c->upload.unsent.len == 0;

    return c->uconn->reused && !c->begun && !p->repeated && (p->repeatable || untouched);
}

static void connect_peer(struct proxy *p, struct str body)
{
    struct request *req = p->req;
    struct h1_client *c = &p->client;

    c->uconn = NULL;
    if (body.len > 0 && upload_keep(&c->upload, body, false) < 0) {
        proxy_disk_failed(p);
        return;
    }
    c->uconn = uconn_connect(p->peer, req->route->timeouts.connect, p, proxy_on_event);
    if (!c->uconn)
        proxy_connect_failed(p, errno);
    else if (c->uconn->state == UCONN_BUSY)
        proxy_on_event(c->uconn, UCONN_CONNECTED);
    else
        proxy_give_credit(p);
}

/* The server had closed an idle connection before it saw the request: not a failure of it. */
void proxy_repeat(struct proxy *p, struct str body)
{
    struct h1_client *c = &p->client;

    p->repeated = true;
    p->sendable = false;
    p->sent_at = 0;
    uconn_close(c->uconn);
    upload_restart(&c->upload);
    h1_client_again(c);
    connect_peer(p, body);
}

static bool pick_peer(struct proxy *p)
{
    int index = upstream_pick(p->state, p->req, p->tried, p->tried_count);

    if (index < 0)
        return false;
    upstream_begin(p->state, index);
    p->index = index;
    p->peer = p->state->peers[index];
    p->req->upstream_addr = p->peer->address;
    /* Its place may have another server when the request is logged. */
    if (p->peer->index >= p->state->conf->peer_count)
        p->req->upstream_addr = pool_str(p->req->pool, p->peer->address);
    return true;
}

/* One attempt at the next server. */
void proxy_attempt(struct proxy *p, struct str body)
{
    static const struct reply_error none = {
        .status = 503,
        .proxy_error = "destination_unavailable",
        .reason = "no server of the upstream can be used",
        .retry_after_s = RETRY_AFTER_S,
    };
    struct h1_client *c = &p->client;

    if (!pick_peer(p)) {
        proxy_end(p, p->tries > 0 ? &p->connect_error : &none);
        return;
    }
    c->uconn = uconn_take(p->peer, !p->repeatable, p, proxy_on_event);
    if (c->uconn)
        proxy_send(p, body);
    else
        connect_peer(p, body);
}


/* proxy.c: see proxy.h. */
#include "core/proxy.h"

#include <errno.h>

#include "core/balancer.h"
#include "core/h1_client.h"
#include "core/proxy_head.h"
#include "core/reply.h"
#include "core/worker.h"
#include "http/hop.h"

/* Memory full for so long: the server is slower than the client, and the disk takes over. */
#define PATIENCE_MS 100
#define RETRY_AFTER_S 1

struct proxy {
    struct h1_client client;
    struct request *req;
    struct upstream_state *state;
    struct peer_state *peer; /* NULL: none picked, or released */
    int index; /* of the peer */
    unsigned tries; /* servers that could not be connected to */
    uint64_t *tried; /* NULL: none */
    struct reply_error connect_error; /* of the last try */
    int64_t sent_at;
    int64_t read_timeout;
    struct deadline patience;
    bool sendable; /* the connection is there and the head was sent */
    bool repeatable; /* nothing happens twice if it is sent twice */
    bool repeated;
    bool credited; /* the client may send, and has not yet */
};

static void attempt(struct proxy *p, struct str body);
static void uploaded(struct proxy *p, enum upload_result result, struct str body);

static int64_t now_ms(const struct proxy *p)
{
    return p->req->worker->loop->clock.mono_ms;
}

static void set_deadline(struct proxy *p, int64_t length)
{
    deadline_start(&p->req->worker->deadlines, &p->client.uconn->deadline, length, now_ms(p));
}

/* Ends the attempt's claim on its peer. */
static void leave_peer(struct proxy *p)
{
    struct peer_state *peer = p->peer;

    if (!peer)
        return;
    p->peer = NULL;
    peer->active--;
    peer->stats->active--;
    if (p->req->worker->balancers[p->state->conf->balance]->done)
        p->req->worker->balancers[p->state->conf->balance]->done(p->state, p->index);
}

/* Nothing of the proxy runs any more once this returns. */
static void drop(struct proxy *p)
{
    deadline_stop(&p->patience);
    if (p->client.uconn)
        uconn_close(p->client.uconn);
    p->client.uconn = NULL;
    leave_peer(p);
}

static void count_failure(struct proxy *p)
{
    p->req->worker->stats->upstream_failures++;
    if (p->peer)
        p->peer->stats->failures++;
}

static void end_with_error(struct proxy *p, const struct reply_error *error)
{
    struct request *req = p->req;

    drop(p);
    if (req->head_sent)
        req->out->abort(req, error->reason);
    else
        reply_error(req, error);
}

/* Lets the client send more, if there is room for it. */
static void give_credit(struct proxy *p)
{
    struct upload *u = &p->client.upload;
    size_t bytes;

    if (u->last || p->credited)
        return;
    bytes = upload_wants(u);
    if (bytes > 0) {
        deadline_stop(&p->patience);
        p->credited = true;
        p->req->out->credit(p->req, bytes);
    } else if (upload_is_held(u) && p->patience.length == 0) {
        deadline_start(&p->req->worker->deadlines, &p->patience, PATIENCE_MS, now_ms(p));
    }
}

static void on_patience(struct deadline *d)
{
    struct proxy *p = container_of(d, struct proxy, patience);

    spool_use_disk(p->client.upload.spool);
    give_credit(p);
}

static void disk_failed(struct proxy *p)
{
    static const struct reply_error error = {.status = 507, .reason = "the body's temporary file cannot be written"};

    log_write(p->req->worker->log, LOG_LEVEL_ERROR, "temporary file of a request body: %s", strerror(errno));
    end_with_error(p, &error);
}

/* Which error of connecting the client is told (RFC 9209 2.3). */
static struct reply_error connect_error(int error)
{
    switch (error) {
    case ETIMEDOUT:
        return (struct reply_error){504, "connection_timeout", "connecting to the upstream timed out", STR_NONE, 0,
                                    STR_NONE};
    case ECONNREFUSED:
    case ENOENT:
    case EAGAIN:
        return (struct reply_error){502, "connection_refused", "the upstream refused the connection", STR_NONE, 0,
                                    STR_NONE};
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        return (struct reply_error){502, "destination_ip_unroutable", "no way to the upstream", STR_NONE, 0,
                                    STR_NONE};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return (struct reply_error){503, "proxy_internal_error", "no descriptor or memory for a connection", STR_NONE,
                                    RETRY_AFTER_S, STR_NONE};
    default:
        return (struct reply_error){502, "connection_terminated", "the connection to the upstream failed", STR_NONE, 0,
                                    STR_NONE};
    }
}

static void mark_tried(struct proxy *p)
{
    size_t words = (p->state->peer_count + 63) / 64;

    if (!p->tried)
        p->tried = pool_zalloc(p->req->pool, words * sizeof(*p->tried));
    p->tried[p->index / 64] |= (uint64_t)1 << (p->index % 64);
}

/* Nothing was sent, so any request may go to another server. */
static void connect_failed(struct proxy *p, int cause)
{
    const struct route *route = p->req->route;
    struct reply_error error = connect_error(cause);

    count_failure(p);
    mark_tried(p);
    drop(p);
    p->repeated = false;
    p->tries++;
    if (route->retry_connect && p->tries < route->retry_tries) {
        p->connect_error = error;
        attempt(p, STR_NONE);
        return;
    }
    end_with_error(p, &error);
}

/* Whether what was sent, or not, may be sent again on a new connection to the same server. */
static bool may_repeat(const struct proxy *p)
{
    const struct h1_client *c = &p->client;

    return c->uconn->reused && !c->begun && !p->repeated && (p->repeatable || c->upload.sent == 0);
}

static void on_event(struct uconn *u, enum uconn_event event);

static void connect_peer(struct proxy *p, struct str body)
{
    struct request *req = p->req;
    struct h1_client *c = &p->client;

    c->uconn = NULL;
    if (body.len > 0 && upload_keep(&c->upload, body, false) < 0) {
        disk_failed(p);
        return;
    }
    c->uconn = uconn_connect(p->peer, req->route->timeouts.connect, p, on_event);
    if (!c->uconn)
        connect_failed(p, errno);
    else if (c->uconn->state == UCONN_BUSY)
        on_event(c->uconn, UCONN_CONNECTED);
    else
        give_credit(p);
}

/* The server had closed an idle connection before it saw the request: not a failure of it. */
static void repeat(struct proxy *p, struct str body)
{
    struct h1_client *c = &p->client;

    p->repeated = true;
    p->sendable = false;
    p->sent_at = 0;
    uconn_close(c->uconn);
    c->upload.uconn = NULL;
    c->upload.sent = 0;
    c->upload.stopped = false;
    h1_client_again(c);
    connect_peer(p, body);
}

static void send_request(struct proxy *p, struct str body)
{
    static const struct reply_error too_large = {.status = 500, .reason = "the upstream's request head is too large"};
    static const struct reply_error unsafe = {.status = 500, .reason = "the upstream's request head is not sendable"};
    struct request *req = p->req;
    struct h1_client *c = &p->client;
    struct h1_buffer buffer = {.bytes = req->worker->write, .room = WORKER_BUFFER_BYTES};
    struct h1_framing framing = upload_framing(&c->upload, body, c->upload.last);
    struct message head;
    enum h1_written written = H1_WRITE_FULL;

    if (c->upgrading)
        framing.connection = STR("upgrade");
    else if (p->state->conf->keepalive_idle == 0)
        framing.connection = STR("close");
    if (proxy_head_make(req, p->peer->conf, c->upgrading, &head) == 0)
        written = h1_write_request(&buffer, &head, &framing);
    if (written != H1_WRITTEN) {
        end_with_error(p, written == H1_WRITE_FULL ? &too_large : &unsafe);
        return;
    }
    p->sendable = true;
    req->times.connected = now_ms(p);
    uploaded(p, upload_start(&c->upload, c->uconn, &buffer, body, c->upload.last), body);
}

/* The server takes no more, but may have answered before it stopped. */
static void upload_failed(struct proxy *p, struct str body)
{
    struct h1_client *c = &p->client;

    if (may_repeat(p) && c->upload.sent == 0) {
        repeat(p, body);
        return;
    }
    c->upload.stopped = true;
    set_deadline(p, p->read_timeout);
    give_credit(p);
    h1_client_read(c);
}

/* `body` is what the upload was started with, if it was just started. */
static void uploaded(struct proxy *p, enum upload_result result, struct str body)
{
    const struct timeouts *timeouts = &p->req->route->timeouts;
    struct h1_client *c = &p->client;

    switch (result) {
    case UPLOAD_FAILED:
        upload_failed(p, body);
        return;
    case UPLOAD_DISK_FAILED:
        disk_failed(p);
        return;
    case UPLOAD_DONE:
        if (p->sent_at == 0)
            p->sent_at = now_ms(p);
        set_deadline(p, p->read_timeout);
        return;
    case UPLOAD_BLOCKED:
        if (c->state != H1_CLIENT_TUNNEL)
            set_deadline(p, timeouts->send);
        break;
    case UPLOAD_HUNGRY:
        if (c->state != H1_CLIENT_TUNNEL)
            set_deadline(p, 0);
        break;
    }
    deadline_renew(&c->uconn->deadline, now_ms(p));
    give_credit(p);
}

/* A tunnel in which the client has said its last: the server is told, and may go on. */
static void half_close(struct proxy *p, enum upload_result result)
{
    if (p->client.state == H1_CLIENT_TUNNEL && result == UPLOAD_DONE)
        (void)shutdown(p->client.uconn->fd, SHUT_WR);
}

static void timed_out(struct proxy *p)
{
    struct h1_client *c = &p->client;
    struct reply_error error = {504, "http_response_timeout", "the upstream's answer timed out", STR_NONE, 0, STR_NONE};

    if (c->uconn->state == UCONN_CONNECTING) {
        connect_failed(p, ETIMEDOUT);
        return;
    }
    /* While the client does not take the answer, the server is not to blame. */
    if (c->blocked && c->state != H1_CLIENT_TUNNEL) {
        set_deadline(p, p->read_timeout);
        return;
    }
    if (!upload_is_done(&c->upload) && !c->upload.stopped) {
        error.proxy_error = "connection_write_timeout";
        error.reason = "sending to the upstream timed out";
    }
    if (c->state == H1_CLIENT_TUNNEL)
        error.reason = "the tunnel was idle for too long";
    else
        count_failure(p);
    end_with_error(p, &error);
}

static void on_ready(struct proxy *p, struct uconn *u)
{
    struct h1_client *c = &p->client;
    bool writable = u->writable;

    u->writable = false;
    if (writable && p->sendable && !c->upload.stopped && !upload_is_done(&c->upload)) {
        enum upload_result result = upload_flush(&c->upload);

        half_close(p, result);
        uploaded(p, result, STR_NONE);
        /* The request may have ended, or gone to another connection. */
        if (u->state != UCONN_BUSY || u->user != p)
            return;
    }
    if (u->readable)
        h1_client_read(c);
}

static void on_event(struct uconn *u, enum uconn_event event)
{
    struct proxy *p = u->user;

    switch (event) {
    case UCONN_CONNECTED:
        send_request(p, STR_NONE);
        break;
    case UCONN_FAILED:
        connect_failed(p, u->error);
        break;
    case UCONN_READY:
        on_ready(p, u);
        break;
    case UCONN_TIMEOUT:
        timed_out(p);
        break;
    }
}

static void on_begun(struct h1_client *c)
{
    struct proxy *p = container_of(c, struct proxy, client);
    struct request *req = p->req;

    req->times.first_byte = now_ms(p);
    stats_histogram_add(&p->peer->stats->latency,
                        req->times.first_byte - (p->sent_at ? p->sent_at : req->times.connected));
}

static void on_interim(struct h1_client *c, struct message *head)
{
    if (c->req->head.minor == 0)
        return;
    hop_strip(&head->headers);
    c->req->out->interim(c->req, head);
}

static void on_head(struct h1_client *c, struct message *head, struct frame *told WEIR_UNUSED)
{
    struct proxy *p = container_of(c, struct proxy, client);
    const struct header *type = header_find(&head->headers, HEADER_CONTENT_TYPE);
    const struct timeouts *timeouts = &p->req->route->timeouts;

    p->req->upstream_status = head->status;
    hop_strip(&head->headers);
    if (c->state == H1_CLIENT_TUNNEL) {
        /* There is room: the field was taken out just now. */
        if (header_add(&head->headers, STR("Upgrade"), STR("websocket")) < 0)
            return;
        p->read_timeout = timeouts->tunnel;
        set_deadline(p, timeouts->tunnel);
    } else if (type && type->value.len >= 17 && str_ieq((struct str){type->value.s, 17}, STR("text/event-stream"))) {
        p->read_timeout = timeouts->tunnel;
        set_deadline(p, timeouts->tunnel);
    }
    /* An answer other than success before the end of the body: the rest of it is not wanted. */
    if (head->status >= 300 && !upload_is_done(&c->upload)) {
        c->upload.stopped = true;
        set_deadline(p, p->read_timeout);
        give_credit(p);
    }
}

static void on_tunnel(struct h1_client *c)
{
    give_credit(container_of(c, struct proxy, client));
}

static void on_complete(struct h1_client *c, bool clean, bool probe)
{
    struct proxy *p = container_of(c, struct proxy, client);
    struct uconn *u = c->uconn;

    c->uconn = NULL;
    deadline_stop(&p->patience);
    leave_peer(p);
    if (clean)
        uconn_release(u, probe);
    else
        uconn_close(u);
}

static void on_failed(struct h1_client *c, enum h1_client_failure failure, const char *reason)
{
    struct proxy *p = container_of(c, struct proxy, client);
    struct reply_error error = {502, "http_protocol_error", reason, STR_NONE, 0, STR_NONE};

    if (failure == H1_CLIENT_ENDED && may_repeat(p)) {
        repeat(p, STR_NONE);
        return;
    }
    if (failure == H1_CLIENT_ENDED)
        error.proxy_error = "connection_terminated";
    else if (failure == H1_CLIENT_INCOMPLETE)
        error.proxy_error = "http_response_incomplete";
    else if (failure == H1_CLIENT_TOO_LARGE)
        error.proxy_error = "http_response_header_section_size";
    count_failure(p);
    end_with_error(p, &error);
}

static const struct h1_client_user client_user = {
    .begun = on_begun,
    .interim = on_interim,
    .head = on_head,
    .tunnel = on_tunnel,
    .complete = on_complete,
    .failed = on_failed,
};

static bool pick_peer(struct proxy *p)
{
    const struct balancer *balancer = p->req->worker->balancers[p->state->conf->balance];
    int index = balancer->pick(p->state, p->req, p->tried, false);

    if (index < 0)
        index = balancer->pick(p->state, p->req, p->tried, true);
    if (index < 0)
        return false;
    p->index = index;
    p->peer = &p->state->peers[index];
    p->peer->active++;
    p->peer->stats->active++;
    p->peer->stats->requests++;
    p->req->upstream_addr = p->peer->address;
    return true;
}

/* One attempt at the next server. */
static void attempt(struct proxy *p, struct str body)
{
    static const struct reply_error none = {503, "destination_unavailable", "no server of the upstream can be used",
                                            STR_NONE, RETRY_AFTER_S, STR_NONE};
    struct h1_client *c = &p->client;

    if (!pick_peer(p)) {
        end_with_error(p, p->tries > 0 ? &p->connect_error : &none);
        return;
    }
    c->uconn = uconn_take(p->peer, !p->repeatable, p, on_event);
    if (c->uconn)
        send_request(p, body);
    else
        connect_peer(p, body);
}

/* RFC 9110 9.2.2 */
static bool is_idempotent(struct str method)
{
    static const struct str methods[] = {{"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}, {"TRACE", 5}, {"PUT", 3}, {"DELETE", 6}};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (str_eq(methods[i], method))
            return true;
    return false;
}

static void proxy_start(struct request *req, struct str body, bool last)
{
    struct proxy *p = pool_alloc(req->pool, sizeof(*p));

    memset((char *)p + sizeof(p->client), 0, sizeof(*p) - sizeof(p->client));
    h1_client_init(&p->client, req, &client_user);
    deadline_init(&p->patience, on_patience);
    req->handler_data = p;
    p->req = req;
    p->state = upstream_state(req->worker->upstreams, req->route->upstream);
    p->read_timeout = req->route->timeouts.read;
    p->client.upgrading = req->frame.upgrade;
    p->client.upload.last = last;
    p->repeatable = last && body.len == 0 && req->frame.kind != FRAME_CHUNKED && is_idempotent(req->head.method);
    attempt(p, body);
}

static void proxy_body(struct request *req, struct str bytes, bool last)
{
    struct proxy *p = req->handler_data;
    struct upload *u = &p->client.upload;
    enum upload_result result;

    p->credited = false;
    if (u->stopped) {
        u->last = last;
        give_credit(p);
        return;
    }
    if (!p->sendable) {
        if (upload_keep(u, bytes, last) < 0)
            disk_failed(p);
        else
            give_credit(p);
        return;
    }
    result = upload_body(u, bytes, last);
    half_close(p, result);
    uploaded(p, result, STR_NONE);
}

static void proxy_resume(struct request *req)
{
    struct proxy *p = req->handler_data;

    if (p->client.uconn)
        h1_client_resume(&p->client);
}

static void proxy_abort(struct request *req, const char *reason WEIR_UNUSED)
{
    drop(req->handler_data);
}

const struct handler handler_proxy = {
    .name = "proxy",
    .start = proxy_start,
    .body = proxy_body,
    .resume = proxy_resume,
    .abort = proxy_abort,
};

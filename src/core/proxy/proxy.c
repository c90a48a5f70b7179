/* proxy.c: see proxy.h. */
#include "core/proxy/proxy.h"

#include <errno.h>

#include "core/upstream/divert.h"
#include "core/log/fault.h"
#include "core/proxy/proxy_head.h"
#include "core/proxy/proxy_state.h"
#include "core/upstream/sticky.h"
#include "core/upstream/uconn_io.h"
#include "http/grpc.h"
#include "http/hop.h"

/* Memory full for so long: the server is slower than the client, and the disk takes over. */
#define PATIENCE_MS 100

/* Lets the client send more, if there is room for it. */
void proxy_give_credit(struct proxy *p)
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
        deadline_start(&p->req->worker->deadlines, &p->patience, PATIENCE_MS, proxy_now(p));
    }
}

static void on_patience(struct deadline *d)
{
    struct proxy *p = container_of(d, struct proxy, patience);

    spool_use_disk(p->client.upload.spool);
    proxy_give_credit(p);
}

/* The server takes no more, but may have answered before it stopped. */
static void upload_failed(struct proxy *p, struct str body)
{
    struct uclient *c = &p->client;

    struct str unkept = c->upload.whole ? STR_NONE : body;

    if (!c->upload.touched && proxy_may_repeat(p)) {
        proxy_repeat(p, unkept);
        return;
    }
    if (upload_is_untouched(&c->upload)) {
        struct reply_error error = {
            .status = 502,
            .proxy_error = "connection_terminated",
            .reason = "upstream ended the connection before the request was sent",
            .cause = fault_errno(p->req, errno),
        };
        proxy_attempt_failed(p, RETRY_RESET, &error, unkept);
        return;
    }
    c->upload.stopped = true;
    proxy_set_deadline(p, p->read_timeout);
    proxy_give_credit(p);
    /* Not read now: the caller may still need the worker's buffer. */
    c->transport->read_later(c);
}

/* `body` is what the upload was started with, if it was just started. */
static void uploaded(struct proxy *p, enum upload_result result, struct str body)
{
    static const struct reply_error too_large = {.status = 500, .reason = "the upstream's head is too large"};
    static const struct reply_error unsafe = {.status = 500, .reason = "the upstream's head is unsafe"};
    const struct timeouts *timeouts = &p->req->route->timeouts;
    struct uclient *c = &p->client;

    switch (result) {
    case UPLOAD_TOO_LARGE:
    case UPLOAD_UNSAFE:
        proxy_end(p, result == UPLOAD_TOO_LARGE ? &too_large : &unsafe);
        return;
    case UPLOAD_FAILED:
        upload_failed(p, body);
        return;
    case UPLOAD_DISK_FAILED:
        proxy_disk_failed(p);
        return;
    case UPLOAD_DONE:
        if (p->sent_at == 0)
            p->sent_at = proxy_now(p);
        proxy_set_deadline(p, p->read_timeout);
        return;
    case UPLOAD_BLOCKED:
        if (c->state != UCLIENT_TUNNEL)
            proxy_set_deadline(p, timeouts->send);
        break;
    case UPLOAD_HUNGRY:
        if (c->state != UCLIENT_TUNNEL)
            proxy_set_deadline(p, 0);
        break;
    }
    deadline_renew(c->deadline, proxy_now(p));
    proxy_give_credit(p);
}

void proxy_send(struct proxy *p, struct str body)
{
    struct request *req = p->req;
    struct uclient *c = &p->client;
    struct message head;
    enum upload_result result = UPLOAD_TOO_LARGE;

    if (proxy_head_make(req, p->peer->conf, c->upgrading, &head) == 0) {
        if (req->sticky)
            sticky_hide(req, &head.headers);
        p->sendable = true;
        req->times.connected = proxy_now(p);
        result = c->transport->send(c, &head, body);
    }
    uploaded(p, result, body);
}

static void on_connected(struct uclient *c)
{
    proxy_send(container_of(c, struct proxy, client), STR_NONE);
}

static void on_unconnected(struct uclient *c, int error)
{
    proxy_connect_failed(container_of(c, struct proxy, client), error);
}

static void on_writable(struct uclient *c)
{
    struct proxy *p = container_of(c, struct proxy, client);

    if (p->sendable)
        uploaded(p, c->transport->flush(c), STR_NONE);
}

static void on_timeout(struct uclient *c)
{
    proxy_timed_out(container_of(c, struct proxy, client));
}

static void on_begun(struct uclient *c)
{
    struct proxy *p = container_of(c, struct proxy, client);
    struct request *req = p->req;
    int64_t latency;

    req->times.first_byte = proxy_now(p);
    latency = req->times.first_byte - (p->sent_at ? p->sent_at : req->times.connected);
    stats_histogram_add(&p->peer->stats->latency, latency);
    breaker_latency(p->state, latency, p->probe);
    p->answered = true;
    upstream_answered(p->state, p->index, latency);
}

static void on_interim(struct uclient *c, struct message *head)
{
    if (c->req->head.minor == 0)
        return;
    hop_strip(&head->headers);
    container_of(c, struct proxy, client)->interim_sent = true;
    c->req->out->interim(c->req, head);
}

/* A stream of events is silent as long as nothing happens. */
static bool is_event_stream(struct str type)
{
    const size_t len = sizeof("text/event-stream") - 1;

    return type.len >= len && str_ieq((struct str){type.s, len}, STR("text/event-stream"));
}

/* The answer is the one that the client gets. */
static void accept_answer(struct proxy *p)
{
    deadline_stop(&p->per_try);
    proxy_retry_over(p);
    upload_let_go(&p->client.upload);
}

static bool on_head(struct uclient *c, struct message *head, struct frame *told WEIR_UNUSED, bool whole)
{
    struct proxy *p = container_of(c, struct proxy, client);
    const struct header *type = header_find(&head->headers, HEADER_CONTENT_TYPE);
    const struct timeouts *timeouts = &p->req->route->timeouts;

    p->req->upstream_status = head->status;
    if (proxy_answer_refused(p, proxy_grpc_status(p, head, whole), whole))
        return false;
    accept_answer(p);
    hop_strip(&head->headers);
    if (c->state == UCLIENT_TUNNEL) {
        /* There is room: the field was taken out just now. */
        if (!p->req->raw && header_add(&head->headers, STR("Upgrade"), STR("websocket")) < 0)
            return true;
        proxy_judge(p, true, NULL);
        p->read_timeout = timeouts->tunnel;
        proxy_set_deadline(p, timeouts->tunnel);
        deadline_stop(&p->total);
    } else if (type && is_event_stream(type->value)) {
        p->read_timeout = timeouts->tunnel;
        p->read_setting = "timeouts.tunnel";
        proxy_set_deadline(p, timeouts->tunnel);
    }
    /* An answer other than success before the end of the body: the rest of it is not wanted. */
    if (head->status >= 300 && !upload_is_done(&c->upload)) {
        c->upload.stopped = true;
        proxy_set_deadline(p, p->read_timeout);
        proxy_give_credit(p);
    }
    return true;
}

static void on_tunnel(struct uclient *c)
{
    proxy_give_credit(container_of(c, struct proxy, client));
}

static void on_complete(struct uclient *c, bool clean, bool probe, struct header_list *trailers)
{
    struct proxy *p = container_of(c, struct proxy, client);

    proxy_stop(p);
    if (trailers)
        proxy_grpc_trailers(p, trailers);
    proxy_judge(p, true, NULL);
    proxy_leave_peer(p);
    if (clean)
        c->transport->release(c, probe);
    else
        c->transport->leave(c);
}

static const struct transport_user client_user = {
    .connected = on_connected,
    .unconnected = on_unconnected,
    .writable = on_writable,
    .timed_out = on_timeout,
    .begun = on_begun,
    .interim = on_interim,
    .head = on_head,
    .tunnel = on_tunnel,
    .complete = on_complete,
    .failed = proxy_client_failed,
};

/* Whether the body, if there is one, can be had again; it is kept where another attempt may want it. */
static bool keep_body(struct proxy *p, struct str body, bool last, bool may_replay)
{
    const struct route *route = p->req->route;
    const struct retry_conf *retry = &route->retry;

    if (p->client.upgrading)
        return may_replay && last && body.len == 0;
    p->bodyless = last && body.len == 0 && p->req->frame.kind != FRAME_CHUNKED;
    if (p->bodyless || !may_replay)
        return may_replay;
    if (route->body_buffering != BODY_MEMORY_DISK || retry->tries < 2 ||
        !(retry->on_timeout || retry->on_reset || retry->on_502 || retry->on_503 || retry->on_504))
        return false;
    upload_keep_whole(&p->client.upload);
    return true;
}

/* A server that has not seen a request says so in HTTP/2: whatever it was may go to another then. */
static void keep_if_unseen(struct proxy *p)
{
    const struct retry_conf *retry = &p->req->route->retry;

    if (p->state->conf->http2 && !p->repeatable && !p->bodyless && retry->on_connect)
        upload_keep_small(&p->client.upload);
}

static void refuse(struct proxy *p, const struct breaker_refusal *refusal)
{
    struct reply_error error = {
        .status = 503,
        .proxy_error = "destination_unavailable",
        .reason = "the circuit breaker of the upstream is open",
        .retry_after_s = 1,
    };

    error.cause = refusal->is_time ? fault_time(p->req, refusal->setting, refusal->value)
                                   : fault_count(p->req, refusal->setting, (uint64_t)refusal->value);
    proxy_end(p, &error);
}

static void proxy_start(struct request *req, struct str body, bool last)
{
    struct proxy *p = pool_alloc(req->pool, sizeof(*p));
    struct breaker_refusal refusal;

    memset((char *)p + offsetof(struct proxy, req), 0, sizeof(*p) - offsetof(struct proxy, req));
    uclient_init(&p->client, req, &client_user);
    deadline_init(&p->patience, on_patience);
    deadline_init(&p->total, proxy_on_total);
    deadline_init(&p->per_try, proxy_on_per_try);
    queue_waiter_init(&p->waiter, proxy_wait_place, proxy_wait_ended);
    req->handler_data = p;
    p->req = req;
    p->total_timeout = req->route->timeouts.total;
    p->total_setting = "timeouts.total";
    if (grpc_is_request(&req->head))
        proxy_grpc_begin(p);
    if (p->total_timeout > 0)
        deadline_start(&req->worker->deadlines, &p->total, p->total_timeout, req->times.start);
    p->state = divert_choose(req->worker->upstreams, req->route->upstream, req);
    req->upstream = p->state->conf;
    p->read_timeout = req->route->timeouts.read;
    p->read_setting = "timeouts.read";
    p->client.upgrading = req->frame.upgrade;
    p->client.upload.last = last;
    p->repeatable = keep_body(p, body, last, retry_may_replay(&req->route->retry, &req->head));
    keep_if_unseen(p);
    if (breaker_admits(p->state, &refusal, &p->probe))
        proxy_attempt(p, body);
    else
        refuse(p, &refusal);
}

static void proxy_body(struct request *req, struct str bytes, bool last)
{
    struct proxy *p = req->handler_data;
    struct upload *u = &p->client.upload;

    p->credited = false;
    if (u->stopped && !upload_is_kept(u)) {
        u->last = last;
        proxy_give_credit(p);
        return;
    }
    if (!p->sendable || u->stopped) {
        if (upload_keep(u, bytes, last) < 0)
            proxy_disk_failed(p);
        else
            proxy_give_credit(p);
        return;
    }
    uploaded(p, p->client.transport->body(&p->client, bytes, last), STR_NONE);
}

static int proxy_sink(struct request *req)
{
    struct proxy *p = req->handler_data;

    return p->sendable ? upload_sink(&p->client.upload) : -1;
}

static void proxy_sunk(struct request *req, size_t bytes, enum handler_sunk how)
{
    struct proxy *p = req->handler_data;

    p->credited = false;
    uploaded(p, upload_sunk(&p->client.upload, bytes, how), STR_NONE);
}

static void proxy_resume(struct request *req)
{
    struct proxy *p = req->handler_data;

    if (p->client.uconn)
        p->client.transport->resume(&p->client);
}

static void proxy_abort(struct request *req, const char *reason WEIR_UNUSED)
{
    struct proxy *p = req->handler_data;

    p->left = true;
    proxy_drop(p);
}

const struct handler handler_proxy = {
    .name = "proxy",
    .start = proxy_start,
    .body = proxy_body,
    .sink = proxy_sink,
    .sunk = proxy_sunk,
    .resume = proxy_resume,
    .abort = proxy_abort,
};

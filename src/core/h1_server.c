/* h1_server.c: see h1_server.h. */
#include "core/h1_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/access_log.h"
#include "core/h1_exchange.h"
#include "core/reply.h"
#include "core/stats.h"
#include "http/h1_parse.h"

#define EXCHANGE_POOL_BYTES (16 * 1024)
/* Exchanges with their pools that a worker keeps for the next requests. */
#define EXCHANGE_SPARES 256
#define TRAILERS_MAX 32
#define TRAILER_BYTES_MAX 8192

/* ---- exchanges ---- */

static struct h1_exchange *exchange_new(struct conn *c)
{
    struct worker *w = c->worker;
    struct request *spare = w->spare_requests;
    struct h1_exchange *ex;
    struct pool *pool;

    if (spare) {
        w->spare_requests = spare->next_spare;
        w->spare_count--;
        ex = h1_exchange_of(spare);
        pool = spare->pool;
    } else {
        ex = malloc(sizeof(*ex));
        if (!ex)
            return NULL;
        pool = pool_new(EXCHANGE_POOL_BYTES);
    }
    memset(ex, 0, sizeof(*ex));
    ex->conn = c;
    ex->pending.fd = -1;
    h1_scan_init(&ex->scan);
    ex->request.pool = pool;
    ex->request.worker = w;
    ex->request.conn = c;
    ex->request.out = &h1_answer_out;
    ex->request.config = w->config;
    ex->request.listener = c->listener;
    ex->request.peer = conn_peer(c);
    ex->request.client = ex->request.peer;
    ex->request.times.start = w->loop->clock.mono_ms;
    c->exchange = ex;
    return ex;
}

static void exchange_free(struct h1_exchange *ex)
{
    struct worker *w = ex->request.worker;

    h1_answer_reset(ex);
    if (w->spare_count >= EXCHANGE_SPARES) {
        pool_free(ex->request.pool);
        free(ex);
        return;
    }
    pool_reset(ex->request.pool);
    ex->request.next_spare = w->spare_requests;
    w->spare_requests = &ex->request;
    w->spare_count++;
}

/* The exchange is over: counts and logs it.  The connection has none then. */
static void finish(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    struct request *req = &ex->request;
    struct worker *w = c->worker;

    c->exchange = NULL;
    c->served = true;
    if (ex->head_done) {
        req->times.end = w->loop->clock.mono_ms;
        stats_request(w->stats, req, req->times.end - req->times.start);
        access_logs_write(w->access_logs, req);
    }
    exchange_free(ex);
}

/* The handler is told that there is no client any more, and the exchange is over. */
static void abandon(struct conn *c, const char *reason)
{
    struct h1_exchange *ex = c->exchange;

    if (ex && ex->head_done && !ex->ended && ex->request.handler) {
        ex->ended = true;
        if (!ex->request.fail_reason)
            ex->request.fail_reason = reason;
        if (ex->request.handler->abort)
            ex->request.handler->abort(&ex->request, reason);
    }
    if (ex)
        finish(c);
}

/* The client is gone, or must go: nothing more is sent. */
static void give_up(struct conn *c, const char *reason)
{
    abandon(c, reason);
    conn_close(c);
}

void h1_end(struct conn *c, const char *reason)
{
    if (c->freed || c->phase == CONN_LINGER)
        return;
    if (!c->exchange || !c->exchange->is_tunnel) {
        give_up(c, reason);
        return;
    }
    h1_answer_say_goodbye(c->exchange);
    abandon(c, reason);
    conn_linger(c);
}

void h1_lost(struct conn *c, const char *reason)
{
    if (!c->freed)
        give_up(c, reason);
}

void h1_drive_later(struct h1_exchange *ex)
{
    if (!ex->conn->driving)
        conn_go_on_later(ex->conn);
}

/* ---- heads ---- */

/* Answers what is no request, or none that may be served; nothing after it can be trusted. */
static void refuse(struct h1_exchange *ex, unsigned status, const char *reason)
{
    ex->head_done = true;
    ex->in_done = true;
    ex->in_bad = true;
    ex->keep_alive = false;
    conn_unhold(ex->conn, ex->conn->held_len);
    reply_status(&ex->request, status, reason);
}

static void refuse_scan(struct h1_exchange *ex, enum h1_verdict verdict)
{
    refuse(ex, (unsigned)h1_scan_status(verdict, H1_REQUEST), ex->scan.reason);
}

/* The client holds the body back until it is asked for (RFC 9110 10.1.1). */
static int check_expect(struct h1_exchange *ex)
{
    struct request *req = &ex->request;
    const struct header *expect = header_find(&req->head.headers, HEADER_EXPECT);

    if (!expect || req->head.minor == 0)
        return 0;
    if (!str_ieq(expect->value, STR("100-continue")) || header_count(&req->head.headers, HEADER_EXPECT) > 1)
        return -1;
    ex->continue_due = !ex->in_done;
    return 0;
}

/* What of `rest` belongs to a body of known length. */
static struct str first_body(struct h1_exchange *ex, struct str rest)
{
    struct request *req = &ex->request;

    switch (req->frame.kind) {
    case FRAME_LENGTH:
        ex->in_left = req->frame.length;
        if (rest.len > ex->in_left)
            rest.len = (size_t)ex->in_left;
        ex->in_left -= rest.len;
        ex->in_done = ex->in_left == 0;
        req->bytes_received = rest.len;
        return rest;
    case FRAME_CHUNKED:
        h1_chunk_init(&ex->chunk, TRAILERS_MAX, TRAILER_BYTES_MAX, NULL);
        return STR_NONE;
    default:
        ex->in_done = true;
        return STR_NONE;
    }
}

/*
 * A whole head, in bytes that stay where they are during this call.  Runs the request with what of its body
 * is in `rest`, and returns how much of `rest` that was.
 */
static size_t run_head(struct h1_exchange *ex, struct str head, struct str rest)
{
    struct request *req = &ex->request;
    struct conn *c = ex->conn;
    const char *reason = NULL;
    struct str body;
    char *copy = pool_text(req->pool, head.len);
    int status;

    memcpy(copy, head.s, head.len);
    status = h1_parse_request_head((struct str){copy, head.len}, req->pool, &c->listener->limits, &req->head,
                                   &reason);
    if (status == 0)
        status = frame_request(&req->head, &req->frame, &reason);
    if (status != 0) {
        refuse(ex, (unsigned)status, reason);
        return 0;
    }
    ex->head_done = true;
    ex->keep_alive = req->frame.keep_alive;
    body = first_body(ex, rest);
    if (check_expect(ex) < 0) {
        ex->keep_alive = false;
        reply_status(req, 417, "an expectation other than 100-continue");
    } else {
        request_run(req, body, ex->in_done);
    }
    return body.len;
}

/* A head that lies in the held bytes, in whole or in part.  False: in part. */
static bool head_from_held(struct h1_exchange *ex)
{
    struct conn *c = ex->conn;
    struct str held = conn_held(c);
    enum h1_verdict verdict = h1_scan_feed(&ex->scan, H1_REQUEST, &c->listener->limits, held.s, held.len);
    size_t used;

    if (verdict == H1_SCAN_MORE)
        return false;
    if (verdict != H1_SCAN_DONE) {
        refuse_scan(ex, verdict);
        return true;
    }
    used = ex->scan.end;
    used += run_head(ex, (struct str){held.s + ex->scan.start, ex->scan.end - ex->scan.start},
                     (struct str){held.s + used, held.len - used});
    if (!ex->in_bad)
        conn_unhold(c, used);
    return true;
}

/* A whole head in bytes just read. */
static void head_from_read(struct h1_exchange *ex, struct str in)
{
    struct str head = {in.s + ex->scan.start, ex->scan.end - ex->scan.start};
    struct str rest = {in.s + ex->scan.end, in.len - ex->scan.end};
    struct conn *c = ex->conn;
    char *kept = NULL;
    size_t used;

    /* The receive buffer is the worker's: what does not belong to this request is put away before it runs. */
    if (rest.len > 0) {
        if (conn_hold(c, rest) < 0) {
            refuse(ex, 503, "no memory for pipelined bytes");
            return;
        }
        kept = c->held;
        rest = conn_held(c);
    }
    used = run_head(ex, head, rest);
    if (kept && !ex->in_bad)
        conn_unhold(c, used);
}

/* Reads the start or the rest of a head.  False: nothing more to be done now. */
static bool read_head(struct conn *c)
{
    struct worker *w = c->worker;
    struct h1_exchange *ex = c->exchange;
    char *to = w->receive;
    size_t room = WORKER_BUFFER_BYTES;
    ssize_t n;
    enum h1_verdict verdict;

    if (c->held_len > 0 && (!ex || ex->scan.next == 0)) {
        if (!ex && !(ex = exchange_new(c))) {
            conn_close(c);
            return false;
        }
        if (head_from_held(ex))
            return true;
    }
    if (!c->readable)
        return false;
    if (c->held_len > 0) {
        room = 16 * 1024;
        to = conn_hold_room(c, room);
        if (!to) {
            give_up(c, "no memory for a head");
            return false;
        }
    }
    n = recv(conn_fd(c), to, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        c->readable = errno == EINTR;
        return false;
    }
    if (n <= 0) {
        give_up(c, n == 0 ? "client closed in the middle of a head" : "client reset the connection");
        return false;
    }
    if (!ex && !(ex = exchange_new(c))) {
        conn_close(c);
        return false;
    }
    if (c->held_len > 0) {
        c->held_len += (uint32_t)n;
        return head_from_held(ex) || c->readable;
    }
    verdict = h1_scan_feed(&ex->scan, H1_REQUEST, &c->listener->limits, to, (size_t)n);
    if (verdict == H1_SCAN_DONE) {
        /* A short read of a whole message: the socket is empty unless an event says otherwise. */
        c->readable = (size_t)n == room || c->closed_seen;
        head_from_read(ex, (struct str){to, (size_t)n});
        return true;
    }
    if (verdict != H1_SCAN_MORE) {
        refuse_scan(ex, verdict);
        return true;
    }
    if (conn_hold(c, (struct str){to, (size_t)n}) < 0) {
        give_up(c, "no memory for a head");
        return false;
    }
    return true;
}

/* ---- bodies ---- */

/* What came is not what was announced: after this nothing can be understood. */
static void body_failed(struct h1_exchange *ex, unsigned status, const char *reason)
{
    struct request *req = &ex->request;

    ex->in_bad = true;
    ex->in_done = true;
    ex->keep_alive = false;
    if (ex->ended)
        return;
    if (req->handler && req->handler->abort)
        req->handler->abort(req, reason);
    if (status == 0 || req->head_sent) {
        req->fail_reason = reason;
        ex->broken = true;
        ex->broken_reason = reason;
        ex->ended = true;
    } else {
        reply_status(req, status, reason);
    }
}

static void give_body(struct h1_exchange *ex, struct str bytes, bool last)
{
    struct request *req = &ex->request;
    uint64_t max = req->route ? req->route->body_max : 0;

    req->bytes_received += bytes.len;
    ex->in_done = last;
    if (ex->ended) {
        ex->in_dropped += bytes.len;
        return;
    }
    if (max > 0 && req->bytes_received > max && !ex->is_tunnel) {
        body_failed(ex, 413, "the body is longer than request_body.max_size");
        return;
    }
    ex->credit -= ex->credit < bytes.len ? ex->credit : bytes.len;
    if (req->handler && req->handler->body)
        req->handler->body(req, bytes, last);
}

/* Takes what it can of a body from `in`; what is left there belongs to the next request. */
static void take_body(struct h1_exchange *ex, struct str *in)
{
    if (ex->is_tunnel) {
        give_body(ex, *in, false);
        in->len = 0;
        return;
    }
    if (ex->request.frame.kind == FRAME_LENGTH) {
        struct str bytes = *in;

        if (bytes.len > ex->in_left)
            bytes.len = (size_t)ex->in_left;
        in->s += bytes.len;
        in->len -= bytes.len;
        ex->in_left -= bytes.len;
        give_body(ex, bytes, ex->in_left == 0);
        return;
    }
    while (!ex->in_done) {
        struct str data = STR_NONE;

        switch (h1_chunk_next(&ex->chunk, in, &data)) {
        case H1_CHUNK_DATA:
            give_body(ex, data, false);
            break;
        case H1_CHUNK_END:
            give_body(ex, STR_NONE, true);
            return;
        case H1_CHUNK_MORE:
            return;
        case H1_CHUNK_BAD:
            body_failed(ex, (unsigned)ex->chunk.status, ex->chunk.reason);
            return;
        }
    }
}

/* The client's side is over; a tunnel goes on in the other direction. */
static void body_ended(struct conn *c, bool reset)
{
    struct h1_exchange *ex = c->exchange;

    c->closed_seen = true;
    c->readable = false;
    if (ex->is_tunnel && !reset)
        give_body(ex, STR_NONE, true);
    else
        body_failed(ex, 0, reset ? "client reset the connection" : "client closed in the middle of a body");
}

/* One step of reading a body.  False: nothing more to be done now. */
static bool read_body(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    size_t room = WORKER_BUFFER_BYTES;
    struct str in = conn_held(c);
    ssize_t n;

    if (in.len > 0) {
        size_t held = in.len;

        take_body(ex, &in);
        if (!ex->in_bad)
            conn_unhold(c, held - in.len);
        return true;
    }
    if (!c->readable)
        return false;
    if (ex->request.frame.kind == FRAME_LENGTH && !ex->is_tunnel && room > ex->in_left)
        room = (size_t)ex->in_left;
    n = recv(conn_fd(c), c->worker->receive, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        c->readable = errno == EINTR;
        return c->readable;
    }
    if (n <= 0) {
        body_ended(c, n < 0);
        return true;
    }
    in = (struct str){c->worker->receive, (size_t)n};
    take_body(ex, &in);
    /* A short read of a message that is not complete does not say that the socket is empty. */
    if (ex->in_done && !ex->in_bad && (size_t)n < room)
        c->readable = c->closed_seen;
    if (in.len > 0 && !ex->in_bad && conn_hold(c, in) < 0)
        body_failed(ex, 503, "no memory for pipelined bytes");
    return true;
}

/* An answer that came before the body's end: the rest is read and dropped, if it is not too much. */
static bool may_drain(const struct h1_exchange *ex)
{
    if (!ex->keep_alive || ex->in_bad || ex->continue_due || ex->is_tunnel)
        return false;
    if (ex->request.frame.kind == FRAME_LENGTH)
        return ex->in_left + ex->in_dropped <= H1_DRAIN_BYTES;
    return ex->in_dropped <= H1_DRAIN_BYTES;
}

/* ---- the connection's course ---- */

/* The answer is with the kernel.  False: the connection is over. */
static bool answered(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    bool keep = ex->keep_alive && !ex->in_bad;
    bool plain_close = !ex->in_bad && ex->in_done && !ex->request.frame.keep_alive && c->held_len == 0;

    if (ex->out_until_close || ex->is_tunnel)
        keep = false;
    if (ex->broken) {
        finish(c);
        conn_close(c);
        return false;
    }
    finish(c);
    if (keep)
        return true;
    /* A client that asked for the end sends nothing more; others may have, and a reset would eat
     * the answer. */
    if (plain_close)
        conn_close(c);
    else
        conn_linger(c);
    return false;
}

/* Does one thing that can be done.  False: nothing can, or the connection is over. */
static bool step(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;

    if (!ex || !ex->head_done)
        return read_head(c);
    if (ex->broken) {
        give_up(c, ex->broken_reason ? ex->broken_reason : "client is gone");
        return false;
    }
    if (ex->ended && !h1_answer_is_pending(ex)) {
        if (!ex->in_done && may_drain(ex))
            return read_body(c);
        if (!ex->in_done)
            ex->in_bad = true;
        return answered(c);
    }
    if (!ex->in_done && (ex->credit > 0 || ex->is_tunnel) && !ex->ended)
        return ex->credit > 0 && read_body(c);
    return false;
}

static bool has_timers_of_work(const struct h1_exchange *ex)
{
    return !ex->in_done && ex->credit > 0 && !ex->ended;
}

static void register_or_end(struct conn *c)
{
    if (conn_register(c) < 0)
        give_up(c, "epoll refused the connection");
}

/* Nothing can be done now: says what is waited for. */
static void settle(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    const struct timeouts *t = &c->listener->timeouts;

    if (!ex) {
        int64_t idle =
            c->worker->draining && t->keepalive > CONN_DRAIN_IDLE_MS ? CONN_DRAIN_IDLE_MS : t->keepalive;

        conn_phase(c, CONN_IDLE, c->served ? idle : t->client_header);
    } else if (!ex->head_done) {
        if (c->phase != CONN_HEAD)
            conn_phase(c, CONN_HEAD, t->client_header);
    } else {
        if (ex->request.route)
            t = &ex->request.route->timeouts;
        if (ex->is_tunnel)
            conn_phase(c, CONN_TUNNEL, t->tunnel);
        else if (h1_answer_is_pending(ex) || ex->paused)
            conn_phase(c, CONN_SEND, t->client_send);
        else if (has_timers_of_work(ex) || ex->ended) {
            if (ex->waiting_since == 0)
                ex->waiting_since = c->worker->loop->clock.mono_ms;
            conn_phase(c, CONN_BODY, t->client_body);
        } else {
            c->phase = CONN_WORK;
            /* Not registered until it takes long, see h1_on_tick(). */
            if (!c->registered)
                return;
            if (c->closed_seen)
                conn_phase(c, CONN_WORK, CONN_HALF_CLOSED_MS);
            return;
        }
    }
    register_or_end(c);
}

void h1_go_on(struct conn *c)
{
    if (c->freed || c->driving)
        return;
    c->driving = true;
    while (!c->freed && step(c))
        continue;
    c->driving = false;
    if (!c->freed && c->phase != CONN_LINGER)
        settle(c);
}

void h1_begin(struct conn *c)
{
    c->phase = CONN_IDLE;
    if (c->readable) {
        h1_go_on(c);
        return;
    }
    settle(c);
}

/* The socket takes bytes again. */
static void resume_output(struct h1_exchange *ex)
{
    if (!h1_answer_flush(ex))
        return;
    if (ex->paused && !ex->ended && !ex->broken) {
        ex->paused = false;
        if (ex->request.handler && ex->request.handler->resume)
            ex->request.handler->resume(&ex->request);
    }
}

/* Whether a body comes too slowly (RFC 9110 15.5.9 leaves the measure to us). */
static bool is_slow(const struct h1_exchange *ex)
{
    return ex->waited > H1_BODY_GRACE_MS &&
           ex->request.bytes_received < (uint64_t)(ex->waited / 1000) * H1_BODY_RATE;
}

/* A reset comes without a word of its own: only the socket knows. */
static bool is_reset(struct conn *c)
{
    char byte;
    ssize_t n = recv(conn_fd(c), &byte, 1, MSG_PEEK);

    if (n == 0)
        c->closed_seen = true;
    return n < 0 && errno != EAGAIN && errno != EINTR;
}

void h1_on_event(struct conn *c, bool writable)
{
    struct h1_exchange *ex = c->exchange;

    if (ex && ex->waiting_since > 0 && c->readable) {
        ex->waited += c->worker->loop->clock.mono_ms - ex->waiting_since;
        ex->waiting_since = 0;
    }
    if (c->phase == CONN_WORK && c->readable && !c->closed_seen && is_reset(c)) {
        h1_lost(c, "client reset the connection");
        return;
    }
    if (ex && writable && (ex->paused || h1_answer_is_pending(ex))) {
        c->driving = true;
        resume_output(ex);
        c->driving = false;
    }
    if (ex && !ex->ended && is_slow(ex))
        body_failed(ex, 408, "the body comes too slowly");
    h1_go_on(c);
}

void h1_on_deadline(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;

    switch (c->phase) {
    case CONN_HEAD:
        if (ex) {
            c->driving = true;
            refuse(ex, 408, "the head did not come within timeouts.client_header");
            c->driving = false;
            h1_go_on(c);
            return;
        }
        break;
    case CONN_BODY:
        if (ex && !ex->ended) {
            c->driving = true;
            body_failed(ex, 408, "the body did not come within timeouts.client_body");
            c->driving = false;
            h1_go_on(c);
            return;
        }
        break;
    case CONN_WORK:
        if (!c->closed_seen)
            return;
        give_up(c, "client closed while its answer was awaited");
        return;
    default:
        break;
    }
    give_up(c, c->phase == CONN_TUNNEL ? "tunnel was silent for timeouts.tunnel"
                                       : "client did not read for timeouts.client_send");
}

void h1_on_tick(struct conn *c)
{
    const struct h1_exchange *ex = c->exchange;

    if (ex && c->worker->loop->clock.mono_ms - ex->request.times.start >= CONN_REGISTER_MS)
        register_or_end(c);
}

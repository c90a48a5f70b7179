/* h2_body.c: the body of a request that came by HTTP/2: who may send how much of it, and when; see h2_stream.h. */
#include <stdlib.h>

#include "core/client/h2_stream.h"
#include "core/log/fault.h"
#include "core/reply.h"

int h2_kept_add(struct h2_kept *k, struct str bytes)
{
    if (k->at > 0) {
        memmove(k->bytes, k->bytes + k->at, k->len - k->at);
        k->len -= k->at;
        k->at = 0;
    }
    if (k->room - k->len < bytes.len) {
        char *grown = realloc(k->bytes, k->len + bytes.len);

        if (!grown)
            return -1;
        k->bytes = grown;
        k->room = k->len + bytes.len;
    }
    memcpy(k->bytes + k->len, bytes.s, bytes.len);
    k->len += bytes.len;
    return 0;
}

void h2_kept_free(struct h2_kept *k)
{
    free(k->bytes);
    *k = (struct h2_kept){.bytes = NULL};
}

/* The client may send as much again. */
static void consume(struct h2_stream *s, size_t n)
{
    struct h2_session *ses = s->session;

    if (n == 0 || ses->dead)
        return;
    if (s->closed ? nghttp2_session_consume_connection(ses->ng, n) < 0
                  : nghttp2_session_consume(ses->ng, s->id, n) < 0)
        h2_session_broken(ses, "no memory for a window");
}

/* Others may use the connection's window again; the stream's is not opened for what nobody wants, beyond a measure. */
static void drop(struct h2_stream *s, size_t n)
{
    if (s->dropped <= H2_DROP_BYTES)
        consume(s, n);
    else if (!s->session->dead && nghttp2_session_consume_connection(s->session->ng, n) < 0)
        h2_session_broken(s->session, "no memory for a window");
}

static bool wants_body(const struct h2_stream *s)
{
    return s->started && !s->in_done && !s->ended && s->credit > 0 && s->in.len == 0;
}

void h2_body_watch(struct h2_stream *s)
{
    int64_t now = h2_session_now(s->session);

    if (s->is_tunnel || s->out_done) {
        if (s->is_tunnel)
            deadline_renew(&s->deadline, now);
        return;
    }
    if (!wants_body(s)) {
        deadline_stop(&s->deadline);
        return;
    }
    if (s->waiting_since == 0)
        s->waiting_since = now;
    deadline_start(&s->request.worker->deadlines, &s->deadline, h2_stream_timeouts(s)->client_body, now);
}

void h2_body_drop(struct h2_stream *s)
{
    if (s->continue_due || s->is_tunnel || s->dropped > H2_DROP_BYTES)
        h2_stream_reset(s, NGHTTP2_NO_ERROR);
    else
        deadline_start(&s->request.worker->deadlines, &s->deadline, H2_DROP_MS, h2_session_now(s->session));
}

void h2_body_failed(struct h2_stream *s, unsigned status, const char *reason, struct str cause)
{
    struct request *req = &s->request;
    struct reply_error error = {.status = status, .reason = reason, .cause = cause};

    s->in_done = true;
    if (s->ended)
        return;
    if (req->handler && req->handler->abort)
        req->handler->abort(req, reason);
    if (status == 0 || req->head_sent) {
        req->fail_reason = reason;
        s->ended = true;
        h2_stream_reset(s, status == 0 ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_CANCEL);
    } else {
        reply_error(req, &error);
    }
}

/* As much as was announced, and no more than the route takes (RFC 9113 8.1.1). */
static bool check_length(struct h2_stream *s, bool last)
{
    struct request *req = &s->request;
    uint64_t max = req->route ? req->route->body_max : 0;
    bool known = req->frame.kind == FRAME_LENGTH;

    if (s->is_tunnel)
        return true;
    if (known && (req->bytes_received > req->frame.length || (last && req->bytes_received < req->frame.length))) {
        h2_body_failed(s, 0, "the body is not as long as Content-Length says", STR_NONE);
        return false;
    }
    if (max > 0 && req->bytes_received > max) {
        h2_body_failed(s, 413, "the body is too long", fault_size(req, "request_body.max_size", max));
        return false;
    }
    return true;
}

static void give(struct h2_stream *s, struct str bytes, bool last)
{
    struct request *req = &s->request;

    req->bytes_received += bytes.len;
    if (s->in_done || s->ended || !check_length(s, last))
        return;
    s->in_done = last;
    s->credit -= s->credit < bytes.len ? s->credit : bytes.len;
    if (req->handler && req->handler->body)
        req->handler->body(req, bytes, last);
}

/* Whether a body comes too slowly (RFC 9110 15.5.9 leaves the measure to us). */
static bool is_slow(const struct h2_stream *s)
{
    return s->waited > H2_BODY_GRACE_MS && s->request.bytes_received < (uint64_t)(s->waited / 1000) * H2_BODY_RATE;
}

static void note_arrival(struct h2_stream *s)
{
    if (s->waiting_since > 0)
        s->waited += h2_session_now(s->session) - s->waiting_since;
    s->waiting_since = 0;
}

/* Nobody will take it; before its tunnel is there, a WebSocket's bytes wait. */
static bool is_unwanted(const struct h2_stream *s)
{
    return s->ended || (s->in_done && !(s->head.upgrade && !s->is_tunnel));
}

void h2_body_take(struct h2_stream *s, struct str bytes, bool ends)
{
    struct request *req = &s->request;
    bool whole = ends && req->frame.kind == FRAME_LENGTH && s->started && !s->is_tunnel &&
                 req->bytes_received + bytes.len == req->frame.length;

    note_arrival(s);
    if (is_unwanted(s)) {
        req->bytes_received += bytes.len;
        s->dropped += bytes.len;
        drop(s, bytes.len);
        if (s->out_done && s->dropped > H2_DROP_BYTES)
            h2_stream_reset(s, NGHTTP2_NO_ERROR);
        return;
    }
    if (!s->started || s->credit == 0 || s->in.len > 0) {
        if (h2_kept_add(&s->in, bytes) < 0)
            h2_session_broken(s->session, "no memory for a body");
        return;
    }
    give(s, bytes, whole);
    consume(s, bytes.len);
    if (!s->ended && is_slow(s))
        h2_body_failed(s, 408, "the body comes too slowly",
                       pool_printf(req->pool, "%llu bytes came", (unsigned long long)req->bytes_received));
    h2_body_watch(s);
}

void h2_body_end(struct h2_stream *s)
{
    s->in_ended = true;
    note_arrival(s);
    if (s->started && !s->in_done)
        h2_stream_wake(s);
}

void h2_body_deliver(struct h2_stream *s)
{
    struct str bytes = {s->in.bytes + s->in.at, s->in.len - s->in.at};
    struct h2_kept kept = s->in;

    if (is_unwanted(s)) {
        h2_kept_free(&s->in);
        consume(s, bytes.len);
        return;
    }
    if (s->in_done)
        return;
    /* The end is told without being asked for: it needs no room. */
    if (bytes.len > 0 && s->credit == 0)
        return;
    if (bytes.len == 0 && !s->in_ended)
        return;
    s->in = (struct h2_kept){.bytes = NULL};
    give(s, bytes, s->in_ended);
    consume(s, bytes.len);
    h2_kept_free(&kept);
    h2_body_watch(s);
}

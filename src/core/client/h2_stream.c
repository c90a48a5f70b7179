/* h2_stream.c: the life of a stream: made with the first field, kept for the next when it is over. */
#include "core/client/h2_stream.h"

#include <stdlib.h>

#include "core/board/stats.h"
#include "core/client/conn_tls.h"
#include "core/log/access_log.h"
#include "core/log/fault.h"
#include "core/reply.h"

#define STREAM_POOL_BYTES (16 * 1024)
/* Streams with their pools that a worker keeps for the next requests. */
#define STREAM_SPARES 256
#define WEBSOCKET_KEY_BYTES 16

static void on_deadline(struct deadline *d)
{
    struct h2_stream *s = container_of(d, struct h2_stream, deadline);
    struct request *req = &s->request;
    const struct timeouts *t = h2_stream_timeouts(s);

    if (s->out_done) {
        h2_stream_reset(s, NGHTTP2_NO_ERROR);
        return;
    }
    if (s->is_tunnel) {
        req->error = "connection_read_timeout";
        fault_log(req, LOG_LEVEL_INFO, "", "the tunnel was silent; %.*s",
                  STR_ARG(fault_time(req, "timeouts.tunnel", t->tunnel)));
        h2_stream_leave(s, "the tunnel was silent");
        return;
    }
    h2_body_failed(s, 408, "the body did not come in time",
                   pool_printf(req->pool, "%.*s; %llu bytes came",
                               STR_ARG(fault_time(req, "timeouts.client_body", t->client_body)),
                               (unsigned long long)req->bytes_received));
    h2_session_go_on(s->session);
}

void h2_stream_leave(struct h2_stream *s, const char *reason)
{
    struct request *req = &s->request;

    if (!s->is_tunnel || s->ended)
        return;
    h2_answer_say_goodbye(s);
    req->fail_reason = reason;
    s->in_done = s->ended = true;
    if (req->handler && req->handler->abort)
        req->handler->abort(req, reason);
}

static struct h2_stream *take(struct worker *w, struct pool **pool)
{
    struct request *spare = w->spare_streams;
    struct h2_stream *s;

    if (spare) {
        w->spare_streams = spare->next_spare;
        w->spare_stream_count--;
        *pool = spare->pool;
        return h2_stream_of(spare);
    }
    s = malloc(sizeof(*s));
    if (s)
        *pool = pool_new(STREAM_POOL_BYTES);
    return s;
}

struct h2_stream *h2_stream_new(struct h2_session *ses, int32_t id)
{
    struct conn *c = ses->conn;
    struct worker *w = c->worker;
    struct pool *pool = NULL;
    struct h2_stream *s = take(w, &pool);

    if (!s)
        return NULL;
    memset(s, 0, sizeof(*s));
    s->session = ses;
    s->id = id;
    s->fd = -1;
    list_init(&s->link);
    list_init(&s->due);
    list_append(&ses->streams, &s->link);
    ses->stream_count++;
    ses->head_count++;
    deadline_init(&s->deadline, on_deadline);
    deadline_init(&s->stall, h2_answer_stalled);
    s->request.pool = pool;
    s->request.worker = w;
    s->request.conn = c;
    s->request.out = &h2_answer_out;
    s->request.config = w->config;
    s->request.listener = c->listener;
    s->request.peer = conn_peer(c);
    s->request.client = s->request.peer;
    s->request.times.start = w->loop->clock.mono_ms;
    s->request.is_h2 = true;
    conn_tls_tell(c, &s->request);
    h2_head_init(&s->head, &s->request.head, pool, &c->listener->limits);
    return s;
}

static void give_back(struct h2_stream *s)
{
    struct worker *w = s->request.worker;

    if (w->spare_stream_count >= STREAM_SPARES || pool_is_held(s->request.pool)) {
        pool_free(s->request.pool);
        free(s);
        return;
    }
    pool_reset(s->request.pool);
    s->request.next_spare = w->spare_streams;
    w->spare_streams = &s->request;
    w->spare_stream_count++;
}

void h2_stream_finish(struct h2_stream *s)
{
    struct h2_session *ses = s->session;
    struct request *req = &s->request;
    struct worker *w = req->worker;
    size_t unread = s->in.len - s->in.at;

    deadline_stop(&s->deadline);
    deadline_stop(&s->stall);
    list_remove(&s->link);
    list_remove(&s->due);
    ses->stream_count--;
    ses->tunnel_count -= s->is_tunnel;
    ses->head_count -= !s->head_done;
    h2_answer_hold(s, false);
    if (unread > 0 && !ses->dead)
        (void)nghttp2_session_consume_connection(ses->ng, unread);
    h2_kept_free(&s->in);
    h2_kept_free(&s->out);
    if (s->started) {
        ses->conn->served = true;
        req->times.end = w->loop->clock.mono_ms;
        stats_request(w->stats, req, req->times.end - req->times.start);
        access_logs_write(w->access_logs, req);
    }
    give_back(s);
}

void h2_stream_abandon(struct h2_stream *s, const char *reason)
{
    struct request *req = &s->request;
    struct h2_session *ses = s->session;

    if (!(s->ended && s->out_done) && !req->fail_reason)
        req->fail_reason = reason;
    if (s->started && !s->ended && req->handler) {
        s->ended = true;
        if (req->handler->abort)
            req->handler->abort(req, reason);
    }
    /* nghttp2 must not come back to what is gone. */
    if (!s->closed && !ses->dead)
        (void)nghttp2_session_set_stream_user_data(ses->ng, s->id, NULL);
    h2_stream_finish(s);
}

void h2_stream_wake(struct h2_stream *s)
{
    if (list_empty(&s->due))
        list_append(&s->session->due, &s->due);
    h2_session_go_on(s->session);
}

void h2_stream_reset(struct h2_stream *s, uint32_t error)
{
    struct h2_session *ses = s->session;

    s->now = STR_NONE;
    if (s->broken)
        return;
    s->broken = true;
    if (!s->closed && !ses->dead &&
        nghttp2_submit_rst_stream(ses->ng, NGHTTP2_FLAG_NONE, s->id, error) == NGHTTP2_ERR_NOMEM)
        h2_session_broken(ses, "no memory for a reset");
    h2_stream_wake(s);
}

/* The client holds the body back until it is asked for (RFC 9110 10.1.1). */
static int check_expect(struct h2_stream *s)
{
    const struct header_list *headers = &s->request.head.headers;
    const struct header *expect = header_find(headers, HEADER_EXPECT);

    if (!expect)
        return 0;
    if (!str_ieq(expect->value, STR("100-continue")) || header_count(headers, HEADER_EXPECT) > 1)
        return -1;
    s->continue_due = !s->in_ended && s->in.len == 0;
    return 0;
}

/* A server that speaks HTTP/1 wants a key, of which an HTTP/2 client knows nothing. */
static bool add_key(struct h2_stream *s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct request *req = &s->request;
    uint8_t key[WEBSOCKET_KEY_BYTES + 2] = {0};
    char *text = pool_text(req->pool, 24);

    for (size_t i = 0; i < WEBSOCKET_KEY_BYTES; i++)
        key[i] = (uint8_t)rnd_u64(&req->worker->rnd);
    for (size_t i = 0; i < 6; i++) {
        unsigned bits = (unsigned)key[3 * i] << 16 | (unsigned)key[3 * i + 1] << 8 | key[3 * i + 2];

        for (size_t k = 0; k < 4; k++)
            text[4 * i + k] = digits[bits >> (18 - 6 * k) & 63];
    }
    text[22] = text[23] = '=';
    header_remove(&req->head.headers, HEADER_SEC_WEBSOCKET_KEY);
    return header_add_known(&req->head.headers, HEADER_SEC_WEBSOCKET_KEY, (struct str){text, 24}) == 0;
}

/* The request begins, with what of its body is there. */
static void run(struct h2_stream *s)
{
    struct request *req = &s->request;
    struct h2_kept kept = s->in;
    bool last = s->in_ended || s->head.upgrade;
    struct str body = s->head.upgrade ? STR_NONE : (struct str){kept.bytes, kept.len};

    if (req->frame.kind == FRAME_LENGTH && (body.len > req->frame.length || (last && body.len < req->frame.length))) {
        h2_body_failed(s, 0, "the body is not as long as Content-Length says", STR_NONE);
        return;
    }
    s->in_done = last;
    if (body.len > 0)
        s->in = (struct h2_kept){.bytes = NULL};
    req->bytes_received = body.len;
    request_run(req, body, last);
    if (body.len > 0) {
        if (!s->session->dead)
            (void)nghttp2_session_consume(s->session->ng, s->id, body.len);
        h2_kept_free(&kept);
    }
}

static void start(struct h2_stream *s)
{
    struct request *req = &s->request;
    struct reply_error error = {.reason = NULL};
    enum h2_head_verdict verdict =
        h2_head_end(&s->head, s->in_ended && s->in.len == 0, &req->frame, &error.status, &error.reason);

    s->started = true;
    if (verdict == H2_HEAD_OK && s->head.upgrade && !add_key(s)) {
        error = (struct reply_error){.status = 431, .reason = "too many fields"};
        verdict = H2_HEAD_REFUSED;
    }
    if (verdict == H2_HEAD_MALFORMED) {
        s->ended = s->in_done = true;
        req->fail_reason = error.reason;
        fault_log(req, LOG_LEVEL_INFO, "", "the stream is reset: %s", error.reason);
        h2_stream_reset(s, NGHTTP2_PROTOCOL_ERROR);
    } else if (verdict == H2_HEAD_REFUSED) {
        s->in_done = true;
        reply_error(req, &error);
        if (s->head.too_large && !h2_limits_glitch(&s->session->limits, h2_session_now(s->session)))
            h2_session_calm(s->session, "heads that are too large");
    } else if (check_expect(s) < 0) {
        s->in_done = true;
        reply_status(req, 417, "an expectation other than 100-continue");
    } else {
        run(s);
    }
}

void h2_stream_step(struct h2_stream *s)
{
    struct request *req = &s->request;

    if (s->head_done && !s->started && !s->closed && !s->broken)
        start(s);
    if (s->closed) {
        if (!s->ended && !s->out_done)
            h2_stream_abandon(s, "client reset the stream");
        else if (s->ended)
            h2_stream_finish(s);
        return;
    }
    if (!s->started)
        return;
    h2_body_deliver(s);
    if (s->paused && !s->ended && !s->closed && h2_answer_pending(s) == 0) {
        s->paused = false;
        if (req->handler && req->handler->resume)
            req->handler->resume(req);
    }
}

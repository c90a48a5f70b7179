/* h2_answer.c: how an answer goes to an HTTP/2 client: the table of request.h; see h2_stream.h. */
#include <errno.h>
#include <unistd.h>

#include "core/client/h2_fields.h"
#include "core/board/stats.h"
#include "core/client/h2_stream.h"
#include "core/log/fault.h"

#define NOT_TAKEN "the client took nothing of its answer"

static void end_output(struct h2_stream *s)
{
    s->ended = true;
    h2_body_watch(s);
    h2_stream_wake(s);
}

void h2_answer_hold(struct h2_stream *s, bool held)
{
    struct h2_session *ses = s->session;
    int64_t patience = h2_stream_timeouts(s)->client_send;

    if (s->held == held)
        return;
    s->held = held;
    if (!held) {
        ses->held_count--;
        return;
    }
    if (ses->held_count++ == 0)
        ses->stall_ms = H2_STALL_MS;
    if (patience > 0 && patience < ses->stall_ms)
        ses->stall_ms = patience;
    s->taken = s->request.bytes_sent;
    s->blocked_ms = h2_session_blocked_ms(ses);
    deadline_start(&s->request.worker->deadlines, &s->stall, patience, h2_session_now(ses));
}

/* Enough was taken for the time to count anew. */
static void note_taken(struct h2_stream *s)
{
    if (!s->held || s->request.bytes_sent - s->taken < H2_STALL_BYTES)
        return;
    s->taken = s->request.bytes_sent;
    s->blocked_ms = h2_session_blocked_ms(s->session);
    deadline_start(&s->request.worker->deadlines, &s->stall, h2_stream_timeouts(s)->client_send,
                   h2_session_now(s->session));
}

/* The stream's own window is not what holds it back: the connection has a time of its own. */
static bool waits_for_connection(const struct h2_stream *s)
{
    return nghttp2_session_get_stream_remote_window_size(s->session->ng, s->id) > 0 &&
           h2_session_is_blocked(s->session);
}

/* Lets go of the server at once, and of what waits. */
static void give_up(struct h2_stream *s)
{
    struct request *req = &s->request;
    bool ended = s->ended;

    req->fail_reason = NOT_TAKEN;
    s->ended = s->in_done = true;
    if (!ended && req->handler && req->handler->abort)
        req->handler->abort(req, NOT_TAKEN);
    h2_kept_free(&s->out);
    s->left = 0;
    h2_stream_reset(s, NGHTTP2_CANCEL);
    h2_answer_hold(s, false);
}

void h2_answer_stalled(struct deadline *d)
{
    struct h2_stream *s = container_of(d, struct h2_stream, stall);
    struct h2_session *ses = s->session;
    struct request *req = &s->request;
    int64_t patience = h2_stream_timeouts(s)->client_send, blocked = h2_session_blocked_ms(ses);

    if (!s->held || s->broken || s->closed || ses->dead)
        return;
    /* As long again as it was not the stream that waited: who blocks one and the other by turns gains nothing. */
    if (waits_for_connection(s)) {
        int64_t others = blocked - s->blocked_ms;

        s->blocked_ms = blocked;
        deadline_start(&req->worker->deadlines, d, others > 0 ? others : 1, h2_session_now(ses));
        return;
    }
    fault_log(req, LOG_LEVEL_INFO, "", "%s; %.*s; %llu bytes were sent; the stream is reset", NOT_TAKEN,
              STR_ARG(fault_time(req, "timeouts.client_send", patience)), (unsigned long long)req->bytes_sent);
    req->worker->stats->h2_stalled++;
    give_up(s);
    if (!h2_limits_stalled(&ses->limits, h2_session_now(ses)))
        h2_session_calm(ses, "streams of which nothing is taken");
}

/* What waits is framed; what cannot be is kept.  Answers as the functions of request_out. */
static bool send_on(struct h2_stream *s, bool last)
{
    struct h2_session *ses = s->session;

    if (last)
        end_output(s);
    if (s->deferred && !s->closed && !ses->dead && (last || s->ended || h2_answer_pending(s) > 0)) {
        s->deferred = false;
        if (nghttp2_session_resume_data(ses->ng, s->id) == NGHTTP2_ERR_NOMEM)
            h2_session_broken(ses, "no memory for an answer");
    }
    h2_output_frame(ses);
    h2_session_go_on(ses);
    if (s->now.len > 0 && h2_kept_add(&s->out, s->now) < 0)
        h2_session_broken(ses, "no memory for an answer");
    s->now = STR_NONE;
    h2_answer_hold(s, h2_answer_pending(s) > 0);
    s->paused = s->held;
    return !s->held;
}

/* The stream is looked up: what nghttp2 holds of it may outlive it. */
static ssize_t answer_read(nghttp2_session *ng, int32_t id, uint8_t *buf WEIR_UNUSED, size_t length, uint32_t *flags,
                           nghttp2_data_source *source WEIR_UNUSED, void *user WEIR_UNUSED)
{
    struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);
    uint64_t have;

    if (!s || s->broken)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    have = h2_answer_pending(s);
    if (have == 0 && !s->ended) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (have <= length && s->ended)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (have <= length && s->ended && s->trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(ng, id, s->trailers, s->trailer_count) < 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        s->trailers = NULL;
    }
    return (ssize_t)(have < length ? have : length);
}

static int copy_file(struct h2_stream *s, char *to, size_t n)
{
    while (n > 0) {
        ssize_t got = pread(s->fd, to, n, s->offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        s->offset += got;
        s->left -= (uint64_t)got;
        to += got;
        n -= (size_t)got;
    }
    return 0;
}

int h2_answer_copy(struct h2_stream *s, char *to, size_t n)
{
    size_t part = s->out.len - s->out.at;

    s->request.bytes_sent += n;
    note_taken(s);
    if (s->is_tunnel)
        deadline_renew(&s->deadline, h2_session_now(s->session));
    if (part > n)
        part = n;
    if (part > 0) {
        memcpy(to, s->out.bytes + s->out.at, part);
        s->out.at += part;
        to += part;
        n -= part;
        if (s->out.at == s->out.len)
            h2_kept_free(&s->out);
    }
    part = s->now.len < n ? s->now.len : n;
    if (part > 0) {
        memcpy(to, s->now.s, part);
        s->now = str_from(s->now, part);
        to += part;
        n -= part;
    }
    return n > 0 ? copy_file(s, to, n) : 0;
}

/* Nothing can be sent on the stream any more; the handler is told when it is closed, or has told us. */
static bool drop(struct h2_stream *s, bool last)
{
    if (last)
        end_output(s);
    return true;
}

static bool is_gone(const struct h2_stream *s)
{
    return s->closed || s->broken || s->session->dead;
}

/* The answer cannot be told, or would be misunderstood. */
static bool fail(struct h2_stream *s, uint32_t error, const char *reason, bool last)
{
    s->request.fail_reason = reason;
    h2_stream_reset(s, error);
    return drop(s, last);
}

/* The length that is told; NULL: none is. */
static const uint64_t *choose_length(struct h2_stream *s, unsigned status, const struct frame *frame, size_t body_bytes,
                                     bool last, uint64_t *length)
{
    bool is_head = str_eq(s->request.head.method, STR("HEAD"));

    s->bodiless = status == 204 || status == 304 || is_head;
    if (frame->kind == FRAME_TUNNEL || (s->bodiless && !(is_head && frame->kind == FRAME_LENGTH)))
        return NULL;
    if (frame->kind == FRAME_LENGTH)
        *length = frame->length;
    else if (frame->kind == FRAME_NONE || last)
        *length = body_bytes;
    else
        return NULL;
    return length;
}

static bool submit(struct h2_stream *s, const nghttp2_nv *nv, size_t count, bool has_body)
{
    nghttp2_data_provider provider = {.read_callback = answer_read};
    int rc = nghttp2_submit_response(s->session->ng, s->id, nv, count, has_body ? &provider : NULL);

    if (rc == 0)
        return true;
    if (rc == NGHTTP2_ERR_NOMEM)
        h2_session_broken(s->session, "no memory for an answer");
    return false;
}

/* Bytes may flow both ways from now on. */
static void begin_tunnel(struct h2_stream *s)
{
    const struct timeouts *t = &s->request.route->timeouts;

    s->is_tunnel = true;
    s->in_done = false;
    s->session->tunnel_count++;
    deadline_start(&s->request.worker->deadlines, &s->deadline, t->tunnel, h2_session_now(s->session));
    h2_stream_wake(s);
}

static bool out_head(struct request *req, const struct message *head, const struct frame *frame, struct str body,
                     bool last)
{
    struct h2_stream *s = h2_stream_of(req);
    unsigned status = frame->kind == FRAME_TUNNEL ? 200 : head->status;
    nghttp2_nv *nv;
    uint64_t length;
    const uint64_t *told = choose_length(s, status, frame, body.len, last, &length);
    size_t count;

    if (is_gone(s))
        return drop(s, last);
    /* Any success would be understood as the tunnel (RFC 8441 4). */
    if (frame->kind == FRAME_TUNNEL)
        begin_tunnel(s);
    else if (s->head.upgrade && status >= 200 && status < 300)
        return fail(s, NGHTTP2_CONNECT_ERROR, "the server did not switch to websocket", last);
    count = h2_fields_make(req->pool, head, status, told, &nv);
    if (count == 0)
        return fail(s, NGHTTP2_INTERNAL_ERROR, "the head of an answer is not safe to send", last);
    req->head_sent = true;
    if (!s->bodiless) {
        s->now = body;
        if (s->is_tunnel)
            ws_track_feed(&s->tunnel_out, body);
    }
    s->ended = last;
    if (!submit(s, nv, count, !s->bodiless && !(last && body.len == 0 && !s->trailers))) {
        s->ended = false;
        return fail(s, NGHTTP2_INTERNAL_ERROR, "the answer cannot be told", last);
    }
    return send_on(s, last);
}

static bool out_body(struct request *req, struct str bytes, bool last)
{
    struct h2_stream *s = h2_stream_of(req);

    if (is_gone(s) || s->bodiless)
        return drop(s, last);
    if (s->is_tunnel)
        ws_track_feed(&s->tunnel_out, bytes);
    s->now = bytes;
    return send_on(s, last);
}

/* Only for who can tell what they are (RFC 9110 6.5.1). */
static void out_trailers(struct request *req, const struct header_list *trailers)
{
    struct h2_stream *s = h2_stream_of(req);

    if (s->bodiless || s->is_tunnel || !header_has_token(&req->head.headers, HEADER_TE, STR("trailers")))
        return;
    s->trailer_count = h2_fields_trailers(req->pool, trailers, &s->trailers);
    if (s->trailer_count == 0)
        s->trailers = NULL;
}

static bool out_file(struct request *req, int fd, off_t offset, uint64_t length, bool last)
{
    struct h2_stream *s = h2_stream_of(req);

    if (is_gone(s) || s->bodiless)
        return drop(s, last);
    s->fd = fd;
    s->offset = offset;
    s->left = length;
    return send_on(s, last);
}

static enum splice_result out_splice(struct request *req WEIR_UNUSED, int fd WEIR_UNUSED, uint64_t *left WEIR_UNUSED,
                                     bool last WEIR_UNUSED)
{
    return SPLICE_UNFIT;
}

static void out_interim(struct request *req, const struct message *head)
{
    struct h2_stream *s = h2_stream_of(req);
    struct h2_session *ses = s->session;
    nghttp2_nv *nv;
    size_t count;

    if (req->head_sent || is_gone(s) || head->status == 101)
        return;
    count = h2_fields_make(req->pool, head, head->status, NULL, &nv);
    if (count == 0)
        return;
    if (nghttp2_submit_headers(ses->ng, NGHTTP2_FLAG_NONE, s->id, NULL, nv, count, NULL) == NGHTTP2_ERR_NOMEM)
        h2_session_broken(ses, "no memory for an interim answer");
    h2_output_frame(ses);
    h2_session_go_on(ses);
}

static void out_abort(struct request *req, const char *reason)
{
    struct h2_stream *s = h2_stream_of(req);

    s->ended = true;
    (void)fail(s, NGHTTP2_INTERNAL_ERROR, reason, true);
}

static void out_credit(struct request *req, size_t bytes)
{
    struct h2_stream *s = h2_stream_of(req);

    if (s->in_done || is_gone(s))
        return;
    if (s->continue_due) {
        struct message go_on = {.status = 100};

        s->continue_due = false;
        out_interim(req, &go_on);
    }
    s->credit = s->credit > SIZE_MAX - bytes ? SIZE_MAX : s->credit + bytes;
    h2_body_watch(s);
    h2_stream_wake(s);
}

void h2_answer_say_goodbye(struct h2_stream *s)
{
    if (!s->is_tunnel || s->ended || is_gone(s))
        return;
    if (ws_track_is_between(&s->tunnel_out))
        s->now = WS_CLOSE_GOING_AWAY;
    s->ended = true;
    (void)send_on(s, false);
}

const struct request_out h2_answer_out = {
    .interim = out_interim,
    .head = out_head,
    .body = out_body,
    .trailers = out_trailers,
    .file = out_file,
    .splice = out_splice,
    .abort = out_abort,
    .credit = out_credit,
};

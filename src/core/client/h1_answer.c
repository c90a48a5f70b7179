/* h1_answer.c: how an answer goes to an HTTP/1 client: the table of request.h; see h1_exchange.h. */
#include <sys/socket.h>

#include "core/client/h1_output.h"

#define CHUNK_END STR("\r\n")
#define JOIN_MAX 4096
#define LAST_CHUNK STR("0\r\n\r\n")

static void end_output(struct h1_exchange *ex)
{
    ex->ended = true;
    h1_drive_later(ex);
}

/* What an `out` function answers. */
static bool accepted(struct h1_exchange *ex, bool all_sent, bool last)
{
    if (last)
        end_output(ex);
    deadline_renew(&ex->conn->deadline, ex->request.worker->loop->clock.mono_ms);
    if (all_sent)
        return true;
    ex->paused = true;
    /* So that the time to take it counts. */
    h1_drive_later(ex);
    return false;
}

static bool is_bodiless(const struct request *req, unsigned status)
{
    return status == 204 || status == 304 || str_eq(req->head.method, STR("HEAD"));
}

/* How the client is told where the body ends (RFC 9112 6.3). */
static struct h1_framing choose_framing(struct h1_exchange *ex, unsigned status, const struct frame *frame, bool last,
                                        size_t body_bytes)
{
    struct h1_framing framing = {.kind = H1_LENGTH_NONE};
    bool is_head = str_eq(ex->request.head.method, STR("HEAD"));

    ex->out_bodiless = is_bodiless(&ex->request, status);
    if (frame->kind == FRAME_TUNNEL) {
        ex->is_tunnel = true;
        ex->in_done = false;
        return framing;
    }
    if (frame->kind == FRAME_LENGTH && (is_head || !ex->out_bodiless)) {
        framing.kind = H1_LENGTH_KNOWN;
        framing.length = frame->length;
    } else if (!ex->out_bodiless && (frame->kind == FRAME_NONE || (last && frame->kind != FRAME_LENGTH))) {
        framing.kind = H1_LENGTH_KNOWN;
        framing.length = body_bytes;
    } else if (!ex->out_bodiless && ex->request.head.minor > 0) {
        framing.kind = H1_LENGTH_CHUNKED;
    } else if (!ex->out_bodiless) {
        ex->out_until_close = true;
    }
    ex->out_kind = framing.kind;
    return framing;
}

/* What is told about the connection after this answer. */
static struct str connection_value(const struct h1_exchange *ex)
{
    if (ex->is_tunnel)
        return STR("upgrade");
    if (!ex->keep_alive)
        return STR("close");
    return ex->request.head.minor == 0 ? STR("keep-alive") : STR_NONE;
}

/* Adds a piece of the body in the framing that was told. */
static void add_body(struct h1_exchange *ex, struct h1_pieces *p, struct str body, bool last, char line[H1_CHUNK_LINE_MAX])
{
    if (ex->out_bodiless)
        return;
    ex->request.bytes_sent += body.len;
    if (ex->out_kind != H1_LENGTH_CHUNKED) {
        h1_output_add(p, body);
        return;
    }
    if (body.len > 0) {
        h1_output_add(p, (struct str){line, h1_chunk_size_line(line, body.len)});
        h1_output_add(p, body);
        h1_output_add(p, CHUNK_END);
    }
    if (last)
        h1_output_add(p, ex->out_trailers.len > 0 ? ex->out_trailers : LAST_CHUNK);
}

/* A small body is copied behind the head: send() of one piece is cheaper than sendmsg() of two. */
static bool joins_head(const struct h1_exchange *ex, struct str body, const struct h1_buffer *head)
{
    return body.len > 0 && body.len <= JOIN_MAX && head->room - head->used >= body.len && !ex->out_bodiless &&
           ex->out_kind != H1_LENGTH_CHUNKED && !ex->is_tunnel;
}

/* Then head and first bytes share a segment: the kernel waits for what comes at once. */
static bool file_follows(const struct h1_exchange *ex, const struct frame *frame)
{
    const struct route *route = ex->request.route;

    return route && route->action == ACTION_FILES && !ex->request.own_reply && !ex->out_bodiless &&
           frame->kind == FRAME_LENGTH && frame->length > 0;
}

static bool out_body(struct request *req, struct str bytes, bool last);

static bool write_head(struct h1_exchange *ex, const struct message *head, const struct frame *frame, struct str body,
                       bool last)
{
    struct request *req = &ex->request;
    struct h1_framing framing = choose_framing(ex, head->status, frame, last, body.len);
    struct h1_buffer buffer = {.bytes = req->worker->write, .room = WORKER_BUFFER_BYTES};
    char line[H1_CHUNK_LINE_MAX];
    struct h1_pieces p = {.count = 0};

    h1_decide_keep_alive(ex);
    framing.connection = connection_value(ex);
    req->head_sent = true;
    if (h1_write_response(&buffer, head, &framing) != H1_WRITTEN) {
        h1_output_break(ex, "the head of an answer is too large or not safe to send");
        return accepted(ex, false, last);
    }
    if (joins_head(ex, body, &buffer)) {
        memcpy(buffer.bytes + buffer.used, body.s, body.len);
        buffer.used += body.len;
        req->bytes_sent += body.len;
        body = STR_NONE;
    }
    h1_output_add(&p, (struct str){buffer.bytes, buffer.used});
    add_body(ex, &p, body, last, line);
    if (ex->is_tunnel)
        ws_track_feed(&ex->tunnel_out, body);
    return accepted(ex, h1_output_send(ex, &p, !last && body.len == 0 && file_follows(ex, frame)), last);
}

/* Where no HTTP is spoken a head is only the word that bytes may flow; an error has nobody to be told. */
static bool raw_head(struct h1_exchange *ex, const struct frame *frame, struct str body, bool last)
{
    ex->request.head_sent = true;
    if (frame->kind != FRAME_TUNNEL) {
        end_output(ex);
        h1_output_break(ex, ex->request.fail_reason ? ex->request.fail_reason : "no server");
        return false;
    }
    ex->is_tunnel = true;
    ex->in_done = false;
    return body.len > 0 || last ? out_body(&ex->request, body, last) : true;
}

static bool out_head(struct request *req, const struct message *head, const struct frame *frame, struct str body,
                     bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);

    return req->raw ? raw_head(ex, frame, body, last) : write_head(ex, head, frame, body, last);
}

static bool out_body(struct request *req, struct str bytes, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    char line[H1_CHUNK_LINE_MAX];
    struct h1_pieces p = {.count = 0};

    add_body(ex, &p, bytes, last, line);
    if (ex->is_tunnel && !req->raw)
        ws_track_feed(&ex->tunnel_out, bytes);
    return accepted(ex, h1_output_send(ex, &p, false), last);
}

/* Only for who can tell what they are (RFC 9110 6.5.1). */
static void out_trailers(struct request *req, const struct header_list *trailers)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct str text = STR("0\r\n");

    if (ex->out_kind != H1_LENGTH_CHUNKED || trailers->count == 0 ||
        !header_has_token(&req->head.headers, HEADER_TE, STR("trailers")))
        return;
    for (size_t i = 0; i < trailers->count; i++) {
        const struct header *field = &trailers->items[i];

        if (field->checked)
            text = pool_printf(req->pool, "%.*s%.*s: %.*s\r\n", STR_ARG(text), STR_ARG(field->name),
                               STR_ARG(field->value));
    }
    ex->out_trailers = pool_printf(req->pool, "%.*s\r\n", STR_ARG(text));
}

void h1_answer_say_goodbye(struct h1_exchange *ex)
{
    struct h1_pieces p = {.count = 0};

    if (ex->request.raw || !ex->is_tunnel || !ws_track_is_between(&ex->tunnel_out) || h1_output_is_pending(ex))
        return;
    h1_output_add(&p, WS_CLOSE_GOING_AWAY);
    (void)h1_output_send(ex, &p, false);
}

static bool out_file(struct request *req, int fd, off_t offset, uint64_t length, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);

    if (ex->out_bodiless || length == 0)
        return accepted(ex, !h1_output_is_pending(ex), last);
    ex->pending.fd = fd;
    ex->pending.offset = offset;
    ex->pending.left = length;
    if (h1_output_flush(ex))
        return accepted(ex, true, last);
    h1_output_wait(ex);
    return accepted(ex, false, last);
}

/* The client has to take what is there first, and the time for that counts from now. */
static enum splice_result splice_blocked(struct h1_exchange *ex)
{
    ex->paused = true;
    h1_drive_later(ex);
    return SPLICE_BLOCKED;
}

static enum splice_result out_splice(struct request *req, int fd, uint64_t *left, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct worker *w = req->worker;
    uint64_t before = *left;
    enum splice_move_result moved;

    if (ex->out_kind == H1_LENGTH_CHUNKED || ex->out_bodiless || ex->broken || ex->conn->tls)
        return SPLICE_UNFIT;
    if (h1_output_is_pending(ex))
        return splice_blocked(ex);
    if (!ex->pipe && !(ex->pipe = splice_pipe_take(w->pipes)))
        return SPLICE_UNFIT;
    moved = splice_move(ex->pipe, fd, conn_fd(ex->conn), left);
    req->bytes_sent += before - *left;
    if (*left < before)
        deadline_renew(&ex->conn->deadline, w->loop->clock.mono_ms);
    switch (moved) {
    case SPLICE_MOVE_MORE_IN:
        if (req->raw) {
            splice_pipe_give(w->pipes, ex->pipe);
            ex->pipe = NULL;
        }
        return SPLICE_MORE;
    case SPLICE_MOVE_BLOCKED_OUT:
        h1_output_wait(ex);
        return splice_blocked(ex);
    case SPLICE_MOVE_DONE:
        if (last)
            end_output(ex);
        return SPLICE_DONE;
    case SPLICE_MOVE_IN_ENDED:
        return SPLICE_ENDED;
    case SPLICE_MOVE_IN_FAILED:
        return SPLICE_FAILED;
    case SPLICE_MOVE_OUT_FAILED:
        break;
    }
    h1_output_break(ex, "client is gone");
    return splice_blocked(ex);
}

static void out_interim(struct request *req, const struct message *head)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct h1_buffer buffer = {.bytes = req->worker->write, .room = WORKER_BUFFER_BYTES};
    struct h1_framing framing = {.kind = H1_LENGTH_NONE};
    struct h1_pieces p = {.count = 0};

    if (req->head.minor == 0 || req->head_sent)
        return;
    if (h1_write_response(&buffer, head, &framing) != H1_WRITTEN)
        return;
    h1_output_add(&p, (struct str){buffer.bytes, buffer.used});
    (void)h1_output_send(ex, &p, false);
}

static void out_shut(struct request *req)
{
    struct h1_exchange *ex = h1_exchange_of(req);

    ex->shut = true;
    (void)h1_output_flush(ex);
}

static void out_abort(struct request *req, const char *reason)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    /* Without a length or chunks only a reset says that something is missing. */
    if (ex->out_until_close || req->raw)
        setsockopt(conn_fd(ex->conn), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    req->fail_reason = reason;
    ex->ended = true;
    h1_output_break(ex, reason);
}

static void out_credit(struct request *req, size_t bytes)
{
    struct h1_exchange *ex = h1_exchange_of(req);

    if (ex->in_done)
        return;
    if (ex->continue_due) {
        struct message go_on = {.status = 100, .reason = STR("Continue")};

        out_interim(req, &go_on);
        ex->continue_due = false;
    }
    ex->credit = ex->credit > SIZE_MAX - bytes ? SIZE_MAX : ex->credit + bytes;
    h1_drive_later(ex);
}

const struct request_out h1_answer_out = {
    .interim = out_interim,
    .head = out_head,
    .body = out_body,
    .trailers = out_trailers,
    .file = out_file,
    .splice = out_splice,
    .shut = out_shut,
    .abort = out_abort,
    .credit = out_credit,
};

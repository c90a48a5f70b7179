/* h1_answer.c: the output half of HTTP/1 towards clients: heads, bodies, files and splices; see
 * h1_exchange.h. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/h1_exchange.h"
#include "http/hop.h"

#define CHUNK_END STR("\r\n")
#define LAST_CHUNK STR("0\r\n\r\n")
/* head, size line, body, end of chunk, last chunk */
#define PIECES_MAX 5
/* Bytes of a file given to the kernel in one call. */
#define FILE_SEND_BYTES (2 * 1024 * 1024)

/* What goes out in one write. */
struct pieces {
    struct iovec iov[PIECES_MAX];
    int count;
    size_t bytes;
};

static void piece_add(struct pieces *p, struct str s)
{
    if (s.len == 0)
        return;
    p->iov[p->count++] = (struct iovec){(void *)(uintptr_t)s.s, s.len};
    p->bytes += s.len;
}

static void set_broken(struct h1_exchange *ex, const char *reason)
{
    ex->broken = true;
    ex->broken_reason = reason;
    h1_drive_later(ex);
}

static void wait_writable(struct h1_exchange *ex)
{
    if (conn_register(ex->conn) < 0)
        set_broken(ex, "epoll refused the connection");
}

/* Appends what the kernel did not take, from byte `sent` on. */
static int keep_rest(struct h1_pending *out, const struct pieces *p, size_t sent)
{
    size_t rest = p->bytes - sent;

    if (out->room - out->len < rest) {
        char *grown;

        if (out->at > 0) {
            memmove(out->bytes, out->bytes + out->at, out->len - out->at);
            out->len -= out->at;
            out->at = 0;
        }
        grown = realloc(out->bytes, out->len + rest);
        if (!grown)
            return -1;
        out->bytes = grown;
        out->room = out->len + rest;
    }
    for (int i = 0; i < p->count; i++) {
        size_t skip = sent < p->iov[i].iov_len ? sent : p->iov[i].iov_len;

        memcpy(out->bytes + out->len, (const char *)p->iov[i].iov_base + skip, p->iov[i].iov_len - skip);
        out->len += p->iov[i].iov_len - skip;
        sent -= skip;
    }
    return 0;
}

/* Sends the pieces, or keeps them behind what waits already.  True: all of it is with the kernel. */
static bool send_pieces(struct h1_exchange *ex, struct pieces *p, bool more)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    struct msghdr message = {.msg_iov = p->iov, .msg_iovlen = (size_t)p->count};
    ssize_t n = 0;

    if (p->bytes == 0)
        return !h1_answer_is_pending(ex);
    if (ex->broken)
        return false;
    if (!h1_answer_is_pending(ex)) {
        n = p->count == 1 ? send(conn_fd(ex->conn), p->iov[0].iov_base, p->iov[0].iov_len, flags)
                          : sendmsg(conn_fd(ex->conn), &message, flags);
        if (n == (ssize_t)p->bytes)
            return true;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            set_broken(ex, errno == ECONNRESET || errno == EPIPE ? "client is gone"
                                                                 : "sending to the client failed");
            return false;
        }
    }
    if (keep_rest(&ex->pending, p, n > 0 ? (size_t)n : 0) < 0) {
        set_broken(ex, "no memory for an answer");
        return false;
    }
    if (n < 0 && errno == EINTR)
        h1_drive_later(ex);
    wait_writable(ex);
    return false;
}

/* ---- what is pending ---- */

static bool flush_bytes(struct h1_exchange *ex)
{
    struct h1_pending *out = &ex->pending;

    while (out->at < out->len) {
        ssize_t n = send(conn_fd(ex->conn), out->bytes + out->at, out->len - out->at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                set_broken(ex, "client is gone");
            return false;
        }
        out->at += (size_t)n;
    }
    free(out->bytes);
    out->bytes = NULL;
    out->at = out->len = out->room = 0;
    return true;
}

static bool flush_file(struct h1_exchange *ex)
{
    struct h1_pending *out = &ex->pending;

    while (out->left > 0) {
        size_t most = out->left < FILE_SEND_BYTES ? (size_t)out->left : FILE_SEND_BYTES;
        ssize_t n = sendfile(conn_fd(ex->conn), out->fd, &out->offset, most);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0) {
            set_broken(ex, n == 0 ? "the file became shorter while it was sent" : "client is gone");
            return false;
        }
        out->left -= (uint64_t)n;
    }
    out->fd = -1;
    return true;
}

bool h1_answer_flush(struct h1_exchange *ex)
{
    if (ex->broken)
        return false;
    if (ex->pending.len > 0 && !flush_bytes(ex))
        return false;
    return ex->pending.fd < 0 || flush_file(ex);
}

void h1_answer_reset(struct h1_exchange *ex)
{
    free(ex->pending.bytes);
    ex->pending.bytes = NULL;
    ex->pending.len = 0;
    ex->pending.fd = -1;
    if (ex->pipe)
        splice_pipe_give(ex->conn->worker->pipes, ex->pipe);
    ex->pipe = NULL;
}

/* ---- the table of request.h ---- */

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
static struct h1_framing choose_framing(struct h1_exchange *ex, unsigned status, const struct frame *frame,
                                        bool last, size_t body_bytes)
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
        ex->keep_alive = false;
    }
    ex->out_kind = framing.kind;
    return framing;
}

/* What is told about the connection after this answer. */
static struct str connection_value(struct h1_exchange *ex)
{
    bool much_unread = !ex->in_done && ex->request.frame.kind == FRAME_LENGTH && ex->in_left > H1_DRAIN_BYTES;

    if (ex->is_tunnel)
        return STR("upgrade");
    if (ex->request.must_close) {
        ex->keep_alive = false;
        ex->in_bad = true;
    }
    if (ex->conn->worker->draining || (!ex->in_done && (ex->continue_due || much_unread)))
        ex->keep_alive = false;
    if (!ex->keep_alive)
        return STR("close");
    return ex->request.head.minor == 0 ? STR("keep-alive") : STR_NONE;
}

/* Adds a piece of the body in the framing that was told. */
static void add_body(struct h1_exchange *ex, struct pieces *p, struct str body, bool last,
                     char line[H1_CHUNK_LINE_MAX])
{
    if (ex->out_bodiless)
        return;
    ex->request.bytes_sent += body.len;
    if (ex->out_kind != H1_LENGTH_CHUNKED) {
        piece_add(p, body);
        return;
    }
    if (body.len > 0) {
        piece_add(p, (struct str){line, h1_chunk_size_line(line, body.len)});
        piece_add(p, body);
        piece_add(p, CHUNK_END);
    }
    if (last)
        piece_add(p, LAST_CHUNK);
}

/* Then head and first bytes share a segment: the kernel waits for what comes at once. */
static bool file_follows(const struct h1_exchange *ex, const struct frame *frame)
{
    const struct route *route = ex->request.route;

    return route && route->action == ACTION_FILES && !ex->request.own_reply && !ex->out_bodiless &&
           frame->kind == FRAME_LENGTH && frame->length > 0;
}

static bool out_head(struct request *req, const struct message *head, const struct frame *frame,
                     struct str body, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct h1_framing framing = choose_framing(ex, head->status, frame, last, body.len);
    struct h1_buffer buffer = {.bytes = req->worker->write, .room = WORKER_BUFFER_BYTES};
    char line[H1_CHUNK_LINE_MAX];
    struct pieces p = {.count = 0};

    framing.connection = connection_value(ex);
    req->head_sent = true;
    if (h1_write_response(&buffer, head, &framing) != H1_WRITTEN) {
        set_broken(ex, "the head of an answer is too large or not safe to send");
        return accepted(ex, false, last);
    }
    piece_add(&p, (struct str){buffer.bytes, buffer.used});
    add_body(ex, &p, body, last, line);
    if (ex->is_tunnel)
        ws_track_feed(&ex->tunnel_out, body);
    return accepted(ex, send_pieces(ex, &p, !last && body.len == 0 && file_follows(ex, frame)), last);
}

static bool out_body(struct request *req, struct str bytes, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    char line[H1_CHUNK_LINE_MAX];
    struct pieces p = {.count = 0};

    add_body(ex, &p, bytes, last, line);
    if (ex->is_tunnel)
        ws_track_feed(&ex->tunnel_out, bytes);
    return accepted(ex, send_pieces(ex, &p, false), last);
}

void h1_answer_say_goodbye(struct h1_exchange *ex)
{
    struct pieces p = {.count = 0};

    if (!ex->is_tunnel || !ws_track_is_between(&ex->tunnel_out) || h1_answer_is_pending(ex))
        return;
    piece_add(&p, WS_CLOSE_GOING_AWAY);
    (void)send_pieces(ex, &p, false);
}

static bool out_file(struct request *req, int fd, off_t offset, uint64_t length, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);

    if (ex->out_bodiless || length == 0)
        return accepted(ex, !h1_answer_is_pending(ex), last);
    req->bytes_sent += length;
    ex->pending.fd = fd;
    ex->pending.offset = offset;
    ex->pending.left = length;
    if (h1_answer_flush(ex))
        return accepted(ex, true, last);
    wait_writable(ex);
    return accepted(ex, false, last);
}

static enum splice_result out_splice(struct request *req, int fd, uint64_t *left, bool last)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct worker *w = req->worker;
    uint64_t before = *left;
    enum splice_move_result moved;

    if (ex->out_kind == H1_LENGTH_CHUNKED || ex->out_bodiless || ex->broken)
        return SPLICE_UNFIT;
    if (h1_answer_is_pending(ex)) {
        ex->paused = true;
        return SPLICE_BLOCKED;
    }
    if (!ex->pipe && !(ex->pipe = splice_pipe_take(w->pipes)))
        return SPLICE_UNFIT;
    moved = splice_move(ex->pipe, fd, conn_fd(ex->conn), left);
    req->bytes_sent += before - *left;
    switch (moved) {
    case SPLICE_MOVE_MORE_IN:
        return SPLICE_MORE;
    case SPLICE_MOVE_BLOCKED_OUT:
        ex->paused = true;
        wait_writable(ex);
        return SPLICE_BLOCKED;
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
    set_broken(ex, "client is gone");
    ex->paused = true;
    return SPLICE_BLOCKED;
}

static void out_interim(struct request *req, const struct message *head)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct h1_buffer buffer = {.bytes = req->worker->write, .room = WORKER_BUFFER_BYTES};
    struct h1_framing framing = {.kind = H1_LENGTH_NONE};
    struct pieces p = {.count = 0};

    if (req->head.minor == 0 || req->head_sent)
        return;
    if (head->status == 100)
        ex->continue_due = false;
    if (h1_write_response(&buffer, head, &framing) != H1_WRITTEN)
        return;
    piece_add(&p, (struct str){buffer.bytes, buffer.used});
    (void)send_pieces(ex, &p, false);
}

static void out_abort(struct request *req, const char *reason)
{
    struct h1_exchange *ex = h1_exchange_of(req);
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    /* Without a length or chunks only a reset says that something is missing. */
    if (ex->out_until_close)
        setsockopt(conn_fd(ex->conn), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    req->fail_reason = reason;
    ex->ended = true;
    set_broken(ex, reason);
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
    .file = out_file,
    .splice = out_splice,
    .abort = out_abort,
    .credit = out_credit,
};

/* h1_body.c: from the bytes of a connection to the body of a request, or to a tunnel's other end. */
#include <errno.h>
#include <sys/socket.h>

#include "core/log/fault.h"
#include "core/client/conn_io.h"
#include "core/client/h1_exchange.h"
#include "core/reply.h"

/* Of a body at least so much must be left for it to be moved to the server without a copy; and at most in a turn. */
#define BODY_SPLICE_BYTES ((uint64_t)256 * 1024)
#define BODY_SPLICE_TURN ((uint64_t)4 * 1024 * 1024)

/* What came is not what was announced: after this nothing can be understood. */
void h1_body_failed(struct h1_exchange *ex, unsigned status, const char *reason, struct str cause)
{
    struct request *req = &ex->request;
    struct reply_error error = {.status = status, .reason = reason, .cause = cause};

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
        reply_error(req, &error);
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
        h1_body_failed(ex, 413, "the body is too long", fault_size(req, "request_body.max_size", max));
        return;
    }
    ex->credit -= ex->credit < bytes.len ? ex->credit : bytes.len;
    if (req->handler && req->handler->body)
        req->handler->body(req, bytes, last);
}

/* Takes what it can of a body from `in`, whose bytes may be moved; what is left belongs to the next request. */
static void take_body(struct h1_exchange *ex, struct str *in)
{
    char *bytes = (char *)(uintptr_t)in->s;
    struct str body;

    if (ex->is_tunnel) {
        give_body(ex, *in, false);
        in->len = 0;
        return;
    }
    if (ex->request.frame.kind == FRAME_LENGTH) {
        body = *in;
        if (body.len > ex->in_left)
            body.len = (size_t)ex->in_left;
        in->s += body.len;
        in->len -= body.len;
        ex->in_left -= body.len;
        give_body(ex, body, ex->in_left == 0);
        return;
    }
    /* Handed on in one piece, which leaves in one call. */
    switch (h1_chunk_join(&ex->chunk, bytes, in->len, &body, in)) {
    case H1_CHUNK_END:
        give_body(ex, body, true);
        break;
    case H1_CHUNK_BAD:
        h1_body_failed(ex, (unsigned)ex->chunk.status, ex->chunk.reason, STR_NONE);
        break;
    default:
        if (body.len > 0)
            give_body(ex, body, false);
        break;
    }
}

/* The client's side is over; a tunnel goes on in the other direction. */
static void body_ended(struct conn *c, const char *failure)
{
    struct h1_exchange *ex = c->exchange;

    c->closed_seen = true;
    c->readable = false;
    if (ex->is_tunnel && !failure)
        give_body(ex, STR_NONE, true);
    else
        h1_body_failed(ex, 0, failure ? failure : "client closed in the middle of a body", STR_NONE);
}

/* Much of the body is still to come; of bytes that are passed on nobody knows, but where much came, more will. */
static bool is_long(const struct h1_exchange *ex)
{
    if (ex->request.raw)
        return ex->in_filled;
    return ex->request.frame.kind == FRAME_LENGTH && ex->in_left >= BODY_SPLICE_BYTES && !ex->is_tunnel;
}

/* The pipe that a long body goes through on its way to a server; NULL: it goes by the buffer. */
static struct splice_pipe *body_pipe(struct h1_exchange *ex)
{
    if (ex->in_pipe)
        return ex->in_pipe;
    if (!is_long(ex) || ex->ended || ex->conn->tls || !ex->request.handler || !ex->request.handler->sink)
        return NULL;
    return splice_pipe_take(ex->conn->worker->pipes);
}

static void drop_pipe(struct h1_exchange *ex, struct splice_pipe *pipe)
{
    splice_pipe_give(ex->conn->worker->pipes, pipe);
    ex->in_pipe = NULL;
}

/* Bytes of the body were taken for the sink. */
static void tell_sunk(struct h1_exchange *ex, size_t bytes, enum handler_sunk how)
{
    struct request *req = &ex->request;

    req->bytes_received += bytes;
    ex->credit = 0;
    ex->in_done = how == HANDLER_SUNK_LAST;
    /* A tunnel may be silent for hours: it keeps no pipe meanwhile. */
    if (how == HANDLER_SUNK_LAST || how == HANDLER_SUNK_FAILED || (how == HANDLER_SUNK_MORE && req->raw)) {
        ex->in_filled = false;
        drop_pipe(ex, ex->in_pipe);
    }
    req->handler->sunk(req, bytes, how);
}

/* Moves what is there to the handler's sink.  False: nothing more to be done now. */
static bool sink_body(struct conn *c, struct splice_pipe *pipe, int sink)
{
    struct h1_exchange *ex = c->exchange;
    uint64_t whole = ex->in_left + pipe->held, before = ex->in_left;
    uint64_t turn = whole < BODY_SPLICE_TURN ? whole : BODY_SPLICE_TURN, left = turn;
    enum splice_move_result moved = splice_move(pipe, conn_fd(c), sink, &left);
    size_t taken;

    ex->in_pipe = pipe;
    ex->in_left = whole - (turn - left) - pipe->held;
    taken = (size_t)(before - ex->in_left);
    switch (moved) {
    case SPLICE_MOVE_MORE_IN:
        c->readable = false;
        tell_sunk(ex, taken, HANDLER_SUNK_MORE);
        return false;
    case SPLICE_MOVE_BLOCKED_OUT:
        tell_sunk(ex, taken, HANDLER_SUNK_BLOCKED);
        return false;
    case SPLICE_MOVE_DONE:
        tell_sunk(ex, taken, whole == turn ? HANDLER_SUNK_LAST : HANDLER_SUNK_MORE);
        return true;
    case SPLICE_MOVE_IN_ENDED:
    case SPLICE_MOVE_IN_FAILED:
        ex->request.bytes_received += taken;
        drop_pipe(ex, pipe);
        body_ended(c, moved == SPLICE_MOVE_IN_FAILED ? conn_failure(c) : NULL);
        return true;
    case SPLICE_MOVE_OUT_FAILED:
        tell_sunk(ex, taken, HANDLER_SUNK_FAILED);
        return true;
    }
    return false;
}

/* One step of reading a body.  False: nothing more to be done now. */
bool h1_read_body(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    size_t room = WORKER_BUFFER_BYTES;
    struct str in = conn_held(c);
    struct splice_pipe *pipe;
    ssize_t n;

    if (in.len > 0) {
        size_t held = in.len;

        take_body(ex, &in);
        if (!ex->in_bad)
            conn_unhold(c, held - in.len);
        return true;
    }
    pipe = body_pipe(ex);
    if (pipe) {
        int sink = ex->ended ? -1 : ex->request.handler->sink(&ex->request);

        if (sink >= 0)
            return (c->readable || pipe->held > 0) && sink_body(c, pipe, sink);
        drop_pipe(ex, pipe);
    }
    /* The rest was in the pipe, and nobody wants it. */
    if (ex->request.frame.kind == FRAME_LENGTH && !ex->is_tunnel && ex->in_left == 0) {
        give_body(ex, STR_NONE, true);
        return true;
    }
    if (!c->readable)
        return false;
    if (ex->request.frame.kind == FRAME_LENGTH && !ex->is_tunnel && room > ex->in_left)
        room = (size_t)ex->in_left;
    n = conn_recv(c, c->worker->receive, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        c->readable = errno == EINTR;
        return c->readable;
    }
    if (n <= 0) {
        body_ended(c, n < 0 ? conn_failure(c) : NULL);
        return true;
    }
    in = (struct str){c->worker->receive, (size_t)n};
    ex->in_filled = (size_t)n == room;
    take_body(ex, &in);
    /* A short read has emptied the socket, and what comes then is an event; of what a message lacks, none may come. */
    if ((ex->in_done || ex->is_tunnel) && !ex->in_bad && (size_t)n < room)
        c->readable = c->closed_seen || conn_has_pending(c);
    if (in.len > 0 && !ex->in_bad && conn_hold(c, in) < 0)
        h1_body_failed(ex, 503, "no memory for pipelined bytes", STR_NONE);
    return true;
}

/* An answer that came before the body's end: the rest is read and dropped, if it is not too much. */
bool h1_may_drain(const struct h1_exchange *ex)
{
    if (!ex->keep_alive || ex->in_bad || ex->continue_due || ex->is_tunnel)
        return false;
    if (ex->request.frame.kind == FRAME_LENGTH)
        return ex->in_left + ex->in_dropped <= H1_DRAIN_BYTES;
    return ex->in_dropped <= H1_DRAIN_BYTES;
}

/* h1_head.c: from the bytes of a connection to the head of a request. */
#include <errno.h>
#include <sys/socket.h>

#include "core/log/fault.h"
#include "core/client/conn_io.h"
#include "core/client/h1_exchange.h"
#include "core/reply.h"
#include "http/h1_parse.h"

#define TRAILERS_MAX 32
#define TRAILER_BYTES_MAX 8192
/* Read at once of a head that did not come in one piece. */
#define HEAD_MORE_BYTES (16 * 1024)

/* Answers what is no request, or none that may be served; nothing after it can be trusted. */
void h1_refuse(struct h1_exchange *ex, unsigned status, const char *reason, struct str cause)
{
    struct reply_error error = {.status = status, .reason = reason, .cause = cause};

    ex->head_done = true;
    ex->in_done = true;
    ex->in_bad = true;
    ex->keep_alive = false;
    conn_unhold(ex->conn, ex->conn->held_len);
    reply_error(&ex->request, &error);
}

static void refuse_scan(struct h1_exchange *ex, enum h1_verdict verdict)
{
    struct str cause = verdict == H1_SCAN_BAD ? STR_NONE : fault_head(&ex->request, &ex->scan);

    h1_refuse(ex, (unsigned)h1_scan_status(verdict, H1_REQUEST), ex->scan.reason, cause);
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
 * A whole head, in bytes that stay where they are during this call.  Runs the request with what of its body is in
 * `rest`, and returns how much of `rest` that was.
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
    status = h1_parse_request_head((struct str){copy, head.len}, &ex->scan, req->pool, &c->listener->limits,
                                   &req->head, &reason);
    if (status == 0)
        status = frame_request(&req->head, &req->frame, &reason);
    if (status != 0) {
        h1_refuse(ex, (unsigned)status, reason, STR_NONE);
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
            h1_refuse(ex, 503, "no memory for pipelined bytes", STR_NONE);
            return;
        }
        kept = c->held;
        rest = conn_held(c);
    }
    used = run_head(ex, head, rest);
    if (kept && !ex->in_bad)
        conn_unhold(c, used);
}

/* The exchange whose head is read, made with its first byte; NULL: no memory, and the connection is closed. */
static struct h1_exchange *exchange_for(struct conn *c)
{
    if (!c->exchange && !h1_exchange_new(c))
        conn_close(c);
    return c->exchange;
}

/* Reads from the socket.  0: it has nothing now, or the connection is over. */
static size_t receive(struct conn *c, char *to, size_t room)
{
    ssize_t n;

    do
        n = conn_recv(c, to, room);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return (size_t)n;
    if (n < 0 && errno == EAGAIN)
        c->readable = false;
    else
        h1_give_up(c, n == 0 ? "client closed in the middle of a head" : "client reset the connection");
    return 0;
}

/* The next part of a head that is held in part. */
static bool read_more(struct conn *c)
{
    char *to = conn_hold_room(c, HEAD_MORE_BYTES);
    size_t n;

    if (!to) {
        h1_give_up(c, "no memory for a head");
        return false;
    }
    n = receive(c, to, HEAD_MORE_BYTES);
    if (n == 0)
        return false;
    c->held_len += (uint32_t)n;
    return head_from_held(c->exchange) || c->readable;
}

/* The start of a head, most often the whole of it: it is read into the worker's buffer and used there. */
static bool read_first(struct conn *c)
{
    struct str in = {c->worker->receive, receive(c, c->worker->receive, WORKER_BUFFER_BYTES)};
    struct h1_exchange *ex = in.len > 0 ? exchange_for(c) : NULL;
    enum h1_verdict verdict;

    if (!ex)
        return false;
    verdict = h1_scan_feed(&ex->scan, H1_REQUEST, &c->listener->limits, in.s, in.len);
    if (verdict == H1_SCAN_DONE) {
        /* A short read of a whole message: the socket is empty unless an event says otherwise. */
        c->readable = in.len == WORKER_BUFFER_BYTES || c->closed_seen || conn_has_pending(c);
        head_from_read(ex, in);
        /* Of a message whose body is still to come it says nothing: a reset may have come with these bytes. */
        if (!ex->in_done)
            c->readable = true;
    } else if (verdict != H1_SCAN_MORE) {
        refuse_scan(ex, verdict);
    } else if (conn_hold(c, in) < 0) {
        h1_give_up(c, "no memory for a head");
        return false;
    }
    return true;
}

bool h1_read_head(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;

    /* What came behind the request before. */
    if (c->held_len > 0 && (!ex || ex->scan.next == 0)) {
        ex = exchange_for(c);
        if (!ex)
            return false;
        if (head_from_held(ex))
            return true;
    }
    if (!c->readable)
        return false;
    return c->held_len > 0 ? read_more(c) : read_first(c);
}

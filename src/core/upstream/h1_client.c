/* h1_client.c: see h1_client.h. */
#include "core/upstream/h1_client.h"

#include <errno.h>

#include "core/upstream/uconn_io.h"
#include "core/worker.h"
#include "http/h1_parse.h"

/* Trailers of a response are checked and dropped. */
#define TRAILERS_MAX 100
#define TRAILER_BYTES_MAX (16 * 1024)
/* A body lets others have a turn after so much: spliced, and copied. */
#define SPLICE_TURN (16u * 1024 * 1024)
#define READS_TURN 32

enum step {
    STEP_AGAIN,
    STEP_WAIT, /* nothing to read for now */
    STEP_OVER /* the answer is passed on or has failed: the client may be gone */
};

void h1_client_init(struct h1_client *c, struct request *req, const struct h1_client_user *user)
{
    memset(c, 0, offsetof(struct h1_client, head));
    c->req = req;
    c->user = user;
    upload_init(&c->upload, req);
    h1_scan_init(&c->scan, c->req->pool);
}

void h1_client_again(struct h1_client *c)
{
    c->state = H1_CLIENT_HEAD;
    c->begun = false;
    c->head_waits = false;
    c->blocked = false;
    c->splicing = false;
    c->error = 0;
    c->interims = 0;
    h1_scan_init(&c->scan, c->req->pool);
}

static enum step fail(struct h1_client *c, enum h1_client_failure failure, const char *reason)
{
    c->user->failed(c, failure, reason);
    return STEP_OVER;
}

/* Passes a piece of the body on, behind the head if that has not gone yet. */
static void deliver(struct h1_client *c, struct str bytes, bool last)
{
    struct request *req = c->req;
    bool takes;

    if (c->head_waits) {
        c->head_waits = false;
        takes = request_send_head(req, &c->head, &c->told, bytes, last);
    } else {
        takes = req->out->body(req, bytes, last);
    }
    if (!last && !takes)
        c->blocked = true;
}

static enum step complete(struct h1_client *c, struct str bytes, bool surplus, bool probe)
{
    bool clean = c->frame.keep_alive && !surplus && upload_is_done(&c->upload);

    c->user->complete(c, clean, probe);
    deliver(c, bytes, true);
    return STEP_OVER;
}

static enum step take_chunks(struct h1_client *c, char *bytes, size_t len, bool filled)
{
    struct str body, rest;

    switch (h1_chunk_join(&c->chunk, bytes, len, &body, &rest)) {
    case H1_CHUNK_END:
        return complete(c, body, rest.len > 0, filled);
    case H1_CHUNK_BAD:
        return fail(c, H1_CLIENT_MALFORMED, c->chunk.reason);
    default:
        if (body.len > 0)
            deliver(c, body, false);
        return STEP_AGAIN;
    }
}

static enum step take_length(struct h1_client *c, struct str bytes, bool filled)
{
    struct str body = bytes;

    if (body.len > c->left)
        body.len = (size_t)c->left;
    c->left -= body.len;
    if (c->left == 0)
        return complete(c, body, bytes.len > body.len, filled);
    if (body.len > 0)
        deliver(c, body, false);
    c->splicing = filled && c->left >= WORKER_BUFFER_BYTES && !c->unsplicable && !c->head_waits &&
                  uconn_may_splice(c->uconn);
    return STEP_AGAIN;
}

static enum step take_body(struct h1_client *c, char *bytes, size_t len, bool filled)
{
    switch (c->state) {
    case H1_CLIENT_LENGTH:
        return take_length(c, (struct str){bytes, len}, filled);
    case H1_CLIENT_CHUNKED:
        return take_chunks(c, bytes, len, filled);
    case H1_CLIENT_UNTIL_CLOSE:
    case H1_CLIENT_TUNNEL:
        if (len > 0)
            deliver(c, (struct str){bytes, len}, false);
        return STEP_AGAIN;
    default:
        return complete(c, STR_NONE, len > 0, filled);
    }
}

static void set_state(struct h1_client *c)
{
    switch (c->frame.kind) {
    case FRAME_NONE:
        c->state = H1_CLIENT_NO_BODY;
        break;
    case FRAME_LENGTH:
        c->state = H1_CLIENT_LENGTH;
        c->left = c->frame.length;
        break;
    case FRAME_CHUNKED:
        c->state = H1_CLIENT_CHUNKED;
        h1_chunk_init(&c->chunk, TRAILERS_MAX, TRAILER_BYTES_MAX, NULL);
        break;
    case FRAME_UNTIL_CLOSE:
        c->state = H1_CLIENT_UNTIL_CLOSE;
        break;
    case FRAME_TUNNEL:
        c->state = H1_CLIENT_TUNNEL;
        break;
    }
}

/* The length of a body that is not sent is still worth telling (RFC 9110 8.6, 9.3.2). */
static void tell_head(struct h1_client *c)
{
    const struct header *length = header_find(&c->head.headers, HEADER_CONTENT_LENGTH);
    uint64_t value;

    c->told = c->frame;
    if (!str_eq(c->req->head.method, STR("HEAD")) || c->head.status == 204 || c->head.status == 304)
        return;
    if (length && str_to_u64(length->value, INT64_MAX, &value) == 0)
        c->told = (struct frame){.kind = FRAME_LENGTH, .length = value, .keep_alive = c->frame.keep_alive};
    else
        c->told.kind = FRAME_CHUNKED;
}

/* `len` bytes are behind the head. */
static bool is_whole(const struct h1_client *c, size_t len)
{
    bool ends = c->state == H1_CLIENT_NO_BODY ? len == 0 : c->state == H1_CLIENT_LENGTH && len == c->left;

    return ends && c->frame.keep_alive && upload_is_done(&c->upload);
}

static enum step take_final(struct h1_client *c, char *rest, size_t len, bool filled)
{
    const struct header *keep_alive = header_find(&c->head.headers, HEADER_KEEP_ALIVE);

    if (keep_alive)
        uconn_learn(c->uconn, keep_alive->value);
    set_state(c);
    tell_head(c);
    c->head_waits = true;
    if (!c->user->head(c, &c->head, &c->told, is_whole(c, len)))
        return STEP_OVER;
    if (c->state == H1_CLIENT_TUNNEL) {
        upload_tunnel(&c->upload);
        deliver(c, (struct str){rest, len}, false);
        c->user->tunnel(c);
        return STEP_AGAIN;
    }
    return take_body(c, rest, len, filled);
}

/* Parses the head data[start..end) from a copy in the request's pool. */
static enum step parse_head(struct h1_client *c, const char *data)
{
    struct request *req = c->req;
    struct str head = {data + c->scan.start, c->scan.end - c->scan.start};
    const char *reason = NULL;
    char *copy = pool_text(req->pool, head.len);

    memcpy(copy, head.s, head.len);
    head.s = copy;
    if (h1_parse_response_head(head, &c->scan, req->pool, &req->listener->limits, &c->head, &reason) != 0 ||
        frame_response(&c->head, req->head.method, c->upgrading, &c->frame, &reason) != 0)
        return fail(c, H1_CLIENT_MALFORMED, reason);
    return STEP_AGAIN;
}

static enum step take_interim(struct h1_client *c)
{
    if (++c->interims > H1_CLIENT_INTERIMS)
        return fail(c, H1_CLIENT_MALFORMED, "too many interim responses");
    /* 100 is the client side's own business: it is sent when the body is first asked for. */
    if (c->head.status != 100)
        c->user->interim(c, &c->head);
    h1_scan_init(&c->scan, c->req->pool);
    return STEP_AGAIN;
}

/* What does not begin like a status line is refused at once, for its end may never come. */
static bool may_be_head(const struct h1_scan *scan, const char *bytes, size_t len)
{
    static const char start[] = "HTTP/1.";
    size_t n = len - scan->start;

    if (n > sizeof(start) - 1)
        n = sizeof(start) - 1;
    return scan->start >= len || memcmp(bytes + scan->start, start, n) == 0;
}

static enum step take_head(struct h1_client *c, char *bytes, size_t len, bool filled)
{
    for (;;) {
        enum step step;

        switch (h1_scan_feed(&c->scan, H1_RESPONSE, &c->req->listener->limits, bytes, len)) {
        case H1_SCAN_DONE:
            break;
        case H1_SCAN_MORE:
            if (!may_be_head(&c->scan, bytes, len))
                return fail(c, H1_CLIENT_MALFORMED, "upstream does not speak HTTP/1");
            if (len > 0)
                uconn_keep(c->uconn, (struct str){bytes, len});
            return STEP_AGAIN;
        case H1_SCAN_BAD:
            return fail(c, H1_CLIENT_MALFORMED, c->scan.reason);
        default:
            return fail(c, H1_CLIENT_TOO_LARGE, c->scan.reason);
        }
        step = parse_head(c, bytes);
        if (step != STEP_AGAIN)
            return step;
        bytes += c->scan.end;
        len -= c->scan.end;
        if (c->head.status >= 200 || c->head.status == 101)
            return take_final(c, bytes, len, filled);
        step = take_interim(c);
        if (step != STEP_AGAIN)
            return step;
    }
}

static enum step take_end(struct h1_client *c, bool reset)
{
    switch (c->state) {
    case H1_CLIENT_HEAD:
        if (!c->begun)
            return fail(c, H1_CLIENT_ENDED, reset ? "upstream reset the connection before an answer"
                                                  : "upstream closed the connection before an answer");
        return fail(c, H1_CLIENT_INCOMPLETE, "upstream ended within the head of its answer");
    case H1_CLIENT_UNTIL_CLOSE:
        if (reset)
            return fail(c, H1_CLIENT_INCOMPLETE, "upstream reset the connection within the body");
        if (uconn_was_cut(c->uconn))
            return fail(c, H1_CLIENT_INCOMPLETE, "upstream ended TLS within the body without close_notify");
        return complete(c, STR_NONE, false, false);
    case H1_CLIENT_TUNNEL:
        return complete(c, STR_NONE, false, false);
    default:
        return fail(c, H1_CLIENT_INCOMPLETE, "upstream ended within the body of its answer");
    }
}

static enum step read_spliced(struct h1_client *c)
{
    struct request *req = c->req;
    uint64_t turn = c->left < SPLICE_TURN ? c->left : SPLICE_TURN;
    uint64_t left = turn;
    enum splice_result result = req->out->splice(req, c->uconn->fd, &left, false);

    c->left -= turn - left;
    switch (result) {
    case SPLICE_MORE:
        return STEP_WAIT;
    case SPLICE_BLOCKED:
        c->blocked = true;
        return STEP_AGAIN;
    case SPLICE_DONE:
        if (c->left == 0)
            return complete(c, STR_NONE, false, true);
        uconn_again(c->uconn);
        return STEP_WAIT;
    case SPLICE_UNFIT:
        c->splicing = false;
        c->unsplicable = true;
        return STEP_AGAIN;
    case SPLICE_ENDED:
        return take_end(c, false);
    case SPLICE_FAILED:
        c->error = errno;
        return take_end(c, true);
    }
    return STEP_WAIT;
}

/* Bytes that were kept of a head go in front again. */
static enum step read_some(struct h1_client *c)
{
    struct uconn *u = c->uconn;
    char *buffer = c->req->worker->receive;
    size_t held = c->state == H1_CLIENT_HEAD ? u->partial_len : 0;
    bool filled;
    ssize_t n;

    if (held == WORKER_BUFFER_BYTES)
        return fail(c, H1_CLIENT_TOO_LARGE, "head is larger than the buffer");
    n = uconn_recv(u, buffer + held, WORKER_BUFFER_BYTES - held);
    if (n < 0 && errno == EAGAIN)
        return STEP_WAIT;
    if (n < 0)
        c->error = errno;
    if (n <= 0)
        return take_end(c, n < 0);
    filled = (size_t)n == WORKER_BUFFER_BYTES - held || uconn_has_pending(u);
    if (c->state != H1_CLIENT_HEAD)
        return take_body(c, buffer, (size_t)n, filled);
    if (!c->begun) {
        c->begun = true;
        c->user->begun(c);
    }
    if (held > 0) {
        memcpy(buffer, u->partial, held);
        uconn_forget(u);
    }
    return take_head(c, buffer, held + (size_t)n, filled);
}

void h1_client_read(struct h1_client *c)
{
    for (unsigned reads = 0; !c->blocked; reads++) {
        enum step step;

        if (reads == READS_TURN) {
            uconn_again(c->uconn);
            break;
        }
        step = c->splicing ? read_spliced(c) : read_some(c);

        if (step == STEP_OVER)
            return;
        if (step == STEP_WAIT) {
            c->uconn->readable = false;
            if (c->head_waits)
                deliver(c, STR_NONE, false);
            break;
        }
    }
    deadline_renew(&c->uconn->deadline, c->req->worker->loop->clock.mono_ms);
}

void h1_client_resume(struct h1_client *c)
{
    c->blocked = false;
    if (c->uconn->readable || c->splicing)
        h1_client_read(c);
}

/* h1_client.c: see h1_client.h. */
#include "core/upstream/h1_client.h"

#include <errno.h>

#include "core/log/fault.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"
#include "http/h1_parse.h"

/* A body lets others have a turn after so much: spliced, and copied. */
/* A tunnel that gave so many at once goes on without the buffer. */
#define SPLICE_RAW_BYTES ((uint64_t)64 * 1024)
#define SPLICE_TURN (16u * 1024 * 1024)
#define READS_TURN 32

enum step {
    STEP_AGAIN,
    STEP_WAIT, /* nothing to read for now */
    STEP_OVER /* the answer is passed on or has failed: the client may be gone */
};

static enum step fail_for(struct h1_client *h, enum uclient_failure failure, const char *reason,
                          struct str cause)
{
    h->base.user->failed(&h->base, failure, reason, cause);
    return STEP_OVER;
}

static enum step fail(struct h1_client *h, enum uclient_failure failure, const char *reason)
{
    return fail_for(h, failure, reason, STR_NONE);
}

static enum step complete(struct h1_client *h, struct str bytes, bool surplus, bool probe)
{
    bool clean = h->base.frame.keep_alive && !surplus && upload_is_done(&h->base.upload);

    h->base.user->complete(&h->base, clean, probe, NULL);
    uclient_deliver(&h->base, bytes, true);
    return STEP_OVER;
}

static enum step take_chunks(struct h1_client *h, char *bytes, size_t len, bool filled)
{
    struct str body, rest;

    switch (h1_chunk_join(&h->chunk, bytes, len, &body, &rest)) {
    case H1_CHUNK_END:
        return complete(h, body, rest.len > 0, filled);
    case H1_CHUNK_BAD:
        return fail(h, UCLIENT_MALFORMED, h->chunk.reason);
    default:
        if (body.len > 0)
            uclient_deliver(&h->base, body, false);
        return STEP_AGAIN;
    }
}

static enum step take_length(struct h1_client *h, struct str bytes, bool filled)
{
    struct str body = bytes;

    if (body.len > h->base.left)
        body.len = (size_t)h->base.left;
    h->base.left -= body.len;
    if (h->base.left == 0)
        return complete(h, body, bytes.len > body.len, filled);
    if (body.len > 0)
        uclient_deliver(&h->base, body, false);
    h->splicing = filled && h->base.left >= WORKER_BUFFER_BYTES && !h->unsplicable && !h->base.head_waits &&
                  uconn_may_splice(h->base.uconn);
    return STEP_AGAIN;
}

static enum step take_body(struct h1_client *h, char *bytes, size_t len, bool filled)
{
    switch (h->base.state) {
    case UCLIENT_LENGTH:
        return take_length(h, (struct str){bytes, len}, filled);
    case UCLIENT_CHUNKED:
        return take_chunks(h, bytes, len, filled);
    case UCLIENT_UNTIL_CLOSE:
    case UCLIENT_TUNNEL:
        if (len > 0)
            uclient_deliver(&h->base, (struct str){bytes, len}, false);
        h->splicing = filled && h->base.req->raw && !h->unsplicable && uconn_may_splice(h->base.uconn);
        return STEP_AGAIN;
    default:
        return complete(h, STR_NONE, len > 0, filled);
    }
}

static void set_state(struct h1_client *h)
{
    switch (h->base.frame.kind) {
    case FRAME_NONE:
        h->base.state = UCLIENT_NO_BODY;
        break;
    case FRAME_LENGTH:
        h->base.state = UCLIENT_LENGTH;
        h->base.left = h->base.frame.length;
        break;
    case FRAME_CHUNKED:
        h->base.state = UCLIENT_CHUNKED;
        h1_chunk_init(&h->chunk, UCLIENT_TRAILERS, UCLIENT_TRAILER_BYTES, NULL);
        break;
    case FRAME_UNTIL_CLOSE:
        h->base.state = UCLIENT_UNTIL_CLOSE;
        break;
    case FRAME_TUNNEL:
        h->base.state = UCLIENT_TUNNEL;
        break;
    }
}

void h1_client_pass(struct h1_client *h)
{
    struct uclient *c = &h->base;

    c->begun = true;
    c->user->begun(c);
    c->state = UCLIENT_TUNNEL;
    c->left = INT64_MAX;
    c->head = (struct message){.status = 200};
    c->frame = c->told = (struct frame){.kind = FRAME_TUNNEL};
    c->head_waits = true;
    if (!c->user->head(c, &c->head, &c->told, false))
        return;
    uclient_deliver(c, STR_NONE, false);
    c->user->tunnel(c);
}

/* `len` bytes are behind the head. */
static bool is_whole(const struct h1_client *h, size_t len)
{
    bool ends = h->base.state == UCLIENT_NO_BODY ? len == 0 : h->base.state == UCLIENT_LENGTH && len == h->base.left;

    return ends && h->base.frame.keep_alive && upload_is_done(&h->base.upload);
}

static enum step take_final(struct h1_client *h, char *rest, size_t len, bool filled)
{
    const struct header *keep_alive = header_find(&h->base.head.headers, HEADER_KEEP_ALIVE);

    if (keep_alive)
        uconn_learn(h->base.uconn, keep_alive->value);
    set_state(h);
    uclient_tell_head(&h->base);
    h->base.head_waits = true;
    if (!h->base.user->head(&h->base, &h->base.head, &h->base.told, is_whole(h, len)))
        return STEP_OVER;
    if (h->base.state == UCLIENT_TUNNEL) {
        upload_tunnel(&h->base.upload);
        uclient_deliver(&h->base, (struct str){rest, len}, false);
        h->base.user->tunnel(&h->base);
        return STEP_AGAIN;
    }
    return take_body(h, rest, len, filled);
}

/* Parses the head data[start..end) from a copy in the request's pool. */
static enum step parse_head(struct h1_client *h, const char *data)
{
    struct request *req = h->base.req;
    struct str head = {data + h->scan.start, h->scan.end - h->scan.start};
    const char *reason = NULL;
    char *copy = pool_text(req->pool, head.len);

    memcpy(copy, head.s, head.len);
    head.s = copy;
    if (h1_parse_response_head(head, &h->scan, req->pool, &req->listener->limits, &h->base.head, &reason) != 0 ||
        frame_response(&h->base.head, req->head.method, h->base.upgrading, &h->base.frame, &reason) != 0)
        return fail(h, UCLIENT_MALFORMED, reason);
    return STEP_AGAIN;
}

static enum step take_interim(struct h1_client *h)
{
    if (++h->base.interims > UCLIENT_INTERIMS)
        return fail(h, UCLIENT_MALFORMED, "too many interim responses");
    /* 100 is the client side's own business: it is sent when the body is first asked for. */
    if (h->base.head.status != 100)
        h->base.user->interim(&h->base, &h->base.head);
    h1_scan_init(&h->scan, h->base.req->pool);
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

static enum step take_head(struct h1_client *h, char *bytes, size_t len, bool filled)
{
    for (;;) {
        enum step step;

        switch (h1_scan_feed(&h->scan, H1_RESPONSE, &h->base.req->listener->limits, bytes, len)) {
        case H1_SCAN_DONE:
            break;
        case H1_SCAN_MORE:
            if (!may_be_head(&h->scan, bytes, len))
                return fail(h, UCLIENT_MALFORMED, "upstream does not speak HTTP/1");
            if (len > 0)
                uconn_keep(h->base.uconn, (struct str){bytes, len});
            return STEP_AGAIN;
        case H1_SCAN_BAD:
            return fail(h, UCLIENT_MALFORMED, h->scan.reason);
        default:
            return fail_for(h, UCLIENT_TOO_LARGE, h->scan.reason, fault_head(h->base.req, &h->scan));
        }
        step = parse_head(h, bytes);
        if (step != STEP_AGAIN)
            return step;
        bytes += h->scan.end;
        len -= h->scan.end;
        if (h->base.head.status >= 200 || h->base.head.status == 101)
            return take_final(h, bytes, len, filled);
        step = take_interim(h);
        if (step != STEP_AGAIN)
            return step;
    }
}

/* Of bytes that are passed on either direction may end on its own; a websocket ends as a whole. */
static enum step end_tunnel(struct h1_client *h, bool reset)
{
    struct request *req = h->base.req;

    if (req->raw && (reset || uconn_was_cut(h->base.uconn)))
        return fail(h, UCLIENT_INCOMPLETE, reset ? "the server reset the connection" : "the server ended TLS without close_notify");
    if (!req->raw || upload_is_done(&h->base.upload))
        return complete(h, STR_NONE, false, false);
    if (!h->ended)
        req->out->shut(req);
    h->ended = true;
    return STEP_WAIT;
}

static enum step take_end(struct h1_client *h, bool reset)
{
    switch (h->base.state) {
    case UCLIENT_HEAD:
        if (!h->base.begun)
            return fail(h, UCLIENT_ENDED, reset ? "upstream reset the connection before an answer"
                                                  : "upstream closed the connection before an answer");
        return fail(h, UCLIENT_INCOMPLETE, "upstream ended within the head of its answer");
    case UCLIENT_UNTIL_CLOSE:
        if (reset)
            return fail(h, UCLIENT_INCOMPLETE, "upstream reset the connection within the body");
        if (uconn_was_cut(h->base.uconn))
            return fail(h, UCLIENT_INCOMPLETE, "upstream ended TLS within the body without close_notify");
        return complete(h, STR_NONE, false, false);
    case UCLIENT_TUNNEL:
        return end_tunnel(h, reset);
    default:
        return fail(h, UCLIENT_INCOMPLETE, "upstream ended within the body of its answer");
    }
}

static enum step read_spliced(struct h1_client *h)
{
    struct request *req = h->base.req;
    uint64_t turn = h->base.left < SPLICE_TURN ? h->base.left : SPLICE_TURN;
    uint64_t left = turn;
    enum splice_result result = req->out->splice(req, h->base.uconn->fd, &left, false);

    h->base.left -= turn - left;
    switch (result) {
    case SPLICE_MORE:
        /* Nobody knows how long a tunnel's bytes are; where many came, more will. */
        h->splicing = !req->raw || turn - left >= SPLICE_RAW_BYTES;
        return STEP_WAIT;
    case SPLICE_BLOCKED:
        h->base.blocked = true;
        return STEP_AGAIN;
    case SPLICE_DONE:
        if (h->base.left == 0)
            return complete(h, STR_NONE, false, true);
        uconn_again(h->base.uconn);
        return STEP_WAIT;
    case SPLICE_UNFIT:
        h->splicing = false;
        h->unsplicable = true;
        return STEP_AGAIN;
    case SPLICE_ENDED:
        return take_end(h, false);
    case SPLICE_FAILED:
        h->base.error = errno;
        return take_end(h, true);
    }
    return STEP_WAIT;
}

/* Bytes that were kept of a head go in front again. */
static enum step read_some(struct h1_client *h)
{
    struct uconn *u = h->base.uconn;
    char *buffer = h->base.req->worker->receive;
    size_t held = h->base.state == UCLIENT_HEAD ? u->partial_len : 0;
    bool filled;
    ssize_t n;

    if (held == WORKER_BUFFER_BYTES)
        return fail_for(h, UCLIENT_TOO_LARGE, "head is larger than the buffer",
                        fault_head(h->base.req, &h->scan));
    n = uconn_recv(u, buffer + held, WORKER_BUFFER_BYTES - held);
    if (n < 0 && errno == EAGAIN)
        return STEP_WAIT;
    if (n < 0)
        h->base.error = errno;
    if (n <= 0)
        return take_end(h, n < 0);
    filled = (size_t)n == WORKER_BUFFER_BYTES - held || uconn_has_pending(u);
    if (h->base.state != UCLIENT_HEAD)
        return take_body(h, buffer, (size_t)n, filled);
    if (!h->base.begun) {
        h->base.begun = true;
        h->base.user->begun(&h->base);
    }
    if (held > 0) {
        memcpy(buffer, u->partial, held);
        uconn_forget(u);
    }
    return take_head(h, buffer, held + (size_t)n, filled);
}

void h1_client_read(struct h1_client *h)
{
    for (unsigned reads = 0; !h->base.blocked; reads++) {
        enum step step;

        if (reads == READS_TURN) {
            uconn_again(h->base.uconn);
            break;
        }
        step = h->splicing ? read_spliced(h) : read_some(h);

        if (step == STEP_OVER)
            return;
        if (step == STEP_WAIT) {
            h->base.uconn->readable = false;
            if (h->base.head_waits)
                uclient_deliver(&h->base, STR_NONE, false);
            break;
        }
    }
    deadline_renew(&h->base.uconn->deadline, h->base.req->worker->loop->clock.mono_ms);
}

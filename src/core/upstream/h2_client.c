/* h2_client.c: see h2_client.h. */
#include "core/upstream/h2_client.h"

#include <errno.h>

#include "core/log/fault.h"
#include "core/upstream/h2_uconn.h"
#include "core/worker.h"
#include "http/bytes.h"
#include "http/h1_parse.h"
#include "http/status.h"

/* What HPACK counts for a field beside its bytes (RFC 7541 4.1). */
#define FIELD_BYTES 32

static void fail(struct h2_client *h, enum uclient_failure failure, const char *reason, struct str cause)
{
    h2_client_part(h, NGHTTP2_CANCEL);
    h->base.user->failed(&h->base, failure, reason, cause);
}

/* ---- heads ---- */

void h2_client_refuse(struct h2_client *h, enum uclient_failure kind, const char *reason)
{
    if (h->bad)
        return;
    h->bad = reason;
    h->bad_kind = kind;
    h2_uconn_wake(h->conn, h);
}

static int refuse(struct h2_client *h, enum uclient_failure kind, const char *reason)
{
    h2_client_refuse(h, kind, reason);
    return -1;
}

void h2_client_begin_fields(struct h2_client *h)
{
    struct uclient *c = &h->base;
    struct pool *pool = c->req->pool;

    if (!c->begun) {
        c->begun = true;
        c->user->begun(c);
    }
    h->head_bytes = 0;
    h->in_trailers = c->state != UCLIENT_HEAD;
    if (h->in_trailers) {
        h->trailers = pool_alloc(pool, sizeof(*h->trailers));
        header_list_init(h->trailers, pool, UCLIENT_TRAILERS);
        return;
    }
    memset(&c->head, 0, offsetof(struct message, headers));
    c->head.minor = 1;
    header_list_init(&c->head.headers, pool, c->req->listener->limits.fields + H1_PARSE_SPARE_FIELDS);
}

static int take_pseudo(struct h2_client *h, struct str name, struct str value)
{
    uint64_t status;

    if (h->in_trailers || !str_eq(name, STR(":status")) || value.len != 3 ||
        str_to_u64(value, 599, &status) != 0 || status < 100)
        return refuse(h, UCLIENT_MALFORMED, "the status of the answer is malformed");
    h->base.head.status = (unsigned)status;
    /* HTTP/2 has no reasons; some clients of HTTP/1 take note of a status only with one. */
    h->base.head.reason = status_reason((unsigned)status);
    return 0;
}

int h2_client_field(struct h2_client *h, struct str name, struct str value)
{
    const struct h1_limits *limits = &h->base.req->listener->limits;
    struct header_list *list = h->in_trailers ? h->trailers : &h->base.head.headers;
    size_t most_bytes = h->in_trailers ? UCLIENT_TRAILER_BYTES : limits->head;
    size_t most_fields = h->in_trailers ? UCLIENT_TRAILERS : limits->fields;
    struct pool *pool = h->base.req->pool;

    h->head_bytes += name.len + value.len + FIELD_BYTES;
    if (h->head_bytes > most_bytes || list->count >= most_fields)
        return refuse(h, UCLIENT_TOO_LARGE,
                      h->in_trailers ? "the trailers of the answer are too large" : "head is too large");
    if (name.len > 0 && name.s[0] == ':')
        return take_pseudo(h, name, value);
    if (!bytes_are_token(name) || !bytes_are_value(value))
        return refuse(h, UCLIENT_MALFORMED, "a field of the answer is malformed");
    if (header_add(list, pool_str(pool, name), pool_str(pool, value)) < 0)
        return refuse(h, UCLIENT_TOO_LARGE, "head has too many fields");
    list->items[list->count - 1].checked = true;
    return 0;
}

/* Where the body ends; what it says of its length nghttp2 has found to be a number. */
static void set_frame(struct h2_client *h, bool last)
{
    struct uclient *c = &h->base;
    const struct header *length = header_find(&c->head.headers, HEADER_CONTENT_LENGTH);
    uint64_t value;

    c->frame = (struct frame){.kind = FRAME_NONE, .keep_alive = true};
    c->state = UCLIENT_NO_BODY;
    if (c->head.status == 204 || c->head.status == 304 || str_eq(c->req->head.method, STR("HEAD")))
        return;
    if (last) {
        c->frame.kind = FRAME_LENGTH;
    } else if (length && str_to_u64(length->value, INT64_MAX, &value) == 0) {
        c->frame = (struct frame){.kind = FRAME_LENGTH, .length = value, .keep_alive = true};
        c->left = value;
        c->state = UCLIENT_LENGTH;
    } else {
        c->frame.kind = FRAME_CHUNKED;
        c->state = UCLIENT_CHUNKED;
    }
}

static void end_final(struct h2_client *h, bool last)
{
    struct uclient *c = &h->base;

    set_frame(h, last);
    uclient_tell_head(c);
    c->head_waits = true;
    h2_uconn_fresh(h->conn, h);
    if (c->user->head(c, &c->head, &c->told, last) && last)
        h2_client_end(h);
}

void h2_client_end_fields(struct h2_client *h, bool last)
{
    struct uclient *c = &h->base;

    if (h->in_trailers) {
        if (last)
            h2_client_end(h);
        else
            fail(h, UCLIENT_MALFORMED, "a second head within the body", STR_NONE);
        return;
    }
    if (c->head.status >= 200) {
        end_final(h, last);
        return;
    }
    if (last || c->head.status == 101 || ++c->interims > UCLIENT_INTERIMS) {
        fail(h, UCLIENT_MALFORMED,
             c->interims > UCLIENT_INTERIMS ? "too many interim responses" : "an interim response is malformed",
             STR_NONE);
        return;
    }
    if (c->head.status != 100)
        c->user->interim(c, &c->head);
}

/* ---- the body ---- */

/* The server may send so much more on the stream. */
static void consume(struct h2_client *h, size_t bytes)
{
    if (bytes > 0)
        (void)nghttp2_session_consume_stream(h->conn->session, h->stream, bytes);
}

void h2_client_pass(struct h2_client *h)
{
    struct str bytes = h->pending;

    h->pending = STR_NONE;
    if (bytes.len == 0 && !h->base.head_waits)
        return;
    uclient_deliver(&h->base, bytes, false);
    if (h->base.blocked)
        h->unconsumed += bytes.len;
    else
        consume(h, bytes.len);
}

void h2_client_data(struct h2_client *h, struct str bytes)
{
    struct uclient *c = &h->base;

    deadline_renew(&h->deadline, c->req->worker->loop->clock.mono_ms);
    if (c->state == UCLIENT_NO_BODY || (c->state == UCLIENT_LENGTH && bytes.len > c->left)) {
        fail(h, UCLIENT_MALFORMED, "the body is longer than its length", STR_NONE);
        return;
    }
    if (c->state == UCLIENT_LENGTH)
        c->left -= bytes.len;
    if (h->pending.len > 0)
        h2_client_pass(h);
    h->pending = bytes;
    h2_uconn_fresh(h->conn, h);
}

void h2_client_end(struct h2_client *h)
{
    struct uclient *c = &h->base;
    struct header_list *trailers = h->trailers;
    struct str bytes = h->pending;

    if (c->state == UCLIENT_LENGTH && c->left > 0) {
        fail(h, UCLIENT_INCOMPLETE, "upstream ended within the body of its answer", STR_NONE);
        return;
    }
    if (trailers && c->head_waits) {
        uclient_deliver(c, bytes, false);
        bytes = STR_NONE;
    }
    c->user->complete(c, true, false, trailers);
    uclient_deliver(c, bytes, true);
}

ssize_t h2_client_body(struct h2_client *h, char *buffer, size_t room, bool *end)
{
    struct upload *u = &h->base.upload;
    struct str bytes = STR_NONE;

    if (u->stopped)
        return 0;
    if (u->spool && spool_peek(u->spool, buffer, room, &bytes) < 0) {
        h->disk_failed = true;
        h->disk_error = errno;
        h2_uconn_wake(h->conn, h);
        return -1;
    }
    if (bytes.len > 0) {
        if (bytes.s != buffer)
            memcpy(buffer, bytes.s, bytes.len);
        spool_skip(u->spool, bytes.len);
        deadline_renew(&h->deadline, h->base.req->worker->loop->clock.mono_ms);
    }
    *end = u->last && (!u->spool || spool_length(u->spool) == 0);
    h->sent_end = *end;
    if (bytes.len > 0 && spool_length(u->spool) == 0) {
        h->drained = true;
        h2_uconn_wake(h->conn, h);
    }
    return (ssize_t)bytes.len;
}

/* ---- ends ---- */

/* A stream that the server closed before its answer was whole, by the code it gave (RFC 9113 7). */
static void fail_closed(struct h2_client *h)
{
    struct uclient *c = &h->base;
    struct str cause = pool_printf(c->req->pool, "%s", nghttp2_http2_strerror(h->code));

    if (h->bad) {
        struct str limit = h->bad_kind == UCLIENT_TOO_LARGE ? h2_client_limit(h) : STR_NONE;

        fail(h, h->bad_kind, h->bad, limit);
    } else if (h->unseen || h->code == NGHTTP2_REFUSED_STREAM) {
        fail(h, UCLIENT_UNSEEN, "upstream refused the request unseen", cause);
    } else if (h->code == NGHTTP2_PROTOCOL_ERROR) {
        fail(h, UCLIENT_MALFORMED, "the answer breaks the rules of HTTP/2", STR_NONE);
    } else {
        fail(h, UCLIENT_INCOMPLETE,
             c->state == UCLIENT_HEAD ? "upstream reset the stream before an answer"
                                      : "upstream reset the stream within the body",
             cause);
    }
}

void h2_client_do(struct h2_client *h)
{
    if (h->closed || h->bad) {
        fail_closed(h);
        return;
    }
    if (h->drained || h->disk_failed) {
        h->drained = false;
        h->base.user->writable(&h->base);
    }
}

void h2_client_cut(struct h2_client *h, enum uclient_failure failure, const char *reason, int error)
{
    struct uclient *c = &h->base;

    if (h->closed || h->bad) {
        fail_closed(h);
        return;
    }
    if (h->pending.len > 0 || c->head_waits)
        h2_client_pass(h);
    if (failure == UCLIENT_ENDED && c->begun)
        failure = UCLIENT_INCOMPLETE;
    c->error = error;
    fail(h, failure, reason, STR_NONE);
}

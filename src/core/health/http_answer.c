/* http_answer.c: see http_answer.h. */
#include "core/health/http_answer.h"

#include "http/h1_parse.h"

#define INTERIMS_MAX 16
#define TRAILERS_MAX 64
#define TRAILER_BYTES_MAX 8192

static const struct h1_limits limits = {.start_line = 8192, .head = 32768, .fields = 128};

void http_answer_init(struct http_answer *a, struct pool *pool, struct str method)
{
    *a = (struct http_answer){.pool = pool, .method = method};
    h1_scan_init(&a->scan, a->pool);
}

static enum http_answer_verdict bad(struct http_answer *a, const char *reason)
{
    a->reason = reason;
    return HTTP_ANSWER_BAD;
}

static enum http_answer_verdict take_head(struct http_answer *a, const char *bytes)
{
    struct str head = {bytes + a->head + a->scan.start, a->scan.end - a->scan.start};
    struct message message;
    const char *reason = "malformed";

    if (h1_parse_response_head(head, &a->scan, a->pool, &limits, &message, &reason) != 0 ||
        frame_response(&message, a->method, false, &a->frame, &reason) != 0)
        return bad(a, reason);
    if (message.status == 101)
        return bad(a, "an upgrade that nobody asked for");
    a->head += a->scan.end;
    if (message.status < 200) {
        h1_scan_init(&a->scan, a->pool);
        return ++a->interims > INTERIMS_MAX ? bad(a, "too many interim responses") : HTTP_ANSWER_MORE;
    }
    a->has_head = true;
    a->status = message.status;
    a->body = a->head;
    if (a->frame.kind == FRAME_CHUNKED)
        h1_chunk_init(&a->chunk, TRAILERS_MAX, TRAILER_BYTES_MAX, NULL);
    return HTTP_ANSWER_MORE;
}

static enum http_answer_verdict read_heads(struct http_answer *a, const char *bytes, size_t len)
{
    while (!a->has_head) {
        enum h1_verdict verdict =
            h1_scan_feed(&a->scan, H1_RESPONSE, &limits, bytes + a->head, len - a->head);

        if (verdict == H1_SCAN_MORE)
            return HTTP_ANSWER_MORE;
        if (verdict != H1_SCAN_DONE)
            return bad(a, a->scan.reason);
        if (take_head(a, bytes) == HTTP_ANSWER_BAD)
            return HTTP_ANSWER_BAD;
    }
    return HTTP_ANSWER_DONE;
}

/* The framing goes, what it framed is moved together. */
static enum http_answer_verdict read_chunks(struct http_answer *a, char *bytes, size_t *len)
{
    size_t known = a->body + a->body_len;
    struct str body, rest;
    enum h1_chunk_event event = h1_chunk_join(&a->chunk, bytes + known, *len - known, &body, &rest);

    if (event == H1_CHUNK_BAD)
        return bad(a, a->chunk.reason);
    if (body.len)
        memmove(bytes + known, body.s, body.len);
    a->body_len += body.len;
    *len = a->body + a->body_len;
    return event == H1_CHUNK_END ? HTTP_ANSWER_DONE : HTTP_ANSWER_MORE;
}

static enum http_answer_verdict read_body(struct http_answer *a, char *bytes, size_t *len, bool end)
{
    enum http_answer_verdict verdict = HTTP_ANSWER_DONE;

    if (a->frame.kind == FRAME_CHUNKED) {
        verdict = read_chunks(a, bytes, len);
    } else if (a->frame.kind == FRAME_LENGTH) {
        a->body_len = *len - a->body < a->frame.length ? *len - a->body : (size_t)a->frame.length;
        verdict = a->body_len == a->frame.length ? HTTP_ANSWER_DONE : HTTP_ANSWER_MORE;
    } else if (a->frame.kind == FRAME_UNTIL_CLOSE) {
        a->body_len = *len - a->body;
        verdict = end ? HTTP_ANSWER_DONE : HTTP_ANSWER_MORE;
    }
    if (verdict == HTTP_ANSWER_BAD || a->body_len < HTTP_ANSWER_BODY)
        return verdict;
    a->body_len = HTTP_ANSWER_BODY;
    return HTTP_ANSWER_DONE;
}

enum http_answer_verdict http_answer_read(struct http_answer *a, char *bytes, size_t *len, bool end)
{
    enum http_answer_verdict verdict = read_heads(a, bytes, *len);

    if (verdict == HTTP_ANSWER_DONE)
        verdict = read_body(a, bytes, len, end);
    return verdict;
}

/*
 * fuzz_request.c: request heads, from bytes to framing, host and path, and what is sent on reads as the same
 * request.
 */
#include "fuzz_head.h"
#include "http/hop.h"
#include "http/host.h"
#include "http/uri.h"

const char *const fuzz_tokens[] = {
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ": ",
    "%2e%2e/",
    "%00",
    "/../",
    "//",
    "?",
    "#",
    "*",
    "GET ",
    "POST ",
    "OPTIONS ",
    "CONNECT ",
    "HEAD ",
    " HTTP/1.1",
    " HTTP/1.0",
    " HTTP/2.0",
    "Host: a\r\n",
    "Host: \r\n",
    "Content-Length: 5\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked",
    "Connection: close\r\n",
    "Connection: upgrade, host\r\n",
    "Upgrade: websocket\r\n",
    "Expect: 100-continue\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
    "http://u@h:80/",
    "[::1]:80",
    "Keep-Alive: x\r\n",
    "Proxy: y\r\n",
    "\x80",
    "\xff",
    "chunked",
    "Cookie: a=b\r\n",
    "TE: trailers\r\n",
    NULL,
};

static const struct fuzz_reader reader = {H1_REQUEST, h1_parse_request_head};

static void check_host(struct str text, struct pool *pool)
{
    struct host host, again;

    if (host_parse(text, pool, &host) != 0)
        return;
    CLAIM(host.name.len > 0 && host.name.len <= HOST_NAME_MAX_LEN + 2 && host.name.s[host.name.len] == '\0');
    CLAIM(host_parse(host.name, pool, &again) == 0);
    CLAIM(str_eq(host.name, again.name) && again.port == 0);
}

static void check_target(const struct message *m, struct pool *pool)
{
    struct uri_target target;
    struct str path, again;

    if (uri_parse_target(m->method, m->target, &target) != URI_OK)
        return;
    CLAIM(fuzz_is_inside(target.query, m->target));
    if (target.form == URI_ABSOLUTE)
        check_host(target.authority, pool);
    if (target.path.s[0] != '/' || uri_normalise(target.path, 0, pool, &path) != URI_OK)
        return;
    CLAIM(path.len > 0 && path.s[0] == '/');
    CLAIM(uri_normalise(path, 0, pool, &again) == URI_OK && str_eq(path, again));
}

/* Sent on and read again, it is the same request with the same body. */
static void check_sent_on(struct message *m, const struct frame *frame, struct pool *pool)
{
    struct h1_framing framing = fuzz_framing(frame);
    char bytes[FUZZ_SENT_BYTES];
    struct h1_buffer out = {bytes, sizeof(bytes), 0};
    struct message again;
    struct frame frame_again;
    const char *reason;

    hop_strip(&m->headers);
    if (h1_write_request(&out, m, &framing) != H1_WRITTEN || !header_find(&m->headers, HEADER_HOST))
        return;
    fuzz_read_again(&reader, (struct str){bytes, out.used}, pool, &again);
    CLAIM(str_eq(m->method, again.method) && str_eq(m->target, again.target));
    fuzz_same_fields(&m->headers, &again.headers);
    CLAIM(frame_request(&again, &frame_again, &reason) == 0);
    CLAIM(frame_again.kind == frame->kind && frame_again.length == frame->length && !frame_again.upgrade);
}

static void check_message(struct message *m, struct str head, struct pool *pool)
{
    const struct header *host = header_find(&m->headers, HEADER_HOST);
    const char *reason = NULL;
    struct frame frame;

    fuzz_check_text(m->method, head);
    fuzz_check_text(m->target, head);
    fuzz_check_fields(m, head);
    CLAIM(m->method.len > 0 && m->target.len > 0 && header_count(&m->headers, HEADER_HOST) <= 1);
    CLAIM(m->minor == 0 || host);
    if (host)
        check_host(host->value, pool);
    check_target(m, pool);
    if (frame_request(m, &frame, &reason) != 0) {
        CLAIM(reason);
        return;
    }
    CLAIM(frame.kind == FRAME_NONE || frame.kind == FRAME_LENGTH || frame.kind == FRAME_CHUNKED);
    CLAIM((frame.kind == FRAME_CHUNKED) == (header_count(&m->headers, HEADER_TRANSFER_ENCODING) > 0));
    CLAIM(frame.length <= INT64_MAX && (frame.kind != FRAME_CHUNKED || m->minor == 1));
    CLAIM(frame.kind != FRAME_CHUNKED || header_count(&m->headers, HEADER_CONTENT_LENGTH) == 0);
    check_sent_on(m, &frame, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_read_head(&reader, data, size, check_message);
}

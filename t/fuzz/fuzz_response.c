/* fuzz_response.c: response heads to each kind of request, and what is sent on reads as the same response. */
#include "fuzz_head.h"
#include "http/hop.h"

const char *const fuzz_tokens[] = {
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    "HTTP/1.1 ",
    "HTTP/1.0 ",
    "200 OK",
    "101 Switching Protocols",
    "204",
    "304 Not Modified",
    "100 Continue",
    "999",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip",
    "Connection: close\r\n",
    "Connection: upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Set-Cookie: a=b\r\n",
    "Location: http://a/\r\n",
    "Keep-Alive: timeout=5\r\n",
    "\x80",
    NULL,
};

static void check_sent_on(struct message m, struct str method, const struct frame *frame, struct pool *pool)
{
    struct h1_framing framing = fuzz_framing(frame);
    char bytes[32 * 1024];
    struct h1_buffer out = {bytes, sizeof(bytes), 0};
    struct h1_limits limits = {4096, sizeof(bytes), fuzz_limits.fields + 2};
    struct header_list fields;
    struct message again;
    struct frame frame_again;
    struct h1_scan scan;
    const char *reason;

    header_list_init(&fields, pool, m.headers.count);
    for (size_t i = 0; i < m.headers.count; i++)
        CLAIM(header_add(&fields, m.headers.items[i].name, m.headers.items[i].value) == 0);
    m.headers = fields;
    hop_strip(&m.headers);
    if (h1_write_response(&out, &m, &framing) != H1_WRITTEN)
        return;
    h1_scan_init(&scan, pool);
    CLAIM(h1_scan_feed(&scan, H1_RESPONSE, &limits, bytes, out.used) == H1_SCAN_DONE && scan.end == out.used);
    CLAIM(h1_parse_response_head((struct str){bytes, out.used}, &scan, pool, &limits, &again, &reason) == 0);
    CLAIM(again.status == m.status && str_eq(m.reason, again.reason));
    fuzz_same_fields(&m.headers, &again.headers);
    if (frame->kind == FRAME_TUNNEL)
        return;
    CLAIM(frame_response(&again, method, false, &frame_again, &reason) == 0);
    CLAIM(frame_again.kind == frame->kind && frame_again.length == frame->length);
}

static void check_message(const struct message *m, struct str head, struct pool *pool)
{
    static const struct {
        struct str method;
        bool upgrading;
    } requests[] = {{{"GET", 3}, false}, {{"HEAD", 4}, false}, {{"POST", 4}, false}, {{"GET", 3}, true}};

    fuzz_check_text(m->reason, head);
    fuzz_check_fields(m, head);
    CLAIM(m->status >= 100 && m->status <= 599);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        const char *reason = NULL;
        struct frame frame;

        if (frame_response(m, requests[i].method, requests[i].upgrading, &frame, &reason) != 0) {
            CLAIM(reason);
            continue;
        }
        CLAIM(frame.kind != FRAME_TUNNEL || (requests[i].upgrading && m->status == 101));
        CLAIM(frame.kind != FRAME_UNTIL_CLOSE || !frame.keep_alive);
        CLAIM(i != 1 || frame.kind == FRAME_NONE);
        check_sent_on(*m, requests[i].method, &frame, pool);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    const char *reason = NULL;
    struct message m;
    struct h1_scan scan;
    struct pool *pool;
    struct str head;
    char *copy;

    pool = pool_new(4096);
    if (fuzz_scan(H1_RESPONSE, in, pool, &scan) != H1_SCAN_DONE) {
        pool_free(pool);
        return 0;
    }
    head = (struct str){in.s + scan.start, scan.end - scan.start};
    copy = fuzz_copy(head);
    head.s = copy;
    if (h1_parse_response_head(head, &scan, pool, &fuzz_limits, &m, &reason) == 0)
        check_message(&m, head, pool);
    else
        CLAIM(reason);
    pool_free(pool);
    free(copy);
    return 0;
}

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

static const struct fuzz_reader reader = {H1_RESPONSE, h1_parse_response_head};

static void check_sent_on(struct message m, struct str method, const struct frame *frame, struct pool *pool)
{
    struct h1_framing framing = fuzz_framing(frame);
    char bytes[FUZZ_SENT_BYTES];
    struct h1_buffer out = {bytes, sizeof(bytes), 0};
    struct header_list fields;
    struct message again;
    struct frame frame_again;
    const char *reason;

    header_list_init(&fields, pool, m.headers.count);
    for (size_t i = 0; i < m.headers.count; i++)
        CLAIM(header_add(&fields, m.headers.items[i].name, m.headers.items[i].value) == 0);
    m.headers = fields;
    hop_strip(&m.headers);
    if (h1_write_response(&out, &m, &framing) != H1_WRITTEN)
        return;
    fuzz_read_again(&reader, (struct str){bytes, out.used}, pool, &again);
    CLAIM(again.status == m.status && str_eq(m.reason, again.reason));
    fuzz_same_fields(&m.headers, &again.headers);
    if (frame->kind == FRAME_TUNNEL)
        return;
    CLAIM(frame_response(&again, method, false, &frame_again, &reason) == 0);
    CLAIM(frame_again.kind == frame->kind && frame_again.length == frame->length);
}

static void check_message(struct message *m, struct str head, struct pool *pool)
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
    return fuzz_read_head(&reader, data, size, check_message);
}

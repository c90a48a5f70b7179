/* test_h1_frame.c: framing, keep-alive and upgrade decided from field lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "http/h1_frame.h"

struct frame_case {
    const char *method;
    const char *fields; /* "Name: value|Name: value" */
    unsigned minor;
    unsigned code; /* status of the response; 0: a request */
    int status;
    enum frame_kind kind;
    uint64_t length;
    bool keep_alive;
    bool upgrade; /* request: expected; response: pending */
};

#define CL "Content-Length: "
#define TE "Transfer-Encoding: "
#define WS "Connection: keep-alive, Upgrade|Upgrade: WebSocket|Sec-WebSocket-Key: k"
#define V13 "|Sec-WebSocket-Version: 13"

static const struct frame_case cases[] = {
    {"GET", "", 1, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", "", 0, 0, 0, FRAME_NONE, 0, false, false},
    {"GET", "Connection: Keep-Alive", 0, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", "Connection: x|Connection: a, CLOSE ,b", 1, 0, 0, FRAME_NONE, 0, false, false},
    {"POST", CL "003", 1, 0, 0, FRAME_LENGTH, 3, true, false},
    {"POST", CL "9223372036854775807", 1, 0, 0, FRAME_LENGTH, INT64_MAX, true, false},
    {"POST", CL "9223372036854775808", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "18446744073709551615", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "+3", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "0x3", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "3,3", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "3|" CL "3", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "3|" TE "chunked", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", CL "3|" TE "", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "Chunked", 1, 0, 0, FRAME_CHUNKED, 0, true, false},
    {"POST", TE "chunked", 0, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "chunked|" TE "chunked", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "gzip, chunked", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE ",chunked", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "\013chunked", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "\"chunked\"", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "chunked;q=1", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "", 1, 0, 400, FRAME_NONE, 0, false, false},
    {"POST", TE "xchunked", 1, 0, 501, FRAME_NONE, 0, false, false},
    {"GET", WS V13, 1, 0, 0, FRAME_NONE, 0, true, true},
    {"GET", WS V13, 0, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", WS, 1, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", WS "|Sec-WebSocket-Version: 8", 1, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", WS V13 "|" CL "3", 1, 0, 0, FRAME_LENGTH, 3, true, false},
    {"POST", WS V13, 1, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", "Upgrade: websocket|Sec-WebSocket-Key: k" V13, 1, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", "Connection: upgrade|Upgrade: h2c" V13, 1, 0, 0, FRAME_NONE, 0, true, false},
    {"GET", CL "5", 1, 200, 0, FRAME_LENGTH, 5, true, false},
    {"GET", CL "5|Connection: close", 1, 200, 0, FRAME_LENGTH, 5, false, false},
    {"GET", "", 1, 200, 0, FRAME_UNTIL_CLOSE, 0, false, false},
    {"GET", TE "chunked", 1, 200, 0, FRAME_CHUNKED, 0, true, false},
    {"GET", TE "chunked", 0, 200, 502, FRAME_NONE, 0, false, false},
    {"GET", TE "gzip", 1, 200, 502, FRAME_NONE, 0, false, false},
    {"GET", CL "5|" CL "6", 1, 200, 502, FRAME_NONE, 0, false, false},
    {"HEAD", CL "5", 1, 200, 0, FRAME_NONE, 0, true, false},
    {"GET", CL "5", 1, 304, 0, FRAME_NONE, 0, true, false},
    {"GET", "", 1, 204, 0, FRAME_NONE, 0, true, false},
    {"GET", CL "5", 1, 204, 0, FRAME_NONE, 0, false, false},
    {"GET", TE "chunked", 1, 204, 0, FRAME_NONE, 0, false, false},
    {"GET", "", 1, 103, 0, FRAME_NONE, 0, true, false},
    {"GET", CL "0", 1, 100, 502, FRAME_NONE, 0, false, false},
    {"GET", TE "chunked", 1, 103, 502, FRAME_NONE, 0, false, false},
    {"GET", WS, 1, 101, 0, FRAME_TUNNEL, 0, false, true},
    {"GET", WS, 1, 101, 502, FRAME_NONE, 0, false, false},
    {"GET", "Connection: upgrade|Upgrade: h2c", 1, 101, 502, FRAME_NONE, 0, false, true},
};

static void fill(struct header_list *list, struct str fields)
{
    while (fields.len) {
        const char *bar = memchr(fields.s, '|', fields.len);
        size_t len = bar ? (size_t)(bar - fields.s) : fields.len;
        size_t colon = (size_t)((const char *)memchr(fields.s, ':', len) - fields.s);

        assert_int_equal(header_add(list, (struct str){fields.s, colon},
                                    (struct str){fields.s + colon + 2, len - colon - 2}), 0);
        fields.s += len + (bar != NULL);
        fields.len -= len + (bar != NULL);
    }
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct frame_case *c = &cases[i];
        struct pool *pool = pool_new(1024);
        struct message m = {.method = str_of(c->method), .minor = c->minor, .status = c->code};
        const char *reason = NULL;
        struct frame frame = {0};
        int status;

        header_list_init(&m.headers, pool, 10);
        fill(&m.headers, str_of(c->fields));
        status = c->code ? frame_response(&m, m.method, c->upgrade, &frame, &reason)
                         : frame_request(&m, &frame, &reason);
        if (status != c->status)
            print_error("case %zu: %s\n", i, c->fields);
        assert_int_equal(status, c->status);
        if (status) {
            assert_non_null(reason);
        } else {
            assert_int_equal(frame.kind, c->kind);
            assert_true(frame.length == c->length);
            assert_int_equal(frame.keep_alive, c->keep_alive);
            if (c->code == 0)
                assert_int_equal(frame.upgrade, c->upgrade);
        }
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

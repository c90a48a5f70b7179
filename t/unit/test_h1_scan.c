/* test_h1_scan.c: the scan of raw heads, whole and one byte at a time, gives one verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/str.h"
#include "head_fixture.h"
#include "http/h1_scan.h"

static const struct h1_limits limits = {40, 200, 3};

#define R "GET / HTTP/1.1\r\n"
#define T(text) text, sizeof(text) - 1

static const struct scan_case {
    const char *data;
    size_t len;
    enum h1_direction direction;
    enum h1_verdict verdict;
    size_t end; /* DONE: end; refused: offset */
} cases[] = {
    {T(R "Host: a\r\n\r\nrest"), H1_REQUEST, H1_SCAN_DONE, 27},
    {T("\r\n" R "\r\n"), H1_REQUEST, H1_SCAN_DONE, 20},
    {T(R "Host: a\r\n"), H1_REQUEST, H1_SCAN_MORE, 0},
    {T(R "Host: a\r"), H1_REQUEST, H1_SCAN_MORE, 0},
    {T("HTTP/1.1 200 OK then\r\n\r\n"), H1_RESPONSE, H1_SCAN_DONE, 24},
    {T("\r\n\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 4},
    {T("\r\nHTTP/1.1 200 OK\r\n\r\n"), H1_RESPONSE, H1_SCAN_BAD, 0},
    {T(R "X: \rxTransfer-Encoding: chunked\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 19},
    {T(R "X: a\r\n\rX"), H1_REQUEST, H1_SCAN_BAD, 22},
    {T(R "X: a\r\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 20},
    {T("GET / HTTP/1.1\nHost: a\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 14},
    {T(R "Host: a\r\n\n"), H1_REQUEST, H1_SCAN_BAD, 25},
    {T(R "Host: a\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 23},
    {T("\nGET"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T(R "X: a\r\n b\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 22},
    {T(R "Transfer-Encoding:\r\n\tchunked\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 36},
    {T(R "Host: a\r\n Content-Length: 3\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 25},
    {T(R " Host: a\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 16},
    {T(R "X: a\0b\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 20},
    {T(R ": a\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 16},
    {T(R "abc\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 16},
    {T("GET /\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T("GET\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T("GET  / HTTP/1.1\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T("GET /  HTTP/1.1\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T("GET / HTTP/1.1 \r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T(" GET / HTTP/1.1\r\n\r\n"), H1_REQUEST, H1_SCAN_BAD, 0},
    {T("GET /0123456789012345678901234 HTTP/1.1\r\n\r\n"), H1_REQUEST, H1_SCAN_DONE, 43},
    {T("GET /012345678901234567890123456 HTTP/1.1\r\n\r\n"), H1_REQUEST, H1_SCAN_LINE_TOO_LONG, 0},
    {T("GET /01234567890123456789012345678901234567"), H1_REQUEST, H1_SCAN_LINE_TOO_LONG, 0},
    {T(R "a:1\r\nb:2\r\nc:3\r\n\r\n"), H1_REQUEST, H1_SCAN_DONE, 33},
    {T(R "a:1\r\nb:2\r\nc:3\r\nd:4\r\n\r\n"), H1_REQUEST, H1_SCAN_TOO_LARGE, 31},
};

static void check(const struct scan_case *c, const struct h1_scan *scan, enum h1_verdict verdict)
{
    if (verdict != c->verdict)
        print_error("case: %s (%s)\n", c->data, scan->reason ? scan->reason : "-");
    assert_int_equal(verdict, c->verdict);
    if (verdict == H1_SCAN_DONE)
        assert_int_equal(scan->end, c->end);
    else if (verdict != H1_SCAN_MORE) {
        assert_int_equal(scan->at, c->end);
        assert_non_null(scan->reason);
    }
}

static void test_whole(void **state)
{
    struct pool *pool = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct h1_scan scan;

        h1_scan_init(&scan, pool);
        check(&cases[i], &scan,
              h1_scan_feed(&scan, cases[i].direction, &limits, cases[i].data, cases[i].len));
    }
}

static void test_bytewise(void **state)
{
    struct pool *pool = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum h1_verdict verdict = H1_SCAN_MORE;
        struct h1_scan scan;

        h1_scan_init(&scan, pool);
        for (size_t n = 1; n <= cases[i].len && verdict == H1_SCAN_MORE; n++)
            verdict = h1_scan_feed(&scan, cases[i].direction, &limits, cases[i].data, n);
        check(&cases[i], &scan, verdict);
    }
}

static void test_head_limit(void **state)
{
    struct pool *pool = *state;
    char data[300];
    struct h1_scan scan;

    memset(data, 'a', sizeof(data));
    memcpy(data, R "X: ", 19);
    h1_scan_init(&scan, pool);
    assert_int_equal(h1_scan_feed(&scan, H1_REQUEST, &limits, data, 200), H1_SCAN_MORE);
    assert_int_equal(h1_scan_feed(&scan, H1_REQUEST, &limits, data, 201), H1_SCAN_TOO_LARGE);
    assert_int_equal(h1_scan_status(H1_SCAN_TOO_LARGE, H1_REQUEST), 431);
    assert_int_equal(h1_scan_status(H1_SCAN_BAD, H1_RESPONSE), 502);
    assert_int_equal(h1_scan_status(H1_SCAN_LINE_TOO_LONG, H1_REQUEST), 414);
    assert_int_equal(h1_scan_status(H1_SCAN_DONE, H1_RESPONSE), 0);
}

/* Scanned in two pieces, which lie in different places, a head has the lines that it has when it is simply cut. */
static void test_lines(void **state)
{
    static const struct h1_limits roomy = {200, 4000, 60};
    struct pool *pool = *state;

    for (unsigned round = 0; round < 3000; round++) {
        struct str head = STR("GET http://a:1/ HTTP/1.1\r\n");
        struct h1_line lines[HEAD_LINES_MAX];
        struct h1_scan cut, scan;
        char *first, *whole;
        size_t lead, split;

        for (unsigned i = 0; i < round % 50; i++)
            head = pool_printf(pool, "%.*s%.*s:%s%.*s%s\r\n", STR_ARG(head), 1 + (int)(round * 7 + i * 5) % 20,
                               "Abcdefghijklmnopqrstuvw", i % 3 ? " " : "\t ", (int)(round * 3 + i * 11) % 50,
                               "a value: that \x80 \t \x0b has colons: and is as long as it may be", i % 5 ? "" : " ");
        head = pool_printf(pool, "%.*s\r\n", STR_ARG(head));
        head_cut(head, &cut, lines);
        lead = round % 3 * 2;
        whole = pool_text(pool, lead + head.len);
        memcpy(whole, "\r\n\r\n", lead);
        memcpy(whole + lead, head.s, head.len);
        split = round * 13 % (lead + head.len);
        first = pool_text(pool, split);
        memcpy(first, whole, split);
        h1_scan_init(&scan, pool);
        assert_int_equal(h1_scan_feed(&scan, H1_REQUEST, &roomy, first, split), H1_SCAN_MORE);
        assert_int_equal(h1_scan_feed(&scan, H1_REQUEST, &roomy, whole, lead + head.len), H1_SCAN_DONE);
        assert_int_equal(scan.start, lead);
        assert_int_equal(scan.start_line, cut.start_line);
        assert_int_equal(scan.fields, cut.fields);
        if (cut.fields)
            assert_memory_equal(scan.lines, lines, cut.fields * sizeof(*lines));
        pool_reset(pool);
    }
}

static int setup(void **state)
{
    *state = pool_new(4096);
    return 0;
}

static int teardown(void **state)
{
    pool_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_bytewise),
        cmocka_unit_test(test_head_limit),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

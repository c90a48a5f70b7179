/* test_h1_parse.c: heads into messages; also that llhttp was built in strict mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <ctype.h>

#include "head_fixture.h"
#include "http/h1_parse.h"

static const struct h1_limits limits = {8192, 65536, 4};

static int parse_cut(struct str head, const struct h1_scan *scan, bool request, struct pool *pool,
                     struct message *message, const char **reason)
{
    return request ? h1_parse_request_head(head, scan, pool, &limits, message, reason)
                   : h1_parse_response_head(head, scan, pool, &limits, message, reason);
}

/* What the scan lets pass, and finds usual, is parsed with the same result as when llhttp reads all of it. */
static void compare_scanned(struct str head, bool request, struct pool *pool, int status, const struct message *message)
{
    struct message again;
    struct h1_scan scan;
    const char *reason;

    h1_scan_init(&scan, pool);
    if (h1_scan_feed(&scan, request ? H1_REQUEST : H1_RESPONSE, &limits, head.s, head.len) != H1_SCAN_DONE ||
        scan.start != 0 || scan.end != head.len)
        return;
    assert_int_equal(parse_cut(head, &scan, request, pool, &again, &reason), status);
    if (status)
        return;
    assert_int_equal(again.headers.count, message->headers.count);
    for (size_t i = 0; i < again.headers.count; i++) {
        assert_true(str_eq(again.headers.items[i].name, message->headers.items[i].name));
        assert_true(str_eq(again.headers.items[i].value, message->headers.items[i].value));
    }
}

static int parse(struct str head, bool request, struct pool *pool, struct message *message, const char **reason)
{
    struct h1_line lines[HEAD_LINES_MAX];
    struct h1_scan scan;
    int status;

    /* The scan that is made by hand vouches for nothing: llhttp reads all. */
    head_cut(head, &scan, lines);
    status = parse_cut(head, &scan, request, pool, message, reason);
    compare_scanned(head, request, pool, status, message);
    return status;
}

#define R "GET / HTTP/1.1\r\nHost: a\r\n"
#define T(text) {text, sizeof(text) - 1}

struct parse_case {
    struct str head;
    int status;
};

static const struct parse_case requests[] = {
    {T(R "\r\n"), 0},
    {T("GET / HTTP/1.0\r\n\r\n"), 0},
    {T("PURGE /a?b HTTP/1.1\r\nHost: a\r\n\r\n"), 0},
    {T("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 0},
    {T(R "Upgrade: x\r\nConnection: upgrade\r\n\r\n"), 0},
    {T(R "X: a\r\nX: b\r\nX:\r\n\r\n"), 0},
    {T(R "X: a\r\nX: b\r\nX: c\r\nX: d\r\n\r\n"), 431},
    {T("GET / HTTP/1.1\r\n\r\n"), 400},
    {T(R "host: a\r\n\r\n"), 400},
    {T("GET / HTTP/1.0\r\nHost: a\r\nHOST: b\r\n\r\n"), 400},
    /* These two pass only where llhttp is loose; the scan would have refused the heads before. */
    {T(R "X: \rxTransfer-Encoding: chunked\r\n\r\n"), 400},
    {T(R "X: a\r\n\rX"), 400},
    {T(R "X: a\r\n b\r\n\r\n"), 400},
    {T(R ": a\r\n\r\n"), 400},
    {T(R "X : a\r\n\r\n"), 400},
    {T(R "X Y: a\r\n\r\n"), 400},
    {T(R "Content-Length : 3\r\n\r\n"), 400},
    {T(R "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {T(R "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"), 400},
    {T(R "Content-Length: 3,3\r\n\r\n"), 400},
    {T(R "Content-Length: +3\r\n\r\n"), 400},
    {T(R "Content-Length: 18446744073709551616\r\n\r\n"), 400},
    {T(R "X: a\001b\r\n\r\n"), 400},
    {T(R "X: a\177b\r\n\r\n"), 400},
    {T(R "X: a\0b\r\n\r\n"), 400},
    {T("GET /\r\n\r\n"), 400},
    {T("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505},
    {T("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505},
    {T("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505},
    {T("GET / RTSP/1.0\r\nHost: a\r\n\r\n"), 400},
    {T("GET / http/1.1\r\nHost: a\r\n\r\n"), 400},
    {T("DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n"), 501},
    {T("SOURCE / HTTP/1.1\r\nHost: a\r\n\r\n"), 501},
    {T("FOO / HTTP/1.1\r\nHost: a\r\n\r\n"), 501},
    {T("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 501},
    {T("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {T("PRI * HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {T("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {T("GET /\001 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {T("GET /\t HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {T("GET /\377 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
};

static const struct parse_case responses[] = {
    {T("HTTP/1.1 200 OK\r\nX: a\r\n\r\n"), 0},
    {T("HTTP/1.1 200 \r\n\r\n"), 0},
    {T("HTTP/1.1 200\r\n\r\n"), 0},
    {T("HTTP/1.0 404 Not Found\r\n\r\n"), 0},
    {T("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), 0},
    {T("HTTP/1.1 599 x\r\n\r\n"), 0},
    {T("HTTP/1.1 99 x\r\n\r\n"), 502},
    {T("HTTP/1.1 000 x\r\n\r\n"), 502},
    {T("HTTP/1.1 20 x\r\n\r\n"), 502},
    {T("HTTP/1.1 600 x\r\n\r\n"), 502},
    {T("HTTP/1.1 1000 x\r\n\r\n"), 502},
    {T("HTTP/1.1  200 x\r\n\r\n"), 502},
    {T("HTTP/1.1 200 a\001\r\n\r\n"), 502},
    {T("HTTP/0.9 200 x\r\n\r\n"), 502},
    {T("HTTP/2.0 200 x\r\n\r\n"), 502},
    {T("HTTP/1.1 200 x\r\n: a\r\n\r\n"), 502},
    {T("HTTP/1.1 200 x\r\nX: a\r\n b\r\n\r\n"), 502},
    {T("garbage\r\n\r\n"), 502},
};

static void run(const struct parse_case *cases, size_t count, bool request)
{
    for (size_t i = 0; i < count; i++) {
        struct pool *pool = pool_new(4096);
        const char *reason = NULL;
        struct message message;
        int status;

        status = parse(cases[i].head, request, pool, &message, &reason);
        if (status != cases[i].status)
            print_error("case: %s (%s)\n", cases[i].head.s, reason ? reason : "-");
        assert_int_equal(status, cases[i].status);
        if (status)
            assert_non_null(reason);
        pool_free(pool);
    }
}

static void test_requests(void **state)
{
    (void)state;
    run(requests, ARRAY_SIZE(requests), true);
}

static void test_responses(void **state)
{
    (void)state;
    run(responses, ARRAY_SIZE(responses), false);
}

static void test_contents(void **state)
{
    struct pool *pool = pool_new(4096);
    const char *reason;
    struct message m;

    (void)state;
    assert_int_equal(parse(STR("POST /a?b HTTP/1.0\r\nhOST: \ta b\t \r\nX:\r\n\r\n"), true, pool, &m, &reason), 0);
    assert_true(str_eq(m.method, STR("POST")));
    assert_true(str_eq(m.target, STR("/a?b")));
    assert_int_equal(m.minor, 0);
    assert_int_equal(m.headers.count, 2);
    assert_int_equal(m.headers.items[0].id, HEADER_HOST);
    assert_true(str_eq(m.headers.items[0].name, STR("hOST")));
    assert_true(str_eq(m.headers.items[0].value, STR("a b")));
    assert_int_equal(m.headers.items[1].value.len, 0);
    assert_int_equal(parse(STR("HTTP/1.1 404 Not Found\r\n\r\n"), false, pool, &m, &reason), 0);
    assert_int_equal(m.status, 404);
    assert_true(str_eq(m.reason, STR("Not Found")));
    pool_free(pool);
}

/* RFC 9110 5.6.2. */
static bool is_tchar(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && c < 128 && strchr("!#$%&'*+-.^_`|~", (int)c));
}

/* RFC 9110 5.5; CR and LF end a line. */
static bool is_value_char(unsigned c)
{
    return c == '\t' || (c >= ' ' && c != 127);
}

/*
 * Each of the 256 bytes, at each place of names that llhttp looks for itself and of others, short and longer than
 * what is looked at at once: with llhttp as the only judge, and, in compare_scanned(), as Weir reads heads.
 */
static void test_bytes_of_names(void **state)
{
    static const char *const names[] = {"X", "Ab", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade",
                                        "Proxy-Connection", "Sec-Fetch-Mode", "An-Extremely-Long-Name-Of-A-Field"};
    const char *const starts[] = {"HTTP/1.1 200 OK\r\n", R};

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(names) * 256; n++) {
        const char *name = names[n / 256];
        unsigned c = n % 256;

        for (size_t at = 0; at < 2 * strlen(name); at++) {
            struct pool *pool = pool_new(4096);
            struct str head = pool_printf(pool, "%s%s: 1\r\nY: a long enough value to be read at once\r\n\r\n",
                                          starts[at % 2], name);
            size_t place = strlen(starts[at % 2]) + at / 2;
            bool known_name = tolower(head.s[place]) == tolower((int)c) || at / 2 == strlen(name);
            const char *reason = NULL;
            struct message m;
            int status;

            ((char *)(uintptr_t)head.s)[place] = (char)c;
            status = parse(head, at % 2 == 1, pool, &m, &reason);
            /* A colon within a name is where it ends; of names that it knows llhttp wants certain values. */
            if (c == ':' && at / 2 > 0) {
                if (status == 0)
                    assert_int_equal(m.headers.items[m.headers.count - 2].name.len, at / 2);
            } else if (!is_tchar(c)) {
                assert_int_not_equal(status, 0);
            } else if (!known_name) {
                assert_int_equal(status, 0);
            }
            pool_free(pool);
        }
    }
}

static void test_bytes_of_values(void **state)
{
    static const char value[] = "some value of forty bytes, more or less.";
    const char *const starts[] = {"HTTP/1.1 200 OK\r\n", R};

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < 2 * strlen(value); at++) {
            struct pool *pool = pool_new(4096);
            struct str head = pool_printf(pool, "%sX: %s\r\n\r\n", starts[at % 2], value);
            const char *reason = NULL;
            struct message m;

            ((char *)(uintptr_t)head.s)[strlen(starts[at % 2]) + 3 + at / 2] = (char)c;
            assert_int_equal(parse(head, at % 2 == 1, pool, &m, &reason) == 0, is_value_char(c));
            pool_free(pool);
        }
    }
}

/* The name in capitals is known too, and no name that differs from it in one byte is taken for it. */
static void check_id(enum header_id id)
{
    struct str name = header_name_of(id);
    char text[64];

    assert_int_equal(header_id_of(name), id);
    for (size_t i = 0; i < name.len; i++)
        text[i] = name.s[i] >= 'a' && name.s[i] <= 'z' ? (char)(name.s[i] - 32) : name.s[i];
    assert_int_equal(header_id_of((struct str){text, name.len}), id);
    for (size_t i = 0; i < name.len; i++) {
        char was = text[i];

        for (unsigned c = 0; c < 256; c++) {
            text[i] = (char)c;
            assert_int_equal(header_id_of((struct str){text, name.len}) == id, ascii_lower(text[i]) == ascii_lower(was));
        }
        text[i] = was;
    }
}

/* What is asked of a list by number is answered as by a look at every field. */
static void test_list_by_id(void **state)
{
    struct pool *pool = pool_new(4096);
    struct header_list list;

    (void)state;
    header_list_init(&list, pool, 200);
    for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
        struct str name = header_name_of((enum header_id)id);

        assert_null(header_find(&list, (enum header_id)id));
        assert_int_equal(header_remove(&list, (enum header_id)id), 0);
        assert_false(header_has_token(&list, (enum header_id)id, STR("a")));
        assert_int_equal(header_add(&list, name, STR("a, b")), 0);
        assert_int_equal(header_add(&list, name, STR("c")), 0);
        assert_true(header_find(&list, (enum header_id)id) == &list.items[list.count - 2]);
        assert_int_equal(header_count(&list, (enum header_id)id), 2);
        assert_true(header_has_token(&list, (enum header_id)id, STR("C")));
    }
    for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
        assert_int_equal(header_remove(&list, (enum header_id)id), 2);
        assert_int_equal(header_count(&list, (enum header_id)id), 0);
        assert_null(header_find(&list, (enum header_id)id));
    }
    assert_int_equal(list.count, 0);
    pool_free(pool);
}

static void test_header_ids(void **state)
{
    (void)state;
    for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++)
        check_id((enum header_id)id);
    assert_int_equal(header_id_of(STR("Hosts")), HEADER_OTHER);
    assert_int_equal(header_id_of(STR("")), HEADER_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_bytes_of_names),
        cmocka_unit_test(test_bytes_of_values),
        cmocka_unit_test(test_header_ids),
        cmocka_unit_test(test_list_by_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

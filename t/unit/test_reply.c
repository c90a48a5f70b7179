/*
 * test_reply.c: Weir's own answers: form, fields, and the line in the log.
 */
#include "handler_fixture.h"

#include "core/reply.h"

static void errors(void **state)
{
    static const struct upstream upstream = {.name = {"app", 3}};
    static const struct {
        struct reply_error error;
        const char *accept, *type, *body, *fields[6];
    } rows[] = {
        {{.status = 404, .reason = "r"}, NULL, "text/html; charset=utf-8", "<h1>404 Not Found</h1>",
         {"Cache-Control", "no-store", "Proxy-Status", "weir; error=http_request_error", "Retry-After", ""}},
        {{.status = 404, .reason = "r"}, "*/*", "text/html; charset=utf-8", "404", {"Allow", ""}},
        {{.status = 404, .reason = "r"}, "application/json", "application/json",
         "{\"status\":404,\"error\":\"Not Found\",\"request_id\":\"", {"Allow", ""}},
        {{.status = 404, .reason = "r"}, "application/json;q=0.5, text/html", "text/html; charset=utf-8", "404",
         {"Allow", ""}},
        {{.status = 405, .reason = "r", .allow = STR("GET, HEAD")}, NULL, "text/html; charset=utf-8", "405",
         {"Allow", "GET, HEAD"}},
        {{.status = 503, .reason = "r", .retry_after_s = 7}, NULL, "text/html; charset=utf-8", "503",
         {"Retry-After", "7"}},
        {{.status = 403, .reason = "r"}, NULL, "text/html; charset=utf-8", "403",
         {"Proxy-Status", "weir; error=http_request_denied"}},
        {{.status = 500, .reason = "r"}, NULL, "text/html; charset=utf-8", "500",
         {"Proxy-Status", "weir; error=proxy_internal_error"}},
        {{.status = 502, .proxy_error = "connection_refused", .reason = "r"}, NULL, "text/html; charset=utf-8",
         "502", {"Proxy-Status", "weir; error=connection_refused"}},
        {{.status = 502, .proxy_error = "dns_error", .reason = "r", .detail = STR("no such name")}, NULL,
         "text/html; charset=utf-8", "502",
         {"Proxy-Status", "weir; error=dns_error; details=\"no such name\""}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bench_init();
        bench.route.upstream = (struct upstream *)(uintptr_t)&upstream;
        bench_request("GET", "/x");
        if (rows[i].accept)
            bench_field("Accept", rows[i].accept);
        reply_error(&bench.req, &rows[i].error);
        assert_int_equal(bench.told.heads, 1);
        assert_int_equal(bench.told.ends, 1);
        assert_int_equal(bench.told.head.status, rows[i].error.status);
        assert_int_equal(bench.told.frame.kind, FRAME_LENGTH);
        assert_int_equal(bench.told.frame.length, bench.told.len);
        assert_string_equal(told_field("Content-Type"), rows[i].type);
        assert_non_null(strstr(bench.told.body, rows[i].body));
        assert_non_null(strstr(bench.told.body, told_field("X-Request-Id")));
        for (size_t f = 0; f + 1 < ARRAY_SIZE(rows[i].fields) && rows[i].fields[f]; f += 2)
            assert_string_equal(told_field(rows[i].fields[f]), rows[i].fields[f + 1]);
        assert_true(bench.req.own_reply);
        assert_string_equal(bench.req.fail_reason, "r");
        bench_free();
    }
}

static void unsatisfiable(void **state)
{
    (void)state;
    bench_init();
    bench_request("GET", "/x");
    reply_unsatisfiable(&bench.req, STR("bytes */10"));
    assert_int_equal(bench.told.head.status, 416);
    assert_string_equal(told_field("Content-Range"), "bytes */10");
    bench_free();
}

/* Before anything is known of the request. */
static void without_route(void **state)
{
    (void)state;
    bench_init();
    bench_request("", "");
    bench.req.route = NULL;
    bench.req.site = NULL;
    reply_status(&bench.req, 400, "a bad byte");
    assert_int_equal(bench.told.head.status, 400);
    assert_int_equal(bench.told.ends, 1);
    assert_non_null(strstr(bench_log(), "-> 400: a bad byte (request "));
    bench_free();
}

static void log_lines(void **state)
{
    static const struct upstream upstream = {.name = {"app", 3}};
    static const unsigned statuses[] = {404, 501, 505};

    (void)state;
    bench_init();
    bench_request("GET", "/a\"b\n\x80");
    bench.route.upstream = (struct upstream *)(uintptr_t)&upstream;
    bench.req.upstream_addr = STR("10.0.0.1:80");
    reply_status(&bench.req, 502, "the server closed the connection");
    assert_non_null(strstr(bench_log(), " error test "));
    assert_non_null(strstr(bench_log(),
                           "client 192.0.2.7:5555 listener *:80 \"GET /a\\x22b\\x0a\\x80\" -> 502 upstream app "));
    assert_non_null(strstr(bench_log(), "10.0.0.1:80: the server closed the connection (request "));
    bench_free();

    /* What clients do wrong is nobody's to look after. */
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        bench_init();
        bench.log.level = LOG_LEVEL_NOTICE;
        bench_request("GET", "/");
        reply_status(&bench.req, statuses[i], "nothing");
        assert_string_equal(bench_log(), "");
        assert_string_equal(bench.req.error, "http_request_error");
        bench_free();
    }
}

/* No second head can be sent: the client must see that the answer broke off. */
static void after_the_head(void **state)
{
    (void)state;
    bench_init();
    bench_request("GET", "/");
    bench.req.head_sent = true;
    reply_status(&bench.req, 502, "cut off");
    assert_int_equal(bench.told.heads, 0);
    assert_int_equal(bench.told.aborts, 1);
    bench_free();
}

static void texts(void **state)
{
    (void)state;
    bench_init();
    bench_request("GET", "/");
    reply_text(&bench.req, 200, STR("text/x"), STR("abc"));
    assert_int_equal(bench.told.head.status, 200);
    assert_string_equal(told_field("Content-Type"), "text/x");
    assert_string_equal(bench.told.body, "abc");
    assert_int_equal(bench.told.frame.length, 3);
    assert_true(bench.req.own_reply);
    bench_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),         cmocka_unit_test(unsatisfiable), cmocka_unit_test(without_route),
        cmocka_unit_test(log_lines),      cmocka_unit_test(after_the_head), cmocka_unit_test(texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

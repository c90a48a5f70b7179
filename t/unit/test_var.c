/*
 * test_var.c: every variable, how texts with variables are written, what is refused, and the bound on values.
 */
#include "request_fixture.h"

#include "core/var_print.h"

static void fill(struct fixture *f)
{
    fixture_init(f, "GET", "/a/b?x=1&my-arg=2&e=&flag&sp=%20");
    fixture_header(f, "Host", "Example.com:8080");
    fixture_header(f, "X-One-Two", "v");
    fixture_header(f, "Accept", "a");
    fixture_header(f, "accept", "b");
    fixture_header(f, "Cookie", "a=1; my-c=2");
    fixture_header(f, "Cookie", "z=9");
    f->req.id = STR("id-7");
    f->req.captures = (struct regex_captures){3, {STR("/a/b"), STR("a"), STR_NONE}};
    f->req.host_captures = (struct regex_captures){2, {STR("www7"), STR("7")}};
    f->req.response.status = 404;
    assert_int_equal(header_add(&f->req.response.headers, STR("X-Out"), STR("out")), 0);
    f->req.bytes_sent = 1234567890123;
    f->req.bytes_received = 0;
    f->req.upstream_addr = STR("10.0.0.1:80");
    f->req.upstream_status = 502;
    f->req.times = (struct request_times){.start = 1000, .attempt = 1000, .end = 3042};
}

static void values(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"$$", "$"},
        {"a$$b$$", "a$b$"},
        {"$host", "example.com"},
        {"$method $uri $protocol", "GET /a/b?x=1&my-arg=2&e=&flag&sp=%20 HTTP/1.1"},
        {"$path", "/a/b"},
        {"$query", "x=1&my-arg=2&e=&flag&sp=%20"},
        {"${scheme}s", "https"},
        {"$scheme://", "http://"},
        {"$remote_addr:$remote_port", "192.0.2.7:5555"},
        {"$remote_user|", "|"},
        {"$server_addr:$server_port", "127.0.0.1:8080"},
        {"$request_id", "id-7"},
        {"$site/$route/", "main//"},
        {"$status", "404"},
        {"$duration", "2.042"},
        {"$upstream_duration", "2.042"},
        {"$bytes_sent $bytes_received", "1234567890123 0"},
        {"$upstream_addr $upstream_status", "10.0.0.1:80 502"},
        {"$cache_status$ssl_protocol$ssl_client_fingerprint", ""},
        {"$header_x_one_two", "v"},
        {"$header_X_One_Two!", "v!"},
        {"$header_accept", "a, b"},
        {"$header_none", ""},
        {"$cookie_a$cookie_my_c$cookie_z$cookie_A", "129"},
        {"$arg_x$arg_my_arg[$arg_e][$arg_flag]$arg_none$arg_sp", "12[][]%20"},
        {"$sent_header_x_out", "out"},
        {"$1|$2|$3|$9", "a|||"},
        {"$10", "a0"},
        {"$host_1.", "7."},
        {"/x$1/$path", "/xa//a/b"},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char line[128];
        struct str got;
        size_t len;

        fill(&f);
        got = template_expand(fixture_template(&f, rows[i].text), &f.req);
        if (!got.s || !str_eq(got, str_of(rows[i].want)))
            fail_msg("%s: \"%.*s\"", rows[i].text, STR_ARG(got));
        len = template_print(fixture_template(&f, rows[i].text), &f.req, line, sizeof(line), NULL);
        if (!str_eq((struct str){line, len}, str_of(rows[i].want)))
            fail_msg("print %s: \"%.*s\"", rows[i].text, (int)len, line);
        fixture_free(&f);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        enum var_scope scope;
        const char *what;
    } rows[] = {
        {"$", VAR_REQUEST, "without a name"},
        {"a$ b", VAR_REQUEST, "without a name"},
        {"${}", VAR_REQUEST, "without a name"},
        {"${host", VAR_REQUEST, "not closed"},
        {"$hots", VAR_REQUEST, "did you mean $host"},
        {"$remote_adr", VAR_REQUEST, "did you mean $remote_addr"},
        {"$zzzzzzzz", VAR_REQUEST, "unknown variable $zzzzzzzz"},
        {"$0", VAR_REQUEST, "unknown variable"},
        {"$header_", VAR_REQUEST, "unknown variable"},
        {"$table_a", VAR_REQUEST, "no table of that name"},
        {"$status", VAR_REQUEST, "response_headers"},
        {"$sent_header_x", VAR_REQUEST, "response_headers"},
    };
    struct conf_place at = {"f", 3};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fixture_init(&f, "GET", "/");
        assert_null(template_new(f.pool, str_of(rows[i].text), rows[i].scope, at, &f.report));
        assert_int_equal(f.report.n, 1);
        assert_int_equal(f.report.errors[0].at.line, 3);
        if (!strstr(f.report.errors[0].what.s, rows[i].what))
            fail_msg("%s: %s", rows[i].text, f.report.errors[0].what.s);
        fixture_free(&f);
    }
}

static void all_errors_of_a_text(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "GET", "/");
    assert_null(template_new(f.pool, STR("$hots $status $"), VAR_REQUEST, (struct conf_place){"f", 3}, &f.report));
    assert_int_equal(f.report.n, 3);
    fixture_free(&f);
}

static void borrowing(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f);
    assert_true(template_is_literal(fixture_template(&f, "a$$")));
    assert_true(template_is_literal(fixture_template(&f, "")));
    assert_false(template_is_literal(fixture_template(&f, "$host")));
    assert_true(str_eq(template_text(fixture_template(&f, "a$$")), STR("a$$")));
    assert_ptr_equal(template_expand(fixture_template(&f, "$path"), &f.req).s, f.req.path.s);
    assert_ptr_equal(var_value(&f.req, STR("host")).s, f.req.host.s);
    fixture_free(&f);
}

static void bounded(void **state)
{
    static char large[70000];
    struct fixture f;
    struct str value;

    (void)state;
    memset(large, 'a', sizeof(large));
    fixture_init(&f, "GET", "/");
    f.req.path = (struct str){large, 65535};
    value = template_expand(fixture_template(&f, "$path+"), &f.req);
    assert_int_equal(value.len, 65536);
    assert_int_equal(value.s[65535], '+');
    assert_null(template_expand(fixture_template(&f, "$path+-"), &f.req).s);
    f.req.path.len = sizeof(large);
    assert_null(template_expand(fixture_template(&f, "$path"), &f.req).s);
    value = template_expand_cut(fixture_template(&f, "$path"), &f.req);
    assert_int_equal(value.len, 65536);
    assert_ptr_equal(value.s, large);
    value = template_expand_cut(fixture_template(&f, "+$path-"), &f.req);
    assert_int_equal(value.len, 65536);
    assert_int_equal(value.s[0], '+');
    assert_int_equal(value.s[65535], 'a');
    f.req.path.len = 65534;
    value = template_expand_cut(fixture_template(&f, "+$path-"), &f.req);
    assert_int_equal(value.s[65535], '-');
    fixture_free(&f);
}

static size_t quote(struct str value, char *buf, size_t size)
{
    int len = snprintf(buf, size, "<%.*s>", STR_ARG(value));

    return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size;
}

static void printing(void **state)
{
    struct fixture f;
    char line[32];
    size_t len;

    (void)state;
    fill(&f);
    len = template_print(fixture_template(&f, "-$method-$arg_no-"), &f.req, line, sizeof(line), quote);
    assert_true(str_eq((struct str){line, len}, STR("-<GET>-<>-")));
    len = template_print(fixture_template(&f, "$method and more"), &f.req, line, 6, NULL);
    assert_true(str_eq((struct str){line, len}, STR("GET an")));
    fixture_free(&f);
}

static void by_name(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f);
    assert_true(str_eq(var_value(&f.req, STR("uri")), STR("/a/b?x=1&my-arg=2&e=&flag&sp=%20")));
    assert_true(str_eq(var_value(&f.req, STR("status")), STR("404")));
    assert_true(str_eq(var_value(&f.req, STR("header_x_one_two")), STR("v")));
    assert_null(var_value(&f.req, STR("nothing")).s);
    assert_null(var_value(&f.req, STR("route")).s);
    assert_int_equal(var_value(&f.req, STR("time")).len, 20);
    fixture_free(&f);
}

static void times(void **state)
{
    static const struct {
        int64_t wall_s;
        const char *want;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},          {-1, "1970-01-01T00:00:00Z"},
        {951782399, "2000-02-28T23:59:59Z"},  {951782400, "2000-02-29T00:00:00Z"},
        {1795245531, "2026-11-21T07:18:51Z"}, {4107542399, "2100-02-28T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, {1767225599, "2025-12-31T23:59:59Z"},
    };
    char scratch[VAR_SCRATCH];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str got = var_print_time(rows[i].wall_s, scratch);

        if (!str_eq(got, str_of(rows[i].want)))
            fail_msg("%lld: %.*s", (long long)rows[i].wall_s, STR_ARG(got));
    }
    assert_true(str_eq(var_print_seconds(-5, scratch), STR("0.000")));
    assert_true(str_eq(var_print_seconds(61001, scratch), STR("61.001")));
    assert_true(str_eq(var_print_number(UINT64_MAX, scratch), STR("18446744073709551615")));
}

static void addresses(void **state)
{
    static const char *const rows[] = {"127.0.0.1:80", "255.10.0.9:80", "[::1]:80", "[::ffff:1.2.3.4]:80", "*:80",
                                       "unix:/run/x"};
    char scratch[VAR_SCRATCH], other[ADDR_TEXT_MAX];
    struct addr addr = {.len = 0};

    (void)state;
    assert_null(var_print_ip(&addr, scratch).s);
    assert_null(var_print_port(&addr, scratch).s);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(addr_parse(str_of(rows[i]), &addr, NULL, 0), 0);
        if (!str_eq(var_print_ip(&addr, scratch), addr_print_ip(&addr, other)))
            fail_msg("%s: %s", rows[i], scratch);
    }
}

/* What a text needs: the head of a request, the name in a ClientHello. */
static void wants(void **state)
{
    static const struct {
        const char *text;
        bool head, sni;
    } rows[] = {
        {"", false, false},
        {"plain $$host $$ssl_sni", false, false},
        {"$remote_addr:$remote_port $server_addr $server_port", false, false},
        {"$status $duration $bytes_sent $bytes_received $upstream_addr", false, false},
        {"$ssl_sni", false, true},
        {"$remote_addr ${ssl_sni}x", false, true},
        {"$ssl_sni $host", true, true},
        {"$host", true, false},
        {"a $uri", true, false},
        {"$path", true, false},
        {"$query", true, false},
        {"$method", true, false},
        {"$scheme", true, false},
        {"$header_x", true, false},
        {"$cookie_x", true, false},
        {"$arg_x", true, false},
        {"$sent_header_x", true, false},
        {"$1", true, false},
        {"$host_1", true, false},
    };
    struct fixture f;

    (void)state;
    fill(&f);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct template *t = fixture_template(&f, rows[i].text);

        if (template_wants_head(t) != rows[i].head || template_wants_sni(t) != rows[i].sni)
            fail_msg("%s: %d %d", rows[i].text, template_wants_head(t), template_wants_sni(t));
    }
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(refused),
        cmocka_unit_test(all_errors_of_a_text),
        cmocka_unit_test(borrowing),
        cmocka_unit_test(bounded),
        cmocka_unit_test(printing),
        cmocka_unit_test(by_name),
        cmocka_unit_test(times),
        cmocka_unit_test(addresses),
        cmocka_unit_test(wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_location.c: Location, Content-Location and Refresh of an upstream's reply in the client's terms.
 */
#include "request_fixture.h"

struct row {
    const char *target, *forward; /* the path that came and the one that was forwarded */
    const char *strip, *add, *proxy_host;
    const char *name, *value, *want;
    uint16_t port;
    bool tls;
};

static void set(struct fixture *f, const struct row *row, struct route *route, struct upstream *upstream)
{
    fixture_init(f, "GET", row->target ? row->target : "/a");
    fixture_header(f, "Host", row->port ? "Example.com:8443" : "Example.com");
    f->req.host_port = row->port;
    f->req.tls = row->tls;
    f->req.upstream_addr = STR("10.0.0.1:8080");
    if (row->forward)
        f->req.forward_path = str_of(row->forward);
    *route = (struct route){.rewrite_location = true, .strip_prefix = str_of(row->strip),
                            .add_prefix = str_of(row->add), .upstream = upstream};
    if (row->proxy_host)
        route->proxy_host = fixture_template(f, row->proxy_host);
    f->req.route = route;
    assert_int_equal(
        header_add(&f->req.response.headers, str_of(row->name ? row->name : "Location"), str_of(row->value)), 0);
}

static void rewriting(void **state)
{
    static const struct row rows[] = {
        /* Hosts. */
        {.value = "http://10.0.0.1:8080/x?y#z", .want = "http://example.com/x?y#z"},
        {.value = "http://10.0.0.1:8080/x", .want = "https://example.com/x", .tls = true},
        {.value = "http://10.0.0.1:8080/x", .want = "https://example.com:8443/x", .tls = true, .port = 8443},
        {.value = "http://10.0.0.1:8080", .want = "http://example.com/"},
        {.value = "http://10.0.0.1:8081/x", .want = "http://10.0.0.1:8081/x"},
        {.value = "https://10.0.0.1:8080/x", .want = "https://10.0.0.1:8080/x"},
        {.value = "http://app.internal:8080/x", .want = "http://example.com/x"},
        {.value = "http://EXAMPLE.com/x", .want = "https://example.com/x", .tls = true},
        {.value = "http://example.com:80/x", .want = "https://example.com/x", .tls = true},
        {.value = "https://example.com/x", .want = "https://example.com/x"},
        {.value = "//example.com/x", .want = "//example.com/x"},
        {.value = "//10.0.0.1:8080/x", .want = "//example.com/x"},
        {.value = "http://other.org/a/b", .want = "http://other.org/a/b", .target = "/api/a", .forward = "/a",
         .strip = "/api"},
        {.value = "http://inner/x", .want = "http://example.com/x", .proxy_host = "inner"},
        {.value = "https://inner/x", .want = "https://example.com/x", .proxy_host = "inner"},
        {.value = "http://example.com@evil/x", .want = "http://example.com@evil/x", .tls = true},
        {.value = "http://example.com\\evil/x", .want = "http://example.com\\evil/x"},
        {.value = "ftp://example.com/x", .want = "ftp://example.com/x"},
        {.value = "http:/x", .want = "http:/x"},
        {.value = "", .want = ""},
        /* Paths. */
        {.value = "/x", .want = "/x"},
        {.value = "x", .want = "x", .target = "/api/a", .forward = "/a", .strip = "/api"},
        {.value = "?q", .want = "?q"},
        {.value = "/x", .want = "/api/x", .target = "/api/a", .forward = "/a", .strip = "/api"},
        {.value = "/", .want = "/api/", .target = "/api", .forward = "/", .strip = "/api/"},
        {.value = "/x", .want = "/x", .target = "/other", .forward = "/other", .strip = "/api"},
        {.value = "/v2/x?q", .want = "/x?q", .target = "/a", .forward = "/v2/a", .add = "/v2"},
        {.value = "/v2", .want = "/", .target = "/a", .forward = "/v2/a", .add = "/v2/"},
        {.value = "/v22/x", .want = "/v22/x", .target = "/a", .forward = "/v2/a", .add = "/v2"},
        {.value = "http://10.0.0.1:8080/login", .want = "http://example.com/login", .target = "/a",
         .forward = "/v2/a", .add = "/v2"},
        {.value = "http://10.0.0.1:8080/v2/x", .want = "http://example.com/api/x", .target = "/api/a",
         .forward = "/v2/a", .strip = "/api", .add = "/v2"},
        {.value = "/new/7", .want = "/old/7", .target = "/old/7", .forward = "/new/7"},
        {.value = "/new/7/?a", .want = "/old/7/?a", .target = "/old/7", .forward = "/new/7"},
        {.value = "/new/8", .want = "/new/8", .target = "/old/7", .forward = "/new/7"},
        {.value = "/x\xc3\xa4 y", .want = "/api/x%C3%A4%20y", .target = "/api/a", .forward = "/a", .strip = "/api"},
        /* Other fields. */
        {.name = "Content-Location", .value = "/x", .want = "/api/x", .target = "/api/a", .forward = "/a",
         .strip = "/api"},
        {.name = "refresh", .value = "5; url=/x", .want = "5; url=/api/x", .target = "/api/a", .forward = "/a",
         .strip = "/api"},
        {.name = "Refresh", .value = "0;URL='http://10.0.0.1:8080/x'", .want = "0;url='http://example.com/x'"},
        {.name = "Refresh", .value = "5", .want = "5"},
        {.name = "Refresh", .value = "5; url=", .want = "5; url="},
        {.name = "Link", .value = "/x", .want = "/x", .target = "/api/a", .forward = "/a", .strip = "/api"},
    };
    struct peer_conf peers[2] = {{.host = STR("10.0.0.9")}, {.host = STR("app.internal")}};
    struct upstream upstream = {.peers = peers, .peer_count = 2};
    struct route route;
    struct fixture f;

    (void)state;
    assert_int_equal(addr_parse(STR("10.0.0.9:80"), &peers[0].address, NULL, 0), 0);
    assert_int_equal(addr_parse(STR("10.0.0.8:8080"), &peers[1].address, NULL, 0), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        set(&f, &rows[i], &route, &upstream);
        rewrite_location(&f.req, &f.req.response.headers);
        if (!str_eq(f.req.response.headers.items[0].value, str_of(rows[i].want)))
            fail_msg("row %zu, %s: %.*s", i, rows[i].value, STR_ARG(f.req.response.headers.items[0].value));
        fixture_free(&f);
    }
}

static void turned_off(void **state)
{
    struct row row = {.value = "http://10.0.0.1:8080/x"};
    struct route route;
    struct fixture f;

    (void)state;
    set(&f, &row, &route, NULL);
    route.rewrite_location = false;
    rewrite_location(&f.req, &f.req.response.headers);
    assert_true(str_eq(f.req.response.headers.items[0].value, str_of(row.value)));
    f.req.route = NULL;
    rewrite_location(&f.req, &f.req.response.headers);
    assert_true(str_eq(f.req.response.headers.items[0].value, str_of(row.value)));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewriting),
        cmocka_unit_test(turned_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

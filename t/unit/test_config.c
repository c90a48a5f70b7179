/* test_config.c: what the workers get: the configuration made of a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/report.h"
#include "core/log/access_log.h"
#include "core/config/config.h"
#include "core/config/config_names.h"
#include "core/route/host_table.h"
#include "core/route/match.h"
#include "core/config/settings.h"
#include "core/var.h"
#include "http/cookie.h"

static struct config *load(const char *text)
{
    struct pool *pool = pool_new(1024);
    struct conf_report report;
    struct config *config;

    conf_report_init(&report, pool);
    config = config_from_text(str_of(text), "text", &report);
    if (!config) {
        conf_report_print(&report, stderr);
        fail_msg("%s", "the text was refused");
    }
    pool_free(pool);
    return config;
}

static void assert_text(struct str s, const char *want)
{
    if (!str_eq(s, str_of(want)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

#define LISTEN "listeners = ( \"127.0.0.1:80\" );\n"
#define APP "upstreams = ( { name = \"app\"; servers = \"127.0.0.1:81\"; } );\n"

static void test_defaults(void **state)
{
    struct config *c = load(LISTEN APP "sites = ( { proxy = \"app\"; } );");
    const struct listener_conf *l = &c->listeners[0];
    const struct route *r = &c->sites[0].routes[0];

    (void)state;
    assert_true(c->workers >= 1);
    assert_text(c->user, "nobody");
    assert_int_equal(c->drain_timeout, 600000);
    assert_int_equal(c->secret.len, 32);
    assert_null(c->control_listener);
    assert_int_equal(l->limits.head, 32768);
    assert_int_equal(l->limits.fields, 100);
    assert_int_equal(l->timeouts.client_header, 15000);
    assert_int_equal(l->defer_accept_s, 5);
    assert_ptr_equal(l->default_site, &c->sites[0]);
    assert_int_equal(c->sites[0].route_count, 1);
    assert_int_equal(r->matcher, ROUTE_PREFIX);
    assert_text(r->path, "/");
    assert_int_equal(r->action, ACTION_PROXY);
    assert_ptr_equal(r->upstream, c->upstreams[0]);
    assert_int_equal(r->timeouts.connect, 5000);
    assert_int_equal(r->timeouts.tunnel, 3600000);
    assert_int_equal(r->body_max, 1 << 20);
    assert_int_equal(r->retry.tries, 3);
    assert_true(r->retry.on_connect && r->forwarded && r->via && r->rewrite_location);
    assert_null(r->proxy_host);
    assert_int_equal(c->upstreams[0]->keepalive_idle, 32);
    assert_int_equal(c->upstreams[0]->peers[0].weight, 1);
    config_free(c);
}

static void test_upstreams(void **state)
{
    struct config *c =
        load(LISTEN "defaults = { weight = 3; keepalive = { timeout = \"9s\"; }; };\n"
                    "upstreams = ( { name = \"a\"; max_connections = 4; keepalive = { idle = 2; };\n"
                    "  servers = ( \"127.0.0.1:1\", { address = \"[::1]:2\"; name = \"two\"; weight = 0; "
                    "backup = true; },\n"
                    "    { address = \"localhost:80\"; down = true; }, \"unix:/tmp/x\" ); } );\n"
                    "sites = ( { routes = ( { exact = \"/1\"; proxy = \"http://127.0.0.1:7\"; },\n"
                    "  { exact = \"/2\"; proxy = \"http://127.0.0.1:7\"; }, { exact = \"/3\"; proxy = "
                    "\"http://[::1]\"; } ); } );");
    const struct upstream *u = c->upstreams[0];
    const struct route *r = c->sites[0].routes;
    char buf[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(c->upstream_count, 3);
    assert_int_equal(u->peer_count, 4);
    assert_int_equal(u->keepalive_idle, 2);
    assert_int_equal(u->keepalive_timeout, 9000);
    assert_int_equal(u->peers[0].weight, 3);
    assert_int_equal(u->peers[0].max_connections, 4);
    assert_text(u->peers[0].name, "127.0.0.1:1");
    assert_text(u->peers[1].name, "two");
    assert_int_equal(u->peers[1].weight, 0);
    assert_true(u->peers[1].backup && u->peers[2].down);
    assert_text(addr_print(&u->peers[1].address, buf), "[::1]:2");
    assert_text(u->peers[2].host, "localhost");
    assert_int_equal(addr_port(&u->peers[2].address), 80);
    assert_text(addr_print(&u->peers[3].address, buf), "unix:/tmp/x");
    assert_ptr_equal(r[0].upstream, r[1].upstream);
    assert_true(r[0].upstream->is_inline);
    assert_text(r[0].upstream->peers[0].host, "127.0.0.1:7");
    assert_text(addr_print(&r[2].upstream->peers[0].address, buf), "[::1]:80");
    for (size_t i = 0; i < c->upstream_count; i++)
        assert_int_equal(c->upstreams[i]->index, i);
    config_free(c);
}

static void test_files(void **state)
{
    struct config *c =
        load(LISTEN "defaults = { root = \"/\"; };\n"
                    "sites = ( { hosts = [ \"a\" ]; root = \"/tmp\"; index = [ \"x\", \"y\" ]; routes = (\n"
                    "  { prefix = \"/a\"; }, { prefix = \"/b/\"; alias = \"/\"; expires = \"7d\"; types = { "
                    "q = \"text/q\"; }; },\n"
                    "  { prefix = \"/c\"; try = ( \"$path.html\", \"$path/\", \"@last\" ); }, { name = "
                    "\"last\"; internal = true;\n"
                    "    respond = 410; } ); }, { routes = ( { exact = \"/\"; } ); } );");
    const struct route *r = c->sites[0].routes;

    (void)state;
    assert_int_equal(c->sites[0].route_count, 5);
    assert_text(r[0].files->root, "/tmp");
    assert_int_equal(r[0].files->index_count, 2);
    assert_int_equal(r[0].files->expires, -1);
    assert_int_equal(r[0].files->try_count, 3);
    assert_int_equal(r[0].files->tries[1].what, TRY_DIRECTORY);
    assert_int_equal(r[0].files->tries[2].what, TRY_STATUS);
    assert_int_equal(r[0].files->tries[2].status, 404);
    assert_ptr_equal(r[0].files->tries, r[1].files->tries);
    assert_true(r[1].files->alias);
    assert_text(r[1].files->root, "/");
    assert_int_equal(r[1].files->expires, 7 * 86400);
    assert_text(r[1].files->types[1], "text/q");
    assert_int_equal(r[2].files->tries[2].what, TRY_ROUTE);
    assert_ptr_equal(r[2].files->tries[2].route, &r[3]);
    assert_int_equal(r[2].files->root_fd, r[0].files->root_fd);
    assert_true(fcntl(r[0].files->root_fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(r[4].action, ACTION_FILES);
    assert_text(c->sites[1].routes[0].files->root, "/");
    config_free(c);
}

static void test_shared(void **state)
{
    struct config *c = load(
        LISTEN
        "defaults = { response_headers = { set = { A = \"1\"; B = \"$host\"; }; }; access_log = \"-\"; };\n"
        "sites = ( { routes = ( { exact = \"/1\"; respond = 200; }, { exact = \"/2\"; respond = { status = "
        "201;\n"
        "  headers = { Z = \"1\"; }; }; }, { exact = \"/3\"; respond = 200; response_headers = { remove = "
        "\"a\"; };\n"
        "  cookies = { secure = true; domain = \"\"; }; access_log = ( { path = \"-\"; format = \"json\"; "
        "},\n"
        "  { path = \"syslog:\"; format = \"$host\"; } ); } ); } );");
    const struct route *r = c->sites[0].routes;

    (void)state;
    assert_int_equal(r[0].response_headers.count, 2);
    assert_int_equal(r[0].response_headers.ops[0].what, HEADER_OP_SET);
    assert_true(template_is_literal(r[0].response_headers.ops[0].value));
    assert_false(template_is_literal(r[0].response_headers.ops[1].value));
    assert_int_equal(r[1].response_headers.count, 3);
    assert_int_equal(r[1].status, 201);
    /* `remove` makes the outer `set` void. */
    assert_int_equal(r[2].response_headers.count, 2);
    assert_text(r[2].response_headers.ops[0].name, "B");
    assert_int_equal(r[2].response_headers.ops[1].what, HEADER_OP_REMOVE);
    assert_int_equal(r[2].cookies->secure, COOKIE_ON);
    assert_int_equal(r[2].cookies->httponly, COOKIE_KEEP);
    assert_non_null(r[2].cookies->domain.s);
    assert_null(r[2].cookies->path.s);
    assert_ptr_equal(r[0].access_logs, r[1].access_logs);
    assert_int_equal(c->access_log_count, 2);
    assert_int_equal(r[2].access_logs[0]->index, r[0].access_logs[0]->index);
    assert_int_equal(r[2].access_logs[0]->format, ACCESS_JSON);
    assert_int_equal(r[2].access_logs[1]->format, ACCESS_CUSTOM);
    config_free(c);
}

static void test_conditions(void **state)
{
    struct config *c = load(
        LISTEN "sites = ( { routes = ( { respond = 200; when = ( { method = [ \"get\" ]; not = true; },\n"
               "  { any = ( { header = \"X-*\"; }, { cookie = \"c\"; present = false; }, { value = "
               "\"$host\"; is = \"a\"; } ); },\n"
               "  { source = [ \"10.0.0.0/8\", \"all\" ]; }, { percent = 12.5; } ); } ); } );");
    const struct match *m = c->sites[0].routes[0].when;

    (void)state;
    assert_int_equal(m->count, 4);
    assert_int_equal(m->terms[0].subject, MATCH_METHOD);
    assert_true(m->terms[0].invert);
    assert_text(m->terms[0].is[0], "GET");
    assert_int_equal(m->terms[1].any_count, 3);
    assert_true(m->terms[1].any[0].present);
    assert_false(m->terms[1].any[1].present);
    assert_int_equal(m->terms[1].any[2].is_count, 1);
    assert_int_equal(m->terms[2].sources[0].bits, 8);
    assert_int_equal(m->terms[2].sources[1].ip_len, 0);
    assert_true(m->terms[3].percent > 12.4 && m->terms[3].percent < 12.6);
    assert_text(template_text(m->terms[3].value), "$remote_addr");
    config_free(c);
}

static void test_listeners(void **state)
{
    struct config *c = load(
        "control = \"unix:/tmp/weir-test.sock\";\n"
        "defaults = { request_head = { max_fields = 7; }; };\n"
        "listeners = ( { address = \"*:80\"; sites = [ \"b\" ]; request_head = { max_size = \"4k\"; }; },\n"
        "  { address = \"127.0.0.1:81\"; admin = true; }, { address = \"[::1]:82\"; default_site = \"a\"; } "
        ");\n"
        "sites = ( { name = \"a\"; hosts = [ \"a.test\" ]; respond = 200; }, { name = \"b\"; respond = 200; "
        "} );");
    const struct listener_conf *l = c->listeners;
    void *value;

    (void)state;
    assert_int_equal(c->listener_count, 3);
    assert_int_equal(l[0].limits.head, 4096);
    assert_int_equal(l[0].limits.fields, 7);
    assert_int_equal(l[0].site_count, 1);
    assert_ptr_equal(l[0].default_site, &c->sites[1]);
    assert_int_equal(host_table_find(l[0].hosts, STR("a.test"), NULL, NULL, &value), REGEX_NO_MATCH);
    assert_true(l[1].admin);
    assert_int_equal(l[1].default_site->routes[0].action, ACTION_API);
    assert_ptr_equal(l[2].default_site, &c->sites[0]);
    assert_int_equal(host_table_find(l[2].hosts, STR("a.test"), NULL, NULL, &value), REGEX_MATCH);
    assert_ptr_equal(value, &c->sites[0]);
    assert_true(c->control_listener->is_control && c->control_listener->admin);
    assert_text(c->control, "unix:/tmp/weir-test.sock");
    assert_int_equal(c->control_listener->default_site->routes[0].action, ACTION_API);
    config_free(c);
}

/* What many routes share costs each of them little. */
static void test_size(void **state)
{
    enum { ROUTES = 2000 };
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    struct config *c;

    (void)state;
    fputs(LISTEN APP "defaults = { response_headers = { set = { A = \"1\"; }; }; access_log = \"-\"; };\n"
          "sites = ( { routes = (\n", f);
    for (int i = 0; i < ROUTES; i++)
        fprintf(f, "{ exact = \"/%d\"; proxy = \"app\"; },\n", i);
    fputs("); } );", f);
    fclose(f);
    c = load(text);
    free(text);
    assert_int_equal(c->sites[0].route_count, ROUTES);
    printf("%zu bytes a route\n", pool_bytes(c->pool) / ROUTES);
#ifndef WEIR_DEBUG_POOLS
    assert_true(pool_bytes(c->pool) / ROUTES < 4096);
#endif
    config_free(c);
}

/* Errors outlive the configuration that they are about. */
static void test_refused(void **state)
{
    struct pool *pool = pool_new(1024);
    struct conf_report report;
    char *said;
    size_t len;
    FILE *f = open_memstream(&said, &len);

    (void)state;
    conf_report_init(&report, pool);
    assert_null(config_from_text(STR(LISTEN "sites = (\n{ proxy = \"app\"; },\n{ hosts = \"b\"; root = \"/no/where\"; } );"),
                                 "text", &report));
    conf_report_print(&report, f);
    fclose(f);
    assert_string_equal(said, "text:3: there is no upstream \"app\"; write the name of one that is defined\n"
                              "text:4: 'root' cannot be used: /no/where: No such file or directory; "
                              "write a directory that is there\n");
    free(said);
    pool_free(pool);
}

#define NAMED LISTEN "upstreams = ( { name = \"app\"; servers = ( \"%s:81\", \"%s:82\" ); } );\n"

static struct config *load_named(const char *name, enum config_names_how how, struct str found, FILE *tell,
                                 const char *want)
{
    struct pool *pool = pool_new(1024);
    const struct config_names names = {how, found, tell};
    struct conf_report report;
    struct config *config;
    char text[512];

    conf_report_init(&report, pool);
    snprintf(text, sizeof(text), NAMED, name, name);
    config = config_from_text_with(str_of(text), "text", &names, &report);
    assert_int_equal(config != NULL, want == NULL);
    if (want) {
        assert_true(report.n > 0);
        assert_text(report.errors[0].what, want);
    }
    pool_free(pool);
    return config;
}

/* A name is looked up in one process, and its address used in another, which asks nobody. */
static void test_names(void **state)
{
    char *found, text[ADDR_TEXT_MAX];
    size_t len;
    FILE *tell = open_memstream(&found, &len);
    struct config *c;

    (void)state;
    c = load_named("localhost", CONFIG_NAMES_ASK, STR_NONE, tell, NULL);
    fclose(tell);
    /* Once, though two servers have it. */
    assert_int_equal(len, sizeof("localhost") + sizeof(struct addr));
    config_free(c);

    /* It would not resolve by itself. */
    memcpy(found, "l0calh0st", sizeof("l0calh0st"));
    c = load_named("l0calh0st", CONFIG_NAMES_FOUND, (struct str){found, len}, NULL, NULL);
    assert_true(addr_is_loopback(&c->upstreams[0]->peers[1].address));
    assert_true(str_has_suffix(addr_print(&c->upstreams[0]->peers[1].address, text), STR(":82")));
    config_free(c);
    for (size_t cut = 0; cut <= len; cut++)
        (void)load_named("localhost", CONFIG_NAMES_FOUND, (struct str){found, cut}, NULL,
                         "\"localhost\" has come since the file was checked; reload once more");

    c = load_named("none.invalid", CONFIG_NAMES_NONE, STR_NONE, NULL, NULL);
    assert_int_equal(c->upstreams[0]->peers[0].address.len, 0);
    assert_int_equal(c->upstreams[0]->peers[1].address.len, 0);
    config_free(c);
    free(found);
}

/* Every default of the tables is one that the loader takes, and every row says what it is. */
static void test_tables(void **state)
{
    static const struct conf_group *const groups[] = {
        &settings_group,
        &settings_listener_group,
        &settings_upstream_group,
        &settings_server_group,
        &settings_route_group,
        &settings_condition_group,
        &settings_access_log_group,
        &settings_timeouts_group,
        &settings_request_head_group,
        &settings_request_body_group,
        &settings_retry_group,
        &settings_keepalive_group,
        &settings_balance_group,
        &settings_divert_group,
        &settings_tls_group,
        &settings_certificate_group,
        &settings_hsts_group,
        &settings_acme_group,
        &settings_https_only_group,
        &settings_redirect_group,
        &settings_respond_group,
        &settings_rewrite_group,
        &settings_cookies_group,
        &settings_proxy_headers_group,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        assert_true(groups[i]->n_rows <= CONF_MAX_ROWS);
        for (size_t k = 0; k < groups[i]->n_rows; k++) {
            const struct conf_row *row = &groups[i]->rows[k];
            if (!(row->flags & CONF_LATER) && (!row->doc || row->doc[strlen(row->doc) - 1] != '.'))
                fail_msg("%s of %s has no sentence", row->name, groups[i]->name);
            assert_ptr_equal(conf_row_find(groups[i], str_of(row->name)), row);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_upstreams),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_shared),   cmocka_unit_test(test_conditions), cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_size),     cmocka_unit_test(test_refused),    cmocka_unit_test(test_tables),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

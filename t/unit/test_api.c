/*
 * test_api.c: the pages of the runtime API over a board with known numbers, who may give commands, and the JSON
 * and Prometheus texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "core/admin.h"
#include "core/board/board.h"
#include "core/request.h"
#include "core/upstream/upstream.h"
#include "core/worker.h"
#include "modules/modules.h"

struct world {
    struct pool *pool;
    struct config config;
    struct listener_conf listener;
    struct route route;
    struct upstream upstream;
    struct upstream *upstreams[1];
    struct peer_conf peers[3];
    struct loop loop;
    struct log log;
    struct worker worker;
    struct board *board;
    struct request req;
    /* The answer. */
    int answers, aborts;
    unsigned status;
    struct str body;
    struct header_list headers;
    /* The master. */
    struct admin admin;
    struct admin_wait *waiting;
    int forgotten;
    bool at_once;
};

static struct world *world_of(struct request *req)
{
    return container_of(req, struct world, req);
}

static bool out_head(struct request *req, const struct message *head, const struct frame *frame,
                     struct str body, bool last)
{
    struct world *w = world_of(req);

    assert_true(last);
    assert_int_equal(frame->kind, FRAME_LENGTH);
    assert_int_equal(frame->length, body.len);
    w->answers++;
    w->status = head->status;
    w->headers = head->headers;
    w->body = pool_str(w->pool, body);
    return true;
}

static void out_abort(struct request *req, const char *reason)
{
    (void)reason;
    world_of(req)->aborts++;
}

static const struct request_out out = {.head = out_head, .abort = out_abort};

static void admin_ask(struct admin *admin, struct admin_wait *wait)
{
    struct world *w = container_of(admin, struct world, admin);

    if (w->at_once)
        wait->done(wait, false, STR("weir.conf:3: no\n"));
    else
        w->waiting = wait;
}

static void admin_forget(struct admin *admin, struct admin_wait *wait)
{
    struct world *w = container_of(admin, struct world, admin);

    assert_ptr_equal(wait, w->waiting);
    w->waiting = NULL;
    w->forgotten++;
}

static void make_config(struct world *w)
{
    static const char *const addresses[] = {"127.0.0.1:9001", "127.0.0.1:9002", "[::1]:9003"};

    w->upstream = (struct upstream){.name = STR("app \"1\""), .peers = w->peers, .peer_count = 3};
    for (size_t i = 0; i < 3; i++) {
        w->peers[i] = (struct peer_conf){.name = str_of(addresses[i]), .weight = 1, .board_slot = -1};
        assert_int_equal(addr_parse(w->peers[i].name, &w->peers[i].address, NULL, 0), 0);
    }
    w->peers[1].down = true;
    w->peers[2].weight = 0;
    w->peers[2].backup = true;
    w->upstreams[0] = &w->upstream;
    w->listener.text = STR("127.0.0.1:8900");
    assert_int_equal(addr_parse(w->listener.text, &w->listener.address, NULL, 0), 0);
    w->config = (struct config){.pool = w->pool, .listeners = &w->listener, .listener_count = 1};
    w->config.upstreams = w->upstreams;
    w->config.upstream_count = 1;
}

static void make_board(struct world *w)
{
    struct board_process *process;

    w->board = board_new();
    assert_non_null(w->board);
    board_set_master_pid(w->board, 4321);
    board_set_last_generation(w->board, 2);
    board_set_serve_from(w->board, 2);
    assert_int_equal(board_name_config(w->board, &w->config), 0);
    assert_int_equal(board_process_take(w->board, BOARD_KEEPER, 0, 2), 0);
    assert_int_equal(board_process_take(w->board, BOARD_WORKER, 0, 1), 1);
    assert_int_equal(board_process_take(w->board, BOARD_WORKER, 0, 2), 2);
    board_process_set_pid(w->board, 1, 1001);
    board_process_set_pid(w->board, 2, 1002);
    process = board_process(w->board, 1);
    process->stats.requests = 10;
    process->stats.responses[2] = 9;
    process->stats.responses[5] = 1;
    process = board_process(w->board, 2);
    process->stats.requests = 5;
    process->stats.responses[2] = 5;
    process->stats.connections = 3;
    process->stats.duration.bucket[1] = 4;
    process->stats.duration.bucket[STATS_BUCKETS - 1] = 1;
    process->stats.duration.sum_ms = 20500;
    board_peer_stats(w->board, 1, 0)->requests = 7;
    board_peer_stats(w->board, 2, 0)->requests = 4;
    board_peer_stats(w->board, 2, 0)->active = 1;
    board_peer_stats(w->board, 2, 0)->latency.bucket[0] = 4;
    board_peer_stats(w->board, 2, 1)->failures = 6;
}

static void world_init(struct world *w)
{
    static const struct balancer *const balancers[BALANCE_METHODS] = {&balancer_round_robin};

    memset(w, 0, sizeof(*w));
    w->pool = pool_new(65536);
    make_config(w);
    make_board(w);
    w->admin = (struct admin){.ask = admin_ask, .forget = admin_forget};
    w->log.fd = -1;
    w->worker = (struct worker){.loop = &w->loop, .log = &w->log, .board = w->board, .admin = &w->admin};
    w->worker.config = &w->config;
    w->worker.pool = w->pool;
    w->worker.balancers = balancers;
    w->worker.upstreams = upstreams_new(&w->worker);
    w->worker.date_s = -1;
}

static void world_free(struct world *w)
{
    upstreams_free(w->worker.upstreams);
    board_close(w->board);
    pool_free(w->pool);
}

/* Asks `handler`; "" for `host`: no Host. */
static void ask(struct world *w, const struct handler *handler, const char *method, const char *path,
                const char *host)
{
    w->answers = w->aborts = 0;
    w->status = 0;
    w->body = STR_NONE;
    w->req = (struct request){.pool = w->pool, .worker = &w->worker, .out = &out, .config = &w->config};
    w->req.listener = &w->listener;
    w->req.head.method = str_of(method);
    w->req.path = str_of(path);
    w->req.host = str_of(host);
    header_list_init(&w->req.head.headers, w->pool, 10);
    handler->start(&w->req, STR_NONE, true);
}

static bool body_holds(const struct world *w, const char *text)
{
    return w->body.s && strstr(w->body.s, text) != NULL;
}

static struct str field(const struct world *w, const char *name)
{
    const struct header *h = header_find_name(&w->headers, str_of(name));

    return h ? h->value : STR_NONE;
}

#define ASSERT_HOLDS(w, text) \
    do { \
        if (!body_holds(w, text)) \
            fail_msg("no %s in %.*s", text, STR_ARG((w)->body)); \
    } while (0)

static void test_pages(void **state)
{
    static const struct {
        const char *method, *path;
        unsigned status;
        const char *type, *allow;
    } cases[] = {
        {"GET", "/", 200, "text/html; charset=utf-8", NULL},
        {"HEAD", "/", 200, "text/html; charset=utf-8", NULL},
        {"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", NULL},
        {"GET", "/api/v1/status", 200, "application/json", NULL},
        {"GET", "/api/v1/upstreams", 200, "application/json", NULL},
        {"GET", "/api/v1/upstreams/app%20%221%22", 200, "application/json", NULL},
        {"GET", "/api/v1/upstreams/app", 404, "application/json", NULL},
        {"GET", "/api/v1/upstreams/a%2Fb", 404, "application/json", NULL},
        {"GET", "/api/v1/upstreams/", 404, "application/json", NULL},
        {"GET", "/api/v1", 404, "application/json", NULL},
        {"GET", "/api/v1/reload/x", 404, "application/json", NULL},
        {"POST", "/api/v1/unknown", 404, "application/json", NULL},
        {"POST", "/api/v1/status", 405, "application/json", "GET, HEAD"},
        {"POST", "/", 405, "application/json", "GET, HEAD"},
        {"DELETE", "/api/v1/upstreams/app", 405, "application/json", "GET, HEAD"},
        {"GET", "/api/v1/reload", 405, "application/json", "POST"},
        {"PUT", "/api/v1/stop", 405, "application/json", "POST"},
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ask(&w, &handler_api, cases[i].method, cases[i].path, "localhost");
        if (w.status != cases[i].status)
            fail_msg("%s %s: %u", cases[i].method, cases[i].path, w.status);
        assert_int_equal(w.answers, 1);
        assert_true(str_eq(field(&w, "Content-Type"), str_of(cases[i].type)));
        assert_true(str_eq(field(&w, "Cache-Control"), STR("no-store")));
        assert_true(str_eq(field(&w, "Allow"), cases[i].allow ? str_of(cases[i].allow) : STR_NONE));
        if (w.status >= 400)
            ASSERT_HOLDS(&w, "{\"error\":\"");
    }
    world_free(&w);
}

static void test_status_json(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    ask(&w, &handler_api, "GET", "/api/v1/status", "127.0.0.1");
    ASSERT_HOLDS(&w, "\"pid\":4321");
    ASSERT_HOLDS(&w, "\"generation\":2");
    ASSERT_HOLDS(&w, "\"requests\":15");
    ASSERT_HOLDS(&w, "\"2xx\":14");
    ASSERT_HOLDS(&w, "{\"pid\":1001,\"connections\":0,\"requests\":10,\"index\":0,\"generation\":1,");
    ASSERT_HOLDS(&w, "{\"pid\":1002,\"connections\":3,\"requests\":5,\"index\":0,\"generation\":2,");
    ASSERT_HOLDS(&w, "\"listeners\":[{\"address\":\"127.0.0.1:8900\",\"admin\":false,\"tls\":false}]");
    ASSERT_HOLDS(&w, "\"upstreams\":[{\"name\":\"app \\\"1\\\"\"");
    ASSERT_HOLDS(&w, "\"caches\":[]");
    world_free(&w);
}

/* Who takes a slot over begins at nought, and the sum goes on. */
static void test_new_owner(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    board_process_free(w.board, 1);
    assert_int_equal(board_process_take(w.board, BOARD_WORKER, 3, 2), 1);
    board_process_set_pid(w.board, 1, 1003);
    board_process(w.board, 1)->stats.requests += 2;
    ask(&w, &handler_api, "GET", "/api/v1/status", "127.0.0.1");
    ASSERT_HOLDS(&w, "{\"pid\":1003,\"connections\":0,\"requests\":2,");
    ASSERT_HOLDS(&w, "\"requests\":17");
    world_free(&w);
}

static void test_upstream_json(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    ask(&w, &handler_api, "GET", "/api/v1/upstreams", "[::1]");
    assert_true(str_has_prefix(w.body, STR("{\"upstreams\":[{\"name\":")));
    ASSERT_HOLDS(&w, "\"balance\":\"round_robin\",\"servers\":[{\"name\":\"127.0.0.1:9001\","
                     "\"address\":\"127.0.0.1:9001\",\"state\":\"up\",\"weight\":1,\"backup\":false,\"active\":1,"
                     "\"queued\":0,\"requests\":11,\"failures\":0,\"retries\":0,\"check\":{");
    ASSERT_HOLDS(&w, "\"latency_ms\":{\"p50\":0.500");
    ASSERT_HOLDS(&w, "\"state\":\"down\"");
    ASSERT_HOLDS(&w, "\"failures\":6");
    ASSERT_HOLDS(&w, "\"state\":\"drain\",\"weight\":0,\"backup\":true");
    ASSERT_HOLDS(&w, "\"latency_ms\":{\"p50\":null");
    ask(&w, &handler_api, "GET", "/api/v1/upstreams/app%20%221%22", "[::1]");
    assert_true(str_has_prefix(w.body, STR("{\"name\":\"app")));
    world_free(&w);
}

static void test_metrics(void **state)
{
    static const char *const lines[] = {
        "# TYPE weir_requests_total counter\nweir_requests_total{protocol=\"http1\"} 15\n",
        "\nweir_responses_total{code=\"2xx\"} 14\n",
        "\nweir_responses_total{code=\"5xx\"} 1\n",
        "\nweir_connections{protocol=\"http1\"} 3\nweir_connections{protocol=\"http2\"} 0\n",
        "\nweir_build_info{version=\"",
        "\nweir_workers{state=\"serving\"} 1\nweir_workers{state=\"draining\"} 1\n",
        "\nweir_request_duration_seconds_bucket{le=\"0.001\"} 0\n",
        "\nweir_request_duration_seconds_bucket{le=\"0.002\"} 4\n",
        "\nweir_request_duration_seconds_bucket{le=\"16.384\"} 4\n",
        "\nweir_request_duration_seconds_bucket{le=\"+Inf\"} 5\n",
        "\nweir_request_duration_seconds_sum 20.500\nweir_request_duration_seconds_count 5\n",
        "\nweir_upstream_server_up{upstream=\"app \\\"1\\\"\",server=\"127.0.0.1:9001\"} 1\n"
        "weir_upstream_server_up{upstream=\"app \\\"1\\\"\",server=\"127.0.0.1:9002\"} 0\n"
        "weir_upstream_server_up{upstream=\"app \\\"1\\\"\",server=\"[::1]:9003\"} 0\n",
        "\nweir_upstream_requests_total{upstream=\"app \\\"1\\\"\",server=\"127.0.0.1:9001\"} 11\n",
        "\nweir_upstream_failures_total{upstream=\"app \\\"1\\\"\",server=\"127.0.0.1:9002\"} 6\n",
        "\nweir_upstream_latency_seconds_count{upstream=\"app \\\"1\\\"\",server=\"127.0.0.1:9001\"} 4\n",
        "\nweir_worker_restarts_total 0\n",
    };
    struct world w;

    (void)state;
    world_init(&w);
    ask(&w, &handler_api, "GET", "/metrics", "localhost");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        ASSERT_HOLDS(&w, lines[i]);
    assert_int_equal(w.body.s[w.body.len - 1], '\n');
    world_free(&w);
}

static void test_dashboard(void **state)
{
    struct world w;
    struct str policy, first;

    (void)state;
    world_init(&w);
    ask(&w, &handler_api, "GET", "/", "localhost");
    policy = field(&w, "Content-Security-Policy");
    assert_true(str_has_prefix(policy, STR("default-src 'none'; script-src 'nonce-")));
    first = (struct str){policy.s + strlen("default-src 'none'; script-src 'nonce-"), 32};
    ASSERT_HOLDS(&w, pool_printf(w.pool, "<script nonce=\"%.*s\">", STR_ARG(first)).s);
    ASSERT_HOLDS(&w, pool_printf(w.pool, "<style nonce=\"%.*s\">", STR_ARG(first)).s);
    ASSERT_HOLDS(&w, "</html>");
    assert_false(body_holds(&w, "src=\"http"));
    assert_false(body_holds(&w, "innerHTML"));
    ask(&w, &handler_api, "GET", "/", "localhost");
    assert_false(body_holds(&w, pool_printf(w.pool, "%.*s", STR_ARG(first)).s));
    world_free(&w);
}

static void test_hosts(void **state)
{
    static const struct {
        const char *listener, *host;
        unsigned status;
    } cases[] = {
        {"127.0.0.1:8900", "localhost", 200},   {"127.0.0.1:8900", "127.0.0.1", 200},
        {"127.0.0.1:8900", "127.9.9.9", 200},   {"127.0.0.1:8900", "[::1]", 200},
        {"127.0.0.1:8900", "", 200},            {"127.0.0.1:8900", "a.localhost", 200},
        {"127.0.0.1:8900", "evil.test", 403},   {"127.0.0.1:8900", "192.0.2.1", 403},
        {"127.0.0.1:8900", "localhost.a", 403}, {"127.0.0.1:8900", "127.0.0.1.a", 403},
        {"[::1]:8900", "evil.test", 403},       {"[::1]:8900", "localhost", 200},
        {"127.0.0.2:8900", "evil.test", 403},   {"192.0.2.1:8900", "weir.test", 200},
        {"unix:/run/x", "evil.test", 200},      {"*:8900", "weir.test", 200},
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(addr_parse(str_of(cases[i].listener), &w.listener.address, NULL, 0), 0);
        ask(&w, &handler_api, "GET", "/api/v1/status", cases[i].host);
        if (w.status != cases[i].status)
            fail_msg("%s on %s: %u", cases[i].host, cases[i].listener, w.status);
    }
    world_free(&w);
}

/* As ask(), with a field. */
static void ask_with(struct world *w, const char *name, const char *value)
{
    w->req = (struct request){.pool = w->pool, .worker = &w->worker, .out = &out, .config = &w->config};
    w->req.listener = &w->listener;
    w->req.head.method = STR("POST");
    w->req.path = STR("/api/v1/reload");
    w->req.host = STR("localhost");
    header_list_init(&w->req.head.headers, w->pool, 10);
    assert_int_equal(header_add(&w->req.head.headers, str_of(name), str_of(value)), 0);
    w->status = 0;
    w->waiting = NULL;
    handler_api.start(&w->req, STR_NONE, true);
}

static void test_cross_site(void **state)
{
    static const struct {
        const char *name, *value;
        bool refused;
    } cases[] = {
        {"Origin", "http://evil.test", true},       {"Origin", "null", true},
        {"Sec-Fetch-Site", "cross-site", true},     {"Sec-Fetch-Site", "same-site", true},
        {"Sec-Fetch-Site", "same-origin", false},   {"Sec-Fetch-Site", "none", false},
        {"Content-Type", "application/json", false},
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ask_with(&w, cases[i].name, cases[i].value);
        assert_int_equal(w.status, cases[i].refused ? 403 : 0);
        assert_int_equal(w.waiting != NULL, !cases[i].refused);
    }
    world_free(&w);
}

static void test_commands(void **state)
{
    static const struct {
        const char *path;
        enum admin_command command;
    } cases[] = {
        {"/api/v1/reload", ADMIN_RELOAD}, {"/api/v1/quit", ADMIN_QUIT},       {"/api/v1/stop", ADMIN_STOP},
        {"/api/v1/reopen", ADMIN_REOPEN}, {"/api/v1/upgrade", ADMIN_UPGRADE},
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ask(&w, &handler_api, "POST", cases[i].path, "localhost");
        assert_int_equal(w.answers, 0);
        assert_non_null(w.waiting);
        assert_int_equal(w.waiting->command, cases[i].command);
        w.waiting->done(w.waiting, true, STR("done\n"));
        assert_int_equal(w.status, 200);
        assert_string_equal(w.body.s, "{\"ok\":true,\"text\":\"done\"}");
    }
    world_free(&w);
}

static void test_command_ends(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    w.at_once = true;
    ask(&w, &handler_api, "POST", "/api/v1/reload", "localhost");
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.status, 409);
    assert_string_equal(w.body.s, "{\"ok\":false,\"text\":\"weir.conf:3: no\"}");

    w.at_once = false;
    ask(&w, &handler_api, "POST", "/api/v1/reload", "localhost");
    handler_api.abort(&w.req, "gone");
    assert_int_equal(w.forgotten, 1);
    assert_null(w.waiting);
    assert_int_equal(w.answers, 0);

    w.worker.admin = NULL;
    ask(&w, &handler_api, "POST", "/api/v1/reload", "localhost");
    assert_int_equal(w.status, 409);
    world_free(&w);
}

static void test_status_route(void **state)
{
    static const struct {
        int matcher;
        const char *route, *path, *method;
        unsigned status;
        const char *type;
    } cases[] = {
        {ROUTE_PREFIX, "/weir/", "/weir/", "GET", 200, "text/html; charset=utf-8"},
        {ROUTE_PREFIX, "/weir", "/weir", "GET", 200, "text/html; charset=utf-8"},
        {ROUTE_PREFIX, "/weir", "/weir/metrics", "GET", 200, "text/plain; version=0.0.4; charset=utf-8"},
        {ROUTE_PREFIX, "/weir/", "/weir/api/v1/status", "GET", 200, "application/json"},
        {ROUTE_PREFIX, "/weir/", "/weir/api/v1/upstreams/x", "GET", 404, "application/json"},
        {ROUTE_PREFIX, "/", "/metrics", "GET", 200, "text/plain; version=0.0.4; charset=utf-8"},
        {ROUTE_EXACT, "/metrics", "/metrics", "GET", 200, "text/plain; version=0.0.4; charset=utf-8"},
        {ROUTE_PREFIX, "/metrics", "/metrics", "GET", 200, "text/plain; version=0.0.4; charset=utf-8"},
        {ROUTE_EXACT, "/status", "/status", "GET", 200, "text/html; charset=utf-8"},
        {ROUTE_PREFIX, "/weir/", "/weir/api/v1/reload", "POST", 404, "application/json"},
        {ROUTE_PREFIX, "/weir/", "/weir/", "POST", 405, "application/json"},
        {ROUTE_PREFIX, "/weir/", "/weir/nothing", "GET", 404, "application/json"},
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        w.route = (struct route){.path = str_of(cases[i].route)};
        if (cases[i].matcher == ROUTE_PREFIX)
            w.route.matcher = ROUTE_PREFIX;
        w.req = (struct request){.pool = w.pool, .worker = &w.worker, .out = &out, .config = &w.config};
        w.req.listener = &w.listener;
        w.req.route = &w.route;
        w.req.head.method = str_of(cases[i].method);
        w.req.path = str_of(cases[i].path);
        w.req.host = STR("public.test");
        handler_status.start(&w.req, STR_NONE, true);
        if (w.status != cases[i].status || !str_eq(field(&w, "Content-Type"), str_of(cases[i].type)))
            fail_msg("%s at %s: %u", cases[i].path, cases[i].route, w.status);
        assert_null(w.waiting);
    }
    world_free(&w);
}

/* Tests of the worker alone have no board. */
static void test_without_board(void **state)
{
    static const char *const paths[] = {"/", "/metrics", "/api/v1/status", "/api/v1/upstreams"};
    struct process_stats stats = {.requests = 77};
    struct world w;

    (void)state;
    world_init(&w);
    w.worker.board = NULL;
    w.worker.stats = &stats;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        ask(&w, &handler_api, "GET", paths[i], "localhost");
        assert_int_equal(w.status, 200);
    }
    ask(&w, &handler_api, "GET", "/metrics", "localhost");
    ASSERT_HOLDS(&w, "\nweir_requests_total{protocol=\"http1\"} 77\n");
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),        cmocka_unit_test(test_status_json),
        cmocka_unit_test(test_new_owner),    cmocka_unit_test(test_upstream_json),
        cmocka_unit_test(test_metrics),      cmocka_unit_test(test_dashboard),
        cmocka_unit_test(test_hosts),        cmocka_unit_test(test_cross_site),
        cmocka_unit_test(test_commands),     cmocka_unit_test(test_command_ends),
        cmocka_unit_test(test_status_route), cmocka_unit_test(test_without_board),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

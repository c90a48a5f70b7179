/*
 * test_proxy.c: the proxy between a client that only records and a server that is this test itself, over real loopback
 * sockets.  The loop is turned by hand, so that each step of an exchange can be held and looked at.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/proxy/proxy.h"
#include "core/request.h"
#include "core/upstream/uconn.h"
#include "core/worker.h"
#include "head_fixture.h"
#include "http/h1_parse.h"
#include "io/splice.h"
#include "modules/modules.h"

#define PEERS 2

struct fixture {
    struct worker worker;
    struct config config;
    struct log log;
    struct upstream upstream;
    struct upstream *upstreams[1];
    struct peer_conf peers[PEERS];
    const struct balancer *balancers[1];
    struct process_stats stats;
    struct listener_conf listener;
    struct site site;
    struct route route;
    struct request req;
    int listeners[PEERS];
    int server; /* the connection last accepted */

    /* What the client got. */
    unsigned status, interims;
    char head[4096]; /* "Name: value\n" of the final head */
    char body[1 << 20];
    size_t body_len;
    struct frame told;
    size_t credit;
    bool ended, aborted, refuses;
    const char *reason;
    int sink[2]; /* [0] is spliced to; -1: splicing is not possible */
    struct splice_pipe *pipe;
};

static struct fixture *of(struct request *req)
{
    return container_of(req, struct fixture, req);
}

/* ---- the client ---- */

static void out_interim(struct request *req, const struct message *head)
{
    assert_int_not_equal(head->status, 100);
    of(req)->interims++;
}

static bool out_body(struct request *req, struct str bytes, bool last)
{
    struct fixture *f = of(req);

    assert_false(f->ended);
    assert_true(f->body_len + bytes.len <= sizeof(f->body));
    if (bytes.len > 0)
        memcpy(f->body + f->body_len, bytes.s, bytes.len);
    f->body_len += bytes.len;
    f->ended = last;
    return !f->refuses;
}

static bool out_head(struct request *req, const struct message *head, const struct frame *frame, struct str body,
                     bool last)
{
    struct fixture *f = of(req);
    size_t at = 0;

    assert_int_equal(f->status, 0);
    f->status = head->status;
    f->told = *frame;
    req->head_sent = true;
    for (size_t i = 0; i < head->headers.count; i++)
        at += (size_t)snprintf(f->head + at, sizeof(f->head) - at, "%.*s: %.*s\n",
                               STR_ARG(head->headers.items[i].name), STR_ARG(head->headers.items[i].value));
    return out_body(req, body, last);
}

static enum splice_result out_splice(struct request *req, int fd, uint64_t *left, bool last)
{
    struct fixture *f = of(req);

    assert_false(last);
    if (f->sink[0] < 0)
        return SPLICE_UNFIT;
    if (!f->pipe)
        f->pipe = splice_pipe_take(f->worker.pipes);
    switch (splice_move(f->pipe, fd, f->sink[0], left)) {
    case SPLICE_MOVE_MORE_IN:
        return SPLICE_MORE;
    case SPLICE_MOVE_BLOCKED_OUT:
        return SPLICE_BLOCKED;
    case SPLICE_MOVE_DONE:
        return SPLICE_DONE;
    default:
        return SPLICE_ENDED;
    }
}

static void out_abort(struct request *req, const char *reason)
{
    struct fixture *f = of(req);

    assert_false(f->ended);
    f->ended = f->aborted = true;
    f->reason = reason;
}

static void out_credit(struct request *req, size_t bytes)
{
    of(req)->credit += bytes;
}

static const struct request_out out = {
    .interim = out_interim, .head = out_head, .body = out_body, .splice = out_splice, .abort = out_abort,
    .credit = out_credit,
};

/* ---- the ground ---- */

static int listen_on_loopback(struct addr *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *address = addr_of((struct sockaddr *)&in, len);
    return fd;
}

static void set_up_config(struct fixture *f)
{
    f->upstreams[0] = &f->upstream;
    f->config.upstreams = f->upstreams;
    f->config.upstream_count = 1;
    f->config.state_dir = STR("/tmp");
    f->upstream = (struct upstream){.name = STR("u"), .peers = f->peers, .peer_count = 1, .keepalive_idle = 4,
                                    .keepalive_timeout = 60000};
    for (int i = 0; i < PEERS; i++) {
        f->peers[i] = (struct peer_conf){.weight = 1, .host = STR("peer.host"), .board_slot = -1};
        f->listeners[i] = listen_on_loopback(&f->peers[i].address);
    }
    f->listener.limits = (struct h1_limits){.start_line = 8192, .head = 16384, .fields = 100};
    f->route = (struct route){.site = &f->site, .action = ACTION_PROXY, .upstream = &f->upstream, .forwarded = true,
                              .via = true, .body_memory = 100000, .retry = {.tries = 3, .on_connect = true},
                              .timeouts = {.connect = 1000, .send = 2000, .read = 3000, .tunnel = 10000}};
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct worker *w = &f->worker;

    set_up_config(f);
    log_init(&f->log, 2, LOG_LEVEL_CRIT, "test");
    w->loop = loop_new(NULL, NULL);
    w->config = &f->config;
    w->log = &f->log;
    w->count = 1;
    w->pool = pool_new(4096);
    w->receive = malloc(WORKER_BUFFER_BYTES);
    w->write = malloc(WORKER_BUFFER_BYTES);
    w->stats = &f->stats;
    f->balancers[0] = &balancer_round_robin;
    w->balancers = f->balancers;
    deadlines_init(&w->deadlines, w->loop->clock.mono_ms);
    w->pipes = splice_pipes_new(w->pool, 2);
    w->upstreams = upstreams_new(w);
    f->req.pool = pool_new(4096);
    f->server = f->sink[0] = f->sink[1] = -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (!f->ended && f->req.handler)
        f->req.handler->abort(&f->req, "the end of the test");
    for (size_t i = 0; i < PEERS; i++) {
        assert_int_equal(f->worker.upstreams->states[0].peers[i]->active, 0);
        close(f->listeners[i]);
        if (f->upstream.peer_count == i + 1)
            break;
    }
    if (f->server >= 0)
        close(f->server);
    upstreams_free(f->worker.upstreams);
    splice_pipe_give(f->worker.pipes, f->pipe);
    pool_free(f->req.pool);
    loop_free(f->worker.loop);
    pool_free(f->worker.pool);
    free(f->worker.receive);
    free(f->worker.write);
    free(f);
    return 0;
}

/* A second server; before the first request. */
static void use_two_peers(struct fixture *f)
{
    f->upstream.peer_count = 2;
    f->worker.upstreams = upstreams_new(&f->worker);
}

static void turn(struct fixture *f)
{
    assert_int_equal(loop_turn(f->worker.loop), 0);
}

/* The tick wakes each turn at the latest. */
static void turn_until_ended(struct fixture *f)
{
    for (int i = 0; i < 40 && !f->ended; i++)
        turn(f);
    assert_true(f->ended);
}

static void forget_answer(struct fixture *f)
{
    f->status = f->interims = 0;
    f->body_len = f->credit = 0;
    f->ended = f->aborted = f->refuses = false;
    memset(f->head, 0, sizeof(f->head));
}

/* Runs a request whose head is `text`, with the start of its body. */
static void request(struct fixture *f, const char *text, const char *body, bool last)
{
    struct request *req = &f->req;
    struct pool *pool = req->pool;
    const char *reason = NULL, *query;
    struct h1_line lines[HEAD_LINES_MAX];
    struct h1_scan scan;
    char *scratch;
    size_t len = strlen(body);

    pool_reset(pool);
    forget_answer(f);
    *req = (struct request){.pool = pool, .worker = &f->worker, .out = &out, .handler = &handler_proxy,
                            .config = &f->config, .listener = &f->listener, .site = &f->site, .route = &f->route};
    assert_int_equal(addr_parse(STR("192.0.2.7:999"), &req->peer, (char[64]){0}, 64), 0);
    head_cut(str_of(text), &scan, lines);
    assert_int_equal(h1_parse_request_head(str_of(text), &scan, pool, &f->listener.limits, &req->head, &reason), 0);
    assert_int_equal(frame_request(&req->head, &req->frame, &reason), 0);
    req->times.start = f->worker.loop->clock.mono_ms;
    req->forward_path = req->head.target;
    query = memchr(req->head.target.s, '?', req->head.target.len);
    if (query) {
        req->forward_path.len = (size_t)(query - req->head.target.s);
        req->forward_query = (struct str){query, req->head.target.len - req->forward_path.len};
    }
    /* The bytes are only lent, as those of the worker are. */
    scratch = malloc(len + 1);
    memcpy(scratch, body, len);
    handler_proxy.start(req, (struct str){scratch, len}, last);
    free(scratch);
}

static void send_body(struct fixture *f, const char *bytes, size_t len, bool last)
{
    char *scratch = malloc(len + 1);

    memcpy(scratch, bytes, len);
    handler_proxy.body(&f->req, (struct str){scratch, len}, last);
    free(scratch);
}

/* ---- the server ---- */

static void server_accept(struct fixture *f, int peer)
{
    if (f->server >= 0)
        close(f->server);
    f->server = accept4(f->listeners[peer], NULL, NULL, SOCK_NONBLOCK);
    assert_true(f->server >= 0);
}

static bool server_has_client(struct fixture *f, int peer)
{
    struct pollfd p = {.fd = f->listeners[peer], .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* All that comes until `end` was seen (or the connection ends), while the loop turns. */
static char *server_read(struct fixture *f, const char *end)
{
    static char buf[1 << 20];
    size_t len = 0;

    for (int i = 0; i < 100; i++) {
        ssize_t n = recv(f->server, buf + len, sizeof(buf) - 1 - len, 0);

        if (n > 0)
            len += (size_t)n;
        buf[len] = '\0';
        if (n == 0 || (end && strstr(buf, end)))
            return buf;
        turn(f);
    }
    if (end)
        fail_msg("the server got: %s", buf);
    return buf;
}

static void server_send(struct fixture *f, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(f->server, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void server_reset(struct fixture *f)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(f->server, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(f->server);
    f->server = -1;
}

#define GET "GET /a?b=c HTTP/1.1\r\nHost: example.org\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello"

static struct peer_state *peer(struct fixture *f, int i)
{
    return f->worker.upstreams->states[0].peers[i];
}

/* A first request, so that a connection is idle. */
static void warm_up(struct fixture *f)
{
    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(peer(f, 0)->idle_count, 1);
}

static void assert_body(const struct fixture *f, const char *text)
{
    assert_int_equal(f->body_len, strlen(text));
    assert_memory_equal(f->body, text, strlen(text));
}

/* ---- tests ---- */

static void test_get_and_reuse(void **state)
{
    struct fixture *f = *state;
    const char *seen;

    request(f, "GET /a?b=c HTTP/1.1\r\nHost: Example.org:80\r\nConnection: x-drop\r\nX-Drop: 1\r\nX-Keep: 2\r\n"
               "Expect: 100-continue\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n", "", true);
    turn(f);
    server_accept(f, 0);
    seen = server_read(f, "\r\n\r\n");
    assert_string_equal(seen, "GET /a?b=c HTTP/1.1\r\nHost: Example.org:80\r\nX-Keep: 2\r\nX-Forwarded-For: 192.0.2.7\r\n"
                              "X-Forwarded-Proto: http\r\nX-Forwarded-Host: Example.org:80\r\nVia: 1.1 weir\r\n\r\n");
    server_send(f, "HTTP/1.1 200 Fine\r\nDate: x\r\nConnection: y\r\nY: 1\r\nX: 2\r\nContent-Length: 5\r\n\r\nhello");
    turn_until_ended(f);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->head, "Date: x\nX: 2\n");
    assert_int_equal(f->told.length, 5);
    assert_body(f, "hello");
    assert_int_equal(f->req.upstream_status, 200);
    assert_int_equal(peer(f, 0)->idle_count, 1);

    request(f, GET, "", true);
    server_read(f, "\r\n\r\n");
    server_send(f, OK);
    turn_until_ended(f);
    assert_body(f, "hello");
    assert_false(server_has_client(f, 0));
    assert_int_equal(f->stats.upstream_connects, 1);
    assert_int_equal(f->stats.upstream_reuses, 1);
    assert_int_equal(peer(f, 0)->stats->requests, 2);
    assert_int_equal(peer(f, 0)->stats->active, 0);
}

/* Answers, and what must come of them; the connection is kept or not. */
static void test_answers(void **state)
{
    static const struct {
        const char *request, *answer;
        bool close;
        unsigned status;
        const char *body;
        bool aborted;
        unsigned idle, interims;
    } cases[] = {
        {GET, OK, false, 200, "hello", false, 1, 0},
        {GET, OK, true, 200, "hello", false, 0, 0},
        {GET, OK "surplus", false, 200, "hello", false, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", false, 200, "hi", false, 0, 0},
        {GET, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, 200, "hi", false, 0, 0},
        {GET, "HTTP/1.0 200 OK\r\n\r\nuntil the end", true, 200, "until the end", false, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\n\r\n", true, 200, "", false, 0, 0},
        {GET, "HTTP/1.1 204 No\r\n\r\n", false, 204, "", false, 1, 0},
        {GET, "HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc", false, 204, "", false, 0, 0},
        {GET, "HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", false, 304, "", false, 1, 0},
        {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n",
         false, 200, "hello world", false, 1, 0},
        {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true, 200, "hello", true, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", false, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true, 200, "hello", true, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nContent-Le", true, 502, NULL, false, 0, 0},
        {GET, "", true, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", false, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false, 502, NULL, false, 0, 0},
        {GET, "SSH-2.0-OpenSSH\r\n", false, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 99 Low\r\n\r\n", false, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 101 Up\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false, 502, NULL, false, 0, 0},
        {GET, "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 103 E\r\n\r\n" OK, false, 200, "hello",
         false, 1, 2},
        {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 103 E\r\n\r\n" OK, false, 200, "hello", false, 1, 0},
        {GET, "HTTP/1.1 103 E\r\nContent-Length: 0\r\n\r\n" OK, false, 502, NULL, false, 0, 0},
        {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", false, 200, "", false, 1, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture *f;

        if (i > 0)
            set_up(state);
        f = *state;
        request(f, cases[i].request, "", true);
        turn(f);
        server_accept(f, 0);
        server_read(f, "\r\n\r\n");
        server_send(f, cases[i].answer);
        if (cases[i].close)
            shutdown(f->server, SHUT_RDWR);
        turn_until_ended(f);
        if (f->status != cases[i].status || f->aborted != cases[i].aborted || peer(f, 0)->idle_count != cases[i].idle ||
            f->interims != cases[i].interims)
            fail_msg("case %zu: status %u aborted %d idle %u interims %u", i, f->status, f->aborted,
                     peer(f, 0)->idle_count, f->interims);
        if (cases[i].body)
            assert_body(f, cases[i].body);
        if (i + 1 < ARRAY_SIZE(cases))
            tear_down(state);
    }
}

static void test_head_tells_the_length(void **state)
{
    struct fixture *f = *state;

    request(f, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    server_send(f, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
    turn_until_ended(f);
    assert_int_equal(f->told.kind, FRAME_LENGTH);
    assert_int_equal(f->told.length, 77);
}

static void test_answers_byte_by_byte(void **state)
{
    static const char answer[] = "HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    struct fixture *f = *state;

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    for (size_t i = 0; i < sizeof(answer) - 1; i++) {
        assert_false(f->ended);
        assert_int_equal(send(f->server, answer + i, 1, 0), 1);
        turn(f);
    }
    turn_until_ended(f);
    assert_int_equal(f->interims, 1);
    assert_body(f, "hello world");
    assert_int_equal(peer(f, 0)->idle_count, 1);
}

static void test_too_many_interims(void **state)
{
    struct fixture *f = *state;

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    for (int i = 0; i < 17; i++)
        server_send(f, "HTTP/1.1 103 E\r\n\r\n");
    turn_until_ended(f);
    assert_int_equal(f->status, 502);
    assert_int_equal(f->interims, 16);
}

static void test_large_head(void **state)
{
    struct fixture *f = *state;
    char line[1024];

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    memset(line, 'a', sizeof(line));
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    server_send(f, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20 && !f->ended; i++) {
        server_send(f, line);
        turn(f);
    }
    turn_until_ended(f);
    assert_int_equal(f->status, 502);
}

static void test_idle_connection_closed_unnoticed(void **state)
{
    struct fixture *f = *state;

    warm_up(f);
    shutdown(f->server, SHUT_RDWR);
    request(f, GET, "", true);
    for (int i = 0; i < 10 && !server_has_client(f, 0); i++)
        turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(peer(f, 0)->stats->failures, 0);
}

static void test_repeated_only_once(void **state)
{
    struct fixture *f = *state;

    warm_up(f);
    server_reset(f);
    request(f, GET, "", true);
    for (int i = 0; i < 10 && !server_has_client(f, 0); i++)
        turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    server_reset(f);
    turn_until_ended(f);
    assert_int_equal(f->status, 502);
    assert_string_equal(f->req.upstream_addr.s, peer(f, 0)->address.s);
    assert_false(server_has_client(f, 0));
}

static void test_post_looks_first(void **state)
{
    struct fixture *f = *state;
    const char *seen;

    warm_up(f);
    shutdown(f->server, SHUT_RDWR);
    request(f, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", "abc", true);
    for (int i = 0; i < 10 && !server_has_client(f, 0); i++)
        turn(f);
    server_accept(f, 0);
    seen = server_read(f, "abc");
    assert_non_null(strstr(seen, "Content-Length: 3\r\n"));
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(f->status, 200);
}

static void test_post_is_not_repeated(void **state)
{
    struct fixture *f = *state;

    warm_up(f);
    request(f, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", "abc", true);
    server_read(f, "abc");
    shutdown(f->server, SHUT_RDWR);
    turn_until_ended(f);
    assert_int_equal(f->status, 502);
    assert_false(server_has_client(f, 0));
}

static void test_an_event_closes_an_idle_connection(void **state)
{
    struct fixture *f = *state;

    warm_up(f);
    server_send(f, "x");
    turn(f);
    assert_int_equal(peer(f, 0)->idle_count, 0);
}

/* The word of bytes that were read with others before it came. */
static void test_a_late_event_does_not(void **state)
{
    struct fixture *f = *state;

    warm_up(f);
    uconn_again(container_of(peer(f, 0)->idle.next, struct uconn, link));
    turn(f);
    assert_int_equal(peer(f, 0)->idle_count, 1);
}

static void test_idle_time_is_learnt(void **state)
{
    struct fixture *f = *state;
    int64_t now;

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    server_send(f, "HTTP/1.1 200 OK\r\nKeep-Alive: max=3, timeout=5\r\nContent-Length: 0\r\n\r\n");
    turn_until_ended(f);
    assert_int_equal(peer(f, 0)->idle_max, 4000);
    now = f->worker.loop->clock.mono_ms;
    deadlines_check(&f->worker.deadlines, now + 3900);
    assert_int_equal(peer(f, 0)->idle_count, 1);
    deadlines_check(&f->worker.deadlines, now + 4200);
    assert_int_equal(peer(f, 0)->idle_count, 0);
}

static void test_idle_limits(void **state)
{
    struct fixture *f = *state;

    f->upstream.keepalive_requests = 2;
    warm_up(f);
    request(f, GET, "", true);
    server_read(f, "\r\n\r\n");
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(peer(f, 0)->idle_count, 0);
    f->upstream.keepalive_idle = 0;
    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    assert_non_null(strstr(server_read(f, "\r\n\r\n"), "Connection: close\r\n"));
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(peer(f, 0)->idle_count, 0);
}

static void test_refused_goes_to_the_next(void **state)
{
    struct fixture *f = *state;

    use_two_peers(f);
    close(f->listeners[0]);
    f->listeners[0] = dup(1);
    request(f, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "abc", false);
    for (int i = 0; i < 10 && !server_has_client(f, 1); i++)
        turn(f);
    server_accept(f, 1);
    assert_non_null(strstr(server_read(f, "3\r\nabc\r\n"), "Transfer-Encoding: chunked\r\n"));
    send_body(f, "de", 2, true);
    assert_non_null(strstr(server_read(f, "0\r\n\r\n"), "2\r\nde\r\n0\r\n\r\n"));
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(peer(f, 0)->stats->failures, 1);
    assert_int_equal(peer(f, 1)->stats->failures, 0);
}

static void test_all_refuse(void **state)
{
    struct fixture *f = *state;

    use_two_peers(f);
    for (int i = 0; i < 2; i++) {
        close(f->listeners[i]);
        f->listeners[i] = dup(1);
    }
    request(f, GET, "", true);
    turn_until_ended(f);
    assert_int_equal(f->status, 502);
    assert_non_null(strstr(f->head, "connection_refused"));
}

static void test_none_usable(void **state)
{
    struct fixture *f = *state;

    f->peers[0].down = true;
    f->worker.upstreams->states[0].look_at_ms = 0;
    request(f, GET, "", true);
    assert_true(f->ended);
    assert_int_equal(f->status, 503);
    assert_non_null(strstr(f->head, "Retry-After: "));
}

static void test_read_timeout(void **state)
{
    struct fixture *f = *state;

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    deadlines_check(&f->worker.deadlines, f->worker.loop->clock.mono_ms + 2900);
    assert_false(f->ended);
    deadlines_check(&f->worker.deadlines, f->worker.loop->clock.mono_ms + 3200);
    assert_true(f->ended);
    assert_int_equal(f->status, 504);
    assert_non_null(strstr(f->head, "http_response_timeout"));
}

static void test_total_timeout(void **state)
{
    struct fixture *f = *state;
    int64_t now = f->worker.loop->clock.mono_ms;

    use_two_peers(f);
    close(f->listeners[0]);
    f->listeners[0] = dup(1);
    f->route.timeouts.total = 1000;
    request(f, GET, "", true);
    for (int i = 0; i < 10 && !server_has_client(f, 1); i++)
        turn(f);
    server_accept(f, 1);
    server_read(f, "\r\n\r\n");
    server_send(f, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
    turn(f);
    assert_false(f->ended);
    deadlines_check(&f->worker.deadlines, now + 1200);
    assert_true(f->aborted);
}

static void test_bodies(void **state)
{
    static const struct {
        const char *head, *first;
        bool last;
        const char *rest, *seen;
    } cases[] = {
        {"Content-Length: 6", "abcdef", true, "", "Content-Length: 6\r\n\r\nabcdef"},
        {"Content-Length: 6", "abc", false, "def", "Content-Length: 6\r\n\r\nabcdef"},
        {"Content-Length: 6", "", false, "abcdef", "Content-Length: 6\r\n\r\nabcdef"},
        {"Transfer-Encoding: chunked", "abcdef", true, "", "Content-Length: 6\r\n\r\nabcdef"},
        {"Transfer-Encoding: chunked", "", true, "", "Content-Length: 0\r\n\r\n"},
        {"Transfer-Encoding: chunked", "abc", false, "def", "chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"},
        {"Transfer-Encoding: chunked", "abc", false, "", "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
        {"Transfer-Encoding: chunked", "", false, "abc", "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
    };

    for (size_t warm = 0; warm < 2; warm++) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct fixture *f;
            char head[200];

            if (i > 0 || warm > 0)
                set_up(state);
            f = *state;
            if (warm > 0)
                warm_up(f);
            snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", cases[i].head);
            request(f, head, cases[i].first, cases[i].last);
            turn(f);
            if (warm == 0)
                server_accept(f, 0);
            if (!cases[i].last) {
                assert_true(f->credit > 0);
                if (warm == 0)
                    turn(f);
                send_body(f, cases[i].rest, strlen(cases[i].rest), true);
            }
            server_read(f, cases[i].seen);
            server_send(f, OK);
            turn_until_ended(f);
            assert_int_equal(f->status, 200);
            assert_int_equal(peer(f, 0)->idle_count, 1);
            if (warm == 0 || i + 1 < ARRAY_SIZE(cases))
                tear_down(state);
        }
    }
}

/* Uploads `total` bytes to a server that reads only after the client has given all it may; the buffering says when that is. */
static size_t upload_while_blocked(struct fixture *f, size_t total)
{
    char *piece = malloc(60000);
    size_t given = 0, passed = 0;
    char head[200];

    memset(piece, 'u', 60000);
    snprintf(head, sizeof(head), "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", total);
    request(f, head, "", false);
    turn(f);
    server_accept(f, 0);
    turn(f);
    for (int idle = 0; idle < 6 && given < total;) {
        if (f->credit == 0) {
            idle++;
            turn(f);
            deadlines_check(&f->worker.deadlines, f->worker.loop->clock.mono_ms + 60 * idle);
            continue;
        }
        idle = 0;
        f->credit = 0;
        passed = total - given < 60000 ? total - given : 60000;
        given += passed;
        send_body(f, piece, passed, given == total);
    }
    free(piece);
    return given;
}

static void finish_upload(struct fixture *f, size_t total)
{
    static char buf[1 << 16];
    size_t seen = 0;
    bool in_body = false;
    char *at;

    for (int i = 0; i < 100000 && seen < total; i++) {
        ssize_t n = recv(f->server, buf, sizeof(buf) - 1, 0);

        if (n <= 0) {
            turn(f);
            continue;
        }
        buf[n] = '\0';
        at = in_body ? buf : strstr(buf, "\r\n\r\n") + 4;
        in_body = true;
        for (; at < buf + n; at++, seen++)
            assert_int_equal(*at, 'u');
    }
    assert_int_equal(seen, total);
    server_send(f, OK);
    turn_until_ended(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(peer(f, 0)->idle_count, 1);
}

static void test_upload_goes_to_disk(void **state)
{
    struct fixture *f = *state;
    const size_t total = 30u << 20;

    f->route.timeouts.send = 1000000;
    assert_int_equal(upload_while_blocked(f, total), total);
    finish_upload(f, total);
}

static void test_upload_in_memory_waits(void **state)
{
    struct fixture *f = *state;
    size_t given;

    f->route.timeouts.send = 1000000;
    f->route.body_buffering = BODY_STREAM;
    given = upload_while_blocked(f, 60u << 20);
    assert_true(given < (30u << 20));
    handler_proxy.abort(&f->req, "enough");
    f->ended = true;
}

static void test_early_answer_stops_the_upload(void **state)
{
    struct fixture *f = *state;

    request(f, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", "abc", false);
    turn(f);
    server_accept(f, 0);
    server_read(f, "abc");
    server_send(f, "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
    turn_until_ended(f);
    assert_int_equal(f->status, 413);
    assert_body(f, "no");
    assert_int_equal(peer(f, 0)->idle_count, 0);
}

static void test_answer_then_reset_while_uploading(void **state)
{
    struct fixture *f = *state;
    char *piece = calloc(1, 60000);

    request(f, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n", "abc", false);
    turn(f);
    server_accept(f, 0);
    server_read(f, "abc");
    server_send(f, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");
    close(f->server);
    f->server = -1;
    for (int i = 0; i < 20 && !f->ended; i++)
        send_body(f, piece, 60000, false);
    free(piece);
    if (!f->ended)
        turn_until_ended(f);
    assert_true(f->status == 401 || f->status == 502);
}

static void test_a_slow_client_holds_the_server(void **state)
{
    struct fixture *f = *state;

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    f->refuses = true;
    server_send(f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    turn(f);
    turn(f);
    assert_body(f, "hello");
    server_send(f, "world");
    turn(f);
    turn(f);
    assert_body(f, "hello");
    /* The server is not to blame for this silence. */
    deadlines_check(&f->worker.deadlines, f->worker.loop->clock.mono_ms + 3500);
    assert_false(f->ended);
    f->refuses = false;
    handler_proxy.resume(&f->req);
    turn_until_ended(f);
    assert_body(f, "helloworld");
    assert_int_equal(peer(f, 0)->idle_count, 1);
}

static void test_splice(void **state)
{
    struct fixture *f = *state;
    const size_t total = 3u << 20;
    char *block = calloc(1, 1 << 16), head[100];
    size_t sent = 0, got = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->sink), 0);
    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", total);
    server_send(f, head);
    for (int i = 0; i < 100000 && !f->ended; i++) {
        size_t n = total - sent < (1 << 16) ? total - sent : 1 << 16;
        ssize_t moved;

        do {
            moved = n > 0 ? send(f->server, block, n, MSG_NOSIGNAL) : -1;
            if (moved > 0)
                sent += (size_t)moved;
            n = total - sent < (1 << 16) ? total - sent : 1 << 16;
        } while (moved > 0);
        turn(f);
        while ((moved = read(f->sink[1], block, 1 << 16)) > 0)
            got += (size_t)moved;
        if (!f->ended)
            handler_proxy.resume(&f->req);
    }
    /* What went into the socket in the last turn. */
    for (ssize_t n; (n = read(f->sink[1], block, 1 << 16)) > 0;)
        got += (size_t)n;
    free(block);
    assert_true(f->ended);
    assert_false(f->aborted);
    assert_true(got > total / 2);
    assert_int_equal(f->body_len + got, total);
    assert_int_equal(peer(f, 0)->idle_count, 1);
    close(f->sink[0]);
    close(f->sink[1]);
}

static void test_websocket(void **state)
{
    struct fixture *f = *state;

    request(f, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n", "", true);
    turn(f);
    server_accept(f, 0);
    assert_non_null(strstr(server_read(f, "\r\n\r\n"), "Upgrade: websocket\r\nConnection: upgrade\r\n"));
    server_send(f, "HTTP/1.1 101 Up\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst");
    for (int i = 0; i < 5 && f->body_len < 5; i++)
        turn(f);
    assert_int_equal(f->status, 101);
    assert_int_equal(f->told.kind, FRAME_TUNNEL);
    assert_non_null(strstr(f->head, "Upgrade: websocket\n"));
    assert_body(f, "first");
    assert_true(f->credit > 0);
    send_body(f, "ping", 4, false);
    assert_string_equal(server_read(f, "ping"), "ping");
    server_send(f, "pong");
    for (int i = 0; i < 5 && f->body_len < 9; i++)
        turn(f);
    assert_body(f, "firstpong");
    send_body(f, "", 0, true);
    assert_string_equal(server_read(f, NULL), "");
    assert_false(f->ended);
    server_send(f, "bye");
    shutdown(f->server, SHUT_WR);
    turn_until_ended(f);
    assert_body(f, "firstpongbye");
    assert_int_equal(peer(f, 0)->idle_count, 0);
}

static void test_client_abort_closes_the_connection(void **state)
{
    struct fixture *f = *state;
    char byte;

    request(f, GET, "", true);
    turn(f);
    server_accept(f, 0);
    server_read(f, "\r\n\r\n");
    handler_proxy.abort(&f->req, "gone");
    f->ended = true;
    turn(f);
    assert_int_equal(recv(f->server, &byte, 1, 0), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_get_and_reuse),
        TEST(test_answers),
        TEST(test_head_tells_the_length),
        TEST(test_answers_byte_by_byte),
        TEST(test_too_many_interims),
        TEST(test_large_head),
        TEST(test_idle_connection_closed_unnoticed),
        TEST(test_repeated_only_once),
        TEST(test_post_looks_first),
        TEST(test_post_is_not_repeated),
        TEST(test_an_event_closes_an_idle_connection),
        TEST(test_a_late_event_does_not),
        TEST(test_idle_time_is_learnt),
        TEST(test_idle_limits),
        TEST(test_refused_goes_to_the_next),
        TEST(test_all_refuse),
        TEST(test_none_usable),
        TEST(test_read_timeout),
        TEST(test_total_timeout),
        TEST(test_bodies),
        TEST(test_upload_goes_to_disk),
        TEST(test_upload_in_memory_waits),
        TEST(test_early_answer_stops_the_upload),
        TEST(test_answer_then_reset_while_uploading),
        TEST(test_a_slow_client_holds_the_server),
        TEST(test_splice),
        TEST(test_websocket),
        TEST(test_client_abort_closes_the_connection),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

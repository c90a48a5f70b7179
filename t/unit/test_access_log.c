/*
 * test_access_log.c: lines of made-up requests in each format, buffering, sampling, conditions, a disk that
 * is full and a pipe that nobody reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/access_line.h"
#include "core/log/access_log.h"
#include "core/route/match.h"
#include "core/var.h"
#include "core/worker.h"

/* The real ones would draw in all that answers requests. */
struct str request_id(struct request *r)
{
    return r->id;
}

#define NOON 784123200 /* 1994-11-06 12:00:00 */

/* A worker with one route and one log. */
struct stand {
    struct pool *pool;
    struct loop loop;
    struct log log;
    struct worker worker;
    struct config config;
    struct site site;
    struct route route;
    struct listener_conf listener;
    struct access_log access, *one;
    struct access_logs *logs;
    struct request r;
};

static void header(struct stand *s, const char *name, const char *value)
{
    assert_int_equal(header_add(&s->r.head.headers, str_of(name), str_of(value)), 0);
}

static void make_request(struct stand *s)
{
    char error[128];

    s->r = (struct request){.pool = s->pool,
                            .worker = &s->worker,
                            .config = &s->config,
                            .site = &s->site,
                            .route = &s->route,
                            .listener = &s->listener,
                            .bytes_sent = 12345,
                            .bytes_received = 6,
                            .head_sent = true,
                            .has_query = true};
    assert_int_equal(addr_parse(STR("192.0.2.17:4711"), &s->r.client, error, sizeof(error)), 0);
    s->r.peer = s->r.client;
    s->r.id = STR("id-1");
    s->r.head.method = STR("GET");
    s->r.head.target = STR("/a%20b?q=1");
    s->r.head.minor = 1;
    s->r.host = STR("example.org");
    s->r.path = STR("/a%20b");
    s->r.query = STR("q=1");
    s->r.response.status = 200;
    s->r.times.start = 1000;
    s->r.times.end = 1250;
    header_list_init(&s->r.head.headers, s->pool, 10);
    header_list_init(&s->r.response.headers, s->pool, 10);
}

static void set_fields(struct stand *s, const struct str *names, size_t count)
{
    struct conf_report report;

    conf_report_init(&report, s->pool);
    access_fields_init(&s->access.fields, s->pool, names, count, (struct conf_place){.file = NULL}, &report);
    assert_int_equal(report.n, 0);
}

static void stand_init(struct stand *s, struct str path, int fd, enum access_format format, size_t buffer)
{
    char error[128];

    memset(s, 0, sizeof(*s));
    s->pool = pool_new(4096);
    clock_init_fixed(&s->loop.clock, 5000, NOON);
    log_init(&s->log, -1, LOG_LEVEL_INFO, "test");
    s->worker = (struct worker){.loop = &s->loop, .log = &s->log, .config = &s->config, .pool = s->pool};
    rnd_init_fixed(&s->worker.rnd, 1);
    s->access =
        (struct access_log){.path = path, .format = format, .buffer = buffer, .flush = 1000, .sample = 1};
    s->one = &s->access;
    s->config.access_logs = &s->one;
    s->config.access_log_count = 1;
    s->route.access_logs = &s->one;
    s->route.access_log_count = 1;
    s->route.label = STR("r1");
    set_fields(s, NULL, 0);
    s->site.name = STR("s1");
    assert_int_equal(addr_parse(STR("127.0.0.1:80"), &s->listener.address, error, sizeof(error)), 0);
    s->logs = access_logs_new(s->pool, &s->config, &fd);
    make_request(s);
}

/* A pipe to read lines from, without waiting. */
static void pipe_open(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
}

static char *pipe_text(int fd)
{
    static char text[256 * 1024];
    ssize_t n, len = 0;

    while ((n = read(fd, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
        len += n;
    text[len] = '\0';
    return text;
}

static void close_all(struct stand *s, const int ends[2])
{
    pool_free(s->pool);
    close(ends[0]);
    close(ends[1]);
}

static void combined(void **state)
{
    struct stand s;
    int ends[2];

    (void)state;
    pipe_open(ends);
    stand_init(&s, STR("/x"), ends[1], ACCESS_COMBINED, 0);
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]),
                        "192.0.2.17 - - [06/Nov/1994:12:00:00 +0000] \"GET /a%20b?q=1 HTTP/1.1\""
                        " 200 12345 \"-\" \"-\"\n");
    s.loop.clock.wall_s++;
    s.r.head.minor = 0;
    s.r.head.target = STR("/\n1.2.3.4 - - \"\xff\\");
    s.r.response.status = 0;
    header(&s, "Referer", "http://a/\"x\"");
    header(&s, "User-Agent", "\x1b[31mred\x7f");
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]),
                        "192.0.2.17 - - [06/Nov/1994:12:00:01 +0000] \"GET /\\x0a1.2.3.4 - - \\x22\\xff\\x5c "
                        "HTTP/1.0\" 000 12345 \"http://a/\\x22x\\x22\" \"\\x1b[31mred\\x7f\"\n");
    make_request(&s);
    assert_int_equal(addr_parse_ip(STR("2001:db8::1"), 80, &s.r.client), 0);
    s.r.head = (struct message){.headers = s.r.head.headers};
    s.r.response.status = 400;
    access_logs_write(s.logs, &s.r);
    assert_non_null(strstr(pipe_text(ends[0]), "2001:db8::1 - - [06/Nov/1994:12:00:01 +0000] \"-\" 400 "));
    close_all(&s, ends);
}

/* Whatever is sent, a line has one end, and its length a limit. */
static void combined_is_limited(void **state)
{
    static char big[64 * 1024];
    struct stand s;
    int ends[2];
    char *text;

    (void)state;
    pipe_open(ends);
    for (int byte = 0; byte < 256; byte++) {
        stand_init(&s, STR("/x"), ends[1], ACCESS_COMBINED, 0);
        memset(big, byte, sizeof(big) - 1);
        s.r.head.method = s.r.head.target = (struct str){big, sizeof(big) - 1};
        assert_int_equal(header_add(&s.r.head.headers, STR("User-Agent"), s.r.head.target), 0);
        assert_int_equal(header_add(&s.r.head.headers, STR("Referer"), s.r.head.target), 0);
        access_logs_write(s.logs, &s.r);
        text = pipe_text(ends[0]);
        assert_true(strlen(text) > 8000 && strlen(text) < ACCESS_LINE_MAX);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        for (const char *c = text; *c != '\n'; c++)
            assert_true(*c >= 0x20 && *c < 0x7f);
        pool_free(s.pool);
    }
    close(ends[0]);
    close(ends[1]);
}

static void json(void **state)
{
    struct str fields[] = {STR("path"), STR("status"), STR("duration"), STR("header_referer"),
                           STR("sent_header_x")};
    struct str of_attempts[] = {STR("upstream_addr"), STR("upstream_status"), STR("upstream_duration")};
    static const struct {
        const char *addr;
        unsigned status;
        struct request_attempts before;
        const char *line;
    } attempts[] = {
        {"", 0, {{NULL, 0}, {NULL, 0}, {NULL, 0}},
         "{\"upstream_addr\":null,\"upstream_status\":null,\"upstream_duration\":null}\n"},
        {"10.0.0.1:80", 200, {{NULL, 0}, {NULL, 0}, {NULL, 0}},
         "{\"upstream_addr\":[\"10.0.0.1:80\"],\"upstream_status\":[200],\"upstream_duration\":null}\n"},
        {"unix:/a\"b", 0, {STR("10.0.0.1:80, 10.0.0.2:80, "), STR("-, 502, "), STR("0.001, 1.250, ")},
         "{\"upstream_addr\":[\"10.0.0.1:80\",\"10.0.0.2:80\",\"unix:/a\\\"b\"],"
         "\"upstream_status\":[null,502,null],\"upstream_duration\":[0.001,1.250,null]}\n"},
    };
    struct stand s;
    int ends[2];
    char *text;

    (void)state;
    pipe_open(ends);
    stand_init(&s, STR("/x"), ends[1], ACCESS_JSON, 0);
    s.r.error = "http_response_incomplete";
    access_logs_write(s.logs, &s.r);
    text = pipe_text(ends[0]);
    assert_string_equal(
        text,
        "{\"time\":\"1994-11-06T12:00:00Z\",\"request_id\":\"id-1\",\"remote_addr\":\"192.0.2.17\","
        "\"remote_port\":4711,\"remote_user\":null,\"server_addr\":\"127.0.0.1\",\"server_port\":80,"
        "\"scheme\":\"http\",\"protocol\":\"HTTP/1.1\",\"method\":\"GET\",\"host\":\"example.org\","
        "\"uri\":\"/a%20b?q=1\",\"path\":\"/a%20b\",\"query\":\"q=1\",\"status\":200,\"bytes_sent\":12345,"
        "\"bytes_received\":6,\"duration\":0.250,\"site\":\"s1\",\"route\":\"r1\",\"upstream_addr\":null,"
        "\"upstream_status\":null,\"upstream_duration\":null,\"queue_duration\":null,\"grpc_status\":null,\"cache_status\":null,\"error\":\"http_response_incomplete\"}\n");
    s.r.error = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
        s.r.upstream_addr = str_of(attempts[i].addr);
        s.r.upstream_status = attempts[i].status;
        s.r.before = attempts[i].before;
        set_fields(&s, of_attempts, ARRAY_SIZE(of_attempts));
        access_logs_write(s.logs, &s.r);
        assert_string_equal(pipe_text(ends[0]), attempts[i].line);
    }
    set_fields(&s, fields, ARRAY_SIZE(fields));
    s.r.path = STR("/\"\\\n");
    header(&s, "Referer", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80\xff\xc3");
    access_logs_write(s.logs, &s.r);
    assert_string_equal(
        pipe_text(ends[0]),
        "{\"path\":\"/\\\"\\\\\\u000a\",\"status\":200,\"duration\":0.250,\"header_referer\":"
        "\"\\u00e9\\u20ac\\ud83d\\ude00\\u00ed\\u00a0\\u0080\\u00ff\\u00c3\",\"sent_header_x\":null}\n");
    close_all(&s, ends);
}

/* Cut or not, the object is closed. */
static void json_is_limited(void **state)
{
    static char big[64 * 1024];
    struct str fields[10];
    struct stand s;
    int ends[2];

    (void)state;
    pipe_open(ends);
    stand_init(&s, STR("/x"), ends[1], ACCESS_JSON, 0);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        fields[i] = STR("path");
    set_fields(&s, fields, ARRAY_SIZE(fields));
    for (int round = 0; round < 3; round++) {
        memset(big, "x\"\n"[round], sizeof(big));
        for (size_t len = 1500; len < sizeof(big); len += len < 2000 ? 1 : 5000) {
            char *text;
            size_t n;

            s.access.fields.count = 1 + len % ARRAY_SIZE(fields);
            s.r.path = (struct str){big, len};
            access_logs_write(s.logs, &s.r);
            text = pipe_text(ends[0]);
            n = strlen(text);
            assert_true(n > 1000 && n <= ACCESS_LINE_MAX);
            assert_string_equal(text + n - 3, "\"}\n");
            assert_memory_equal(text, "{\"path\":\"", 9);
        }
    }
    close_all(&s, ends);
}

static void custom(void **state)
{
    struct conf_report *report = NULL;
    struct stand s;
    int ends[2];

    (void)state;
    pipe_open(ends);
    stand_init(&s, STR("/x"), ends[1], ACCESS_CUSTOM, 0);
    s.access.line = template_new(s.pool, STR("$method \"$header_user_agent\" $status|$cookie_a $$"),
                                 VAR_RESPONSE, (struct conf_place){0}, report);
    assert_non_null(s.access.line);
    header(&s, "User-Agent", "a\"b\n");
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]), "GET \"a\\x22b\\x0a\" 200|- $\n");
    close_all(&s, ends);
}

static void buffering(void **state)
{
    struct stand s;
    int ends[2], other[2];
    size_t line;
    char *text;

    (void)state;
    pipe_open(ends);
    pipe_open(other);
    stand_init(&s, STR("/x"), ends[1], ACCESS_COMBINED, 1000);
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]), "");
    access_logs_flush(s.logs, 5999, false);
    assert_string_equal(pipe_text(ends[0]), "");
    access_logs_flush(s.logs, 6000, false);
    line = strlen(pipe_text(ends[0]));
    assert_true(line > 80 && line < 110);
    access_logs_write(s.logs, &s.r);
    access_logs_flush(s.logs, 5000, true);
    assert_int_equal(strlen(pipe_text(ends[0])), line);
    for (size_t i = 0; i < 100; i++) {
        access_logs_write(s.logs, &s.r);
        text = pipe_text(ends[0]);
        assert_int_equal(strlen(text) % line, 0);
        assert_true(strlen(text) == 0 || strlen(text) >= 1000);
    }
    access_logs_set_fd(s.logs, 0, other[1]);
    assert_int_equal(strlen(pipe_text(ends[0])) % line, 0);
    access_logs_write(s.logs, &s.r);
    access_logs_flush(s.logs, 0, true);
    assert_string_equal(pipe_text(ends[0]), "");
    assert_int_equal(strlen(pipe_text(other[0])), line);
    assert_int_equal(access_logs_lost(s.logs), 0);
    access_logs_set_fd(s.logs, 0, -1);
    access_logs_write(s.logs, &s.r);
    assert_int_equal(access_logs_lost(s.logs), 1);
    close(other[0]);
    close(other[1]);
    close_all(&s, ends);
}

/* Nobody reads for a while: whole lines are lost, then all goes on. */
static void full_pipe(void **state)
{
    struct stand s;
    int ends[2];
    size_t line, written, lost;
    char *text;

    (void)state;
    pipe_open(ends);
    stand_init(&s, STR("/x"), ends[1], ACCESS_COMBINED, 4096);
    access_logs_write(s.logs, &s.r);
    access_logs_flush(s.logs, 0, true);
    line = strlen(pipe_text(ends[0]));
    for (written = 0; written < 5000; written++)
        access_logs_write(s.logs, &s.r);
    lost = (size_t)access_logs_lost(s.logs);
    assert_true(lost > 1000 && lost < 5000);
    text = pipe_text(ends[0]);
    assert_int_equal(strlen(text) % line, 0);
    written = strlen(text) / line;
    s.loop.clock.mono_ms += 1000;
    access_logs_flush(s.logs, s.loop.clock.mono_ms, false);
    written += strlen(pipe_text(ends[0])) / line;
    assert_int_equal(written + lost, 5000);
    close_all(&s, ends);
}

/* A file that cannot grow, and then can: no half line stays, none is written twice. */
static void full_disk(void **state)
{
    char path[] = "/tmp/weir-test-access-XXXXXX", text[8192] = "";
    int fd = mkstemp(path), again;
    struct rlimit old, small;
    struct stand s;
    size_t lines = 0;
    ssize_t len;

    (void)state;
    assert_true(fd >= 0);
    stand_init(&s, str_of(path), fd, ACCESS_COMBINED, 500);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){1234, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 30; i++) {
        access_logs_write(s.logs, &s.r);
        s.loop.clock.mono_ms += 1;
    }
    setrlimit(RLIMIT_FSIZE, &old);
    assert_true(access_logs_lost(s.logs) > 5);
    s.loop.clock.mono_ms += 1000;
    access_logs_write(s.logs, &s.r);
    access_logs_flush(s.logs, s.loop.clock.mono_ms, true);
    again = open(path, O_RDONLY | O_CLOEXEC);
    len = read(again, text, sizeof(text) - 1);
    for (char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1, lines++) {
        assert_memory_equal(at, "192.0.2.17 - - [", 16);
        assert_memory_equal(end - 3, "\"-\"", 3);
    }
    assert_int_equal(text[len - 1], '\n');
    assert_int_equal(lines + access_logs_lost(s.logs), 31);
    pool_free(s.pool);
    close(again);
    close(fd);
    unlink(path);
}

static void chosen(void **state)
{
    struct str post = STR("POST");
    struct match_term is_post = {.subject = MATCH_METHOD, .is = &post, .is_count = 1};
    struct match match = {&is_post, 1};
    struct stand s;
    int ends[2];
    size_t lines;

    (void)state;
    pipe_open(ends);
    stand_init(&s, STR("/x"), ends[1], ACCESS_COMBINED, 0);
    s.access.when = &match;
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]), "");
    s.r.head.method = post;
    access_logs_write(s.logs, &s.r);
    assert_true(strlen(pipe_text(ends[0])) > 0);
    s.access.when = NULL;
    s.access.sample = 0.25;
    lines = 0;
    for (int i = 0; i < 4000; i++) {
        access_logs_write(s.logs, &s.r);
        lines += strlen(pipe_text(ends[0])) > 0;
    }
    assert_true(lines > 850 && lines < 1150);
    s.access.sample = 0;
    access_logs_write(s.logs, &s.r);
    s.access.sample = 1;
    s.r.route = NULL;
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]), "");
    s.site.access_logs = &s.one;
    s.site.access_log_count = 1;
    access_logs_write(s.logs, &s.r);
    assert_true(strlen(pipe_text(ends[0])) > 0);
    s.r.site = NULL;
    access_logs_write(s.logs, &s.r);
    assert_string_equal(pipe_text(ends[0]), "");
    s.listener.default_site = &s.site;
    access_logs_write(s.logs, &s.r);
    assert_true(strlen(pipe_text(ends[0])) > 0);
    close_all(&s, ends);
}

static void syslog_lines(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fd;
    char target[128], error[256], got[4096] = "";
    struct stand s;

    (void)state;
    snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/weir-test-access-%ld", (long)getpid());
    assert_int_equal(bind(server, (struct sockaddr *)&sa, sizeof(sa)), 0);
    snprintf(target, sizeof(target), "syslog:server=unix:%s,tag=a", sa.sun_path);
    fd = access_log_open(str_of(target), error, sizeof(error));
    assert_true(fd >= 0);
    stand_init(&s, str_of(target), fd, ACCESS_COMBINED, 64 * 1024);
    access_logs_write(s.logs, &s.r);
    assert_true(recv(server, got, sizeof(got) - 1, 0) > 0);
    assert_memory_equal(got, "<190>", 5);
    assert_string_equal(strstr(got, "]: ") + 3,
                        "192.0.2.17 - - [06/Nov/1994:12:00:00 +0000] \"GET /a%20b?q=1 "
                        "HTTP/1.1\" 200 12345 \"-\" \"-\"");
    close(server);
    unlink(sa.sun_path);
    access_logs_write(s.logs, &s.r);
    assert_int_equal(access_logs_lost(s.logs), 1);
    assert_int_equal(access_log_open(str_of("syslog:x"), error, sizeof(error)), -1);
    pool_free(s.pool);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combined),  cmocka_unit_test(combined_is_limited),
        cmocka_unit_test(json),      cmocka_unit_test(json_is_limited),
        cmocka_unit_test(custom),    cmocka_unit_test(buffering),
        cmocka_unit_test(full_pipe), cmocka_unit_test(full_disk),
        cmocka_unit_test(chosen),    cmocka_unit_test(syslog_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

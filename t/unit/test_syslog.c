/*
 * test_syslog.c: targets right and wrong, and datagrams as a server gets them, also after it came back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/syslog.h"

static void targets(void **state)
{
    static const struct {
        const char *text;
        const char *server; /* NULL: refused */
        unsigned facility, severity;
        const char *tag; /* refused: found in the error */
    } rows[] = {
        {"syslog:", "unix:/dev/log", 23, 6, "weir"},
        {"syslog:server=192.0.2.1", "192.0.2.1:514", 23, 6, "weir"},
        {"syslog:server=[2001:db8::1]:1514,facility=mail,tag=a-b.c_1", "[2001:db8::1]:1514", 2, 6, "a-b.c_1"},
        {"syslog:tag=x,severity=error,server=unix:/run/s", "unix:/run/s", 23, 3, "x"},
        {"syslog:server=*:514", NULL, 0, 0, "not an address"},
        {"syslog:server=example.org", NULL, 0, 0, "not an address"},
        {"syslog:facility=local8", NULL, 0, 0, "local8"},
        {"syslog:severity=loud", NULL, 0, 0, "loud"},
        {"syslog:tag=a b", NULL, 0, 0, "a b"},
        {"syslog:tag=", NULL, 0, 0, "tag"},
        {"syslog:tag=abcdefghijklmnopqrstuvwxyz0123456789", NULL, 0, 0, "1 to 32"},
        {"syslog:host=x", NULL, 0, 0, "unknown syslog option \"host\""},
        {"syslog:local1", "unix:/dev/log", 17, 6, "weir"},
        {"syslog:unix:/run/log,daemon,tag=w", "unix:/run/log", 3, 6, "w"},
        {"syslog:192.0.2.1:1514", "192.0.2.1:1514", 23, 6, "weir"},
        {"syslog:server", NULL, 0, 0, "neither a syslog facility nor an address"},
        {"syslog:,", NULL, 0, 0, "neither a syslog facility nor an address"},
        {"/var/log/x", NULL, 0, 0, "not a syslog target"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct syslog_target t;
        char error[256] = "", text[ADDR_TEXT_MAX];
        int rc = syslog_parse(str_of(rows[i].text), &t, error, sizeof(error));

        if (!rows[i].server) {
            assert_int_equal(rc, -1);
            assert_non_null(strstr(error, rows[i].tag));
            continue;
        }
        assert_int_equal(rc, 0);
        addr_print(&t.server, text);
        assert_string_equal(text, rows[i].server);
        assert_int_equal(t.facility, rows[i].facility);
        assert_int_equal(t.severity, rows[i].severity);
        assert_string_equal(t.tag, rows[i].tag);
    }
}

static void prefix(void **state)
{
    struct syslog_target t = {.facility = 23, .tag = "weir"};
    char buf[SYSLOG_PREFIX_MAX];
    size_t len;

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    len = syslog_print_prefix(&t, 6, 784111777, 42, buf);
    assert_int_equal(len, strlen("<190>Nov  6 08:49:37 weir[42]: "));
    assert_memory_equal(buf, "<190>Nov  6 08:49:37 weir[42]: ", len);
}

static int serve(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

static void datagrams(void **state)
{
    char path[64], target[128], error[256], got[8192] = "", *text;
    struct log log;
    int server;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/weir-test-syslog-%ld", (long)getpid());
    snprintf(target, sizeof(target), "syslog:server=unix:%s,facility=daemon,tag=w", path);
    unlink(path);
    assert_int_equal(log_open(&log, str_of(target), LOG_LEVEL_INFO, "worker 1", error, sizeof(error)), -1);
    assert_non_null(strstr(error, "No such file"));
    server = serve(path);
    assert_int_equal(log_open(&log, str_of(target), LOG_LEVEL_INFO, "worker 1", error, sizeof(error)), 0);
    log_write(&log, LOG_LEVEL_WARN, "one %s", "line");
    assert_true(recv(server, got, sizeof(got) - 1, 0) > 0);
    assert_memory_equal(got, "<28>", 4);
    text = strstr(got, "w[");
    assert_non_null(text);
    assert_string_equal(strstr(text, ": ") + 2, "warn worker 1: one line");

    close(server);
    log_write(&log, LOG_LEVEL_WARN, "nobody there");
    assert_int_equal(log.suppressed, 1);
    server = serve(path);
    log_write(&log, LOG_LEVEL_CRIT, "back");
    memset(got, 0, sizeof(got));
    assert_true(recv(server, got, sizeof(got) - 1, 0) > 0);
    assert_memory_equal(got, "<26>", 4);
    assert_non_null(strstr(got, "crit worker 1: back"));
    while (log.suppressed == 1) /* a server that does not read never stops the writer */
        log_write(&log, LOG_LEVEL_CRIT, "much");
    log_close(&log);
    close(server);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(prefix),
        cmocka_unit_test(datagrams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

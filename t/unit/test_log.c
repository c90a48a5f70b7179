/*
 * test_log.c: the form of a line, levels, the cut, escapes, what is opened and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static char dir[64];

static struct str path_of(const char *name, char buf[128])
{
    snprintf(buf, 128, "%s/%s", dir, name);
    return str_of(buf);
}

static size_t slurp(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

    if (fd >= 0)
        close(fd);
    buf[n < 0 ? 0 : n] = '\0';
    return n < 0 ? 0 : (size_t)n;
}

static bool like(const char *text, const char *pattern)
{
    regex_t re;
    bool found;

    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    if (!found)
        print_error("\"%s\" is not like %s\n", text, pattern);
    return found;
}

static void lines(void **state)
{
    char name[128], error[256], text[16 * 1024], pattern[256];
    struct str path = path_of("lines.log", name);
    struct log log;
    size_t len;

    (void)state;
    assert_int_equal(log_open(&log, path, LOG_LEVEL_NOTICE, "worker 3", error, sizeof(error)), 0);
    errno = ENOENT;
    log_write(&log, LOG_LEVEL_WARN, "%s and %d\nforged", "words", 7);
    assert_int_equal(errno, ENOENT);
    log_write(&log, LOG_LEVEL_INFO, "not written");
    slurp(name, text, sizeof(text));
    snprintf(pattern, sizeof(pattern),
             "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warn worker 3 \\[%ld\\] "
             "words and 7 forged\n$",
             (long)getpid());
    assert_true(like(text, pattern));
    assert_int_equal(truncate(name, 0), 0);
    log_write(&log, LOG_LEVEL_CRIT, "%6000d", 1);
    len = slurp(name, text, sizeof(text));
    assert_int_equal(len, LOG_LINE_MAX);
    assert_int_equal(text[len - 1], '\n');
    assert_int_equal(log.suppressed, 0);
    log_close(&log);
    log_write(&log, LOG_LEVEL_CRIT, "to nowhere");
    assert_int_equal(slurp(name, text, sizeof(text)), len);
}

static void opened(void **state)
{
    char name[128], link[128], fifo[128], error[256];
    struct log log = {.fd = 77};
    struct stat st;
    mode_t mask = umask(0);

    (void)state;
    assert_int_equal(log_open(&log, path_of("new.log", name), LOG_LEVEL_INFO, "master", error, sizeof(error)),
                     0);
    assert_int_equal(fstat(log.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(fcntl(log.fd, F_GETFL) & O_APPEND);
    assert_true(fcntl(log.fd, F_GETFD) & FD_CLOEXEC);
    umask(mask);
    log_close(&log);

    log.fd = 77;
    path_of("link.log", link);
    assert_int_equal(symlink(name, link), 0);
    assert_int_equal(log_open(&log, str_of(link), LOG_LEVEL_INFO, "master", error, sizeof(error)), -1);
    assert_true(like(error, "link\\.log: is a symbolic link"));
    path_of("fifo", fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(log_open(&log, str_of(fifo), LOG_LEVEL_INFO, "master", error, sizeof(error)), -1);
    assert_int_equal(log_open(&log, STR("/no/such/dir/x"), LOG_LEVEL_INFO, "master", error, sizeof(error)),
                     -1);
    assert_true(like(error, "/no/such/dir/x: No such file"));
    assert_int_equal(log_open(&log, STR_NONE, LOG_LEVEL_INFO, "master", error, sizeof(error)), -1);
    assert_int_equal(log_open(&log, STR("syslog:facility=x"), LOG_LEVEL_INFO, "", error, sizeof(error)), -1);
    assert_int_equal(log.fd, 77);
    assert_int_equal(log_open(&log, STR("stderr"), LOG_LEVEL_INFO, "master", error, sizeof(error)), 0);
    assert_int_equal(log.fd, STDERR_FILENO);
    log_close(&log);
    assert_true(fcntl(STDERR_FILENO, F_GETFL) >= 0);
}

/* A pipe that nobody reads takes what it holds, and not one byte of a line more. */
static void full_pipe(void **state)
{
    struct log log;
    int ends[2];
    char byte = 0;
    int written = 0, read_lines = 0;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log_init(&log, ends[1], LOG_LEVEL_INFO, "master");
    while (log.suppressed < 3 && written < 10000) {
        log_write(&log, LOG_LEVEL_INFO, "%1000d", written);
        written++;
    }
    assert_int_equal(log.suppressed, 3);
    close(ends[1]);
    while (read(ends[0], &byte, 1) == 1)
        read_lines += byte == '\n';
    assert_int_equal(byte, '\n');
    assert_int_equal(read_lines, written - 3);
    close(ends[0]);
}

static void escapes(void **state)
{
    static const struct {
        struct str from;
        const char *to;
    } rows[] = {
        {{"plain text", 10}, "plain text"},
        {{"a\r\nb\0c", 6}, "a\\x0d\\x0ab\\x00c"},
        {{"\"\\\x1b[2J\x7f\xc3\xa9", 9}, "\\x22\\x5c\\x1b[2J\\x7f\\xc3\\xa9"},
        {{NULL, 0}, ""},
    };
    char buf[2048], big[2000];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str out = log_escape(rows[i].from, buf, sizeof(buf));

        assert_string_equal(out.s, rows[i].to);
        assert_int_equal(out.len, strlen(rows[i].to));
    }
    memset(big, '\n', sizeof(big));
    assert_int_equal(log_escape((struct str){big, sizeof(big)}, buf, sizeof(buf)).len, LOG_ESCAPED_MAX);
    memset(big, 'x', sizeof(big));
    assert_int_equal(log_escape((struct str){big, sizeof(big)}, buf, sizeof(buf)).len, LOG_ESCAPED_MAX);
    assert_string_equal(log_escape(STR("ab\n"), buf, 6).s, "ab");
    assert_string_equal(log_escape(STR("abc"), buf, 3).s, "ab");
    assert_string_equal(log_escape(STR("abc"), buf, 1).s, "");
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weir-test-log-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    static const char *const names[] = {"lines.log", "new.log", "link.log", "fifo", "full.log"};
    char name[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        path_of(names[i], name);
        unlink(name);
    }
    return rmdir(dir);
}

/* A file that cannot grow: what is cut does not run into the next line, and what was lost is counted. */
static void full_file(void **state)
{
    char name[128], error[256], text[16 * 1024];
    struct str path = path_of("full.log", name);
    struct rlimit was, small;
    struct log log;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 100;
    assert_int_equal(log_open(&log, path, LOG_LEVEL_NOTICE, "worker 3", error, sizeof(error)), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    log_write(&log, LOG_LEVEL_NOTICE, "the first");
    log_write(&log, LOG_LEVEL_NOTICE, "the second");
    log_write(&log, LOG_LEVEL_NOTICE, "the third");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    log_write(&log, LOG_LEVEL_NOTICE, "the fourth");
    log_close(&log);
    (void)slurp(path.s, text, sizeof(text));
    assert_true(like(text, "^2[^\n]+the first\n2[^\n]*\n2[^\n]+the fourth\n2[^\n]+2 lines before the last were lost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),   cmocka_unit_test(opened), cmocka_unit_test(full_pipe),
        cmocka_unit_test(escapes), cmocka_unit_test(full_file),
    };

    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}

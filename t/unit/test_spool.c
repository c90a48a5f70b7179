/* test_spool.c: order and completeness of what goes through a spool, in memory and on the disk. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/proxy/spool.h"

struct fixture {
    struct pool *pool;
    int s[2];
    uint64_t in, out; /* bytes appended and seen; byte n is pattern(n) */
};

static char pattern(uint64_t n)
{
    return (char)(n * 31 + (n >> 8) * 7);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->pool = pool_new(1024);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->s), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close(f->s[0]);
    close(f->s[1]);
    pool_free(f->pool);
    free(f);
    return 0;
}

static void append(struct fixture *f, struct spool *spool, size_t n)
{
    char *bytes = malloc(n);

    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern(f->in++);
    assert_int_equal(spool_append(spool, (struct str){bytes, n}), 0);
    free(bytes);
}

static void receive(struct fixture *f)
{
    char buf[8192];
    ssize_t n;

    while ((n = read(f->s[1], buf, sizeof(buf))) > 0)
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(buf[i], pattern(f->out++));
}

static void drain(struct fixture *f, struct spool *spool)
{
    for (int i = 0; i < 10000; i++) {
        enum spool_sent sent = spool_send(spool, f->s[0], UINT64_MAX);

        receive(f);
        if (sent == SPOOL_EMPTY)
            break;
        assert_int_equal(sent, SPOOL_BLOCKED);
    }
    receive(f);
    assert_int_equal(spool_length(spool), 0);
    assert_int_equal(f->out, f->in);
}

static void test_memory_alone(void **state)
{
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 100000, STR_NONE);

    assert_false(spool_is_full(spool));
    append(f, spool, 3);
    append(f, spool, 99997);
    assert_true(spool_is_full(spool));
    append(f, spool, 50000);
    assert_int_equal(spool_length(spool), 150000);
    drain(f, spool);
    assert_false(spool_is_full(spool));
    append(f, spool, 10);
    drain(f, spool);
}

static void test_memory_then_disk_in_order(void **state)
{
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 10000, STR("/tmp"));

    append(f, spool, 9000);
    spool_use_disk(spool);
    assert_true(spool_uses_disk(spool));
    append(f, spool, 500000);
    append(f, spool, 10);
    (void)spool_send(spool, f->s[0], UINT64_MAX);
    /* Memory is empty again, but what comes now must not overtake the file. */
    append(f, spool, 3000);
    drain(f, spool);
    append(f, spool, 700000);
    append(f, spool, 1);
    drain(f, spool);
}

/* As drain(), by pieces that are looked at and skipped. */
static void test_pieces(void **state)
{
    static char room[5000];
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 10000, STR("/tmp"));
    struct str piece;
    size_t out = 0;

    assert_int_equal(spool_peek(spool, room, sizeof(room), &piece), 0);
    assert_int_equal(piece.len, 0);
    append(f, spool, 9000);
    spool_use_disk(spool);
    append(f, spool, 40000);
    for (;;) {
        assert_int_equal(spool_peek(spool, room, sizeof(room), &piece), 0);
        if (piece.len == 0)
            break;
        assert_in_range(piece.len, 1, sizeof(room));
        for (size_t i = 0; i < piece.len; i++)
            assert_int_equal(piece.s[i], pattern(out + i));
        /* Not all that was seen need go. */
        if (piece.len > 7)
            piece.len -= 7;
        out += piece.len;
        spool_skip(spool, piece.len);
    }
    assert_int_equal(out, f->in);
    assert_int_equal(spool_length(spool), 0);
    f->out = f->in;
    append(f, spool, 100);
    drain(f, spool);
}

static void test_a_directory_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 0, STR("/nonexistent/of/weir"));

    spool_use_disk(spool);
    append(f, spool, 1000);
    drain(f, spool);
}

static void test_a_dead_socket(void **state)
{
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 1000, STR_NONE);

    append(f, spool, 100);
    close(f->s[1]);
    f->s[1] = dup(f->s[0]);
    assert_int_equal(spool_send(spool, f->s[0], UINT64_MAX), SPOOL_FAILED);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(spool_length(spool), 100);
}

/* What was sent comes once more, from memory and from the file, however much of it was sent. */
static void test_kept_and_sent_again(void **state)
{
    static const uint64_t parts[] = {0, 1, 9999, 10000, 40000, 100000, 600000};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        struct spool *spool = spool_new(f->pool, 65536, STR("/tmp"));

        f->in = f->out = 0;
        spool_keep(spool);
        append(f, spool, 50000);
        while (f->out < parts[i] && f->out < 50000) {
            (void)spool_send(spool, f->s[0], parts[i] - f->out < 4000 ? parts[i] - f->out : 4000);
            receive(f);
        }
        append(f, spool, 600000);
        while (f->out < parts[i]) {
            (void)spool_send(spool, f->s[0], parts[i] - f->out);
            receive(f);
        }
        assert_int_equal(f->out, parts[i]);
        assert_int_equal(spool_length(spool), 650000 - parts[i]);
        spool_rewind(spool);
        assert_int_equal(spool_length(spool), 650000);
        f->out = 0;
        drain(f, spool);
        spool_rewind(spool);
        f->out = 0;
        append(f, spool, 10);
        drain(f, spool);
        spool_let_go(spool);
        assert_int_equal(spool_length(spool), 0);
        append(f, spool, 70000);
        drain(f, spool);
    }
}

static void test_let_go_of_half(void **state)
{
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 65536, STR("/tmp"));

    spool_keep(spool);
    append(f, spool, 60000);
    (void)spool_send(spool, f->s[0], 35000);
    receive(f);
    spool_skip(spool, 10);
    f->out += 10;
    spool_let_go(spool);
    assert_int_equal(spool_length(spool), 24990);
    append(f, spool, 5000);
    append(f, spool, 500000);
    drain(f, spool);
}

static void test_kept_without_a_disk_is_sent_once(void **state)
{
    struct fixture *f = *state;
    struct spool *spool = spool_new(f->pool, 10000, STR("/tmp"));
    struct rlimit limit = {.rlim_cur = 5000, .rlim_max = RLIM_INFINITY}, before;

    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    spool_keep(spool);
    append(f, spool, 9000);
    drain(f, spool);
    append(f, spool, 6000);
    assert_false(spool_keeps(spool));
    setrlimit(RLIMIT_FSIZE, &before);
    drain(f, spool);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_memory_alone),
        TEST(test_memory_then_disk_in_order),
        TEST(test_pieces),
        TEST(test_a_directory_that_is_not_there),
        TEST(test_a_dead_socket),
        TEST(test_kept_and_sent_again),
        TEST(test_let_go_of_half),
        TEST(test_kept_without_a_disk_is_sent_once),
    };

    /* splice() and sendfile() have no MSG_NOSIGNAL: the process ignores the signal, as the workers do. */
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_splice.c: pipes that are kept and dropped, and moving bytes between sockets. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/splice.h"

struct fixture {
    struct pool *pool;
    struct splice_pipes *pipes;
    int in[2], out[2]; /* [0] is spliced, [1] is the test's */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->pool = pool_new(1024);
    f->pipes = splice_pipes_new(f->pool, 2);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->in), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->out), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) {
        close(f->in[i]);
        close(f->out[i]);
    }
    pool_free(f->pool);
    free(f);
    return 0;
}

static void test_pipes_are_counted_and_reused(void **state)
{
    struct fixture *f = *state;
    struct splice_pipe *a = splice_pipe_take(f->pipes), *b = splice_pipe_take(f->pipes);
    int fd = a->read_fd;

    assert_non_null(a);
    assert_non_null(b);
    assert_true(a->room >= SPLICE_PIPE_MIN);
    assert_null(splice_pipe_take(f->pipes));
    splice_pipe_give(f->pipes, b);
    splice_pipe_give(f->pipes, a);
    splice_pipe_give(f->pipes, NULL);
    assert_ptr_equal(splice_pipe_take(f->pipes), a);
    assert_int_equal(a->read_fd, fd);
}

static void test_a_pipe_with_bytes_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct splice_pipe *a = splice_pipe_take(f->pipes);
    uint64_t left = 10;
    int fd = a->read_fd;

    assert_int_equal(write(f->in[1], "abc", 3), 3);
    close(f->out[1]);
    f->out[1] = dup(f->out[0]);
    assert_int_equal(splice_move(a, f->in[0], f->out[0], &left), SPLICE_MOVE_OUT_FAILED);
    assert_int_equal(a->held, 3);
    splice_pipe_give(f->pipes, a);
    assert_int_equal(a->read_fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_moves_what_there_is_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct splice_pipe *p = splice_pipe_take(f->pipes);
    uint64_t left = 5;
    char buf[16];

    assert_int_equal(splice_move(p, f->in[0], f->out[0], &left), SPLICE_MOVE_MORE_IN);
    assert_int_equal(write(f->in[1], "abc", 3), 3);
    assert_int_equal(splice_move(p, f->in[0], f->out[0], &left), SPLICE_MOVE_MORE_IN);
    assert_int_equal(left, 2);
    assert_int_equal(write(f->in[1], "defg", 4), 4);
    assert_int_equal(splice_move(p, f->in[0], f->out[0], &left), SPLICE_MOVE_DONE);
    assert_int_equal(left, 0);
    assert_int_equal(read(f->out[1], buf, sizeof(buf)), 5);
    assert_memory_equal(buf, "abcde", 5);
    assert_int_equal(read(f->in[0], buf, sizeof(buf)), 2);
    splice_pipe_give(f->pipes, p);
}

static void test_an_early_end_is_told_after_the_bytes(void **state)
{
    struct fixture *f = *state;
    struct splice_pipe *p = splice_pipe_take(f->pipes);
    uint64_t left = 100;
    char buf[16];

    assert_int_equal(write(f->in[1], "abc", 3), 3);
    shutdown(f->in[1], SHUT_WR);
    assert_int_equal(splice_move(p, f->in[0], f->out[0], &left), SPLICE_MOVE_IN_ENDED);
    assert_int_equal(left, 97);
    assert_int_equal(read(f->out[1], buf, sizeof(buf)), 3);
    splice_pipe_give(f->pipes, p);
}

/* Many short segments fill a pipe long before its bytes do: none of them may be left in the socket. */
static void test_short_segments_do_not_stall(void **state)
{
    struct fixture *f = *state;
    struct splice_pipe *p = splice_pipe_take(f->pipes);
    uint64_t left = 1 << 30, total = 0, got = 0;
    char segment[100] = {0}, buf[4096];
    ssize_t n;

    (void)fcntl(p->write_fd, F_SETPIPE_SZ, 4096);
    while (total < 20000 && write(f->in[1], segment, sizeof(segment)) == sizeof(segment))
        total += sizeof(segment);
    for (int i = 0; i < 1000 && got < total; i++) {
        enum splice_move_result moved = splice_move(p, f->in[0], f->out[0], &left);

        assert_true(moved == SPLICE_MOVE_MORE_IN || moved == SPLICE_MOVE_BLOCKED_OUT);
        if (moved == SPLICE_MOVE_MORE_IN) {
            assert_int_equal(p->held, 0);
            assert_int_equal(recv(f->in[0], buf, 1, MSG_PEEK), -1);
            assert_int_equal(errno, EAGAIN);
        }
        while ((n = read(f->out[1], buf, sizeof(buf))) > 0)
            got += (uint64_t)n;
    }
    assert_int_equal(got, total);
    assert_int_equal(left, (1 << 30) - total);
    splice_pipe_give(f->pipes, p);
}

static void test_a_blocked_sink_keeps_the_bytes(void **state)
{
    struct fixture *f = *state;
    struct splice_pipe *p = splice_pipe_take(f->pipes);
    char *block = calloc(1, 65536);
    uint64_t left = 64 << 20, written = 0, got = 0;
    ssize_t n;

    for (int turn = 0; turn < 200 && got < (4 << 20); turn++) {
        while ((n = write(f->in[1], block, 65536)) > 0)
            written += (uint64_t)n;
        if (splice_move(p, f->in[0], f->out[0], &left) == SPLICE_MOVE_BLOCKED_OUT) {
            while ((n = read(f->out[1], block, 65536)) > 0)
                got += (uint64_t)n;
            memset(block, 0, 65536);
        }
    }
    assert_true(got >= (4 << 20));
    assert_true(written >= got);
    assert_int_equal(left, (64 << 20) - got);
    splice_pipe_give(f->pipes, p);
    free(block);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_pipes_are_counted_and_reused),     TEST(test_a_pipe_with_bytes_is_not_kept),
        TEST(test_moves_what_there_is_and_no_more),  TEST(test_an_early_end_is_told_after_the_bytes),
        TEST(test_short_segments_do_not_stall),      TEST(test_a_blocked_sink_keeps_the_bytes),
    };

    /* splice() and sendfile() have no MSG_NOSIGNAL: the process ignores the signal, as the workers do. */
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_channel.c: what may be said on the channel, by whom, and with how many descriptors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/channel.h"

static void test_speakers(void **state)
{
    static const struct {
        enum channel_type type;
        unsigned speakers;
        bool has_fd;
    } rows[] = {
        {CHANNEL_READY, CHANNEL_WORKER | CHANNEL_KEEPER, false},
        {CHANNEL_HEARD, CHANNEL_WORKER | CHANNEL_KEEPER, false},
        {CHANNEL_SERVE, CHANNEL_MASTER, false},
        {CHANNEL_DRAIN, CHANNEL_MASTER | CHANNEL_KEEPER, false},
        {CHANNEL_STOP, CHANNEL_MASTER | CHANNEL_KEEPER, false},
        {CHANNEL_OUTCOME, CHANNEL_MASTER, true},
        {CHANNEL_LOG, CHANNEL_MASTER, true},
        {CHANNEL_RELOAD, CHANNEL_KEEPER, false},
        {CHANNEL_UPGRADE, CHANNEL_KEEPER, false},
        {CHANNEL_REOPEN, CHANNEL_KEEPER, false},
    };
    int fds[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(channel_pair(fds), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned speaker = 1; speaker <= CHANNEL_KEEPER; speaker <<= 1) {
            enum channel_result want = rows[i].speakers & speaker ? CHANNEL_OK : CHANNEL_BAD;
            struct channel_message m;

            assert_int_equal(channel_send(fds[0], rows[i].type, 7, rows[i].has_fd ? null : -1),
                             CHANNEL_OK);
            assert_int_equal(channel_receive(fds[1], speaker, &m), want);
            assert_int_equal(m.fd >= 0, want == CHANNEL_OK && rows[i].has_fd);
            if (want == CHANNEL_OK) {
                assert_int_equal(m.type, rows[i].type);
                assert_int_equal(m.arg, 7);
            }
            if (m.fd >= 0) {
                assert_true(fcntl(m.fd, F_GETFD) & FD_CLOEXEC);
                close(m.fd);
            }
        }
        /* A descriptor too much or too few is not even sent. */
        assert_int_equal(channel_send(fds[0], rows[i].type, 7, rows[i].has_fd ? -1 : null),
                         CHANNEL_BAD);
    }
    close(null);
    close(fds[0]);
    close(fds[1]);
}

static void send_raw(int fd, const void *bytes, size_t size, const int *passed, size_t count)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (count > 0) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&control.head), passed, count * sizeof(int));
    }
    assert_int_equal(sendmsg(fd, &msg, 0), size);
}

/* The number the next descriptor gets: shows whether one was left open. */
static int next_fd(void)
{
    int fd = dup(0);

    close(fd);
    return fd;
}

static void test_bad_messages(void **state)
{
    static const struct {
        uint32_t words[3];
        size_t size;
        size_t fds;
    } rows[] = {
        {{CHANNEL_READY, 0, 0}, 4, 0},  {{CHANNEL_READY, 0, 0}, 12, 0}, {{0, 0, 0}, 8, 0},
        {{CHANNEL_TYPES, 0, 0}, 8, 0},  {{UINT32_MAX, 0, 0}, 8, 0},     {{CHANNEL_READY, 0, 0}, 8, 1},
        {{CHANNEL_READY, 0, 0}, 8, 2},  {{CHANNEL_READY, 0, 0}, 8, 4},  {{CHANNEL_LOG, 0, 0}, 8, 0},
    };
    int fds[2], passed[4] = {0, 0, 0, 0}, before;
    struct channel_message m;

    (void)state;
    passed[0] = passed[1] = passed[2] = passed[3] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(channel_pair(fds), 0);
    before = next_fd();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        send_raw(fds[0], rows[i].words, rows[i].size, passed, rows[i].fds);
        assert_int_equal(channel_receive(fds[1], CHANNEL_KEEPER, &m), CHANNEL_BAD);
        assert_int_equal(m.fd, -1);
        assert_int_equal(next_fd(), before);
    }
    close(passed[0]);
    close(fds[0]);
    close(fds[1]);
}

static void test_empty_full_and_ended(void **state)
{
    enum channel_result r = CHANNEL_OK;
    struct channel_message m;
    int fds[2];

    (void)state;
    assert_int_equal(channel_pair(fds), 0);
    assert_int_equal(channel_receive(fds[1], CHANNEL_MASTER, &m), CHANNEL_EMPTY);
    for (int i = 0; i < 100000 && r == CHANNEL_OK; i++)
        r = channel_send(fds[0], CHANNEL_DRAIN, 0, -1);
    assert_int_equal(r, CHANNEL_EMPTY);
    close(fds[0]);
    while ((r = channel_receive(fds[1], CHANNEL_MASTER, &m)) == CHANNEL_OK)
        assert_int_equal(m.type, CHANNEL_DRAIN);
    assert_int_equal(r, CHANNEL_ENDED);
    assert_int_equal(channel_send(fds[1], CHANNEL_READY, 0, -1), CHANNEL_ENDED);
    close(fds[1]);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(channel_name(CHANNEL_REOPEN), "reopen");
    assert_string_equal(channel_name(0), "unknown");
    assert_string_equal(channel_name(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_speakers),
        cmocka_unit_test(test_bad_messages),
        cmocka_unit_test(test_empty_full_and_ended),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_handover.c: 300 descriptors through a socket, and what a receiver refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/handover.h"

#define MANY 300

static void pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static int next_fd(void)
{
    int fd = dup(0);

    close(fd);
    return fd;
}

static void fill(struct handover_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        items[i] = (struct handover_item){.kind = HANDOVER_TCP,
                                          .index = (uint32_t)i,
                                          .backlog = 511,
                                          .defer_accept_s = 5,
                                          .fd = memfd_create("item", MFD_CLOEXEC)};
        snprintf(items[i].address, sizeof(items[i].address), "192.0.2.1:%zu", i / 2);
        assert_int_equal(ftruncate(items[i].fd, (off_t)(i + 1)), 0);
    }
}

static void close_items(struct handover_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(items[i].fd);
}

/* Sizes tell the descriptors apart. */
static void test_many(void **state)
{
    static struct handover_item items[MANY];
    struct handover_set set;
    char error[200] = "";
    int fds[2];

    (void)state;
    pair(fds);
    fill(items, MANY);
    assert_int_equal(handover_send(fds[0], items, MANY, 1000, error, sizeof(error)), 0);
    assert_int_equal(handover_receive(fds[1], &set, 1000, error, sizeof(error)), 0);
    assert_int_equal(set.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        struct handover_item *item = &set.items[i];
        struct stat st;

        assert_int_equal(item->kind, HANDOVER_TCP);
        assert_string_equal(item->address, items[i].address);
        assert_int_equal(item->index, i);
        assert_int_equal(item->backlog, 511);
        assert_int_equal(item->defer_accept_s, 5);
        assert_int_equal(fstat(item->fd, &st), 0);
        assert_int_equal(st.st_size, i + 1);
        assert_true(fcntl(item->fd, F_GETFD) & FD_CLOEXEC);
    }
    handover_free(&set);
    close_items(items, MANY);
    close(fds[0]);
    close(fds[1]);
}

static void test_empty_set(void **state)
{
    struct handover_set set;
    char error[200] = "";
    int fds[2];

    (void)state;
    pair(fds);
    assert_int_equal(handover_send(fds[0], NULL, 0, 1000, error, sizeof(error)), 0);
    assert_int_equal(handover_receive(fds[1], &set, 1000, error, sizeof(error)), 0);
    assert_int_equal(set.count, 0);
    handover_free(&set);
    close(fds[0]);
    close(fds[1]);
}

/* The second message never comes: nothing of the first may be left open. */
static void test_sender_ends_midway(void **state)
{
    static struct handover_item items[MANY];
    static char first[65536];
    struct handover_set set;
    char error[200] = "";
    union {
        struct cmsghdr head;
        char bytes[2048];
    } control;
    struct iovec iov = {.iov_base = first, .iov_len = sizeof(first)};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    int fds[2], relay[2], before;
    ssize_t n;

    (void)state;
    pair(fds);
    pair(relay);
    fill(items, MANY);
    before = next_fd();
    assert_int_equal(handover_send(fds[0], items, MANY, 1000, error, sizeof(error)), 0);
    n = recvmsg(fds[1], &msg, MSG_CMSG_CLOEXEC);
    assert_true(n > 0);
    iov.iov_len = (size_t)n;
    assert_int_equal(sendmsg(relay[0], &msg, 0), n);
    for (int i = 0; i < 250; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(&control.head) + (size_t)i * sizeof(int), sizeof(fd));
        close(fd);
    }
    close(relay[0]);
    assert_int_equal(handover_receive(relay[1], &set, 1000, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "ended"));
    assert_int_equal(set.count, 0);
    /* relay[0] is the one number that came free since. */
    assert_int_equal(next_fd(), relay[0] < before ? relay[0] : before);
    assert_int_equal(dup(0), relay[0] < before ? relay[0] : before);
    assert_int_equal(next_fd(), before);
    close(relay[0]);
    close(relay[1]);
    close_items(items, MANY);
    close(fds[0]);
    close(fds[1]);
}

static void test_refuses(void **state)
{
    static const struct {
        uint32_t head[4]; /* magic, total, first, count */
        size_t size;
        const char *error;
    } rows[] = {
        {{0, 0, 0, 0}, 16, "another format"},
        {{0x57484f31U, 0, 0, 0}, 8, "another format"},
        {{0x57484f31U, 1, 0, 1}, 16, "differ in number"},
        {{0x57484f31U, 1, 0, 0}, 16, "follow each other"},
        {{0x57484f31U, 65537, 0, 0}, 16, "follow each other"},
        {{0x57484f31U, 0, 1, 0}, 16, "follow each other"},
    };
    struct handover_set set;
    char error[200];
    int fds[2];

    (void)state;
    pair(fds);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(send(fds[0], rows[i].head, rows[i].size, 0), rows[i].size);
        assert_int_equal(handover_receive(fds[1], &set, 1000, error, sizeof(error)), -1);
        assert_non_null(strstr(error, rows[i].error));
        assert_null(set.items);
    }
    assert_int_equal(handover_receive(fds[1], &set, 20, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "timed out"));
    close(fds[0]);
    close(fds[1]);
}

static void test_peer(void **state)
{
    int fds[2];

    (void)state;
    pair(fds);
    assert_true(handover_peer_is_allowed(fds[0], getuid()));
    /* Root is always allowed, so only another user's process can show the refusal. */
    assert_int_equal(handover_peer_is_allowed(fds[0], getuid() + 1), getuid() == 0);
    close(fds[0]);
    close(fds[1]);
    assert_false(handover_peer_is_allowed(fds[0], getuid()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_empty_set),
        cmocka_unit_test(test_sender_ends_midway),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

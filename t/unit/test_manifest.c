/*
 * test_manifest.c: the list of inherited descriptors, written and read back, and what is refused.
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
#include <unistd.h>

#include "main/manifest.h"

static void test_round_trip(void **state)
{
    struct handover_item items[3] = {
        {.kind = HANDOVER_TCP, .index = 1, .backlog = 511, .defer_accept_s = 5, .address = "[::1]:80"},
        {.kind = HANDOVER_UNIX, .backlog = 128, .address = "unix:/run/with space.sock"},
        {.kind = HANDOVER_BOARD, .address = "board"},
    };
    int peer = open("/dev/null", O_RDONLY), got_peer = -1, fd;
    struct handover_set set;
    char error[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        items[i].fd = open("/dev/null", O_RDONLY);
    fd = manifest_write(items, ARRAY_SIZE(items), peer);
    assert_true(fd >= 0);
    assert_int_equal(manifest_read(fd, &set, &got_peer, error, sizeof(error)), 0);
    assert_int_equal(got_peer, peer);
    assert_true(fcntl(peer, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(set.count, ARRAY_SIZE(items));
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        assert_int_equal(set.items[i].kind, items[i].kind);
        assert_int_equal(set.items[i].index, items[i].index);
        assert_int_equal(set.items[i].backlog, items[i].backlog);
        assert_int_equal(set.items[i].defer_accept_s, items[i].defer_accept_s);
        assert_int_equal(set.items[i].fd, items[i].fd);
        assert_string_equal(set.items[i].address, items[i].address);
        assert_true(fcntl(items[i].fd, F_GETFD) & FD_CLOEXEC);
    }
    handover_free(&set);
    close(peer);
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "weir 2\npeer 0\n",
        "weir 1\n",
        "weir 1\npeer x\n",
        "weir 1\npeer 9999\n",
        "weir 1\npeer 0\n1 0 0 0\n",
        "weir 1\npeer 0\n0 0 0 0 0 a\n",
        "weir 1\npeer 0\n99 0 0 0 0 a\n",
        "weir 1\npeer 0\n1 0 0 0 9999 a\n",
        "weir 1\npeer 0\nwhatever\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        int fd = memfd_create("manifest", 0), peer = -1;
        struct handover_set set;
        char error[256] = "";

        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        assert_int_equal(manifest_read(fd, &set, &peer, error, sizeof(error)), -1);
        assert_true(error[0]);
        assert_int_equal(set.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

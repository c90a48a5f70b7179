/*
 * test_listener.c: binds real sockets on loopback (port 0) and unix paths, and accepts from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/listener.h"
#include "io/loop.h"

struct counted {
    int fds[256];
    unsigned n;
    unsigned stop_after;
};

static void count_accept(struct listener *l, int fd, const struct sockaddr_storage *peer, socklen_t len)
{
    struct counted *c = l->arg;

    (void)peer;
    (void)len;
    c->fds[c->n++] = fd;
    if (c->n == c->stop_after)
        listener_stop(l);
}

static void close_counted(struct counted *c)
{
    while (c->n > 0)
        close(c->fds[--c->n]);
}

static struct listener_spec loopback(int family)
{
    struct listener_spec spec = {.backlog = 256};

    if (family == AF_INET) {
        struct sockaddr_in *in = (void *)&spec.address;

        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        spec.address_len = sizeof(*in);
    } else {
        struct sockaddr_in6 *in6 = (void *)&spec.address;

        in6->sin6_family = AF_INET6;
        in6->sin6_addr = in6addr_loopback;
        spec.address_len = sizeof(*in6);
    }
    return spec;
}

static struct listener_spec unix_spec(const char *path)
{
    struct listener_spec spec = {.backlog = 16, .unix_mode = 0600};
    struct sockaddr_un *un = (void *)&spec.address;

    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "%s", path);
    spec.address_len = sizeof(*un);
    return spec;
}

static void set_bound(struct listener_spec *spec, int fd)
{
    spec->address_len = sizeof(spec->address);
    assert_int_equal(getsockname(fd, (void *)&spec->address, &spec->address_len), 0);
}

static int connect_to(const struct listener_spec *spec)
{
    int fd = socket(spec->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const void *)&spec->address, spec->address_len), 0);
    return fd;
}

static void test_group_shares_one_port(void **state)
{
    struct listener_spec spec = loopback(AF_INET);
    char error[200] = "";
    int fds[3];

    (void)state;
    assert_int_equal(listener_bind_all(&spec, fds, 3, false, error, sizeof(error)), 3);
    set_bound(&spec, fds[0]);
    for (int i = 0; i < 3; i++) {
        assert_true(listener_is_bound_to(fds[i], &spec));
        close(fds[i]);
    }
}

static void test_taken_address_is_an_error(void **state)
{
    struct listener_spec spec = loopback(AF_INET);
    char error[200] = "";
    int fds[2], one;

    (void)state;
    assert_int_equal(listener_bind_all(&spec, fds, 2, false, error, sizeof(error)), 2);
    set_bound(&spec, fds[0]);
    /* Though the others would share. */
    assert_int_equal(listener_bind(&spec, false, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "127.0.0.1:"));
    assert_non_null(strstr(error, "in use"));
    one = listener_bind(&spec, true, error, sizeof(error));
    assert_true(one >= 0);
    close(one);
    close(fds[0]);
    close(fds[1]);
}

static void test_accepts_at_most_64_a_turn(void **state)
{
    struct listener_spec spec = loopback(AF_INET);
    struct counted c = {.n = 0};
    struct loop *loop = loop_new(NULL, NULL);
    struct listener l;
    char error[200] = "";
    int clients[100], fd;

    (void)state;
    fd = listener_bind(&spec, false, error, sizeof(error));
    assert_true(fd >= 0);
    set_bound(&spec, fd);
    assert_int_equal(listener_init(&l, loop, fd, count_accept, &c), 0);
    assert_int_equal(listener_start(&l), 0);
    for (int i = 0; i < 100; i++)
        clients[i] = connect_to(&spec);
    loop_turn(loop);
    assert_int_equal(c.n, 64);
    for (int i = 0; i < 10 && c.n < 100; i++)
        loop_turn(loop);
    assert_int_equal(c.n, 100);
    assert_int_equal(l.accepted, 100);
    for (int i = 0; i < 100; i++)
        close(clients[i]);
    close_counted(&c);
    listener_free(&l);
    close(fd);
    loop_free(loop);
}

static void test_stop_within_accept_leaves_the_queue(void **state)
{
    struct listener_spec spec = loopback(AF_INET);
    struct counted c = {.stop_after = 2};
    struct loop *loop = loop_new(NULL, NULL);
    struct listener l;
    char error[200] = "";
    int clients[5], fd;

    (void)state;
    fd = listener_bind(&spec, false, error, sizeof(error));
    assert_true(fd >= 0);
    set_bound(&spec, fd);
    assert_int_equal(listener_init(&l, loop, fd, count_accept, &c), 0);
    assert_int_equal(listener_start(&l), 0);
    for (int i = 0; i < 5; i++)
        clients[i] = connect_to(&spec);
    loop_turn(loop);
    loop_turn(loop);
    assert_int_equal(c.n, 2);
    c.stop_after = 0;
    assert_int_equal(listener_start(&l), 0);
    loop_turn(loop);
    assert_int_equal(c.n, 5);
    for (int i = 0; i < 5; i++)
        close(clients[i]);
    close_counted(&c);
    listener_free(&l);
    close(fd);
    loop_free(loop);
}

static void test_short_of_descriptors(void **state)
{
    struct listener_spec spec = loopback(AF_INET);
    struct counted c = {.n = 0};
    struct loop *loop = loop_new(NULL, NULL);
    struct rlimit old, low;
    struct listener l;
    char error[200] = "", byte;
    int a, b, fd;

    (void)state;
    fd = listener_bind(&spec, false, error, sizeof(error));
    assert_true(fd >= 0);
    set_bound(&spec, fd);
    assert_int_equal(listener_init(&l, loop, fd, count_accept, &c), 0);
    assert_int_equal(listener_start(&l), 0);
    a = connect_to(&spec);
    b = connect_to(&spec);
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = (rlim_t)b + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    loop_turn(loop);
    assert_int_equal(l.pauses, 1);
    assert_int_equal(c.n, 0);
    assert_true(l.spare >= 0);
    setrlimit(RLIMIT_NOFILE, &old);
    /* The first was refused, the second is served after the pause. */
    assert_true(recv(a, &byte, 1, 0) <= 0);
    for (int i = 0; i < 10 && c.n == 0; i++)
        loop_turn(loop);
    assert_int_equal(c.n, 1);
    assert_int_equal(l.pauses, 1);
    close(a);
    close(b);
    close_counted(&c);
    listener_free(&l);
    close(fd);
    loop_free(loop);
}

static void test_unix_socket(void **state)
{
    char dir[] = "/tmp/weir-listener-XXXXXX", path[64], error[200] = "";
    struct counted c = {.n = 0};
    struct loop *loop = loop_new(NULL, NULL);
    struct listener_spec spec;
    struct listener l;
    struct stat st;
    int a, b, fds[4];

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    spec = unix_spec(path);
    assert_int_equal(listener_bind_all(&spec, fds, 4, false, error, sizeof(error)), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(listener_bind(&spec, false, error, sizeof(error)), -1);
    assert_non_null(strstr(error, path));
    close(fds[0]);
    /* Left over, served by nobody. */
    fds[0] = listener_bind(&spec, false, error, sizeof(error));
    assert_true(fds[0] >= 0);
    assert_true(listener_is_bound_to(fds[0], &spec));
    assert_int_equal(listener_init(&l, loop, fds[0], count_accept, &c), 0);
    assert_int_equal(listener_start(&l), 0);
    a = connect_to(&spec);
    b = connect_to(&spec);
    loop_turn(loop);
    assert_int_equal(c.n, 1);
    loop_turn(loop);
    assert_int_equal(c.n, 2);
    close(a);
    close(b);
    close_counted(&c);
    listener_free(&l);
    close(fds[0]);
    loop_free(loop);
    unlink(path);
    rmdir(dir);
}

static void test_address_text(void **state)
{
    static const struct {
        int family;
        const char *text;
    } rows[] = {{AF_INET, "127.0.0.1:0"}, {AF_INET6, "[::1]:0"}};
    struct listener_spec spec;
    char text[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        spec = loopback(rows[i].family);
        listener_address_text(&spec.address, spec.address_len, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
    spec = unix_spec("/run/x");
    listener_address_text(&spec.address, spec.address_len, text, sizeof(text));
    assert_string_equal(text, "unix:/run/x");
}

struct late {
    struct loop_deferred deferred;
    int *count;
};

static void free_late(struct loop_deferred *d)
{
    struct late *late = container_of(d, struct late, deferred);

    ++*late->count;
    free(late);
}

static void stop_on_tick(void *arg)
{
    loop_stop(*(struct loop **)arg);
}

static void test_loop_defers_and_stops(void **state)
{
    struct loop *loop;
    struct late *late = calloc(1, sizeof(*late));
    int count = 0;

    (void)state;
    loop = loop_new(stop_on_tick, &loop);
    assert_non_null(late);
    late->count = &count;
    loop_defer(loop, &late->deferred, free_late);
    assert_int_equal(count, 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(count, 1);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_shares_one_port),
        cmocka_unit_test(test_taken_address_is_an_error),
        cmocka_unit_test(test_accepts_at_most_64_a_turn),
        cmocka_unit_test(test_stop_within_accept_leaves_the_queue),
        cmocka_unit_test(test_short_of_descriptors),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_address_text),
        cmocka_unit_test(test_loop_defers_and_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

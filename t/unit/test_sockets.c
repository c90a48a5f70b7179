/*
 * test_sockets.c: the table of listening sockets through plans that succeed and fail, growing and shrinking
 * numbers of workers, and a take-over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "main/sockets.h"

#define LISTENERS 3

struct plan {
    struct config config;
    struct listener_conf listeners[LISTENERS];
};

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (void *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (void *)&in, &len), 0);
    close(fd);
    return ntohs(in.sin_port);
}

static void add(struct plan *p, const char *address, bool admin)
{
    struct listener_conf *l = &p->listeners[p->config.listener_count++];
    char error[200];

    *l = (struct listener_conf){.admin = admin, .backlog = 128};
    assert_int_equal(addr_parse(str_of(address), &l->address, error, sizeof(error)), 0);
    p->config.listeners = p->listeners;
}

static void add_port(struct plan *p, uint16_t port, bool admin)
{
    char text[64];

    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    add(p, text, admin);
}

static const struct sockets_entry *entry(const struct sockets *s, uint16_t port)
{
    char text[64];

    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    return sockets_find(s, text);
}

/* Connects many times: the number of the last socket that got a connection, from 1. */
static unsigned reached(const struct sockets_entry *e, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int clients[40];
    unsigned last = 0;

    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (void *)&in, sizeof(in)), 0);
    }
    for (unsigned k = 0; k < e->count; k++) {
        int fd;

        while ((fd = accept(e->fds[k], NULL, NULL)) >= 0) {
            close(fd);
            last = k + 1;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        close(clients[i]);
    return last;
}

static void test_workers_change(void **state)
{
    uint16_t port = free_port();
    struct plan p = {.config = {.workers = 2}};
    struct sockets s;
    char error[300];

    (void)state;
    add_port(&p, port, false);
    sockets_init(&s);
    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), 0);
    assert_false(sockets_commit(&s));
    assert_int_equal(entry(&s, port)->count, 2);
    assert_int_equal(reached(entry(&s, port), port), 2);

    /* What a plan adds gets nothing before it counts, and goes away if it never does. */
    p.config.workers = 4;
    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), 0);
    assert_int_equal(entry(&s, port)->count, 4);
    assert_int_equal(reached(entry(&s, port), port), 2);
    sockets_undo(&s);
    assert_int_equal(entry(&s, port)->count, 2);
    assert_int_equal(reached(entry(&s, port), port), 2);

    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), 0);
    assert_false(sockets_commit(&s));
    sockets_steer(&s, &p.config);
    assert_in_range(reached(entry(&s, port), port), 3, 4);

    p.config.workers = 1;
    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), 0);
    assert_false(sockets_commit(&s));
    sockets_steer(&s, &p.config);
    assert_int_equal(entry(&s, port)->count, 4);
    assert_int_equal(reached(entry(&s, port), port), 1);
    sockets_free(&s);
}

static void test_failed_plan(void **state)
{
    uint16_t port = free_port(), other = free_port();
    struct plan p = {.config = {.workers = 2}}, taken = {.config = {.workers = 1}};
    struct sockets s, stranger;
    char error[300], want[64];

    (void)state;
    sockets_init(&stranger);
    add_port(&taken, other, false);
    assert_int_equal(sockets_plan(&stranger, &taken.config, error, sizeof(error)), 0);
    sockets_init(&s);
    add_port(&p, port, false);
    add_port(&p, other, false);
    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), -1);
    snprintf(want, sizeof(want), "127.0.0.1:%u is in use by process %ld", other, (long)getpid());
    assert_non_null(strstr(error, want));
    assert_null(s.first);
    sockets_free(&s);
    sockets_free(&stranger);
}

static void test_removed(void **state)
{
    uint16_t port = free_port(), other = free_port();
    struct plan two = {.config = {.workers = 2}}, one = {.config = {.workers = 2}};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(other), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pollfd client = {.events = POLLOUT};
    struct sockets s;
    char error[300];

    (void)state;
    add_port(&two, port, false);
    add_port(&two, other, true);
    add_port(&one, port, false);
    sockets_init(&s);
    assert_int_equal(sockets_plan(&s, &two.config, error, sizeof(error)), 0);
    assert_false(sockets_commit(&s));
    assert_int_equal(entry(&s, other)->count, 1); /* the keeper's */
    assert_int_equal(sockets_plan(&s, &one.config, error, sizeof(error)), 0);
    assert_true(sockets_commit(&s));
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(client.fd, (void *)&in, sizeof(in)), -1);
    assert_int_equal(poll(&client, 1, 100), 0); /* neither taken nor refused */
    close(client.fd);
    sockets_close_removed(&s);
    assert_null(entry(&s, other));
    assert_int_equal(entry(&s, port)->count, 2);
    sockets_free(&s);
}

static void test_shares(void **state)
{
    uint16_t port = free_port(), admin = free_port();
    struct plan p = {.config = {.workers = 2}};
    struct pool *pool = pool_new(1024);
    struct worker_socket *out;
    struct sockets s;
    size_t standby;
    char error[300];

    (void)state;
    add_port(&p, port, false);
    add_port(&p, admin, true);
    p.config.workers = 5;
    sockets_init(&s);
    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), 0);
    assert_int_equal(sockets_of(&s, &p.config, false, 0, 2, pool, &out, &standby), 3);
    assert_int_equal(standby, 2);
    assert_int_equal(out[1].fd, entry(&s, port)->fds[2]);
    assert_int_equal(out[3].fd, entry(&s, port)->fds[1]);
    assert_int_equal(sockets_of(&s, &p.config, false, 1, 2, pool, &out, &standby), 2);
    assert_int_equal(standby, 3);
    assert_int_equal(sockets_of(&s, &p.config, false, 0, 1, pool, &out, &standby), 5);
    assert_int_equal(standby, 0);
    assert_int_equal(sockets_of(&s, &p.config, true, 0, 2, pool, &out, &standby), 1);
    assert_int_equal(out[0].fd, entry(&s, admin)->fds[0]);
    sockets_free(&s);
    pool_free(pool);
}

static void test_adopt(void **state)
{
    uint16_t port = free_port();
    struct plan p = {.config = {.workers = 3}};
    struct handover_set set;
    struct sockets s, next;
    char error[300];

    (void)state;
    add_port(&p, port, false);
    sockets_init(&s);
    assert_int_equal(sockets_plan(&s, &p.config, error, sizeof(error)), 0);
    assert_false(sockets_commit(&s));
    set.items = sockets_items(&s, &set.count);
    assert_int_equal(set.count, 3);
    for (size_t i = 0; i < set.count; i++)
        set.items[i].fd = dup(set.items[i].fd);
    /* One that is not what it is said to be stays behind. */
    snprintf(set.items[2].address, sizeof(set.items[2].address), "127.0.0.1:1");
    sockets_init(&next);
    sockets_adopt(&next, &set);
    assert_int_equal(entry(&next, port)->count, 2);
    assert_true(set.items[2].fd >= 0);
    handover_free(&set);
    sockets_free(&s);
    assert_int_equal(sockets_plan(&next, &p.config, error, sizeof(error)), 0);
    assert_false(sockets_commit(&next));
    sockets_steer(&next, &p.config);
    assert_int_equal(entry(&next, port)->count, 3);
    assert_in_range(reached(entry(&next, port), port), 2, 3);
    sockets_free(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_change), cmocka_unit_test(test_failed_plan), cmocka_unit_test(test_removed),
        cmocka_unit_test(test_shares),         cmocka_unit_test(test_adopt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

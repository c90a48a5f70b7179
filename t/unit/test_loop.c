/* test_loop.c: what is called at the end of a turn, and what in the next one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop.h"

struct called {
    struct loop_deferred deferred;
    struct loop *loop;
    unsigned times, wanted;
    unsigned events_before; /* `events` of the test when it was first called */
    unsigned *events;
};

static void on_next_turn(struct loop_deferred *d)
{
    struct called *c = container_of(d, struct called, deferred);

    if (c->times++ == 0 && c->events)
        c->events_before = *c->events;
    if (c->times < c->wanted)
        loop_next_turn(c->loop, &c->deferred, on_next_turn);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    char byte;

    (void)what;
    (*(unsigned *)arg)++;
    assert_int_equal(read(fd, &byte, 1), 1);
}

static void test_a_turn_calls_it_once(void **state)
{
    struct loop *loop = loop_new(NULL, NULL);
    struct called c = {.loop = loop, .wanted = 3};

    (void)state;
    loop_next_turn(loop, &c.deferred, on_next_turn);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(loop_turn(loop), 0);
        assert_int_equal(c.times, i);
    }
    loop_free(loop);
}

static void test_events_come_first(void **state)
{
    struct loop *loop = loop_new(NULL, NULL);
    unsigned events = 0;
    struct called c = {.loop = loop, .wanted = 1, .events = &events};
    struct event *event;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    event = event_new(loop->base, fds[0], EV_READ, on_readable, &events);
    assert_int_equal(event_add(event, NULL), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_next_turn(loop, &c.deferred, on_next_turn);
    assert_int_equal(loop_turn(loop), 0);
    assert_int_equal(c.times, 1);
    assert_int_equal(c.events_before, 1);
    event_free(event);
    close(fds[0]);
    close(fds[1]);
    loop_free(loop);
}

static void test_freeing_the_loop_calls_what_waits(void **state)
{
    struct loop *loop = loop_new(NULL, NULL);
    struct called c = {.loop = loop, .wanted = 1};

    (void)state;
    loop_next_turn(loop, &c.deferred, on_next_turn);
    loop_free(loop);
    assert_int_equal(c.times, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_calls_it_once),
        cmocka_unit_test(test_events_come_first),
        cmocka_unit_test(test_freeing_the_loop_calls_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

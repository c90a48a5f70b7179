/* test_queue.c: the order of a queue, who leaves it and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/upstream/queue.h"

struct guest {
    struct queue_waiter waiter;
    char name;
    bool wants; /* takes a place when asked */
    struct queue_wish *wish; /* said when it does not */
    struct guest *drags; /* leaves with it */
};

static char said[64];
static size_t said_len;

static void say(char c)
{
    said[said_len++] = c;
    said[said_len] = '\0';
}

static void silence(void)
{
    said_len = 0;
    said[0] = '\0';
}

static bool place(struct queue_waiter *w)
{
    struct guest *g = container_of(w, struct guest, waiter);

    say(g->name);
    if (!g->wants) {
        queue_waiter_wish(w, g->wish);
        return false;
    }
    queue_leave(w);
    if (g->drags)
        queue_leave(&g->drags->waiter);
    return true;
}

static void ended(struct queue_waiter *w, enum queue_end end)
{
    say(end == QUEUE_EXPIRED ? '!' : '<');
    queue_leave(w);
}

static void enter(struct queue *q, struct guest *g, char name, enum route_priority priority, int64_t now)
{
    *g = (struct guest){.name = name, .wants = true};
    queue_waiter_init(&g->waiter, place, ended);
    queue_join(q, &g->waiter, priority, now);
}

static void test_order(void **state)
{
    struct queue q;
    struct guest g[6];

    (void)state;
    queue_init(&q);
    enter(&q, &g[0], 'l', PRIORITY_LOW, 1);
    enter(&q, &g[1], 'n', PRIORITY_NORMAL, 2);
    enter(&q, &g[2], 'h', PRIORITY_HIGH, 3);
    enter(&q, &g[3], 'm', PRIORITY_LOW, 4);
    enter(&q, &g[4], 'o', PRIORITY_NORMAL, 5);
    enter(&q, &g[5], 'i', PRIORITY_HIGH, 6);
    assert_int_equal(q.count, 6);
    silence();
    queue_serve(&q);
    assert_string_equal(said, "hinolm");
    assert_int_equal(q.count, 0);
    assert_false(q.serving);
}

static void test_misses(void **state)
{
    struct queue q;
    struct guest g[QUEUE_MISSES + 4];

    (void)state;
    queue_init(&q);
    for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
        enter(&q, &g[i], (char)('a' + i), PRIORITY_NORMAL, 1);
        g[i].wants = i == 1;
    }
    silence();
    queue_serve(&q);
    /* One of them was served; the others asked are QUEUE_MISSES, and stay in their order. */
    assert_string_equal(said, "abcdefghi");
    assert_int_equal(q.count, ARRAY_SIZE(g) - 1);
    silence();
    queue_serve(&q);
    assert_string_equal(said, "acdefghi");
}

/* Many wait for one thing that is all in use: the others are asked all the same, and the first of them. */
static void test_wishes(void **state)
{
    struct queue q;
    struct queue_wish a = {0}, b = {0};
    struct guest g[3 * QUEUE_MISSES];
    const size_t last = ARRAY_SIZE(g) - 1;

    (void)state;
    queue_init(&q);
    for (size_t i = 0; i <= last; i++) {
        enter(&q, &g[i], (char)('a' + i), PRIORITY_NORMAL, 1);
        g[i].wants = i == last;
        g[i].wish = i % 2 ? &a : &b;
    }
    assert_int_equal(q.content, ARRAY_SIZE(g));
    silence();
    queue_serve(&q);
    assert_int_equal(said_len, ARRAY_SIZE(g)); /* nobody knows yet who wants what */
    assert_int_equal(q.count, last);
    assert_int_equal(q.content, 0);
    enter(&q, &g[last], 'z', PRIORITY_NORMAL, 2);
    silence();
    queue_serve(&q);
    assert_string_equal(said, "abz");
    assert_int_equal(q.content, 0);
    /* Of those who can have it now each is asked, in their order. */
    g[1].wants = g[3].wants = true;
    silence();
    queue_serve(&q);
    assert_string_equal(said, "abdf");
    assert_int_equal(q.count, last - 2);
    /* The thing is no more: its friends are content with anything. */
    g[0].wish = g[2].wish = NULL;
    silence();
    queue_serve(&q);
    assert_string_equal(said, "acef");
    assert_int_equal(q.content, 2);
    queue_leave(&g[0].waiter);
    assert_int_equal(q.content, 1);
}

static void test_others_leave_meanwhile(void **state)
{
    struct queue q;
    struct guest g[4];

    (void)state;
    queue_init(&q);
    for (size_t i = 0; i < ARRAY_SIZE(g); i++)
        enter(&q, &g[i], (char)('a' + i), PRIORITY_NORMAL, 1);
    g[0].drags = &g[1];
    g[2].drags = &g[3];
    silence();
    queue_serve(&q);
    assert_string_equal(said, "ac");
    assert_int_equal(q.count, 0);
}

static void test_leave(void **state)
{
    struct queue q;
    struct guest g[3];

    (void)state;
    queue_init(&q);
    for (size_t i = 0; i < ARRAY_SIZE(g); i++)
        enter(&q, &g[i], (char)('a' + i), PRIORITY_NORMAL, 1);
    assert_true(queue_is_waiting(&g[1].waiter));
    queue_leave(&g[1].waiter);
    queue_leave(&g[1].waiter);
    assert_false(queue_is_waiting(&g[1].waiter));
    assert_int_equal(q.count, 2);
    silence();
    queue_serve(&q);
    assert_string_equal(said, "ac");
}

static void test_ahead_and_below(void **state)
{
    struct queue q;
    struct guest n, m, l;

    (void)state;
    queue_init(&q);
    assert_false(queue_is_ahead(&q, PRIORITY_LOW));
    assert_null(queue_last_below(&q, PRIORITY_HIGH));
    enter(&q, &n, 'n', PRIORITY_NORMAL, 1);
    enter(&q, &m, 'm', PRIORITY_NORMAL, 2);
    assert_false(queue_is_ahead(&q, PRIORITY_HIGH));
    assert_true(queue_is_ahead(&q, PRIORITY_NORMAL));
    assert_true(queue_is_ahead(&q, PRIORITY_LOW));
    assert_ptr_equal(queue_last_below(&q, PRIORITY_HIGH), &m.waiter);
    assert_null(queue_last_below(&q, PRIORITY_NORMAL));
    enter(&q, &l, 'l', PRIORITY_LOW, 3);
    assert_ptr_equal(queue_last_below(&q, PRIORITY_HIGH), &l.waiter);
    assert_ptr_equal(queue_last_below(&q, PRIORITY_NORMAL), &l.waiter);
    assert_null(queue_last_below(&q, PRIORITY_LOW));
}

static void test_expired(void **state)
{
    struct queue q;
    struct guest a, b, c;

    (void)state;
    queue_init(&q);
    enter(&q, &a, 'a', PRIORITY_HIGH, 100);
    enter(&q, &b, 'b', PRIORITY_LOW, 90);
    enter(&q, &c, 'c', PRIORITY_LOW, 101);
    assert_null(queue_expired(&q, 89));
    assert_ptr_equal(queue_expired(&q, 90), &b.waiter);
    queue_leave(&b.waiter);
    assert_null(queue_expired(&q, 99));
    assert_ptr_equal(queue_expired(&q, 100), &a.waiter);
    queue_leave(&a.waiter);
    assert_ptr_equal(queue_expired(&q, 101), &c.waiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_misses),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_others_leave_meanwhile),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_ahead_and_below),
        cmocka_unit_test(test_expired),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

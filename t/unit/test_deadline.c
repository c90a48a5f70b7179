/* The wheel against a plain list of times: thousands of deadlines begun, renewed and stopped at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/deadline.h"

#define COUNT 500

struct timed {
    struct deadline deadline;
    int64_t due; /* 0: not running */
    int passed;
};

static void on_passed(struct deadline *d)
{
    struct timed *t = container_of(d, struct timed, deadline);

    t->passed++;
}

static void step(struct deadlines *all, struct timed *t, int64_t now)
{
    static const int64_t lengths[] = {1, 49, 50, 51, 1000, 15000, 60000, 250000};
    int64_t length = lengths[rand() % (int)ARRAY_SIZE(lengths)];

    switch (rand() % 8) {
    case 0:
        deadline_start(all, &t->deadline, length, now);
        t->due = now + length;
        break;
    case 1:
        deadline_stop(&t->deadline);
        t->due = 0;
        break;
    case 2:
        if (t->due) {
            deadline_renew(&t->deadline, now);
            t->due = now + t->deadline.length;
        }
        break;
    default:
        break;
    }
}

static void every_deadline_is_met_within_a_tick(void **state)
{
    struct deadlines *all = malloc(sizeof(*all));
    struct timed *timed = calloc(COUNT, sizeof(*timed));
    int64_t now = 123456789;

    (void)state;
    srand(1);
    deadlines_init(all, now);
    for (size_t i = 0; i < COUNT; i++)
        deadline_init(&timed[i].deadline, on_passed);
    for (int turn = 0; turn < 20000; turn++) {
        now += rand() % 100;
        step(all, &timed[rand() % COUNT], now);
        deadlines_check(all, now);
        for (size_t i = 0; i < COUNT; i++) {
            struct timed *t = &timed[i];

            if (t->passed) {
                assert_true(t->due != 0 && t->due <= now);
                t->passed = 0;
                t->due = 0;
            } else if (t->due) {
                assert_true(t->due + DEADLINE_SLOT_MS > now);
            }
        }
    }
    free(timed);
    free(all);
}

static struct deadline *victim;

static void stop_victim(struct deadline *d)
{
    (void)d;
    deadline_stop(victim);
}

static void never(struct deadline *d)
{
    (void)d;
    fail_msg("a stopped deadline was called");
}

static void a_callback_may_stop_another_of_its_slot(void **state)
{
    struct deadlines *all = malloc(sizeof(*all));
    struct deadline first, second;

    (void)state;
    deadlines_init(all, 0);
    deadline_init(&first, stop_victim);
    deadline_init(&second, never);
    victim = &second;
    deadline_start(all, &first, 100, 0);
    deadline_start(all, &second, 100, 0);
    deadlines_check(all, 1000);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_deadline_is_met_within_a_tick),
        cmocka_unit_test(a_callback_may_stop_another_of_its_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

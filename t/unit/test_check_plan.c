/*
 * The plan of checks under a clock of its own: order, spread, no overlap, jitter, and what rows of results
 * come to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/health/check_plan.h"

#define COUNT 1000

struct server {
    struct check_timer timer;
    int64_t ends; /* 0: not under way */
    unsigned checks;
};

static struct check_conf conf_of(int64_t interval, int64_t fast)
{
    return (struct check_conf){
        .interval = interval, .fast_interval = fast, .timeout = 3000, .fall = 3, .rise = 2};
}

static void it_gives_what_is_due_in_order(void **state)
{
    struct check_timer *timers = calloc(COUNT, sizeof(*timers));
    struct check_plan plan;
    struct check_timer *t;
    int64_t last = -1;
    size_t taken = 0;

    (void)state;
    srand(2);
    check_plan_init(&plan);
    for (size_t i = 0; i < COUNT; i++)
        check_plan_put(&plan, &timers[i], rand() % 5000);
    /* Half of them are thought better of, and put in again or not. */
    for (size_t i = 0; i < COUNT; i += 2) {
        check_plan_remove(&plan, &timers[i]);
        assert_true(timers[i].at == CHECK_PLAN_NOWHERE);
        check_plan_remove(&plan, &timers[i]);
        if (i % 4 == 0)
            check_plan_put(&plan, &timers[i], rand() % 5000);
    }
    assert_null(check_plan_take(&plan, -1));
    for (int64_t now = 0; now <= 5000; now += 50) {
        while ((t = check_plan_take(&plan, now))) {
            assert_true(t->due <= now && t->due > now - 50 && t->due >= last);
            last = t->due;
            taken++;
        }
    }
    assert_int_equal(taken, COUNT / 2 + COUNT / 4);
    check_plan_free(&plan);
    free(timers);
}

static void the_first_checks_are_spread(void **state)
{
    struct check_conf conf = conf_of(5000, 0);
    unsigned in_tenth[10] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        int64_t due = check_plan_first(&conf, false, i, COUNT, 70000);

        assert_in_range(due, 70000, 74999);
        in_tenth[(due - 70000) / 500]++;
        assert_int_equal(check_plan_first(&conf, true, i, COUNT, 70000), 70000);
    }
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(in_tenth[i], COUNT / 10);
}

/*
 * Servers that take from no time to far more than the interval: each as often as can be, never twice at
 * once.
 */
static void checks_of_a_server_never_overlap(void **state)
{
    static const int64_t takes[] = {0, 10, 999, 1000, 1001, 2500};
    struct server servers[ARRAY_SIZE(takes)];
    struct check_conf conf = conf_of(1000, 0);
    struct check_plan plan;
    struct rnd rnd;

    (void)state;
    memset(servers, 0, sizeof(servers));
    rnd_init_fixed(&rnd, 1);
    check_plan_init(&plan);
    for (size_t i = 0; i < ARRAY_SIZE(takes); i++)
        check_plan_put(&plan, &servers[i].timer, 0);
    for (int64_t now = 0; now < 100000; now++) {
        struct check_timer *timer;

        while ((timer = check_plan_take(&plan, now))) {
            struct server *s = container_of(timer, struct server, timer);

            assert_int_equal(s->ends, 0);
            s->timer.began = now;
            s->ends = now + takes[s - servers] + 1;
            s->checks++;
        }
        for (size_t i = 0; i < ARRAY_SIZE(takes); i++)
            if (servers[i].ends && servers[i].ends <= now + 1) {
                servers[i].ends = 0;
                check_plan_put(&plan, &servers[i].timer,
                               check_plan_next(&conf, servers[i].timer.began, now + 1, false, &rnd));
            }
    }
    assert_int_equal(servers[0].checks, 100);
    assert_int_equal(servers[1].checks, 100);
    assert_int_equal(servers[2].checks, 100);
    assert_in_range(servers[3].checks, 98, 100);
    assert_in_range(servers[4].checks, 98, 100);
    assert_in_range(servers[5].checks, 38, 40);
    check_plan_free(&plan);
}

static void intervals_have_jitter_and_a_fast_kind(void **state)
{
    struct check_conf conf = conf_of(10000, 1000);
    int64_t least = INT64_MAX, most = 0;
    struct rnd rnd;

    (void)state;
    rnd_init_fixed(&rnd, 7);
    assert_int_equal(check_plan_next(&conf, 500, 600, false, &rnd), 10500);
    assert_int_equal(check_plan_next(&conf, 500, 600, true, &rnd), 1500);
    assert_int_equal(check_plan_next(&conf, 500, 1700, true, &rnd), 1700);
    conf.fast_interval = 0;
    assert_int_equal(check_plan_next(&conf, 500, 600, true, &rnd), 10500);
    conf.jitter = 20;
    for (int i = 0; i < 1000; i++) {
        int64_t due = check_plan_next(&conf, 0, 100, false, &rnd);

        least = due < least ? due : least;
        most = due > most ? due : most;
    }
    assert_in_range(least, 8000, 8200);
    assert_in_range(most, 11800, 12000);
}

/* Results as '+' and '-'; after each what the server is then, and whether that may be changing. */
static void rows_of_results_come_to_a_verdict(void **state)
{
    static const struct {
        enum peer_health from;
        unsigned fall, rise;
        const char *results, *healths, *changing;
    } cases[] = {
        {PEER_HEALTH_NONE, 3, 2, "--+---", "nnpppf", "ccscc "},
        {PEER_HEALTH_NONE, 1, 1, "-+-", "fpf", "ss "},
        {PEER_HEALTH_PASSED, 3, 2, "--+--+---", "ppppppppf", "ccsccscc "},
        {PEER_HEALTH_FAILED, 3, 2, "-+-++-", "ffffpp", "scsc "},
        {PEER_HEALTH_CHECKING, 2, 5, "----+--", "ccccppf", "ccccsc "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct check_conf conf = {.fall = cases[i].fall, .rise = cases[i].rise};
        struct check_streak streak = {0, 0};
        enum peer_health health = cases[i].from;

        for (size_t k = 0; cases[i].results[k]; k++) {
            health = check_plan_judge(&conf, &streak, health, cases[i].results[k] == '+');
            if ("npfc"[health] != cases[i].healths[k])
                fail_msg("case %zu, result %zu: %c", i, k, "npfc"[health]);
            if (k + 1 < strlen(cases[i].changing) &&
                check_plan_changing(&streak, health) != (cases[i].changing[k] == 'c'))
                fail_msg("case %zu, result %zu: changing or not", i, k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_what_is_due_in_order),
        cmocka_unit_test(the_first_checks_are_spread),
        cmocka_unit_test(checks_of_a_server_never_overlap),
        cmocka_unit_test(intervals_have_jitter_and_a_fast_kind),
        cmocka_unit_test(rows_of_results_come_to_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

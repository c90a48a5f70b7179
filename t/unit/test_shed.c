/* test_shed.c: when a worker counts as overloaded, and whom it turns away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/shed.h"

#define PERIOD 50
#define TARGET 20

/* Looks `n` times, each `lag` late; what the changes were, as letters. */
static const char *looks(struct shed *s, int64_t *now, unsigned n, int64_t lag, int64_t turn)
{
    static char changes[64];
    size_t len = 0;

    for (unsigned i = 0; i < n; i++) {
        enum shed_change change;

        *now = (s->due_ms ? s->due_ms : *now) + lag;
        change = shed_look(s, *now - turn, *now);
        if (change != SHED_SAME)
            changes[len++] = "-BMLE"[change];
    }
    changes[len] = '\0';
    return changes;
}

static void assert_refuses(const struct shed *s, bool normal, bool low)
{
    assert_false(shed_refuses(s, PRIORITY_HIGH));
    assert_int_equal(shed_refuses(s, PRIORITY_NORMAL), normal);
    assert_int_equal(shed_refuses(s, PRIORITY_LOW), low);
}

static void test_in_time(void **state)
{
    struct shed s;
    int64_t now = 1000000;

    (void)state;
    shed_init(&s, TARGET, PERIOD);
    assert_string_equal(looks(&s, &now, 1000, TARGET, 0), "");
    assert_refuses(&s, false, false);
}

static void test_late_for_long(void **state)
{
    struct shed s;
    int64_t now = 1000000;

    (void)state;
    shed_init(&s, TARGET, PERIOD);
    assert_string_equal(looks(&s, &now, 2, 0, 0), "");
    /* The first late look begins an interval of ten. */
    assert_string_equal(looks(&s, &now, 10, TARGET + 1, 0), "");
    assert_refuses(&s, false, false);
    assert_string_equal(looks(&s, &now, 1, TARGET + 1, 0), "B");
    assert_refuses(&s, false, true);
    assert_string_equal(looks(&s, &now, 10, TARGET + 1, 0), "M");
    assert_refuses(&s, true, true);
    assert_string_equal(looks(&s, &now, 100, TARGET + 1, 0), "");
    assert_refuses(&s, true, true);
    assert_string_equal(looks(&s, &now, 12, 0, 0), "L");
    assert_refuses(&s, false, true);
    assert_string_equal(looks(&s, &now, 12, 0, 0), "E");
    assert_refuses(&s, false, false);
    assert_string_equal(looks(&s, &now, 100, 0, 0), "");
}

static void test_one_look_in_time_is_enough(void **state)
{
    struct shed s;
    int64_t now = 1000000;

    (void)state;
    shed_init(&s, TARGET, PERIOD);
    for (int i = 0; i < 20; i++) {
        assert_string_equal(looks(&s, &now, 10, TARGET + 1, 0), "");
        assert_string_equal(looks(&s, &now, 1, 0, 0), "");
    }
    /* As one long stop does not count either. */
    assert_string_equal(looks(&s, &now, 1, 30000, 0), "");
    assert_refuses(&s, false, false);
}

static void test_a_long_turn_is_late(void **state)
{
    struct shed s;
    int64_t now = 1000000;

    (void)state;
    shed_init(&s, TARGET, PERIOD);
    assert_string_equal(looks(&s, &now, 12, 0, TARGET + 1), "B");
    assert_refuses(&s, false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_time),
        cmocka_unit_test(test_late_for_long),
        cmocka_unit_test(test_one_look_in_time_is_enough),
        cmocka_unit_test(test_a_long_turn_is_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

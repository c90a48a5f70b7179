/*
 * test_units.c: tests of base/units.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"

static void test_durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *printed;
    } rows[] = {
        {500, "500ms"},
        {30000, "30s"},
        {300000, "5m"},
        {28800000, "8h"},
        {604800000, "7d"},
        {0, "0s"},
        {90000, "90s"},
        {60000, "1m"},
        {86400000, "1d"},
        {1500, "1500ms"},
        {INT64_MAX, "9223372036854775807ms"},
        {-90000, "-90s"},
        {INT64_MIN, "-9223372036854775808ms"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char buf[UNITS_TEXT_MAX];

        assert_string_equal(units_print_duration(rows[i].ms, buf).s, rows[i].printed);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *printed;
    } rows[] = {
        {16384, "16k"},
        {10485760, "10m"},
        {UINT64_C(2147483648), "2g"},
        {UINT64_C(3298534883328), "3t"},
        {1048576, "1m"},
        {1000, "1000"},
        {1025, "1025"},
        {0, "0"},
        {UINT64_MAX, "18446744073709551615"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char buf[UNITS_TEXT_MAX];

        assert_string_equal(units_print_size(rows[i].bytes, buf).s, rows[i].printed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
        const char *text;
        int64_t ms;
        const char *printed; /* NULL: an error */
    } rows[] = {
        {"500ms", 500, "500ms"},
        {"30s", 30000, "30s"},
        {"5m", 300000, "5m"},
        {"8h", 28800000, "8h"},
        {"7d", 604800000, "7d"},
        {"7D", 604800000, "7d"},
        {"0", 0, "0s"},
        {"0ms", 0, "0s"},
        {"90", 90000, "90s"},
        {"60s", 60000, "1m"},
        {"24h", 86400000, "1d"},
        {"1500ms", 1500, "1500ms"},
        {"9223372036854775807ms", INT64_MAX, "9223372036854775807ms"},
        {"9223372036854775808ms", 0, NULL},
        {"9223372036854776", 0, NULL},
        {"106751991168d", 0, NULL},
        {"99999999999999999999d", 0, NULL},
        {"", 0, NULL},
        {"s", 0, NULL},
        {"-1s", 0, NULL},
        {"1.5s", 0, NULL},
        {"5 m", 0, NULL},
        {"5x", 0, NULL},
        {"1h30m", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char error[200] = "", buf[UNITS_TEXT_MAX];
        int64_t ms = -7;
        int result = units_parse_duration(str_of(rows[i].text), &ms, error, sizeof(error));

        if ((result == 0) != (rows[i].printed != NULL))
            fail_msg("\"%s\": result %d", rows[i].text, result);
        if (result == 0) {
            assert_int_equal(ms, rows[i].ms);
            assert_string_equal(units_print_duration(ms, buf).s, rows[i].printed);
        } else {
            assert_int_equal(ms, -7);
            assert_true(strstr(error, "too large") || strstr(error, "write a whole number"));
        }
    }
}

static void test_seconds(void **state)
{
    char error[200], buf[UNITS_TEXT_MAX];
    int64_t ms = -7;

    (void)state;
    assert_int_equal(units_duration_from_seconds(-1, &ms, error, sizeof(error)), -1);
    assert_int_equal(units_duration_from_seconds(INT64_MAX / 1000 + 1, &ms, error, sizeof(error)),
                     -1);
    assert_int_equal(ms, -7);
    assert_int_equal(units_duration_from_seconds(3, &ms, error, sizeof(error)), 0);
    assert_int_equal(ms, 3000);
    assert_string_equal(units_print_duration(-90000, buf).s, "-90s");
    assert_string_equal(units_print_duration(INT64_MIN, buf).s, "-9223372036854775808ms");
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
        const char *printed; /* NULL: an error */
    } rows[] = {
        {"16k", 16384, "16k"},
        {"10m", 10485760, "10m"},
        {"2g", UINT64_C(2147483648), "2g"},
        {"3t", UINT64_C(3298534883328), "3t"},
        {"2G", UINT64_C(2147483648), "2g"},
        {"1024k", 1048576, "1m"},
        {"1000", 1000, "1000"},
        {"1025", 1025, "1025"},
        {"0", 0, "0"},
        {"0g", 0, "0"},
        {"18446744073709551615", UINT64_MAX, "18446744073709551615"},
        {"18446744073709551616", 0, NULL},
        {"16777216t", 0, NULL},
        {"", 0, NULL},
        {"k", 0, NULL},
        {"-1", 0, NULL},
        {"1.5m", 0, NULL},
        {"16kb", 0, NULL},
        {"10 m", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char error[200] = "", buf[UNITS_TEXT_MAX];
        uint64_t bytes = 7;
        int result = units_parse_size(str_of(rows[i].text), &bytes, error, sizeof(error));

        if ((result == 0) != (rows[i].printed != NULL))
            fail_msg("\"%s\": result %d", rows[i].text, result);
        if (result == 0) {
            assert_true(bytes == rows[i].bytes);
            assert_string_equal(units_print_size(bytes, buf).s, rows[i].printed);
        } else {
            assert_int_equal(bytes, 7);
            assert_true(strstr(error, "too large") || strstr(error, "write a whole number"));
        }
    }
}

static void test_percent(void **state)
{
    static const char *const wrong[] = {"", "%", "101", "-1", "5%%", "1.5", "x"};
    char error[200];
    unsigned v = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(units_parse_percent(str_of(wrong[i]), 100, &v, error, sizeof(error)), -1);
    assert_int_equal(v, 7);
    assert_non_null(strstr(error, "from 0 to 100"));
    assert_int_equal(units_parse_percent(STR("100"), 100, &v, error, sizeof(error)), 0);
    assert_int_equal(v, 100);
    assert_int_equal(units_parse_percent(STR("125%"), 1000, &v, error, sizeof(error)), 0);
    assert_int_equal(v, 125);
    assert_int_equal(units_parse_percent(STR_NONE, 100, &v, error, sizeof(error)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_percent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

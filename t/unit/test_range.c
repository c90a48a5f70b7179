/*
 * test_range.c: byte ranges, their limits and Content-Range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/range.h"

static void parsing(void **state)
{
    static const struct {
        const char *field;
        uint64_t size;
        enum range_result result;
        unsigned count;
        uint64_t first, last; /* of the last range */
    } rows[] = {
        {"bytes=0-0", 10, RANGE_PARTIAL, 1, 0, 0},
        {"Bytes=5-", 10, RANGE_PARTIAL, 1, 5, 9},
        {"bytes=-3", 10, RANGE_PARTIAL, 1, 7, 9},
        {"bytes=-18446744073709551615", 10, RANGE_PARTIAL, 1, 0, 9},
        {"bytes=-99999999999999999999999", 10, RANGE_PARTIAL, 1, 0, 9},
        {"bytes=5-99999999999999999999999", 10, RANGE_PARTIAL, 1, 5, 9},
        {"bytes=0-1, 4-5", 10, RANGE_PARTIAL, 2, 4, 5},
        {"bytes=20-,4-5", 10, RANGE_PARTIAL, 1, 4, 5},
        {"bytes=0-9", 10, RANGE_PARTIAL, 1, 0, 9},
        {"bytes=0-,0-", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=0-17999999999999999999,0-", UINT64_MAX, RANGE_WHOLE, 0, 0, 0},
        {"bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0, 0},
        {"bytes=99999999999999999999999-", 10, RANGE_UNSATISFIABLE, 0, 0, 0},
        {"bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0, 0},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0, 0},
        {"bytes=5-2", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=-", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=a-b", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=1-2-3", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=+1-2", 10, RANGE_WHOLE, 0, 0, 0},
        {"lines=0-1", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes", 10, RANGE_WHOLE, 0, 0, 0},
        {"", 10, RANGE_WHOLE, 0, 0, 0},
        {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15", 99,
         RANGE_PARTIAL, 16, 15, 15},
        {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16",
         99, RANGE_WHOLE, 0, 0, 0},
    };
    struct range_set set;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        enum range_result result = range_parse(str_of(rows[i].field), rows[i].size, &set);

        if (result != rows[i].result) {
            fail_msg("%s: %d", rows[i].field, (int)result);
        }
        if (result == RANGE_PARTIAL) {
            assert_int_equal(set.count, rows[i].count);
            assert_true(set.ranges[set.count - 1].first == rows[i].first);
            assert_true(set.ranges[set.count - 1].last == rows[i].last);
        }
    }
}

static void content_range(void **state)
{
    char text[RANGE_CONTENT_SIZE];
    struct range range = {1, 4};

    (void)state;
    range_print_content(&range, 9, text);
    assert_string_equal(text, "bytes 1-4/9");
    range_print_content(NULL, UINT64_MAX, text);
    assert_string_equal(text, "bytes */18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),
        cmocka_unit_test(content_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

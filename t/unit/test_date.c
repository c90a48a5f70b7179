/*
 * test_date.c: the three forms of an HTTP date, there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/date.h"

#define NOW 1700000000 /* 2023 */

static void forms(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
        {"Wednesday, 01-Jan-70 00:00:00 GMT", 3155760000}, /* 2070 */
        {"Saturday, 01-Jan-74 00:00:00 GMT", 126230400},   /* 1974: 2074 is too far ahead */
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        {"Wed, 29 Feb 2023 00:00:00 GMT", -1},
        {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
        {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
        {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 nov 1994 08:49:37 GMT", -1},
        {"Xyz, 06 Nov 1994 08:49:37 GMT", -1},
        {"Sun", -1},
        {"", -1},
        {"0", -1},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t seconds = -1;
        int rc = date_parse(str_of(rows[i].text), NOW, &seconds);

        if ((rc < 0) != (rows[i].seconds < 0) || seconds != rows[i].seconds) {
            fail_msg("\"%s\": %lld", rows[i].text, (long long)seconds);
        }
    }
}

static void there_and_back(void **state)
{
    char text[DATE_SIZE];
    int64_t t, back;

    (void)state;
    for (t = -62167219200LL; t <= 253402300799LL; t += 86400LL * 97 + 12347) {
        date_print(t, text);
        assert_int_equal(strlen(text), DATE_LEN);
        assert_int_equal(date_parse(str_of(text), NOW, &back), 0);
        assert_int_equal(back, t);
    }
    date_print(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    date_print(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    date_print(INT64_MIN, text);
    assert_string_equal(text, "Sat, 01 Jan 0000 00:00:00 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

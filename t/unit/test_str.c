/*
 * test_str.c: tests of base/str.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void assert_str(struct str got, const char *want)
{
    if (!str_eq(got, str_of(want)))
        fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_false(str_eq(STR("a"), STR("A")));
    assert_true(str_ieq(STR("Host"), STR("hOST")));
    assert_true(str_ieq(STR_NONE, STR("")));
    assert_false(str_ieq(STR("Host"), STR("Hos")));
    assert_false(str_ieq(STR("@[`{"), STR("`{@[")));
    assert_false(str_ieq(STR("\xc4"), STR("\xe4")));
    assert_true(str_has_prefix(STR("unix:/x"), STR("unix:")));
    assert_true(str_has_prefix(STR_NONE, STR_NONE));
    assert_false(str_has_prefix(STR("uni"), STR("unix")));
    assert_true(str_has_suffix(STR("a.example"), STR(".example")));
    assert_false(str_has_suffix(STR("example"), STR(".example")));
    assert_true(str_eq_secret(STR("secret"), STR("secret")));
    assert_false(str_eq_secret(STR("secret"), STR("secreT")));
    assert_false(str_eq_secret(STR("secret"), STR("secre")));
    assert_true(str_eq_secret(STR_NONE, STR("")));
    assert_true(str_is_printable(STR("a b~\xc3\xa9")));
    assert_false(str_is_printable(STR("")));
    assert_false(str_is_printable(STR("a\x7f")));
    assert_false(str_is_printable(STR("\x1f" "a")));
    assert_false(str_is_printable((struct str){"a\0", 2}));
}

static void test_trim(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR(" \t")), "");
    assert_str(str_trim(STR_NONE), "");
    assert_str(str_trim(STR("\r\nx\v")), "\r\nx\v");
}

static void test_elements(void **state)
{
    static const struct {
        const char *list;
        const char *want[5];
    } rows[] = {
        {"", {NULL}},
        {" , ,\t,", {NULL}},
        {"gzip", {"gzip"}},
        {"a, b ,\tc", {"a", "b", "c"}},
        {",a,,b,", {"a", "b"}},
        {"a=\"x,y\", b", {"a=\"x,y\"", "b"}},
        {"a=\"x\\\",y\", b", {"a=\"x\\\",y\"", "b"}},
        {"a=\\,b", {"a=\\", "b"}},
        {"\"open, b", {"\"open, b"}},
        {"\"open\\", {"\"open\\"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str rest = str_of(rows[i].list), element;
        size_t n = 0;

        while (str_next_element(&rest, &element)) {
            assert_non_null(rows[i].want[n]);
            assert_str(element, rows[i].want[n]);
            n++;
        }
        assert_null(rows[i].want[n]);
        assert_int_equal(rest.len, 0);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        int result;
        uint64_t value;
    } rows[] = {
        {"0", 0, 0, 0},
        {"007", 7, 0, 7},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, -1, 0},
        {"99999999999999999999999", UINT64_MAX, -1, 0},
        {"256", 255, -1, 0},
        {"", 9, -1, 0},
        {"+1", 9, -1, 0},
        {"-1", 9, -1, 0},
        {" 1", 9, -1, 0},
        {"1a", 99, -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t v = 12345;
        struct str s = str_of(rows[i].text);
        int result = str_to_u64(s, rows[i].max, &v);

        if (result != rows[i].result || v != (result == 0 ? rows[i].value : 12345))
            fail_msg("\"%s\": result %d, value %llu", rows[i].text, result,
                     (unsigned long long)v);
    }
    assert_int_equal(hex_digit('9'), 9);
    assert_int_equal(hex_digit('F'), 15);
    assert_int_equal(hex_digit('G'), -1);
    assert_int_equal(hex_digit('/'), -1);
    assert_int_equal(hex_digit(':'), -1);
}

static void test_distance(void **state)
{
    char lengthy[100] = {0};

    (void)state;
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 10), 3);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 2);
    assert_int_equal(str_distance(STR("Listen"), STR("listen"), 3), 0);
    assert_int_equal(str_distance(STR("listn"), STR("listen"), 3), 1);
    assert_int_equal(str_distance(STR_NONE, STR("abc"), 9), 3);
    assert_int_equal(str_distance(STR("abc"), STR_NONE, 9), 3);
    assert_int_equal(str_distance((struct str){lengthy, sizeof(lengthy)}, STR("a"), 4), 4);
}

/* Every pair of bytes, at every place of every length, is compared as one byte would be. */
static void test_letters_everywhere(void **state)
{
    enum { LONGEST = 26 };
    char a[LONGEST], b[LONGEST];

    (void)state;
    for (unsigned pair = 0; pair < 256 * 256; pair++) {
        size_t len = 1 + pair % LONGEST, at = pair / 7 % len;
        char x = (char)(pair & 0xff), y = (char)(pair >> 8);

        memset(a, 'q', len);
        memset(b, 'Q', len);
        a[at] = x;
        b[at] = y;
        assert_int_equal(str_ieq((struct str){a, len}, (struct str){b, len}), ascii_lower(x) == ascii_lower(y));
    }
    for (unsigned c = 0; c < 256; c++) {
        for (size_t len = 1; len <= LONGEST; len++) {
            for (size_t at = 0; at < len; at++) {
                memset(a, (int)c, len);
                memset(b, (int)c, len);
                b[at] = (char)(c ^ 0x20);
                assert_int_equal(str_ieq((struct str){a, len}, (struct str){b, len}),
                                 ascii_lower((char)c) == ascii_lower((char)(c ^ 0x20)));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_trim),
        cmocka_unit_test(test_elements), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_letters_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

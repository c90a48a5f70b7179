/* test_bytes.c: every byte at every place of a text long enough for the wide comparisons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/bytes.h"

static bool value_rule(unsigned c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool target_rule(unsigned c)
{
    return c > 0x20 && c < 0x7f && c != '#';
}

static bool token_rule(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", (int)c));
}

static void every_byte_everywhere(bool (*asked)(struct str), bool (*rule)(unsigned))
{
    char text[50];

    for (size_t len = 1; len <= sizeof(text); len += 7) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 256; c++) {
                memset(text, 'a', sizeof(text));
                text[at] = (char)c;
                if (asked((struct str){text, len}) != rule(c))
                    fail_msg("byte %u at %zu of %zu", c, at, len);
            }
        }
    }
}

static void test_values(void **state)
{
    (void)state;
    every_byte_everywhere(bytes_are_value, value_rule);
    assert_true(bytes_are_value(STR_NONE));
}

static void test_targets(void **state)
{
    (void)state;
    every_byte_everywhere(bytes_are_target, target_rule);
    assert_false(bytes_are_target(STR_NONE));
}

static void test_tokens(void **state)
{
    (void)state;
    every_byte_everywhere(bytes_are_token, token_rule);
    assert_false(bytes_are_token(STR_NONE));
}

static void test_hold(void **state)
{
    char text[40];

    (void)state;
    for (size_t len = 0; len <= sizeof(text); len++) {
        memset(text, 'a', sizeof(text));
        assert_int_equal(bytes_hold((struct str){text, len}, 'a'), len > 0);
        for (size_t at = 0; at < sizeof(text); at++) {
            text[at] = '_';
            assert_int_equal(bytes_hold((struct str){text, len}, '_'), at < len);
            text[at] = 'a';
        }
    }
    assert_false(bytes_hold(STR_NONE, '_'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

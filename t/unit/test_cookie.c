/*
 * test_cookie.c: Cookie pairs, and Set-Cookie with its attributes rewritten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/cookie.h"

static void finding(void **state)
{
    static const struct {
        const char *field, *name, *value; /* NULL: not there */
    } rows[] = {
        {"a=1; b=2", "b", "2"},
        {"a=1;b=2", "a", "1"},
        {"a=x=y", "a", "x=y"},
        {" ; a = 1 ;", "a", "1"},
        {"a=1; a=2", "a", "1"},
        {"a=", "a", ""},
        {"a=\"q\"", "a", "\"q\""},
        {"A=1", "a", NULL},
        {"ab=1", "a", NULL},
        {"a; b=1", "a", NULL},
        {"=1", "", NULL},
        {"", "a", NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str value = STR_NONE;
        bool found = cookie_find(str_of(rows[i].field), str_of(rows[i].name), &value);

        if (found != (rows[i].value != NULL) || !str_eq(value, str_of(rows[i].value))) {
            fail_msg("row %zu: %s", i, rows[i].field);
        }
    }
}

static void removing(void **state)
{
    struct pool *pool = pool_new(1024);

    (void)state;
    assert_string_equal(cookie_remove(STR("a=1;b=2; a=3;c"), STR("a"), pool).s, "b=2; c");
    assert_string_equal(cookie_remove(STR("a=1"), STR("a"), pool).s, "");
    assert_string_equal(cookie_remove(STR("b=1;c=2;d=3"), STR("a"), pool).s, "b=1; c=2; d=3");
    pool_free(pool);
}

static void reading_set_cookie(void **state)
{
    struct set_cookie set;
    struct str value;

    (void)state;
    assert_int_equal(cookie_parse_set(STR("id=7; Path=/a; secure; path=/b"), &set), 0);
    assert_true(str_eq(set.cookie.value, STR("7")));
    assert_true(cookie_find_attribute(set.attributes, STR("PATH"), &value));
    assert_true(str_eq(value, STR("/b")));
    assert_true(cookie_find_attribute(set.attributes, STR("Secure"), &value));
    assert_false(cookie_find_attribute(set.attributes, STR("Domain"), &value));
    assert_int_equal(cookie_parse_set(STR("novalue; Path=/"), &set), -1);
    assert_int_equal(cookie_parse_set(STR("=x"), &set), -1);
    assert_int_equal(cookie_parse_set(STR(""), &set), -1);
}

static void editing(void **state)
{
    const struct {
        struct cookie_edit edit;
        const char *field, *want;
    } rows[] = {
        {{.secure = COOKIE_KEEP}, "a=1;Path=/;X", "a=1; Path=/; X"},
        {{.path = STR("/p")}, "a=1; path=/; Max-Age=5", "a=1; Max-Age=5; Path=/p"},
        {{.domain = STR("")}, "a=1; Domain=x.test; Path=/", "a=1; Path=/"},
        {{.domain = STR("y")}, "a=1", "a=1; Domain=y"},
        {{.secure = COOKIE_ON, .httponly = COOKIE_ON}, "a=1; Secure", "a=1; Secure; HttpOnly"},
        {{.secure = COOKIE_OFF}, "a=1; secure; HttpOnly", "a=1; HttpOnly"},
        {{.samesite = STR("Lax")}, "a=1; SameSite=None; samesite=x", "a=1; SameSite=Lax"},
        {{.value = STR("s1~")}, "a=1; Path=/", "a=s1~; Path=/"},
        {{.path = STR("/p")}, "junk", "junk"},
    };
    struct pool *pool = pool_new(1024);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str got = cookie_edit_set(str_of(rows[i].field), &rows[i].edit, pool);

        if (!str_eq(got, str_of(rows[i].want))) {
            fail_msg("%s: %.*s", rows[i].field, STR_ARG(got));
        }
    }
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finding),
        cmocka_unit_test(removing),
        cmocka_unit_test(reading_set_cookie),
        cmocka_unit_test(editing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

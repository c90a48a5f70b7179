/*
 * test_cookie.c: Cookie pairs, and Set-Cookie with its attributes rewritten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "http/cookie.h"

/* Every cookie of the fields as "name=value|". */
static void reading(void **state)
{
    static const struct {
        const char *fields[4]; /* "Name: value" */
        const char *want;
    } rows[] = {
        {{"Cookie: a=1; b=2"}, "a=1|b=2|"},
        {{"Cookie: a=1;b=2"}, "a=1|b=2|"},
        {{"Cookie: a=x=y"}, "a=x=y|"},
        {{"Cookie:  ; a = 1 ;"}, "a=1|"},
        {{"Cookie: a=1; a=2"}, "a=1|a=2|"},
        {{"Cookie: a="}, "a=|"},
        {{"Cookie: a=\"q; r\"; b=\"\""}, "a=\"q|b=\"\"|"},
        {{"Cookie: a; b=1; =2"}, "b=1|"},
        {{"Cookie: A=1, B=2"}, "A=1, B=2|"},
        {{"Cookie: "}, ""},
        {{"Cookie: ;;"}, ""},
        {{NULL}, ""},
        {{"Cookie: a=1", "Cookie: b=2; a=3"}, "a=1|b=2|a=3|"},
        {{"Cookie: ", "cookie: a=1", "X: b=2", "COOKIE: c=3"}, "a=1|c=3|"},
        {{"X: a=1", "Set-Cookie: b=2", "Cookie2: c=3"}, ""},
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pool *pool = pool_new(1024);
        struct header_list fields;
        struct cookie_walk walk = {.fields = &fields};
        struct cookie cookie;
        char got[128] = "";
        size_t len = 0;

        header_list_init(&fields, pool, 8);
        for (k = 0; k < 4 && rows[i].fields[k]; k++) {
            struct str line = str_of(rows[i].fields[k]);
            size_t name = (size_t)(strchr(line.s, ':') - line.s);

            assert_int_equal(header_add(&fields, (struct str){line.s, name}, str_from(line, name + 2)), 0);
        }
        while (cookie_next(&walk, &cookie))
            len += (size_t)snprintf(got + len, sizeof(got) - len, "%.*s=%.*s|", STR_ARG(cookie.name),
                                    STR_ARG(cookie.value));
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: \"%s\" is not \"%s\"", i, got, rows[i].want);
        assert_false(cookie_next(&walk, &cookie));
        pool_free(pool);
    }
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
        cmocka_unit_test(reading),
        cmocka_unit_test(reading_set_cookie),
        cmocka_unit_test(editing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

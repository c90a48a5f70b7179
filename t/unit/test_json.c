/*
 * test_json.c: commas, escapes, bytes that are not UTF-8, numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/json.h"

static void check(const struct json *j, const char *want)
{
    struct str got = json_text(j);

    if (!str_eq(got, str_of(want)))
        fail_msg("%.*s", STR_ARG(got));
}

static void structure(void **state)
{
    struct pool *pool = pool_new(1024);
    struct json j;

    (void)state;
    json_init(&j, pool);
    json_object(&j, NULL);
    json_str(&j, "a", STR("x"));
    json_array(&j, "b");
    json_int(&j, NULL, -3);
    json_object(&j, NULL);
    json_object_end(&j);
    json_array(&j, NULL);
    json_array_end(&j);
    json_array_end(&j);
    json_name(&j, STR("c\""));
    json_bool(&j, NULL, true);
    json_null(&j, "d");
    json_str(&j, "e", STR_NONE);
    json_uint(&j, "f", UINT64_MAX);
    json_real(&j, "g", 0.5);
    json_real(&j, "h", 1.0 / 0.0);
    json_object_end(&j);
    check(&j, "{\"a\":\"x\",\"b\":[-3,{},[]],\"c\\\"\":true,\"d\":null,\"e\":null,\"f\":18446744073709551615,"
              "\"g\":0.500,\"h\":null}");
    pool_free(pool);
}

static void strings(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "\"\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\n\r\t\b\f\x01\x1f\x7f", "\"\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff\xc3", "\"\\ufffd\\ufffd\""},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"\xe2\x28", "\"\\ufffd(\""},
    };
    struct pool *pool = pool_new(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct json j;

        json_init(&j, pool);
        json_str(&j, NULL, str_of(rows[i].text));
        check(&j, rows[i].want);
    }
    pool_free(pool);
}

static void growing(void **state)
{
    struct pool *pool = pool_new(1024);
    struct json j;
    struct str got;

    (void)state;
    json_init(&j, pool);
    json_array(&j, NULL);
    for (int i = 0; i < 5000; i++)
        json_int(&j, NULL, 7);
    json_array_end(&j);
    got = json_text(&j);
    assert_int_equal(got.len, 10001);
    for (size_t i = 0; i < got.len; i++)
        assert_int_equal(got.s[i], i == 0 ? '[' : i + 1 == got.len ? ']' : i % 2 ? '7' : ',');
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure),
        cmocka_unit_test(strings),
        cmocka_unit_test(growing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

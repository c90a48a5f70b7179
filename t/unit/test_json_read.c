/*
 * test_json_read.c: flat objects, what is refused of others, and limits.  core/json.h is in the same program:
 * its functions, some of which are called as the library's, must not be taken for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/json_read.h"

static int read_text(struct pool *pool, struct str text, struct json_members *members)
{
    char error[300] = "";
    int rc = json_read(pool, text, members, error, sizeof(error));

    assert_int_equal(rc < 0, error[0] != '\0');
    return rc;
}

static void test_members(void **state)
{
    struct pool *pool = pool_new(4096);
    struct json_members m;
    struct json json;

    (void)state;
    json_init(&json, pool);
    json_object(&json, NULL);
    json_str(&json, "text", STR("a \"b\" \xc3\xa4"));
    json_int(&json, "number", -5);
    json_bool(&json, "yes", true);
    json_null(&json, "null");
    json_real(&json, "real", 1.5);
    json_array(&json, "list");
    json_object(&json, NULL);
    json_object_end(&json);
    json_array_end(&json);
    json_object_end(&json);
    assert_int_equal(read_text(pool, json_text(&json), &m), 0);
    assert_int_equal(m.count, 6);
    assert_true(str_eq(json_member(&m, "text")->text, STR("a \"b\" \xc3\xa4")));
    assert_int_equal(json_member(&m, "number")->type, JSON_READ_NUMBER);
    assert_int_equal(json_member(&m, "number")->number, -5);
    assert_int_equal(json_member(&m, "yes")->type, JSON_READ_BOOL);
    assert_true(json_member(&m, "yes")->truth);
    assert_int_equal(json_member(&m, "null")->type, JSON_READ_OTHER);
    assert_int_equal(json_member(&m, "real")->type, JSON_READ_OTHER);
    assert_int_equal(json_member(&m, "list")->type, JSON_READ_OTHER);
    assert_null(json_member(&m, "none"));
    assert_int_equal(read_text(pool, STR("{}"), &m), 0);
    assert_int_equal(m.count, 0);
    pool_free(pool);
}

static void test_what_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "\"a\"",
        "1",
        "null",
        "{}x",
        "{} {}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":99999999999999999999}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
        "{\"a\":[[[[[[[[1]]]]]]]]}",
        "/* */{}",
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"a\":1,\"b\":1,\"c\":1,"
        "\"d\":1,"
        "\"e\":1,\"f\":1,\"g\":1,\"h\":1}",
    };
    struct pool *pool = pool_new(4096);
    struct json_members m;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (read_text(pool, str_of(texts[i]), &m) == 0)
            fail_msg("read: %s", texts[i]);
    assert_int_equal(read_text(pool, STR("{\"a\":\0}"), &m), -1);
    pool_free(pool);
}

static void test_limits(void **state)
{
    struct pool *pool = pool_new(4096);
    char *text = pool_text(pool, JSON_READ_MAX + 1);
    struct json_members m;

    (void)state;
    memset(text, ' ', JSON_READ_MAX + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(read_text(pool, (struct str){text, JSON_READ_MAX}, &m), 0);
    assert_int_equal(read_text(pool, (struct str){text, JSON_READ_MAX + 1}, &m), -1);
    /* The recursion of a parser never begins. */
    memset(text, '[', JSON_READ_MAX);
    assert_int_equal(read_text(pool, (struct str){text, JSON_READ_MAX}, &m), -1);
    /* Brackets in strings are none. */
    assert_int_equal(read_text(pool, STR("{\"a\":\"[[[[[[[[[[[\\\"[[[\"}"), &m), 0);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_host_table.c: which of the configured hosts takes a request, captures, and refused hosts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/route/host_table.h"

static const struct hash_key test_key = {9, 8};

static const char *const hosts[] = {
    "~^w+\\d\\.(.+)$",  "Example.com", "*.example.com", "*.a.example.com", ".both.org",
    "www.*",            "www.b.*",     "~^api-(\\w+)\\.(net|org)$",        "~bomb",
    "~^(z+)+[0-9]$", "~^z",  "www.both.*",    "example.com",
};

static const struct {
    const char *host;
    const char *winner; /* as in hosts; NULL: none */
} cases[] = {
    {"example.com", "Example.com"},
    {"x.example.com", "*.example.com"},
    {"x.y.example.com", "*.example.com"},
    {"a.example.com", "*.example.com"},
    {"x.a.example.com", "*.a.example.com"},
    {".example.com", NULL},
    {"xexample.com", NULL},
    {"both.org", ".both.org"},
    {"www.both.org", ".both.org"},
    {"www.both.net", "www.both.*"},
    {"www.net", "www.*"},
    {"www.b.co.uk", "www.b.*"},
    {"www.b", "www.*"},
    {"www.", NULL},
    {"www", NULL},
    {"www1.test", "~^w+\\d\\.(.+)$"},
    {"api-v2.org", "~^api-(\\w+)\\.(net|org)$"},
    {"api-v2.com", NULL},
    {"my.bomb.x", "~bomb"},
    {"", NULL},
};

static struct host_table *make_table(struct pool *pool)
{
    struct host_table *table = host_table_new(pool, test_key);

    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        struct regex_error error;

        assert_int_equal(
            host_table_add(table, str_of(hosts[i]), (void *)(uintptr_t)hosts[i], &error), 0);
    }
    host_table_freeze(table);
    return table;
}

static void test_choice(void **state)
{
    struct pool *pool = pool_new(4096);
    struct regex_scratch *scratch = regex_scratch_new(pool);
    struct host_table *table = make_table(pool);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *value = NULL;
        enum regex_result result =
            host_table_find(table, str_of(cases[i].host), scratch, NULL, &value);

        if (cases[i].winner) {
            assert_int_equal(result, REGEX_MATCH);
            assert_string_equal(value, cases[i].winner);
        } else {
            assert_int_equal(result, REGEX_NO_MATCH);
        }
    }
    pool_free(pool);
}

static void test_captures(void **state)
{
    struct pool *pool = pool_new(4096);
    struct regex_scratch *scratch = regex_scratch_new(pool);
    struct host_table *table = make_table(pool);
    struct regex_captures captures;
    void *value;

    (void)state;
    assert_int_equal(host_table_find(table, STR("api-v2.org"), scratch, &captures, &value),
                     REGEX_MATCH);
    assert_int_equal(captures.count, 3);
    assert_true(str_eq(captures.group[1], STR("v2")));
    assert_true(str_eq(captures.group[2], STR("org")));
    assert_int_equal(host_table_find(table, STR("example.com"), scratch, &captures, &value),
                     REGEX_MATCH);
    assert_int_equal(captures.count, 0);
    pool_free(pool);
}

/* A regex that cannot be decided must not hand the request to the next host. */
static void test_limit(void **state)
{
    struct pool *pool = pool_new(4096);
    struct regex_scratch *scratch = regex_scratch_new(pool);
    struct host_table *table = make_table(pool);
    void *value;

    (void)state;
    assert_int_equal(host_table_find(table, STR("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzx"),
                                     scratch, NULL, &value),
                     REGEX_LIMIT);
    pool_free(pool);
}

static void test_refused(void **state)
{
    static const struct {
        const char *host;
        size_t offset;
    } bad[] = {
        {"", 0},      {"*", 0},         {".", 0},      {"*.", 0},        {"a.*.b", 2},
        {"a*", 0},    {"*a.b", 0},      {"*.a.*", 0},  {"www*.x", 3},    {"~(", 2},
        {"a.**", 2},  {".a.*", 3},      {"**.a", 0},
        {"a.b:80", 3}, {"http://b", 4}, {"a b", 1},    {"a.b.", 3},      {"\303\244.b", 0},
    };
    struct pool *pool = pool_new(4096);
    struct host_table *table = host_table_new(pool, test_key);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct regex_error error = {.offset = 99};

        assert_int_equal(host_table_add(table, str_of(bad[i].host), pool, &error), -1);
        assert_int_equal(error.offset, bad[i].offset);
        assert_true(error.text[0] != '\0');
    }
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

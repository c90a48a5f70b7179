/* test_cache_key.c: the query in a key; the settings ignore_query and sort_query, over RFC 3986 3.4. */
#include "cache_fixture.h"
#include "http/cache_key.h"

static const struct str all[] = {{"*", 1}};
static const struct str some[] = {{"utm_*", 5}, {"fbclid", 6}};
static const struct cache_names every = {all, 1}, tracking = {some, 2}, nothing = {NULL, 0};

static void queries(void **state)
{
    static const struct {
        const char *query;
        const struct cache_names *ignored;
        bool sort;
        const char *key;
    } rows[] = {
        {"", NULL, true, ""},
        {"b=1&a=2", NULL, false, "b=1&a=2"},
        {"b=1&a=2", &nothing, false, "b=1&a=2"},
        {"b=1&a=2", &tracking, false, "b=1&a=2"},
        {"b=1&a=2", NULL, true, "a=2&b=1"},
        {"b=1&a=2&b=0&ab=3&a", NULL, true, "a=2&a&ab=3&b=1&b=0"},
        {"a=2&&b=1&", NULL, true, "a=2&b=1"},
        {"a=2&", NULL, true, "a=2"},
        {"a=2&&b=1&", &tracking, false, "a=2&&b=1&"},
        {"b=1&utm_source=x&a=2", &tracking, false, "b=1&a=2"},
        {"fbclid=1", &tracking, false, ""},
        {"fbclid", &tracking, true, ""},
        {"utm_a&b=1&fbclid=&fbclid2=1", &tracking, true, "b=1&fbclid2=1"},
        {"FBCLID=1", &tracking, false, "FBCLID=1"},
        {"fbclid=1;a=2&b", &tracking, false, "fbclid=1;a=2&b"},
        {"fbclid;a=2&b", &tracking, false, "fbclid;a=2&b"},
        {"b=1;c&a=2", &every, false, ""},
        {"b=1;c&a=2", &every, true, ""},
        {"=1&=0", NULL, true, "=1&=0"},
        {"a%62=1&ab=2", NULL, true, "a%62=1&ab=2"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        print_message("%s\n", rows[i].query);
        fixture_same(cache_key_query(str_of(rows[i].query), rows[i].ignored, rows[i].sort, *state),
                     rows[i].key);
    }
}

static void many(void **state)
{
    struct str query = STR("b=1&a=2&");

    for (int i = 0; i < 7; i++)
        query = pool_printf(*state, "%.*s%.*s", STR_ARG(query), STR_ARG(query));
    assert_ptr_equal(cache_key_query(query, &tracking, true, *state).s, query.s);
    assert_int_equal(cache_key_query(query, &every, true, *state).len, 0);
    query.len /= 2; /* 128 arguments, and an empty one */
    assert_memory_equal(cache_key_query(query, NULL, true, *state).s, "a=2&a=2&", 8);
}

static void untouched(void **state)
{
    struct str query = STR("b=1&a=2");

    assert_ptr_equal(cache_key_query(query, NULL, false, *state).s, query.s);
    assert_ptr_equal(cache_key_query(query, &tracking, false, *state).s, query.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queries, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(many, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(untouched, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

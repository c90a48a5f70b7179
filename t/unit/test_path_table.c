/*
 * test_path_table.c: exact look-ups, chains in the order of addition, and near misses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/route/path_table.h"

#define PATHS 5000

static const struct hash_key test_key = {1, 2};

static void test_many(void **state)
{
    static int values[PATHS * 2];
    struct pool *pool = pool_new(4096);
    struct path_table *table = path_table_new(pool, test_key);

    (void)state;
    for (unsigned i = 0; i < PATHS * 2; i++)
        path_table_add(table, pool_printf(pool, "/p/%u", i % PATHS), &values[i]);
    path_table_freeze(table);
    for (unsigned i = 0; i < PATHS; i++) {
        const struct path_entry *entry = path_table_find(table, pool_printf(pool, "/p/%u", i));

        assert_non_null(entry);
        assert_ptr_equal(entry->value, &values[i]);
        assert_non_null(entry->next);
        assert_ptr_equal(entry->next->value, &values[i + PATHS]);
        assert_null(entry->next->next);
        assert_null(path_table_find(table, pool_printf(pool, "/q/%u", i)));
    }
    pool_free(pool);
}

static void test_near_misses(void **state)
{
    static const struct {
        const char *path;
        bool found;
    } cases[] = {
        {"/a", true},   {"/a/", false}, {"/A", false},      {"/", false},
        {"", true},     {"a", false},   {"/long/er", true}, {"/long/er/than/all", false},
        {"/lon", false},
    };
    struct pool *pool = pool_new(4096);
    struct path_table *table = path_table_new(pool, test_key);

    (void)state;
    path_table_add(table, STR("/a"), pool);
    path_table_add(table, STR_NONE, pool);
    path_table_add(table, STR("/long/er"), pool);
    path_table_freeze(table);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(path_table_find(table, str_of(cases[i].path)) != NULL, cases[i].found);
    pool_free(pool);
}

static void test_empty(void **state)
{
    struct pool *pool = pool_new(4096);
    struct path_table *table = path_table_new(pool, test_key);

    (void)state;
    path_table_freeze(table);
    assert_null(path_table_find(table, STR("/")));
    assert_null(path_table_find(table, STR_NONE));
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_near_misses),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

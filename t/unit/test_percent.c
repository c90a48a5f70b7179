/*
 * test_percent.c: shares of many keys, staying inside as n grows, and answers fixed for all
 * machines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"
#include "core/route/percent.h"

#define KEYS 20000

static void test_share(void **state)
{
    static const double percents[] = {0, 0.5, 1, 10, 33.3, 50, 99, 100};
    struct hash_key secret = percent_key(STR("s3cret"));
    struct pool *pool = pool_new(4096);
    double inside[ARRAY_SIZE(percents)] = {0};

    (void)state;
    for (unsigned i = 0; i < KEYS; i++) {
        struct str key = pool_printf(pool, "192.0.2.%u", i);
        bool before = false;

        assert_true(percent_point(&secret, key) < 1000000);
        for (size_t p = 0; p < ARRAY_SIZE(percents); p++) {
            bool now = percent_holds(&secret, key, percents[p]);

            assert_true(now || !before);
            inside[p] += now;
            before = now;
        }
    }
    assert_true(inside[0] <= 0 && inside[ARRAY_SIZE(percents) - 1] >= KEYS);
    for (size_t p = 0; p < ARRAY_SIZE(percents); p++) {
        double share = inside[p] * 100 / KEYS;

        assert_true(share > percents[p] - 1.5 && share < percents[p] + 1.5);
    }
    pool_free(pool);
}

static void test_secret_counts(void **state)
{
    struct hash_key one = percent_key(STR("one"));
    struct hash_key other = percent_key(STR("other, longer than sixteen bytes"));

    (void)state;
    assert_int_equal(percent_point(&one, STR("a")), percent_point(&one, STR("a")));
    assert_int_not_equal(percent_point(&one, STR("a")), percent_point(&other, STR("a")));
    assert_int_not_equal(percent_point(&one, STR("a")), percent_point(&one, STR("b")));
    assert_int_not_equal(one.k0, one.k1);
}

static void test_fixed(void **state)
{
    struct hash_key secret = percent_key(STR("weir"));

    (void)state;
    assert_int_equal(percent_point(&secret, STR("198.51.100.7")), 147766);
    assert_int_equal(percent_point(&secret, STR_NONE), 554618);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_secret_counts),
        cmocka_unit_test(test_fixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_pool.c: tests of base/pool.c; passes with and without WEIR_DEBUG_POOLS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/pool.h"

/* Fills pieces of many sizes, each with its own byte, and checks that none was overwritten. */
static void fill_and_check(struct pool *pool)
{
    enum { COUNT = 400 };
    unsigned char *pieces[COUNT];
    size_t sizes[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 50 == 49 ? i * 150 : i * 7 % 300;
        if (i % 3 == 0) {
            pieces[i] = (unsigned char *)pool_text(pool, sizes[i]);
        } else {
            pieces[i] = pool_alloc(pool, sizes[i]);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        }
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(pieces[i][j], i % 251);
}

static void test_pieces(void **state)
{
    static const size_t first[] = {0, 1, 100, 4096, 65536};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
        struct pool *pool = pool_new(first[i]);
        size_t before = pool_bytes(pool);

        fill_and_check(pool);
        assert_true(pool_bytes(pool) > before);
        pool_reset(pool);
        assert_int_equal(pool_bytes(pool), before);
        fill_and_check(pool);
        pool_free(pool);
    }
    pool_free(NULL);
}

/* A piece that just fits unpadded, in a first block larger than the later ones. */
static void test_tight_fit(void **state)
{
    struct pool *pool = pool_new(60000);
    char *text = pool_text(pool, 7);
    char *piece = pool_alloc(pool, 60000 - 7);

    (void)state;
    memset(text, 1, 7);
    memset(piece, 2, 60000 - 7);
    assert_int_equal(text[0], 1);
    pool_free(pool);
}

static void test_zeroed(void **state)
{
    struct pool *pool = pool_new(256);

    (void)state;
    memset(pool_alloc(pool, 128), 0xff, 128);
    pool_reset(pool);
    for (size_t i = 0; i < 100; i++) {
        const char *z = pool_zalloc(pool, i);

        for (size_t j = 0; j < i; j++)
            assert_int_equal(z[j], 0);
    }
    pool_free(pool);
}

static void test_text(void **state)
{
    struct pool *pool = pool_new(64);
    struct str s = pool_str(pool, (struct str){"abcdef", 3});
    struct str e = pool_str(pool, STR_NONE);
    struct str p = pool_printf(pool, "%s-%d", "x", 42);
    struct str wide = pool_printf(pool, "%*d", 10000, 7);

    (void)state;
    assert_int_equal(s.len, 3);
    assert_string_equal(s.s, "abc");
    assert_int_equal(e.len, 0);
    assert_string_equal(e.s, "");
    assert_int_equal(p.len, 4);
    assert_string_equal(p.s, "x-42");
    assert_int_equal(wide.len, 10000);
    assert_int_equal(wide.s[9999], '7');
    assert_int_equal(wide.s[10000], '\0');
    pool_free(pool);
}

struct trail {
    struct pool *pool;
    char text[8];
    size_t n;
};

static void leave_a(void *arg)
{
    struct trail *t = arg;

    t->text[t->n++] = 'a';
}

static void leave_b_then_a(void *arg)
{
    struct trail *t = arg;

    t->text[t->n++] = 'b';
    pool_on_free(t->pool, leave_a, t);
}

static void test_cleanups(void **state)
{
    struct trail t = {.pool = pool_new(100)};

    (void)state;
    pool_on_free(t.pool, leave_a, &t);
    pool_on_free(t.pool, leave_b_then_a, &t);
    pool_reset(t.pool);
    assert_string_equal(t.text, "baa");
    pool_reset(t.pool);
    assert_string_equal(t.text, "baa");
    pool_on_free(t.pool, leave_b_then_a, &t);
    pool_free(t.pool);
    assert_string_equal(t.text, "baaba");
}

static void test_hold(void **state)
{
    struct trail t = {.pool = pool_new(64)};

    (void)state;
    assert_false(pool_is_held(t.pool));
    assert_ptr_equal(pool_hold(t.pool), t.pool);
    assert_true(pool_is_held(t.pool));
    pool_on_free(t.pool, leave_b_then_a, &t);
    pool_free(t.pool);
    assert_string_equal(t.text, "");
    assert_false(pool_is_held(t.pool));
    pool_free(t.pool);
    assert_string_equal(t.text, "ba");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces), cmocka_unit_test(test_tight_fit),
        cmocka_unit_test(test_zeroed), cmocka_unit_test(test_text),
        cmocka_unit_test(test_cleanups), cmocka_unit_test(test_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

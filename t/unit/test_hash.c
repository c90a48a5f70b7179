/*
 * test_hash.c: tests of base/hash.c, with the example of appendix A of the SipHash paper.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"

static struct hash_key counting_key(void)
{
    uint8_t bytes[16];

    for (uint8_t i = 0; i < 16; i++)
        bytes[i] = i;
    return hash_key_of(bytes);
}

static void test_siphash(void **state)
{
    struct hash_key key = counting_key(), other = key;
    unsigned char input[15];

    (void)state;
    for (unsigned char i = 0; i < 15; i++)
        input[i] = i;
    assert_true(hash_bytes(&key, input, 15) == UINT64_C(0xa129ca6149be45e5));
    assert_true(hash_bytes(&key, NULL, 0) == UINT64_C(0x726fdb47dd0e0e31));
    other.k1 ^= 1;
    assert_true(hash_bytes(&other, input, 15) != UINT64_C(0xa129ca6149be45e5));
}

/* The vectors of the authors' implementation for inputs of 0, 1 and 9 bytes. */
static void test_siphash_128(void **state)
{
    static const struct {
        size_t len;
        struct hash_128 hash;
    } cases[] = {
        {0, {UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d)}},
        {1, {UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634)}},
        {9, {UINT64_C(0xabbad90a06994426), UINT64_C(0xed716dbb028b7fc4)}},
    };
    const unsigned char input[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct hash_key key = counting_key();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_true(hash_128_eq(hash_bytes_128(&key, input, cases[i].len), cases[i].hash));
}

enum { COUNT = 1000 };

static void check_range(const struct hash_table *t, struct str *keys, size_t from, size_t to)
{
    size_t position = 0, seen = 0;
    struct str key;
    void *value;

    for (size_t i = 0; i < COUNT; i++) {
        void *want = i >= from && i < to ? &keys[i] : NULL;

        assert_ptr_equal(hash_table_get(t, keys[i]), want);
    }
    while (hash_table_next(t, &position, &key, &value)) {
        assert_true(str_eq(key, *(struct str *)value));
        seen++;
    }
    assert_int_equal(seen, to - from);
}

static void test_table(void **state)
{
    struct pool *pool = pool_new(1024);
    struct str *keys = pool_alloc(pool, COUNT * sizeof(*keys));
    struct hash_table *t = hash_table_new(pool, counting_key(), 0);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        keys[i] = pool_printf(pool, "key%zu", i);
        assert_null(hash_table_set(t, keys[i], &keys[i]));
    }
    check_range(t, keys, 0, COUNT);
    pool_free(pool);
}

static void test_replace(void **state)
{
    struct pool *pool = pool_new(1024);
    struct hash_table *t = hash_table_new(pool, counting_key(), 100);
    int one, two;

    (void)state;
    assert_null(hash_table_get(t, STR("a")));
    assert_null(hash_table_set(t, STR("a"), &one));
    assert_ptr_equal(hash_table_set(t, STR("a"), &two), &one);
    assert_ptr_equal(hash_table_get(t, STR("a")), &two);
    assert_null(hash_table_get(t, STR("A")));
    assert_null(hash_table_set(t, STR_NONE, &one));
    assert_ptr_equal(hash_table_get(t, STR("")), &one);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_siphash_128),
        cmocka_unit_test(test_table), cmocka_unit_test(test_replace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

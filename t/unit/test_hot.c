/* test_hot.c: what a worker holds in memory: limits, references, and who stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rnd.h"
#include "core/cache/hot.h"

#define LIMIT (1024 * 1024)

static struct hash_128 name(uint64_t n)
{
    struct hash_key key = {1, 2};

    return hash_bytes_128(&key, &n, sizeof(n));
}

/* As a cache does: looked up, and entered where it is missing.  True: it was there. */
static bool ask(struct hot *h, uint64_t n, size_t len)
{
    struct hot_object *o = hot_get(h, name(n));
    bool hit = o != NULL;

    if (!o) {
        o = hot_put(h, name(n), len, 0);
        assert_non_null(o);
        memcpy(o->payload, &n, sizeof(n));
    }
    assert_memory_equal(o->payload, &n, sizeof(n));
    hot_release(o);
    return hit;
}

static uint64_t bytes_held(struct hot *h)
{
    struct hot_stats s;

    hot_stats(h, &s);
    return s.bytes;
}

static void test_get_and_drop(void **state)
{
    struct hot *h = hot_new(LIMIT);
    struct hot_object *o, *again;

    (void)state;
    assert_null(hot_get(h, name(1)));
    o = hot_put(h, name(1), 100, 0);
    assert_int_equal(o->len, 100);
    memset(o->payload, 'x', 100);
    again = hot_get(h, name(1));
    assert_ptr_equal(o, again);
    hot_release(again);
    assert_true(hot_drop(h, name(1)));
    assert_false(hot_drop(h, name(1)));
    assert_null(hot_get(h, name(1)));
    assert_int_equal(o->payload[99], 'x');
    hot_drop_object(o); /* it is out already */
    hot_release(o);
    assert_int_equal(bytes_held(h), 0);
    hot_free(h);
}

struct owner {
    int *freed;
};

static void count_free(struct hot_object *o)
{
    struct owner owner;

    memcpy(&owner, o->payload, sizeof(owner));
    ++*owner.freed;
}

static void test_on_free(void **state)
{
    struct hot *h = hot_new(LIMIT);
    struct hot_object *o = hot_put(h, name(1), sizeof(struct owner), 0);
    int freed = 0;
    struct owner owner = {&freed};

    (void)state;
    memcpy(o->payload, &owner, sizeof(owner));
    o->on_free = count_free;
    hot_drop(h, name(1));
    assert_int_equal(freed, 0);
    hot_release(o);
    assert_int_equal(freed, 1);
    hot_free(h);
}

static void test_limit(void **state)
{
    struct hot *h = hot_new(LIMIT);
    struct rnd rnd;

    (void)state;
    rnd_init_fixed(&rnd, 3);
    assert_null(hot_put(h, name(1), LIMIT / 8, 0));
    assert_null(hot_put(h, name(1), 10, LIMIT / 8));
    for (int i = 0; i < 20000; i++) {
        ask(h, rnd_below(&rnd, 5000), 8 + rnd_below(&rnd, 3000));
        assert_in_range(bytes_held(h), 1, LIMIT);
    }
    assert_in_range(bytes_held(h), LIMIT * 9 / 10, LIMIT);
    hot_free(h);
    h = hot_new(0);
    assert_null(hot_put(h, name(1), 0, 0));
    hot_free(h);
}

/* 100 objects in use; 100,000 others come by once each: nearly all of the 100 are still there. */
static void test_scan(void **state)
{
    struct hot *h = hot_new(LIMIT);
    unsigned kept = 0;

    (void)state;
    for (int round = 0; round < 5; round++)
        for (uint64_t n = 0; n < 100; n++)
            ask(h, n, 1000);
    for (uint64_t n = 1000; n < 101000; n++)
        ask(h, n, 1000);
    for (uint64_t n = 0; n < 100; n++) {
        struct hot_object *o = hot_get(h, name(n));

        kept += o != NULL;
        if (o)
            hot_release(o);
    }
    assert_in_range(kept, 95, 100);
    hot_free(h);
}

/* Zipf-like: number i is asked for in proportion to 1/i. */
static uint64_t zipf(struct rnd *rnd, const double *sums, size_t count)
{
    double x = (double)(rnd_u64(rnd) >> 11) / (double)(UINT64_C(1) << 53) * sums[count - 1];
    size_t low = 0, high = count - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sums[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A twentieth of the objects fit: who knew the most wanted ones would hit 71 of 100. */
static void test_hit_rate(void **state)
{
    enum { COUNT = 20000, ASKED = 400000 };
    struct hot *h = hot_new(COUNT / 20 * 1128);
    double *sums = malloc(COUNT * sizeof(*sums)), sum = 0;
    struct rnd rnd;
    unsigned hits = 0;

    (void)state;
    rnd_init_fixed(&rnd, 7);
    for (int i = 0; i < COUNT; i++)
        sums[i] = sum += 1.0 / (i + 1);
    for (int i = 0; i < ASKED; i++) {
        bool hit = ask(h, zipf(&rnd, sums, COUNT), 1000);

        hits += i >= ASKED / 2 && hit;
    }
    assert_true(hits > ASKED / 2 * 0.67);
    free(sums);
    hot_free(h);
}

/* What everybody wanted yesterday makes room for what is wanted today. */
static void test_change_of_taste(void **state)
{
    struct hot *h = hot_new(LIMIT);
    unsigned hits = 0;

    (void)state;
    for (int round = 0; round < 20; round++)
        for (uint64_t n = 0; n < 800; n++)
            ask(h, n, 1000);
    for (int round = 0; round < 20; round++)
        for (uint64_t n = 10000; n < 10800; n++)
            hits += ask(h, n, 1000) && round >= 15;
    assert_in_range(hits, 5 * 800 * 95 / 100, 5 * 800);
    hot_free(h);
}

static void test_replacing(void **state)
{
    struct hot *h = hot_new(LIMIT);
    struct hot_object *first = hot_put(h, name(1), 100, 0), *second = hot_put(h, name(1), 200, 50), *found;
    struct hot_stats s;

    (void)state;
    assert_ptr_not_equal(first, second);
    found = hot_get(h, name(1));
    assert_ptr_equal(found, second);
    hot_stats(h, &s);
    assert_int_equal(s.objects, 1);
    assert_int_equal(s.bytes, second->bytes);
    assert_int_equal(second->bytes, sizeof(*second) + 250);
    hot_drop_object(first);
    hot_drop_object(second);
    hot_stats(h, &s);
    assert_int_equal(s.objects, 0);
    hot_release(found);
    hot_release(first);
    hot_free(h);
    hot_release(second); /* outlives the map */
}

/* Where all are in use a new one finds room all the same, for a few of them. */
static void test_all_in_use(void **state)
{
    struct hot *h = hot_new(LIMIT);
    struct hot_stats before, after;

    (void)state;
    for (int round = 0; round < 6; round++)
        for (uint64_t n = 0; n < 960; n++)
            ask(h, n, 1000);
    hot_stats(h, &before);
    assert_int_equal(before.evicted, 0);
    hot_release(hot_put(h, name(5000), LIMIT / 16, 0));
    hot_stats(h, &after);
    assert_in_range(after.evicted - before.evicted, 1, 70);
    assert_in_range(after.bytes, 1, LIMIT);
    hot_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_and_drop), cmocka_unit_test(test_on_free), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_hit_rate), cmocka_unit_test(test_change_of_taste),
        cmocka_unit_test(test_replacing), cmocka_unit_test(test_all_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

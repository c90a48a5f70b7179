/* test_sketch.c: counts are never too low, grow old, and tell what is asked for often from what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rnd.h"
#include "core/cache/sketch.h"

struct fixture {
    struct sketch sketch;
    size_t count;
    struct rnd rnd;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    rnd_init_fixed(&f->rnd, 1);
    f->count = sketch_words(10000);
    sketch_init(&f->sketch, calloc(f->count, sizeof(uint64_t)), f->count, 5);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    free((void *)f->sketch.words);
    free(f);
    return 0;
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(sketch_words(0), SKETCH_LINE);
    assert_int_equal(sketch_words(8), SKETCH_LINE);
    assert_int_equal(sketch_words(9), 2 * SKETCH_LINE);
    assert_int_equal(sketch_words(1000000), 1 << 20);
}

static void test_counts(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(sketch_estimate(&f->sketch, 42), 0);
    for (unsigned i = 1; i < 20; i++) {
        sketch_add(&f->sketch, 42);
        assert_int_equal(sketch_estimate(&f->sketch, 42), i < SKETCH_MAX ? i : SKETCH_MAX);
    }
    assert_int_equal(sketch_estimate(&f->sketch, 43), 0);
}

/* As many objects as it is made for: those asked for 8 times lie above nearly all that came once. */
static void test_tells_apart(void **state)
{
    struct fixture *f = *state;
    unsigned wrong = 0;

    for (uint64_t i = 0; i < 1000; i++)
        for (int n = 0; n < 8; n++)
            sketch_add(&f->sketch, i << 40 | i);
    for (uint64_t i = 1000; i < 10000; i++)
        sketch_add(&f->sketch, i << 40 | i);
    for (uint64_t i = 0; i < 1000; i++)
        wrong += sketch_estimate(&f->sketch, i << 40 | i) < 4;
    for (uint64_t i = 1000; i < 10000; i++)
        wrong += sketch_estimate(&f->sketch, i << 40 | i) >= 4;
    assert_in_range(wrong, 0, 100);
}

static void test_grows_old(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 15; i++)
        sketch_add(&f->sketch, 42);
    for (size_t i = 0; i < f->count / SKETCH_LINE * 64 * 4; i++)
        sketch_add(&f->sketch, 7);
    assert_in_range(sketch_estimate(&f->sketch, 42), 0, 1);
    assert_int_equal(sketch_estimate(&f->sketch, 7), SKETCH_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), TEST(test_counts), TEST(test_tells_apart), TEST(test_grows_old),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

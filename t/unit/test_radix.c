/*
 * test_radix.c: the prefix tree against a naive search over all prefixes, its order, and its size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/route/radix.h"

#define PREFIXES 10000
#define PATHS 2000
#define LONGEST 40

struct sample {
    char text[LONGEST];
    size_t len;
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

/* Few letters and many slashes, so that prefixes nest and repeat. */
static void fill(struct sample *sample, uint64_t *state, uint32_t longest)
{
    static const char letters[] = "ab/c\xff-";

    sample->len = 1 + next_random(state) % longest;
    sample->text[0] = '/';
    for (size_t i = 1; i < sample->len; i++)
        sample->text[i] = letters[next_random(state) % (sizeof(letters) - 1)];
}

static struct str text_of(const struct sample *sample)
{
    return (struct str){sample->text, sample->len};
}

/* Walks must give exactly what a scan gives: longest first, then in the order of addition. */
static void check_path(const struct radix *tree, struct sample *samples, struct str path)
{
    struct radix_walk walk;

    radix_walk_start(&walk, tree, path);
    for (size_t len = path.len + 1; len-- > 0;)
        for (size_t i = 0; i < PREFIXES; i++)
            if (samples[i].len == len && str_has_prefix(path, text_of(&samples[i])))
                assert_ptr_equal(radix_walk_next(&walk), &samples[i]);
    assert_null(radix_walk_next(&walk));
    assert_null(radix_walk_next(&walk));
}

static void test_against_naive(void **state)
{
    static struct sample samples[PREFIXES];
    struct pool *pool = pool_new(4096);
    struct radix *tree = radix_new(pool);
    uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < PREFIXES; i++) {
        fill(&samples[i], &seed, i % 4 ? 12 : 30);
        radix_add(tree, text_of(&samples[i]), &samples[i]);
    }
    radix_freeze(tree);
    for (size_t i = 0; i < PATHS; i++) {
        struct sample path;

        if (i % 2)
            fill(&path, &seed, LONGEST);
        else
            path = samples[next_random(&seed) % PREFIXES];
        check_path(tree, samples, text_of(&path));
    }
    pool_free(pool);
}

static void test_order(void **state)
{
    static const char *const prefixes[] = {"/api", "/", "/api/v1", "/api", "", "/apis", "/b"};
    static const struct {
        const char *path;
        int found[8]; /* indexes into prefixes, then -1 */
    } cases[] = {
        {"/api/v1/x", {2, 0, 3, 1, 4, -1}},
        {"/api/v1", {2, 0, 3, 1, 4, -1}},
        {"/api/v", {0, 3, 1, 4, -1}},
        {"/apis", {5, 0, 3, 1, 4, -1}},
        {"/ap", {1, 4, -1}},
        {"/bb", {6, 1, 4, -1}},
        {"*", {4, -1}},
        {"", {4, -1}},
    };
    struct pool *pool = pool_new(4096);
    struct radix *tree = radix_new(pool);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        radix_add(tree, str_of(prefixes[i]), (void *)(uintptr_t)prefixes[i]);
    radix_freeze(tree);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct radix_walk walk;

        radix_walk_start(&walk, tree, str_of(cases[i].path));
        for (size_t k = 0; cases[i].found[k] >= 0; k++)
            assert_ptr_equal(radix_walk_next(&walk), prefixes[cases[i].found[k]]);
        assert_null(radix_walk_next(&walk));
    }
    pool_free(pool);
}

static void test_empty_and_unfrozen(void **state)
{
    struct pool *pool = pool_new(4096);
    struct radix *tree = radix_new(pool);
    struct radix *given_up = radix_new(pool);
    struct radix_walk walk;

    (void)state;
    radix_freeze(tree);
    radix_walk_start(&walk, tree, STR("/"));
    assert_null(radix_walk_next(&walk));
    radix_add(given_up, STR("/x"), pool);
    pool_free(pool);
}

static void test_memory(void **state)
{
    struct pool *pool = pool_new(4096);
    struct pool *texts = pool_new(4096);
    struct radix *tree = radix_new(pool);
    size_t bytes;

    (void)state;
    for (unsigned i = 0; i < PREFIXES; i++)
        radix_add(tree, pool_printf(texts, "/tenant-%05u/service/%u/", i * 7919 % 100000, i), tree);
    radix_freeze(tree);
    bytes = radix_bytes(tree) / PREFIXES;
    print_message("radix: %zu bytes an entry at %d entries; pool %zu\n", bytes, PREFIXES,
                  pool_bytes(pool) / PREFIXES);
    assert_in_range(bytes, 1, 100);
    pool_free(texts);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_naive),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_empty_and_unfrozen),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_board_cache.c: slots of caches on the board: who keeps one, who gets another, what is forgotten with it, sums over
 * processes that ended, and what all of it costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/board/board_cache.h"
#include "core/cache/purge.h"
#include "core/config/config_cache.h"

#define MB (1024 * 1024)

static uint64_t board_kib(const struct board *board)
{
    struct stat st;

    assert_int_equal(fstat(board_fd(board), &st), 0);
    return (uint64_t)st.st_blocks / 2;
}

static struct cache_conf cache(const char *name, const char *path, uint64_t size)
{
    return (struct cache_conf){.name = str_of(name), .path = str_of(path), .size = size, .board_slot = -7};
}

/* Names a configuration of `n` caches as the master does for generation `number`. */
static size_t name_them(struct board *board, struct cache_conf *caches, size_t n, uint64_t number)
{
    struct config config = {.caches = caches, .cache_count = n};

    board_set_last_generation(board, number);
    return board_name_caches(board, &config);
}

static void test_slots(void **state)
{
    struct board *board = board_new();
    struct cache_conf first[] = {cache("a", "/x", MB), cache("b", "/y", MB)};
    struct cache_conf other_order[] = {cache("b", "/y", MB), cache("c", "/z", MB), cache("a", "/x", 2 * MB)};
    struct cache_conf moved[] = {cache("a", "/elsewhere", MB)};

    (void)state;
    assert_int_equal(name_them(board, first, 2, 1), 0);
    assert_int_equal(first[0].board_slot, 0);
    assert_int_equal(first[1].board_slot, 1);
    assert_int_equal(name_them(board, other_order, 3, 2), 0);
    assert_int_equal(other_order[0].board_slot, 1);
    assert_int_equal(other_order[1].board_slot, 2);
    assert_int_equal(other_order[2].board_slot, 0);
    /* Another directory is another cache, as long as the former one is used. */
    assert_int_equal(name_them(board, moved, 1, 3), 0);
    assert_int_equal(moved[0].board_slot, 3);
    assert_int_equal(board_cache_slot(board, STR("a")), 3);
    assert_int_equal(board_cache_slot(board, STR("c")), 2);
    assert_int_equal(board_cache_slot(board, STR("d")), -1);
    assert_int_equal(board_cache_collect(board, 3), 3);
    assert_int_equal(board_cache_slot(board, STR("c")), -1);
    assert_int_equal(board_cache_slot(board, STR("a")), 3);
    assert_int_equal(board_cache_collect(board, 3), 0);
    board_close(board);
}

static void test_too_many(void **state)
{
    struct board *board = board_new();
    struct cache_conf all[BOARD_CACHES + 1];
    char names[BOARD_CACHES + 1][8], longest[BOARD_CACHE_NAME_MAX + 2];
    struct cache_conf too_long = cache("", "/x", MB);

    (void)state;
    for (size_t i = 0; i <= BOARD_CACHES; i++) {
        snprintf(names[i], sizeof(names[i]), "c%zu", i);
        all[i] = cache(names[i], "/x", MB);
    }
    memset(longest, 'n', sizeof(longest));
    too_long.name = (struct str){longest, BOARD_CACHE_NAME_MAX + 1};
    assert_int_equal(name_them(board, &too_long, 1, 1), 1);
    too_long.name.len--;
    assert_int_equal(name_them(board, &too_long, 1, 1), 0);
    assert_int_equal(board_cache_collect(board, 2), 1);
    assert_int_equal(name_them(board, all, BOARD_CACHES + 1, 2), 1);
    assert_int_equal(all[BOARD_CACHES - 1].board_slot, BOARD_CACHES - 1);
    assert_int_equal(all[BOARD_CACHES].board_slot, -1);
    board_close(board);
}

static void test_no_slot(void **state)
{
    struct board *board = board_new();
    struct board_cache_held held = board_cache_held(board, (unsigned)-1);
    size_t words;

    (void)state;
    assert_null(board_cache_purges(board, (unsigned)-1));
    assert_null(board_cache_sketch(board, BOARD_CACHES, &words));
    assert_null(board_cache_counts(board, 0, BOARD_CACHES));
    assert_null(board_cache_counts(board, BOARD_PROCESSES, 0));
    assert_null(board_cache_stats(board, BOARD_PROCESSES, 0));
    assert_null(board_cache_size(board, BOARD_CACHES));
    assert_int_equal(held.bytes, 0);
    assert_int_equal(held.objects, 0);
    board_close(board);
}

static void add(struct board *board, unsigned process, unsigned slot, uint64_t added, uint64_t removed)
{
    struct store_counts *c = board_cache_counts(board, process, slot);

    c->added_bytes += added * 4096;
    c->added_objects += added;
    c->removed_bytes += removed * 4096;
    c->removed_objects += removed;
    board_cache_stats(board, process, slot)->hot += added;
}

static void test_sums(void **state)
{
    struct board *board = board_new();
    struct cache_conf caches[] = {cache("a", "/x", MB), cache("b", "/y", MB)};
    struct cache_stats stats;
    struct board_cache_held held;

    (void)state;
    assert_int_equal(name_them(board, caches, 2, 1), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(board_process_take(board, BOARD_WORKER, i, 1), (int)i);
    add(board, 0, 0, 10, 2);
    add(board, 1, 0, 5, 0);
    add(board, 2, 1, 7, 0);
    board_cache_counts(board, 1, 0)->writing_bytes = 100000;
    held = board_cache_held(board, 0);
    assert_int_equal(held.objects, 13);
    assert_int_equal(held.bytes, 13 * 4096);
    assert_int_equal(held.writing, 100000);
    assert_int_equal(board_cache_objects(board, 1), 7);

    /* A process that ends leaves what it counted, and the next one goes on from there; it writes no more. */
    board_process_free(board, 1);
    held = board_cache_held(board, 0);
    assert_int_equal(held.objects, 13);
    assert_int_equal(held.writing, 0);
    assert_int_equal(board_process_take(board, BOARD_JANITOR, 0, 1), 1);
    add(board, 1, 0, 0, 4);
    assert_int_equal(board_cache_bytes(board, 0), 9 * 4096);
    board_cache_sum_stats(board, 0, &stats);
    assert_int_equal(stats.hot, 15);

    /* What was there before counting began, and more removed than there is. */
    atomic_store(&board_cache_size(board, 0)->base_objects, 100);
    assert_int_equal(board_cache_objects(board, 0), 109);
    atomic_store(&board_cache_size(board, 0)->base_objects, (uint64_t)-100);
    assert_int_equal(board_cache_objects(board, 0), 0);
    board_close(board);
}

static void test_forgotten(void **state)
{
    struct board *board = board_new();
    struct cache_conf a = cache("a", "/x", MB), b = cache("b", "/x", MB);
    struct purge purge;
    size_t words;

    (void)state;
    assert_int_equal(name_them(board, &a, 1, 1), 0);
    assert_int_equal(board_process_take(board, BOARD_WORKER, 0, 1), 0);
    add(board, 0, 0, 10, 2);
    atomic_store(&board_cache_size(board, 0)->is_known, 1);
    purge_init(&purge, board_cache_purges(board, 0), BOARD_CACHE_PURGE_BITS);
    purge_set_ready(&purge);
    assert_int_equal(purge_hash(&purge, 12345, PURGE_HARD), 1);
    *board_cache_sketch(board, 0, &words) = 77;

    /* The same cache in a later generation has it all still. */
    assert_int_equal(name_them(board, &a, 1, 2), 0);
    assert_int_equal(board_cache_collect(board, 2), 0);
    assert_int_equal(board_cache_objects(board, 0), 8);
    assert_true(purge_ready(&purge));

    /* Another one in its slot has none of it. */
    assert_int_equal(board_cache_collect(board, 3), 1);
    assert_int_equal(name_them(board, &b, 1, 3), 0);
    assert_int_equal(b.board_slot, 0);
    assert_int_equal(board_cache_objects(board, 0), 0);
    assert_int_equal(atomic_load(&board_cache_size(board, 0)->is_known), 0);
    assert_int_equal(board_cache_stats(board, 0, 0)->hot, 0);
    assert_false(purge_ready(&purge));
    assert_int_equal(purge_seq(&purge), 0);
    assert_int_equal(*board_cache_sketch(board, 0, &words), 0);
    board_close(board);
}

static void test_sketch_words(void **state)
{
    static const struct {
        uint64_t size;
        size_t words;
    } rows[] = {{MB, 256}, {4 * MB, 1024}, {(uint64_t)1024 * MB, 262144}, {(uint64_t)1 << 50, BOARD_CACHE_SKETCH_WORDS}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct board *board = board_new();
        struct cache_conf a = cache("a", "/x", rows[i].size);
        size_t words = 0;

        assert_int_equal(name_them(board, &a, 1, 1), 0);
        assert_non_null(board_cache_sketch(board, 0, &words));
        assert_int_equal(words, rows[i].words);
        board_close(board);
    }
}

static void test_costs_little(void **state)
{
    struct board *board = board_new();
    struct cache_conf all[BOARD_CACHES];
    uint64_t before = board_kib(board);
    struct purge purge;

    (void)state;
    for (size_t i = 0; i < BOARD_CACHES; i++)
        all[i] = cache(i % 2 ? "a" : "b", i % 2 ? "/x" : "/y", (uint64_t)1 << 40);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(board_process_take(board, BOARD_WORKER, i, 1), (int)i);
    assert_int_equal(name_them(board, all, BOARD_CACHES, 1), 0);
    purge_init(&purge, board_cache_purges(board, 0), BOARD_CACHE_PURGE_BITS);
    purge_set_ready(&purge);
    purge_hash(&purge, 99, PURGE_SOFT);
    add(board, 0, 0, 1, 0);
    (void)board_cache_held(board, 0);
    for (unsigned i = 0; i < 4; i++)
        board_process_free(board, i);
    assert_true(board_kib(board) - before < 128);
    assert_int_equal(board_cache_collect(board, 2), 2);
    assert_true(board_kib(board) - before < 64);
    board_close(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),        cmocka_unit_test(test_too_many), cmocka_unit_test(test_no_slot),
        cmocka_unit_test(test_sums),         cmocka_unit_test(test_forgotten), cmocka_unit_test(test_sketch_words),
        cmocka_unit_test(test_costs_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

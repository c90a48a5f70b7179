/*
 * test_janitor.c: what a cache holds, told from the summary, by a walk, and by counts; room that is made; what the next
 * janitor goes on from; purges that are known before anything is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache/janitor.h"
#include "core/cache/purge_log.h"
#include "core/cache/store_walk.h"
#include "core/cache/store_write.h"
#include "core/config/config_cache.h"

#define MB (1024 * 1024)
#define OTHER 1 /* slot of the process that stores */

struct fixture {
    char dir[64], path[80];
    struct cache_conf conf;
    struct config config;
    struct log log;
    struct loop *loop;
    struct board *board;
    struct purge purge;
    struct store *store; /* of the other process */
};

static void new_board(struct fixture *f)
{
    board_close(f->board);
    f->board = board_new();
    assert_non_null(f->board);
    board_set_last_generation(f->board, 1);
    assert_int_equal(board_name_caches(f->board, &f->config), 0);
    assert_int_equal(board_process_take(f->board, BOARD_JANITOR, 0, 1), 0);
    assert_int_equal(board_process_take(f->board, BOARD_WORKER, 0, 1), OTHER);
    purge_init(&f->purge, board_cache_purges(f->board, 0), BOARD_CACHE_PURGE_BITS);
    store_close(f->store);
    f->store = store_open(f->path, &f->purge, board_cache_counts(f->board, OTHER, 0), NULL);
    assert_non_null(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    strcpy(f->dir, "/tmp/weir-janitor-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/c", f->dir);
    f->conf = (struct cache_conf){.name = STR("c"), .path = str_of(f->path), .size = MB};
    f->config = (struct config){.caches = &f->conf, .cache_count = 1};
    log_init(&f->log, STDERR_FILENO, LOG_LEVEL_CRIT, "test");
    f->loop = loop_new(NULL, NULL);
    new_board(f);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st WEIR_UNUSED, int type WEIR_UNUSED,
                      struct FTW *at WEIR_UNUSED)
{
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    board_close(f->board);
    loop_free(f->loop);
    assert_int_equal(nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

static struct janitor *start(struct fixture *f)
{
    return janitor_new(&(struct janitor_setup){
        .loop = f->loop, .config = &f->config, .log = &f->log, .board = f->board, .slot = 0});
}

static void tick(struct fixture *f, struct janitor *j, int times)
{
    for (int i = 0; i < times; i++) {
        loop_refresh(f->loop);
        janitor_tick(j, true);
    }
}

/* Objects of a page each. */
static void put(struct fixture *f, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[32];
        struct store_key key;
        struct store_head head;

        snprintf(text, sizeof(text), "http://x/%d", i);
        assert_int_equal(store_key_primary(f->store, str_of(text), &key), 0);
        store_head_init(&head, &key);
        head.seq = purge_seq(&f->purge);
        assert_int_equal(store_put(f->store, &head, STR("body"), NULL), 0);
    }
}

static bool is_known(const struct fixture *f)
{
    return atomic_load(&board_cache_size(f->board, 0)->is_known) != 0;
}

/* An empty directory is walked through at once; what comes later is counted. */
static void test_new_cache(void **state)
{
    struct fixture *f = *state;
    struct janitor *j;

    assert_false(purge_ready(&f->purge));
    j = start(f);
    assert_true(purge_ready(&f->purge));
    assert_false(is_known(f));
    for (int i = 0; i < 1000 && !is_known(f); i++)
        tick(f, j, 1);
    assert_true(is_known(f));
    put(f, 0, 100);
    assert_int_equal(board_cache_objects(f->board, 0), 100);
    assert_int_equal(board_cache_bytes(f->board, 0), 100 * 4096);
    janitor_free(j);
}

static void test_room(void **state)
{
    struct fixture *f = *state;
    struct janitor *j = start(f);
    struct board_cache_size *size = board_cache_size(f->board, 0);

    while (!is_known(f))
        tick(f, j, 1);
    put(f, 0, 245);
    tick(f, j, 5);
    assert_int_equal(board_cache_objects(f->board, 0), 245);
    put(f, 245, 600);
    tick(f, j, 200);
    /* 256 pages are the limit: 97 percent of it are 248. */
    assert_in_range(board_cache_objects(f->board, 0), 230, 248);
    assert_int_equal(atomic_load(&size->evicted_objects), 600 - board_cache_objects(f->board, 0));
    assert_int_equal(atomic_load(&size->evicted_bytes), 4096 * atomic_load(&size->evicted_objects));
    /* What is being written counts. */
    atomic_store(&board_cache_counts(f->board, OTHER, 0)->writing_bytes, MB / 2);
    tick(f, j, 200);
    assert_in_range(board_cache_objects(f->board, 0), 100, 120);
    janitor_free(j);
}

/* The next one takes what is on the board; after the board, what the summary says; without that, what it finds. */
static void test_next(void **state)
{
    struct fixture *f = *state;
    struct janitor *j = start(f);
    struct store_summary summary;
    char name[128];

    while (!is_known(f))
        tick(f, j, 1);
    put(f, 0, 50);
    janitor_free(j);
    assert_int_equal(store_summary_read(f->store, &summary, NULL), 0);
    assert_int_equal(summary.objects, 50);
    put(f, 50, 60);
    j = start(f);
    tick(f, j, 1);
    assert_int_equal(board_cache_objects(f->board, 0), 60);
    janitor_free(j);

    new_board(f);
    assert_int_equal(board_cache_objects(f->board, 0), 0);
    j = start(f);
    tick(f, j, 1);
    assert_true(is_known(f));
    assert_int_equal(board_cache_objects(f->board, 0), 60);
    janitor_free(j);

    snprintf(name, sizeof(name), "%s/summary", f->path);
    assert_int_equal(unlink(name), 0);
    new_board(f);
    j = start(f);
    while (!is_known(f))
        tick(f, j, 1);
    assert_int_equal(board_cache_objects(f->board, 0), 60);
    assert_int_equal(board_cache_bytes(f->board, 0), 60 * 4096);
    janitor_free(j);
}

/* A summary that is far off is corrected: files that should be evicted are not there. */
static void test_wrong_summary(void **state)
{
    struct fixture *f = *state;
    struct store_summary wrong = {.bytes = 10 * MB, .objects = 2560, .seq = 0};
    struct janitor *j;

    put(f, 0, 20);
    new_board(f);
    assert_int_equal(store_summary_write(f->store, &wrong, NULL), 0);
    j = start(f);
    for (int i = 0; i < 5000 && atomic_load(&board_cache_size(f->board, 0)->walks) == 0; i++)
        tick(f, j, 1);
    tick(f, j, 1);
    assert_in_range(board_cache_objects(f->board, 0), 0, 20);
    put(f, 100, 110);
    assert_in_range(board_cache_objects(f->board, 0), 10, 30);
    janitor_free(j);
}

static void test_purges(void **state)
{
    struct fixture *f = *state;
    struct janitor *j = start(f);
    uint64_t seq = purge_seq(&f->purge);

    tick(f, j, 1);
    assert_true(seq > 1000000);
    assert_int_equal(purge_log_hash(&f->purge, store_directory(f->store), 4711, PURGE_HARD, NULL), 0);
    janitor_free(j);
    new_board(f);
    j = start(f);
    assert_int_equal(purge_check(&f->purge, &(struct purge_subject){.primary = 4711, .key = STR("k"), .seq = seq}),
                     PURGE_HARD);
    assert_int_equal(purge_check(&f->purge, &(struct purge_subject){.primary = 4712, .key = STR("k"), .seq = seq}),
                     PURGE_NONE);
    assert_true(purge_seq(&f->purge) > seq + 1);
    janitor_free(j);
}

/* One of a generation that does not serve leaves everything alone. */
static void test_rests(void **state)
{
    struct fixture *f = *state;
    struct janitor *j = start(f);

    put(f, 0, 600);
    for (int i = 0; i < 20; i++)
        janitor_tick(j, false);
    assert_int_equal(board_cache_objects(f->board, 0), 600);
    assert_false(is_known(f));
    janitor_free(j);
    assert_int_equal(store_summary_read(f->store, &(struct store_summary){0}, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_new_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_summary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_purges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rests, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

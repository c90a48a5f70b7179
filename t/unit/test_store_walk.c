/* test_store_walk.c: the walk, what it drops, marks and counts; eviction; the summary. */
#include "store_fixture.h"

#include "core/cache/store_evict.h"
#include "core/cache/store_walk.h"

#define NOW INT64_C(2000000000)

static void walk(struct fixture *f, struct store_walk *w)
{
    int result;

    w->next = 0;
    w->buffer = (char *)f->buffer;
    do
        result = store_walk_step(f->store, w, NOW, &f->fault);
    while (result == 0 || (result < 0 && w->next != 0));
    assert_int_equal(result, 1);
}

static void put_many(struct fixture *f, unsigned count, size_t len)
{
    for (unsigned i = 0; i < count; i++) {
        char key[32];

        snprintf(key, sizeof(key), "http://w/%u", i);
        assert_int_equal(put(f, key, i, len), 0);
    }
}

static void test_counts(void **state)
{
    struct fixture *f = *state;
    struct store_walk w;

    walk(f, &w);
    assert_true(w.objects == 0 && w.bytes == 0);
    put_many(f, 50, 5000);
    put_many(f, 3, 200000);
    walk(f, &w);
    assert_int_equal(w.objects, 50);
    assert_true(w.bytes == f->counts.added_bytes - f->counts.removed_bytes);
}

/* A temporary file by name, `age` seconds old. */
static void make_temporary(struct fixture *f, const char *name, int64_t age)
{
    char path[160];
    struct timespec times[2] = {{.tv_sec = NOW - age}, {.tv_sec = NOW - age}};
    int fd;

    snprintf(path, sizeof(path), "%s/07f", f->path);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/07f/%s", f->path, name);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void test_left_over(void **state)
{
    struct fixture *f = *state;
    struct store_walk w;
    char mine[80], reused[80];

    snprintf(mine, sizeof(mine), "tmp.%d.%llu.1", getpid(), (unsigned long long)store_process_start(getpid()));
    snprintf(reused, sizeof(reused), "tmp.%d.%llu.1", getpid(), (unsigned long long)f->store->start + 1);
    assert_true(store_process_start(getpid()) > 0);
    assert_true(store_process_start(0x7ffffff0) == 0);
    make_temporary(f, mine, 60);
    make_temporary(f, reused, 60);
    make_temporary(f, "tmp.2147483000.5.1", 60);
    make_temporary(f, "tmp.2147483000.5.2", 3);
    make_temporary(f, "stranger", 9999);
    mine[strlen(mine) - 1] = '2';
    make_temporary(f, mine, 3601);
    walk(f, &w);
    assert_int_equal(w.temporary, 3);
    assert_int_equal(w.objects, 0);
    assert_int_equal(tally_files(f).temporary, 2);
    assert_int_equal(tally_files(f).others, 1);
}

static void test_purged(void **state)
{
    struct fixture *f = *state;
    int directory = store_directory(f->store);
    struct store_walk w;

    assert_int_equal(purge_log_load(&f->purge, directory, 1, &f->fault), 0);
    put_many(f, 20, 1000);
    assert_int_equal(put(f, "http://big/1", 1, 200000), 0);
    assert_int_equal(purge_log_prefix(&f->purge, directory, STR("http://w/1"), PURGE_HARD, &f->fault), 0);
    assert_int_equal(purge_log_prefix(&f->purge, directory, STR("http://"), PURGE_SOFT, &f->fault), 0);
    assert_int_equal(put(f, "http://w/1", 99, 500), 0);
    walk(f, &w);
    assert_int_equal(w.purged, 10); /* 10 to 19; 1 is new */
    assert_int_equal(w.marked, 10); /* 0, 2 to 9 and the big one */
    assert_int_equal(w.objects, 11);
    assert_int_equal(purge_listed(&f->purge), 0);
    assert_false(purge_pending(&f->purge));
    fresh_board(f);
    assert_int_equal(purge_log_load(&f->purge, directory, 1, &f->fault), 0);
    assert_int_equal(look(f, "http://w/12"), STORE_MISS);
    assert_int_equal(look(f, "http://w/2"), STORE_HIT);
    assert_true(f->object.soft);
    assert_int_equal(look(f, "http://big/1"), STORE_HIT);
    assert_true(f->object.soft && body_is(f, 1, 200000));
    store_read_close(&f->object);
    assert_int_equal(look(f, "http://w/1"), STORE_HIT);
    assert_false(f->object.soft);
    walk(f, &w);
    assert_int_equal(w.objects, 11);
    assert_true(w.bytes == f->counts.added_bytes - f->counts.removed_bytes);
}

/* Where a directory could not be read, no purge is forgotten. */
static void test_unreadable_directory(void **state)
{
    struct fixture *f = *state;
    struct store_walk w;
    char path[100];

    put_many(f, 5, 100);
    purge_prefix(&f->purge, STR("http://w/1"), PURGE_HARD);
    snprintf(path, sizeof(path), "%s/00a", f->path);
    rmdir(path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    walk(f, &w);
    assert_int_equal(w.failed, 1);
    assert_true(purge_pending(&f->purge));
    unlink(path);
    walk(f, &w);
    assert_false(purge_pending(&f->purge));
}

static void test_damaged_while_purging(void **state)
{
    struct fixture *f = *state;
    struct store_walk w;
    char path[160];

    put_many(f, 2, 100);
    path_of(f, "http://w/0", path);
    assert_int_equal(truncate(path, 60), 0);
    purge_prefix(&f->purge, STR("http://none"), PURGE_HARD);
    walk(f, &w);
    assert_int_equal(w.objects, 1);
    assert_int_equal(access(path, F_OK), -1);
}

/* An object of the directory 123, by number: the larger, the younger. */
static void object_path(struct fixture *f, unsigned i, char path[160])
{
    snprintf(path, 160, "%s/123/%013x%016x", f->path, i, i);
}

static uint64_t object_hash(unsigned i)
{
    return UINT64_C(0x123) << 52 | i;
}

static void fill_directory(struct fixture *f, unsigned count)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/123", f->path);
    mkdir(path, 0700);
    for (unsigned i = 0; i < count; i++) {
        struct timespec times[2] = {{.tv_sec = NOW + i}, {.tv_sec = NOW + i}};
        int fd;

        object_path(f, i, path);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_int_equal(ftruncate(fd, 4000), 0);
        assert_int_equal(futimens(fd, times), 0);
        close(fd);
    }
}

static bool is_there(struct fixture *f, unsigned i)
{
    char path[160];

    object_path(f, i, path);
    return access(path, F_OK) == 0;
}

/* Evicts until `objects` are gone; the bar of the last call. */
static unsigned evict(struct fixture *f, const struct sketch *sketch, uint64_t objects)
{
    struct store_evicted e = {.objects = 1};
    uint64_t before = f->counts.removed_objects, gone = 0;

    while (gone < objects && e.objects > 0) {
        assert_int_equal(store_evict(f->store, 0x123, (objects - gone) * 4096, sketch, &e, &f->fault), 0);
        assert_int_equal(e.bytes, e.objects * 4096);
        gone += e.objects;
    }
    assert_int_equal(gone, objects);
    assert_int_equal(f->counts.removed_objects - before, gone);
    return e.bar;
}

/* The oldest first; those that are asked for last of all. */
static void test_evict(void **state)
{
    struct fixture *f = *state;
    _Atomic uint64_t words[SKETCH_LINE * 64] = {0};
    struct store_evicted e;
    struct sketch sketch;

    sketch_init(&sketch, words, ARRAY_SIZE(words), 0);
    assert_int_equal(store_evict(f->store, 0x123, 1, &sketch, &e, &f->fault), 0);
    assert_int_equal(e.objects, 0);
    fill_directory(f, 400);
    assert_int_equal(evict(f, &sketch, 10), 0);
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(is_there(f, i), i >= 10);
    assert_int_equal(f->counts.removed_bytes, 40960);
    for (unsigned i = 20; i < 30; i++)
        for (int n = 0; n < (i < 25 ? 3 : 5); n++) /* 40 in all: nothing grows old yet */
            sketch_add(&sketch, object_hash(i));
    evict(f, &sketch, 380);
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(is_there(f, i), i >= 20 && i < 30);
    assert_int_equal(evict(f, &sketch, 5), 3);
    assert_int_equal(evict(f, &sketch, 1), 5);
    assert_false(is_there(f, 24) || is_there(f, 25));
    assert_true(is_there(f, 26));
    evict(f, &sketch, 4);
    assert_int_equal(tally_files(f).objects, 0);
}

static void test_names(void **state)
{
    static const char *const wrong[] = {"", "0", "00000000000000000000000000000", "0000000000000000000000000000g",
        "000000000000000000000000000000", "tmp.1.2.3", "0000000000000000000000000000A"};
    struct hash_128 hash = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}, parsed;
    char name[STORE_NAME];

    (void)state;
    store_name(hash, name);
    assert_string_equal(name, "012/3456789abcdeffedcba9876543210");
    assert_true(store_name_parse(0x012, name + 4, &parsed));
    assert_true(hash_128_eq(hash, parsed));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(store_name_parse(1, wrong[i], &parsed), i == 2);
}

static void test_summary(void **state)
{
    struct fixture *f = *state;
    struct store_summary s = {1, 2, 3}, read;
    char path[100];
    int fd;

    assert_int_equal(store_summary_read(f->store, &read, &f->fault), -1);
    assert_int_equal(f->fault.number, ENOENT);
    for (uint64_t i = 0; i < 2; i++) {
        s.bytes += i;
        assert_int_equal(store_summary_write(f->store, &s, &f->fault), 0);
        assert_int_equal(store_summary_read(f->store, &read, &f->fault), 0);
        assert_memory_equal(&s, &read, sizeof(s));
    }
    snprintf(path, sizeof(path), "%s/summary", f->path);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 3), 1);
    close(fd);
    assert_int_equal(store_summary_read(f->store, &read, &f->fault), -1);
    assert_int_equal(f->fault.number, EBADMSG);
    assert_true(read.bytes == 0 && read.seq == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts), TEST(test_left_over), TEST(test_purged), TEST(test_unreadable_directory),
        TEST(test_damaged_while_purging), TEST(test_evict), TEST(test_names),
        TEST(test_summary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

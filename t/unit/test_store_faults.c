/* test_store_faults.c: full and read-only disks, lost directories, no descriptors, others' files, kill -9. */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/rnd.h"
#include "store_fixture.h"

/* Runs `fn` in a child, whose limits and mounts are its own; 77: it could not be tried here. */
static void in_child(struct fixture *f, void (*fn)(struct fixture *))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        fn(f);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

/* In a child cmocka's own assertions do not end it. */
#define MUST(holds)                                                              \
    do {                                                                         \
        if (!(holds)) {                                                          \
            fprintf(stderr, "line %d: %s: errno %d\n", __LINE__, #holds, errno); \
            _exit(1);                                                            \
        }                                                                        \
    } while (0)

/* The store on a tmpfs of its own, of that size. */
static void mount_small(struct fixture *f, const char *options)
{
    store_close(f->store);
    if ((geteuid() == 0 ? unshare(CLONE_NEWNS) : unshare(CLONE_NEWUSER | CLONE_NEWNS)) != 0
        || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
        || mount("none", f->path, "tmpfs", 0, options) != 0)
        _exit(77);
    MUST(chmod(f->path, 0700) == 0);
    f->store = store_open(f->path, &f->purge, &f->counts, &f->fault);
    MUST(f->store != NULL);
}

static void put_until_full(struct fixture *f, size_t len, unsigned *stored)
{
    char key[32];

    for (*stored = 0; *stored < 1000; ++*stored) {
        snprintf(key, sizeof(key), "http://d/%u", *stored);
        if (put(f, key, *stored, len) != 0)
            return;
    }
    _exit(1);
}

static void full_disk(struct fixture *f)
{
    static const size_t lengths[] = {20000, 150000};

    mount_small(f, "size=512k,mode=0700");
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        unsigned stored;
        char key[32];

        put_until_full(f, lengths[i], &stored);
        MUST(f->fault.number == ENOSPC);
        MUST(stored > 0 && tally_files(f).temporary == 0 && tally_files(f).objects == stored);
        MUST(f->counts.added_objects - f->counts.removed_objects == stored);
        for (unsigned n = 0; n < stored; n++) {
            snprintf(key, sizeof(key), "http://d/%u", n);
            MUST(look(f, key) == STORE_HIT && body_is(f, n, lengths[i]));
            store_read_close(&f->object);
        }
        for (unsigned n = 0; n < stored; n++) {
            snprintf(key, sizeof(key), "http://d/%u", n);
            MUST(store_unlink(f->store, key_of(f, key).hash) == 0);
        }
    }
    MUST(put(f, "http://d/again", 1, 100000) == 0);
}

static void test_full_disk(void **state)
{
    in_child(*state, full_disk);
}

/* In the middle of a body, and what came before can be read still. */
static void full_in_the_middle(struct fixture *f)
{
    struct store_key k = key_of(f, "http://m/");
    struct rlimit limit = {300000, 300000};
    char *body = make_body(1, 200000), *seen = malloc(200000);
    struct store_head head;
    struct store_write *w;

    signal(SIGXFSZ, SIG_IGN);
    MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    store_head_init(&head, &k);
    w = store_write_begin(f->store, &head, -1, &f->fault);
    MUST(store_write_body(w, (struct str){body, 200000}, &f->fault) == 0);
    MUST(store_write_body(w, (struct str){body, 200000}, &f->fault) == -1 && f->fault.number == EFBIG);
    MUST(tally_files(f).temporary == 0);
    MUST(store_write_peek(w, 0, seen, 200000) == 200000 && memcmp(seen, body, 200000) == 0);
    MUST(store_write_body(w, STR("x"), &f->fault) == -1);
    MUST(store_write_commit(w, &f->fault) == -1);
    store_write_free(w);
    MUST(look(f, "http://m/") == STORE_MISS && tally_files(f).objects == 0);
    MUST(put(f, "http://m/", 2, 100000) == 0);
    free(body);
    free(seen);
}

static void test_full_in_the_middle(void **state)
{
    in_child(*state, full_in_the_middle);
}

static void read_only(struct fixture *f)
{
    mount_small(f, "mode=0700");
    MUST(put(f, "http://r/", 1, 5000) == 0);
    MUST(mount(NULL, f->path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    MUST(put(f, "http://r/2", 1, 5000) == -1 && f->fault.number == EROFS);
    MUST(put(f, "http://r/", 2, 100000) == -1);
    MUST(look(f, "http://r/") == STORE_HIT && body_is(f, 1, 5000));
    MUST(look(f, "http://r/2") == STORE_MISS);
    MUST(purge_log_hash(&f->purge, store_directory(f->store), 1, PURGE_HARD, &f->fault) == -1);
    store_close(f->store);
    f->store = store_open(f->path, &f->purge, &f->counts, &f->fault);
    MUST(f->store && look(f, "http://r/") == STORE_HIT);
}

static void test_read_only(void **state)
{
    in_child(*state, read_only);
}

static void no_descriptors(struct fixture *f)
{
    struct rlimit limit;
    int fd = dup(0);

    MUST(put(f, "http://e/", 1, 100) == 0);
    close(fd);
    limit = (struct rlimit){(rlim_t)fd, (rlim_t)fd + 1};
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    MUST(look(f, "http://e/") == STORE_FAULT && f->fault.number == EMFILE);
    MUST(put(f, "http://e/", 1, 100) == -1 && f->fault.number == EMFILE);
    limit.rlim_cur++;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    MUST(look(f, "http://e/") == STORE_HIT);
}

static void test_no_descriptors(void **state)
{
    in_child(*state, no_descriptors);
}

static void test_lost_directories(void **state)
{
    struct fixture *f = *state;
    char path[160];

    assert_int_equal(put(f, "http://l/", 1, 100), 0);
    path_of(f, "http://l/", path);
    unlink(path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(look(f, "http://l/"), STORE_MISS);
    assert_int_equal(put(f, "http://l/", 2, 100), 0);
    expect_hit(f, "http://l/", 2, 100);
    nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(look(f, "http://l/"), STORE_MISS);
    assert_int_equal(put(f, "http://l/", 3, 200000), 0);
    expect_hit(f, "http://l/", 3, 200000);
    store_close(f->store);
    open_store(f);
    expect_hit(f, "http://l/", 3, 200000); /* the salt is as it was */
}

/* A directory that others may write to, or that is a file, is refused; so is a symbolic link in an object's place. */
static void test_strangers(void **state)
{
    struct fixture *f = *state;
    char path[160], target[100];
    struct store *other;

    assert_int_equal(chmod(f->path, 0777), 0);
    other = store_open(f->path, NULL, NULL, &f->fault);
    assert_null(other);
    assert_int_equal(f->fault.number, EPERM);
    assert_int_equal(chmod(f->path, 0700), 0);
    snprintf(path, sizeof(path), "%s/salt", f->path);
    assert_null(store_open(path, NULL, NULL, &f->fault));
    assert_null(store_open("/nonexistent/a/b", NULL, NULL, &f->fault));
    assert_int_equal(f->fault.number, ENOENT);

    assert_int_equal(put(f, "http://s/", 1, 100), 0);
    path_of(f, "http://s/", path);
    snprintf(target, sizeof(target), "%s/target", f->path);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(look(f, "http://s/"), STORE_FAULT);
    assert_int_equal(f->fault.number, ELOOP);
    assert_int_equal(put(f, "http://s/", 2, 100), 0); /* takes its place, does not follow it */
    expect_hit(f, "http://s/", 2, 100);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_not_equal(look(f, "http://s/"), STORE_HIT); /* and does not wait */
}

static void test_modes(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char path[160];

    umask(0);
    assert_int_equal(put(f, "http://m/", 1, 100), 0);
    path_of(f, "http://m/", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    *strrchr(path, '/') = '\0';
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_damaged_salt(void **state)
{
    struct fixture *f = *state;
    char path[100];

    assert_int_equal(put(f, "http://s/", 1, 100), 0);
    snprintf(path, sizeof(path), "%s/salt", f->path);
    assert_int_equal(truncate(path, 5), 0);
    store_close(f->store);
    open_store(f);
    assert_int_equal(look(f, "http://s/"), STORE_MISS);
    assert_int_equal(put(f, "http://s/", 2, 100), 0);
    store_close(f->store);
    open_store(f);
    expect_hit(f, "http://s/", 2, 100);
}

/* Writes, renews and drops objects of all sizes until it is killed. */
static void write_for_ever(struct fixture *f, uint64_t seed, _Atomic unsigned *done)
{
    struct rnd rnd;

    store_close(f->store);
    f->store = store_open(f->path, &f->purge, &f->counts, &f->fault);
    MUST(f->store != NULL);
    rnd_init_fixed(&rnd, seed);
    for (;;) {
        unsigned n = (unsigned)rnd_below(&rnd, 20);
        char key[32];

        snprintf(key, sizeof(key), "http://k/%u", n);
        if (rnd_below(&rnd, 3) == 0 && look(f, key) == STORE_HIT) {
            struct store_head head = f->object.head;

            head.facts.lifetime++;
            MUST(store_update(f->store, &f->object, &head, &f->fault) == 0 || f->fault.number == ESTALE);
            store_read_close(&f->object);
        } else
            MUST(put(f, key, n, n < 10 ? 3000 : 100000 + n) == 0);
        atomic_fetch_add(done, 1);
    }
}

/* After each kill: every object is whole, and is the one it should be, or is not there. */
static void test_kill(void **state)
{
    enum { KILLS = 60 };
    struct fixture *f = *state;
    _Atomic unsigned *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned hits = 0;
    struct rnd rnd;

    assert_ptr_not_equal(done, MAP_FAILED);
    rnd_init_fixed(&rnd, 11);
    for (int round = 0; round < KILLS; round++) {
        unsigned before = atomic_load(done);
        pid_t child[2];

        for (int i = 0; i < 2; i++) {
            child[i] = fork();
            if (child[i] == 0)
                write_for_ever(f, rnd_u64(&rnd) + (uint64_t)i, done);
        }
        for (int ms = 0; atomic_load(done) == before && ms < 10000; ms++)
            usleep(1000);
        usleep((useconds_t)rnd_below(&rnd, 10000));
        for (int i = 0; i < 2; i++) {
            int status;

            kill(child[i], SIGKILL);
            assert_int_equal(waitpid(child[i], &status, 0), child[i]);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        for (unsigned n = 0; n < 20; n++) {
            char key[32];
            enum store_found found;

            snprintf(key, sizeof(key), "http://k/%u", n);
            found = look(f, key);
            assert_true(found == STORE_HIT || found == STORE_MISS);
            if (found == STORE_HIT) {
                assert_int_equal(f->object.head.facts.spare[0], n);
                assert_true(body_is(f, n, n < 10 ? 3000 : 100000 + n));
                store_read_close(&f->object);
                hits++;
            }
        }
    }
    assert_true(hits > KILLS);
    munmap(done, 4096);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_full_disk), TEST(test_full_in_the_middle), TEST(test_read_only), TEST(test_no_descriptors),
        TEST(test_lost_directories), TEST(test_strangers), TEST(test_modes), TEST(test_damaged_salt),
        TEST(test_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

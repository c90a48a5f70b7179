/* test_purge.c: what is no longer valid: by key, tag and prefix, over processes, restarts and walks. */
#include <sys/wait.h>

#include "store_fixture.h"

static struct purge_subject subject(const char *key, uint64_t primary, uint64_t seq)
{
    return (struct purge_subject){.primary = primary, .key = str_of(key), .seq = seq};
}

static enum purge_kind check(struct fixture *f, const char *key, uint64_t primary, uint64_t seq)
{
    struct purge_subject s = subject(key, primary, seq);

    return purge_check(&f->purge, &s);
}

static void test_by_hash(void **state)
{
    struct fixture *f = *state;
    uint64_t words = UINT64_C(1) << TEST_BITS, before = purge_seq(&f->purge), tags[] = {70, 71};
    struct purge_subject tagged = {.primary = 5, .key = STR("k"), .tags = tags, .tag_count = 2, .seq = before};

    assert_int_equal(check(f, "a", 1, before), PURGE_NONE);
    assert_false(purge_pending(&f->purge));
    assert_true(purge_hash(&f->purge, 1, PURGE_SOFT) > before);
    assert_true(purge_pending(&f->purge));
    assert_int_equal(check(f, "a", 1, before), PURGE_SOFT);
    assert_int_equal(check(f, "a", 1 + words, before), PURGE_SOFT); /* they share a word */
    assert_int_equal(check(f, "b", 2, before), PURGE_NONE);
    assert_int_equal(check(f, "a", 1, purge_seq(&f->purge)), PURGE_NONE);
    purge_hash(&f->purge, 1, PURGE_HARD);
    assert_int_equal(check(f, "a", 1, before), PURGE_HARD);
    assert_int_equal(check(f, "a", 1, purge_seq(&f->purge) - 1), PURGE_HARD);
    assert_int_equal(check(f, "a", 1, purge_seq(&f->purge)), PURGE_NONE);
    assert_int_equal(purge_check(&f->purge, &tagged), PURGE_NONE);
    purge_hash(&f->purge, 71, PURGE_HARD);
    assert_int_equal(purge_check(&f->purge, &tagged), PURGE_HARD);
}

static void test_by_prefix(void **state)
{
    struct fixture *f = *state;
    uint64_t before = purge_seq(&f->purge);
    struct purge_subject kept = subject("http://a/img/1", 1, before);

    assert_true(purge_prefix(&f->purge, STR("http://a/css/"), PURGE_SOFT) > before);
    assert_int_equal(purge_check(&f->purge, &kept), PURGE_NONE);
    assert_int_equal(check(f, "http://a/css/x", 1, before), PURGE_SOFT);
    assert_int_equal(check(f, "http://a/css", 1, before), PURGE_NONE);
    assert_int_equal(check(f, "http://a/css/x", 1, purge_seq(&f->purge)), PURGE_NONE);
    assert_int_equal(purge_check(&f->purge, &kept), PURGE_NONE);
    purge_prefix(&f->purge, STR("http://a/img/"), PURGE_HARD);
    assert_int_equal(purge_check(&f->purge, &kept), PURGE_HARD); /* though it was looked at before */
    purge_prefix(&f->purge, STR_NONE, PURGE_SOFT);
    assert_int_equal(check(f, "anything", 9, before), PURGE_SOFT);
    assert_int_equal(check(f, "http://a/img/1", 1, before), PURGE_HARD);
    assert_int_equal(purge_listed(&f->purge), 2); /* the soft one of css is in that of all */
    purge_prefix(&f->purge, STR_NONE, PURGE_HARD);
    assert_int_equal(purge_listed(&f->purge), 1);
    assert_int_equal(check(f, "anything", 9, before), PURGE_HARD);
}

static void test_full_list(void **state)
{
    struct fixture *f = *state;
    static char longest[PURGE_PREFIX_MAX + 1];
    uint64_t before = purge_seq(&f->purge);
    char prefix[32];

    for (unsigned i = 0; i < PURGE_ENTRIES; i++) {
        snprintf(prefix, sizeof(prefix), "%03u/", i);
        assert_true(purge_prefix(&f->purge, str_of(prefix), PURGE_HARD) > 0);
        assert_int_equal(purge_listed(&f->purge), i + 1);
    }
    assert_true(purge_prefix(&f->purge, STR("more"), PURGE_HARD) == 0);
    assert_int_equal(errno, ENOSPC);
    memset(longest, 'x', sizeof(longest));
    assert_true(purge_prefix(&f->purge, (struct str){longest, sizeof(longest)}, PURGE_HARD) == 0);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(check(f, "255/x", 1, before), PURGE_HARD);
    purge_walked(&f->purge, purge_seq(&f->purge) - PURGE_ENTRIES / 2);
    assert_in_range(purge_listed(&f->purge), 1, PURGE_ENTRIES - 1);
    assert_true(purge_prefix(&f->purge, STR("more"), PURGE_HARD) > 0);
    assert_int_equal(check(f, "255/x", 1, before), PURGE_HARD);
    assert_int_equal(check(f, "000/x", 1, before), PURGE_NONE);
}

/* What was asked for before a purge that is forgotten may not be stored. */
static void test_late_comers(void **state)
{
    struct fixture *f = *state;
    uint64_t early = purge_seq(&f->purge), begun;

    assert_true(purge_may_store(&f->purge, early));
    purge_prefix(&f->purge, STR("x"), PURGE_HARD);
    assert_true(purge_may_store(&f->purge, early));
    begun = purge_log_begin(&f->purge);
    purge_log_end(&f->purge, store_directory(f->store), begun);
    assert_false(purge_pending(&f->purge));
    assert_false(purge_may_store(&f->purge, early));
    assert_true(purge_may_store(&f->purge, purge_seq(&f->purge)));
}

/* Entries come and go while others look: an object that is covered at all times is never found valid. */
static void look_and_purge(struct purge *p, uint64_t before, unsigned me)
{
    for (unsigned i = 0; i < 3000; i++) {
        struct purge_subject s = subject("http://victim/", 1, before);
        char prefix[32];

        if (purge_check(p, &s) != PURGE_HARD)
            _exit(1);
        snprintf(prefix, sizeof(prefix), "%u/%u", me, i % 20);
        purge_prefix(p, str_of(prefix), PURGE_HARD);
        purge_hash(p, 4, PURGE_SOFT);
        if (i % 10 == me)
            purge_prefix(p, STR("http://vic"), PURGE_HARD);
        if (i % 50 == 0)
            purge_prefix(p, str_of(me & 1 ? "1/" : "2/"), PURGE_HARD);
    }
    _exit(0);
}

static void test_processes(void **state)
{
    struct fixture *f = *state;
    void *memory = mmap(NULL, purge_board_bytes(TEST_BITS), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t before = 0;
    struct purge p;

    (void)f;
    purge_init(&p, memory, TEST_BITS);
    purge_prefix(&p, STR("http://vic"), PURGE_HARD);
    for (unsigned i = 0; i < 4; i++)
        if (fork() == 0)
            look_and_purge(&p, before, i);
    for (int i = 0; i < 4; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    munmap(memory, purge_board_bytes(TEST_BITS));
}

static void restart(struct fixture *f, int expected)
{
    fresh_board(f);
    assert_false(purge_ready(&f->purge));
    assert_int_equal(purge_log_load(&f->purge, store_directory(f->store), 1000, &f->fault), expected);
    assert_true(purge_ready(&f->purge));
}

static int log_hash(struct fixture *f, uint64_t hash, enum purge_kind kind)
{
    return purge_log_hash(&f->purge, store_directory(f->store), hash, kind, &f->fault);
}

static int log_prefix(struct fixture *f, const char *prefix, enum purge_kind kind)
{
    return purge_log_prefix(&f->purge, store_directory(f->store), str_of(prefix), kind, &f->fault);
}

static void test_restart(void **state)
{
    struct fixture *f = *state;
    uint64_t before, last;

    restart(f, 0);
    before = purge_seq(&f->purge);
    assert_int_equal(log_hash(f, 1, PURGE_HARD), 0);
    assert_int_equal(log_hash(f, 2, PURGE_SOFT), 0);
    assert_int_equal(log_prefix(f, "img/", PURGE_HARD), 0);
    assert_int_equal(log_prefix(f, "", PURGE_SOFT), 0);
    last = purge_seq(&f->purge);
    for (int again = 0; again < 2; again++) {
        restart(f, 0);
        assert_true(purge_seq(&f->purge) >= last);
        assert_int_equal(check(f, "a", 1, before), PURGE_HARD);
        assert_int_equal(check(f, "img/x", 7, before), PURGE_HARD);
        assert_int_equal(check(f, "other", 7, before), PURGE_SOFT);
        assert_int_equal(check(f, "a", 1, last), PURGE_NONE);
    }
}

static unsigned files_of_purges(struct fixture *f, char path[160])
{
    DIR *dir = opendir(f->path);
    struct dirent *e;
    unsigned count = 0;

    while ((e = readdir(dir)))
        if (strncmp(e->d_name, "purges.", 7) == 0) {
            snprintf(path, 160, "%s/%.40s", f->path, e->d_name);
            count++;
        }
    closedir(dir);
    return count;
}

/* Any byte of the file changed, or its end cut: the other records are found still. */
static void test_damaged_file(void **state)
{
    struct fixture *f = *state;
    uint64_t before;
    char path[160], bytes[1000];
    ssize_t len;
    int fd;

    restart(f, 0);
    before = purge_seq(&f->purge);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(log_hash(f, i, PURGE_HARD), 0);
    assert_int_equal(log_prefix(f, "img/", PURGE_HARD), 0);
    assert_int_equal(files_of_purges(f, path), 1);
    fd = open(path, O_RDWR);
    len = pread(fd, bytes, sizeof(bytes), 0);
    for (ssize_t at = 0; at < len; at++) {
        unsigned found = 0;
        char changed = (char)(bytes[at] ^ 0x40);

        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        restart(f, 0);
        for (uint64_t i = 1; i <= 3; i++)
            found += check(f, "a", i, before) == PURGE_HARD;
        found += check(f, "img/a", 9, before) == PURGE_HARD;
        assert_int_equal(found, 3);
        assert_int_equal(pwrite(fd, bytes + at, 1, at), 1);
    }
    assert_int_equal(ftruncate(fd, len - 1), 0);
    restart(f, 0);
    assert_int_equal(check(f, "a", 3, before), PURGE_HARD);
    assert_int_equal(check(f, "img/a", 9, before), PURGE_NONE);
    close(fd);
}

static void test_files_end(void **state)
{
    struct fixture *f = *state;
    uint64_t begun, before;
    char path[160];

    restart(f, 0);
    before = purge_seq(&f->purge);
    assert_int_equal(log_hash(f, 1, PURGE_HARD), 0);
    begun = purge_log_begin(&f->purge);
    assert_int_equal(log_hash(f, 2, PURGE_HARD), 0);
    assert_int_equal(files_of_purges(f, path), 2);
    purge_log_end(&f->purge, store_directory(f->store), begun);
    assert_int_equal(files_of_purges(f, path), 1);
    assert_true(purge_pending(&f->purge));
    restart(f, 0);
    assert_int_equal(check(f, "b", 2, before), PURGE_HARD);
    assert_int_equal(check(f, "a", 1, before), PURGE_NONE);
}

/* More prefixes in the files than the list holds, or a file that cannot be read: all is purged. */
static void test_unreadable(void **state)
{
    struct fixture *f = *state;
    uint64_t before, begun;
    char path[160], prefix[16];

    restart(f, 0);
    before = purge_seq(&f->purge);
    for (int i = 0; i < PURGE_ENTRIES + 1; i++) {
        snprintf(prefix, sizeof(prefix), "%03d/", i);
        assert_int_equal(log_prefix(f, prefix, PURGE_HARD), i < PURGE_ENTRIES ? 0 : -1);
    }
    assert_int_equal(f->fault.number, EXFULL);
    purge_walked(&f->purge, purge_seq(&f->purge));
    assert_int_equal(log_prefix(f, "more", PURGE_HARD), 0);
    fresh_board(f);
    assert_int_equal(purge_log_load(&f->purge, store_directory(f->store), 1000, &f->fault), -1);
    begun = purge_seq(&f->purge);
    assert_false(purge_ready(&f->purge));
    assert_true(begun > before);
    assert_true(files_of_purges(f, path) >= 1);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    restart(f, -1);
    assert_int_equal(check(f, "any", 1, before), PURGE_HARD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_by_hash), TEST(test_by_prefix), TEST(test_full_list), TEST(test_late_comers),
        TEST(test_processes), TEST(test_restart), TEST(test_damaged_file), TEST(test_files_end),
        TEST(test_unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

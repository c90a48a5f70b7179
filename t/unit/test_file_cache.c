/*
 * test_file_cache.c: what a worker remembers of files, for how long, and how much.
 */
#include "handler_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "modules/file_cache.h"

static char dir[64];
static struct files_conf conf;

static const char *place(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

/* `age`: seconds before the bench's clock. */
static void put(const char *name, const char *text, int age)
{
    int fd = open(place(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    struct timespec times[2] = {{.tv_sec = FIXTURE_NOW - age}, {.tv_sec = FIXTURE_NOW - age}};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weir-unit-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    conf = (struct files_conf){.root = str_of(dir), .root_fd = open(dir, O_PATH | O_DIRECTORY), .expires = -1};
    bench_init();
    bench_request("GET", "/");
    return conf.root_fd < 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    bench_free();
    close(conf.root_fd);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static struct file_entry *get(const char *path)
{
    struct file_entry *e = file_cache_get(&bench.req, &conf, str_of(path));

    assert_non_null(e);
    return e;
}

static void wait_ms(int64_t ms)
{
    bench.loop.clock.mono_ms += ms;
}

static void assert_bytes(const struct file_entry *e, const char *text)
{
    assert_int_equal(e->kind, FILE_REGULAR);
    assert_int_equal(e->size, strlen(text));
    assert_memory_equal(e->bytes, text, strlen(text));
}

static void kinds(void **state)
{
    static const struct {
        const char *path;
        enum file_kind kind, linked, dotted; /* plainly, with symlinks, with dotfiles */
    } rows[] = {
        {"a", FILE_REGULAR, FILE_REGULAR, FILE_REGULAR},
        {"", FILE_DIRECTORY, FILE_DIRECTORY, FILE_DIRECTORY},
        {"d", FILE_DIRECTORY, FILE_DIRECTORY, FILE_DIRECTORY},
        {"d/", FILE_DIRECTORY, FILE_DIRECTORY, FILE_DIRECTORY},
        {"a/", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"none", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"fifo", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"link", FILE_MISSING, FILE_REGULAR, FILE_MISSING},
        {"away", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"..", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"d/../a", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"d/..", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {"/etc/passwd", FILE_MISSING, FILE_MISSING, FILE_MISSING},
        {".dot", FILE_MISSING, FILE_MISSING, FILE_REGULAR},
        {"d/.dot", FILE_MISSING, FILE_MISSING, FILE_REGULAR},
        {".well-known", FILE_DIRECTORY, FILE_DIRECTORY, FILE_DIRECTORY},
        {".well-known/x", FILE_REGULAR, FILE_REGULAR, FILE_REGULAR},
        {".well-known/.x", FILE_MISSING, FILE_MISSING, FILE_REGULAR},
        {"d/.well-known", FILE_MISSING, FILE_MISSING, FILE_DIRECTORY},
    };

    (void)state;
    put("a", "a", 10);
    put(".dot", "a", 10);
    assert_int_equal(mkdir(place("d"), 0755), 0);
    assert_int_equal(mkdir(place("d/.well-known"), 0755), 0);
    assert_int_equal(mkdir(place(".well-known"), 0755), 0);
    put("d/.dot", "a", 10);
    put(".well-known/x", "a", 10);
    put(".well-known/.x", "a", 10);
    assert_int_equal(mkfifo(place("fifo"), 0644), 0);
    assert_int_equal(symlink("a", place("link")), 0);
    assert_int_equal(symlink("/etc/passwd", place("away")), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct files_conf linked = conf, dotted = conf;

        linked.symlinks = true;
        dotted.dotfiles = true;
        if (get(rows[i].path)->kind != rows[i].kind)
            fail_msg("%s: %d", rows[i].path, get(rows[i].path)->kind);
        if (file_cache_get(&bench.req, &linked, str_of(rows[i].path))->kind != rows[i].linked)
            fail_msg("%s with symlinks", rows[i].path);
        if (file_cache_get(&bench.req, &dotted, str_of(rows[i].path))->kind != rows[i].dotted)
            fail_msg("%s with dotfiles", rows[i].path);
    }
    pool_free(bench.worker.pool); /* the entries belong to confs of this function */
    bench.worker.pool = pool_new(4096);
    bench.worker.files = NULL;
}

static void validity(void **state)
{
    struct file_entry *first;

    (void)state;
    put("a.txt", "one", 100);
    first = get("a.txt");
    assert_bytes(first, "one");
    assert_string_equal(first->last_modified, "Tue, 14 Nov 2023 22:11:40 GMT");
    assert_int_equal(unlink(place("a.txt")), 0);
    wait_ms(FILE_CACHE_VALID_MS - 1);
    assert_ptr_equal(get("a.txt"), first);
    wait_ms(1);
    assert_int_equal(get("a.txt")->kind, FILE_MISSING);
    put("a.txt", "two", 90);
    assert_int_equal(get("a.txt")->kind, FILE_MISSING);
    wait_ms(FILE_CACHE_MISS_MS);
    first = get("a.txt");
    assert_bytes(first, "two");
    wait_ms(FILE_CACHE_VALID_MS);
    assert_ptr_equal(get("a.txt"), first);
    put("a.txt", "six", 89);
    wait_ms(FILE_CACHE_VALID_MS);
    assert_bytes(get("a.txt"), "six");
    /* What was sent to somebody stays as it was. */
    assert_bytes(first, "two");
}

/* Two contents of one length within the grain of the time stamp. */
static void same_stamp(void **state)
{
    (void)state;
    put("now", "one", 0);
    assert_bytes(get("now"), "one");
    put("now", "two", 0);
    wait_ms(FILE_CACHE_VALID_MS);
    assert_bytes(get("now"), "two");
}

static void tags(void **state)
{
    char first[FILE_ETAG_SIZE];

    (void)state;
    put("a", "abc", 50);
    memcpy(first, get("a")->etag, sizeof(first));
    assert_int_equal(unlink(place("a")), 0);
    wait_ms(FILE_CACHE_VALID_MS);
    put("b", "x", 50); /* takes the inode */
    put("a", "xyz", 50);
    wait_ms(FILE_CACHE_VALID_MS);
    assert_string_equal(get("a")->etag, first);
    put("a", "xyz", 49);
    wait_ms(FILE_CACHE_VALID_MS);
    assert_string_not_equal(get("a")->etag, first);
}

static size_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void limits(void **state)
{
    size_t before = open_descriptors();
    struct file_entry *used, *unused;
    char name[32];

    (void)state;
    put("used", "u", 50);
    put("unused", "n", 50);
    used = get("used");
    unused = get("unused");
    for (int i = 0; i < 3 * FILE_CACHE_MISSES; i++) {
        snprintf(name, sizeof(name), "none-%d", i);
        assert_int_equal(get(name)->kind, FILE_MISSING);
    }
    assert_ptr_equal(get("used"), used);
    assert_int_equal(unused->refs, 2);
    for (int i = 0; i < FILE_CACHE_ENTRIES; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        put(name, "f", 50);
        assert_bytes(get(name), "f");
        assert_ptr_equal(get("used"), used);
    }
    assert_int_equal(unused->refs, 1);
    for (int i = 0; i < FILE_CACHE_OPEN + 50; i++) {
        snprintf(name, sizeof(name), "big%d", i);
        put(name, "", 50);
        assert_int_equal(truncate(place(name), FILE_CACHE_SMALL + 1), 0);
        assert_true(get(name)->fd >= 0);
        bench_request("GET", "/"); /* gives back what the last one held */
    }
    assert_int_equal(open_descriptors(), before + FILE_CACHE_OPEN);
}

static void outliving(void **state)
{
    struct file_entry *e;

    (void)state;
    put("a", "kept", 50);
    e = get("a");
    pool_free(bench.worker.pool);
    bench.worker.pool = pool_new(4096);
    bench.worker.files = NULL;
    assert_bytes(e, "kept");
}

static void siblings(void **state)
{
    struct file_entry *e;

    (void)state;
    put("a.css", "a", 50);
    put("a.css.br", "br", 50);
    put("a.css.gz", "gz", 51);
    e = get("a.css");
    file_cache_find_siblings(&bench.req, e);
    assert_int_equal(e->siblings, FILE_BR);
    assert_bytes(file_cache_sibling(&bench.req, e, FILE_BR), "br");
    assert_null(file_cache_sibling(&bench.req, e, FILE_GZIP));
    assert_null(file_cache_sibling(&bench.req, e, FILE_ZSTD));
    assert_int_equal(unlink(place("a.css.br")), 0);
    wait_ms(FILE_CACHE_VALID_MS);
    e = get("a.css");
    file_cache_find_siblings(&bench.req, e);
    assert_int_equal(e->siblings, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds, begin, end),
        cmocka_unit_test_setup_teardown(validity, begin, end),
        cmocka_unit_test_setup_teardown(same_stamp, begin, end),
        cmocka_unit_test_setup_teardown(tags, begin, end),
        cmocka_unit_test_setup_teardown(limits, begin, end),
        cmocka_unit_test_setup_teardown(outliving, begin, end),
        cmocka_unit_test_setup_teardown(siblings, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

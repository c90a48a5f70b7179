/*
 * test_handler_files.c: what the files, redirect and respond actions answer, and how it is handed to `out`.
 */
#include "handler_fixture.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/var.h"
#include "modules/file_cache.h"
#include "modules/file_listing.h"
#include "modules/modules.h"

enum { BIG = 200000 };

static char dir[64];
static struct files_conf conf;
static struct try_step tries[3];
static struct str indexes[] = {{"index.html", 10}, {"other.html", 10}};

static const char *place(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *bytes, size_t len)
{
    int fd = open(place(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    struct timespec times[2] = {{.tv_sec = FIXTURE_NOW - 100}, {.tv_sec = FIXTURE_NOW - 100}};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static const struct template *compile(const char *text)
{
    struct conf_report report;
    struct template *made;

    conf_report_init(&report, bench.worker.pool);
    made = template_new(bench.worker.pool, str_of(text), VAR_REQUEST, (struct conf_place){"test.conf", 1}, &report);
    assert_non_null(made);
    return made;
}

static int begin(void **state)
{
    static char big[BIG];

    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/weir-unit-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    bench_init();
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)('a' + i % 23);
    put("a.txt", "0123456789", 10);
    put("big.txt", big, sizeof(big));
    assert_int_equal(mkdir(place("d"), 0755), 0);
    put("d/other.html", "<p>d", 4);
    assert_int_equal(mkdir(place("bare"), 0755), 0);
    conf = (struct files_conf){.root = str_of(dir), .root_fd = open(dir, O_PATH | O_DIRECTORY),
                               .expires = -1,
                               .index = indexes,
                               .index_count = ARRAY_SIZE(indexes),
                               .tries = tries,
                               .try_count = ARRAY_SIZE(tries),
                               .default_type = STR("application/octet-stream")};
    tries[0] = (struct try_step){.what = TRY_FILE, .path = compile("$path")};
    tries[1] = (struct try_step){.what = TRY_DIRECTORY, .path = compile("$path/")};
    tries[2] = (struct try_step){.what = TRY_STATUS, .status = 404};
    bench.route.action = ACTION_FILES;
    bench.route.files = &conf;
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

static void ask(const char *method, const char *target, const char *name, const char *value)
{
    bench_request(method, target);
    if (name)
        bench_field(name, value);
    handler_files.start(&bench.req, STR_NONE, true);
}

static void answers(void **state)
{
    static const struct {
        const char *method, *target, *name, *value;
        unsigned status;
        uint64_t length;
        const char *body, *field, *holds;
    } rows[] = {
        {"GET", "/a.txt", NULL, NULL, 200, 10, "0123456789", "Content-Type", "text/plain; charset=utf-8"},
        {"GET", "/a.txt", "Range", "bytes=2-3", 206, 2, "23", "Content-Range", "bytes 2-3/10"},
        {"GET", "/a.txt", "Range", "bytes=-1", 206, 1, "9", "Content-Range", "bytes 9-9/10"},
        {"GET", "/a.txt", "If-Modified-Since", "Tue, 14 Nov 2023 22:11:40 GMT", 304, 0, "", "Content-Type", ""},
        {"GET", "/a.txt", "If-Modified-Since", "Tue, 14 Nov 2023 22:11:39 GMT", 200, 10, NULL, "Last-Modified",
         "Tue, 14 Nov 2023 22:11:40 GMT"},
        {"GET", "/a.txt", "Range", "bytes=10-", 416, 0, NULL, "Content-Range", "bytes */10"},
        {"GET", "/a.txt", "If-Match", "\"no\"", 412, 0, NULL, "Cache-Control", "no-store"},
        {"GET", "/d/", NULL, NULL, 200, 4, "<p>d", "Accept-Ranges", "bytes"},
        {"GET", "/d?q=1", NULL, NULL, 301, 0, NULL, "Location", "/d/?q=1"},
        {"GET", "/bare/", NULL, NULL, 404, 0, NULL, "Content-Type", "text/html; charset=utf-8"},
        {"GET", "/none", NULL, NULL, 404, 0, NULL, "ETag", ""},
        {"GET", "/%2Fa.txt", NULL, NULL, 404, 0, NULL, "ETag", ""},
        {"POST", "/a.txt", NULL, NULL, 405, 0, NULL, "Allow", "GET, HEAD"},
        {"OPTIONS", "/d", NULL, NULL, 405, 0, NULL, "Allow", "GET, HEAD"},
        {"POST", "/none", NULL, NULL, 404, 0, NULL, "Allow", ""},
        {"HEAD", "/a.txt", "Range", "bytes=2-3", 200, 10, NULL, "Content-Range", ""},
        {"HEAD", "/big.txt", NULL, NULL, 200, BIG, "", "Accept-Ranges", "bytes"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ask(rows[i].method, rows[i].target, rows[i].name, rows[i].value);
        if (bench.told.head.status != rows[i].status)
            fail_msg("%s: %u", rows[i].target, bench.told.head.status);
        assert_int_equal(bench.told.ends, 1);
        assert_int_equal(bench.told.aborts, 0);
        if (rows[i].length)
            assert_int_equal(bench.told.frame.length, rows[i].length);
        if (rows[i].body)
            assert_string_equal(bench.told.body, rows[i].body);
        assert_string_equal(told_field(rows[i].field), rows[i].holds);
    }
}

/* A small file goes with its head, a large one as a file, whether or not the head could be sent at once. */
static void handing_over(void **state)
{
    (void)state;
    ask("GET", "/a.txt", NULL, NULL);
    assert_false(bench.told.by_file);
    ask("GET", "/big.txt", NULL, NULL);
    assert_true(bench.told.by_file);
    assert_int_equal(bench.told.len, BIG);
    bench.blocked = true;
    ask("GET", "/big.txt", "Range", "bytes=23-100000");
    assert_int_equal(bench.told.ends, 0);
    assert_int_equal(bench.told.len, 0);
    bench.blocked = false;
    handler_files.resume(&bench.req);
    assert_int_equal(bench.told.ends, 1);
    assert_int_equal(bench.told.frame.length, 99978);
    assert_int_equal(bench.told.len, 99978);
    assert_int_equal(bench.told.body[0], 'a');
    ask("GET", "/big.txt", "Range", "bytes=0-1,23-24");
    assert_int_equal(bench.told.head.status, 206);
    assert_int_equal(bench.told.frame.length, bench.told.len);
    assert_non_null(strstr(bench.told.body, "Content-Range: bytes 23-24/200000\r\n\r\nab\r\n--"));
}

static void alias(void **state)
{
    (void)state;
    conf.alias = true;
    bench.route.path = STR("/img");
    ask("GET", "/img/a.txt", NULL, NULL);
    assert_string_equal(bench.told.body, "0123456789");
    ask("GET", "/imga.txt", NULL, NULL);
    assert_int_equal(bench.told.head.status, 404);
    ask("GET", "/img", NULL, NULL);
    assert_string_equal(told_field("Location"), "/img/");
    bench.route.path = STR("/img/");
    ask("GET", "/img/a.txt", NULL, NULL);
    assert_string_equal(bench.told.body, "0123456789");
}

static void shortage(void **state)
{
    struct rlimit was, now;
    int next = dup(0);

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    now = was;
    assert_true(next > 0);
    close(next);
    now.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    ask("GET", "/a.txt", NULL, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(bench.told.head.status, 503);
    assert_non_null(strstr(bench_log(), "descriptors or memory are short"));
    ask("GET", "/a.txt", NULL, NULL);
    assert_int_equal(bench.told.head.status, 200);
}

static void listing(void **state)
{
    (void)state;
    conf.listing = true;
    put("bare/<b>", "x", 1);
    ask("GET", "/bare/", NULL, NULL);
    assert_int_equal(bench.told.head.status, 200);
    assert_non_null(strstr(bench.told.body, "<a href=\"./%3Cb%3E\">&lt;b&gt;</a>"));
    ask("GET", "/d/", NULL, NULL);
    assert_string_equal(bench.told.body, "<p>d");
    conf.listing = false;
}

/* What the loop would call in its next turn; false: nothing. */
static bool next_turn(void)
{
    struct loop_deferred *d = bench.loop.next_turn;

    bench.loop.next_turn = NULL;
    if (d)
        d->fn(d);
    return d != NULL;
}

static void listing_in_steps(void **state)
{
    unsigned turns = 0, rows = 0;
    char name[32];

    (void)state;
    conf.listing = true;
    assert_int_equal(mkdir(place("bare/many"), 0755), 0);
    for (unsigned i = 0; i < 2 * FILE_LISTING_STEP + 1; i++) {
        (void)snprintf(name, sizeof(name), "bare/many/%04u", i);
        put(name, "", 0);
    }
    ask("GET", "/bare/many/", NULL, NULL);
    while (bench.told.heads == 0 && next_turn())
        turns++;
    assert_int_equal(turns, 2);
    assert_int_equal(bench.told.ends, 1);
    assert_false(next_turn());
    for (const char *at = bench.told.body; (at = strstr(at, "<a href=\"./")) != NULL; at++)
        rows++;
    assert_int_equal(rows, 2 * FILE_LISTING_STEP + 1);

    ask("GET", "/bare/many/", NULL, NULL);
    assert_int_equal(bench.told.heads, 0);
    assert_true(next_turn());
    bench.req.handler->abort(&bench.req, "gone");
    bench_forget();
    assert_true(next_turn());
    assert_false(next_turn());
    assert_int_equal(bench.told.heads, 0);
    conf.listing = false;
}

static void redirecting(void **state)
{
    static const struct {
        const char *to, *target, *location;
        unsigned status;
    } rows[] = {
        {"https://a.example$path", "/x", "https://a.example/x", 302},
        {"/new$path", "/x", "/new/x", 302},
        {"/$arg_to", "/?to=/evil.example", "/.//evil.example", 302},
        {"//cdn.example$path", "/x", "//cdn.example/x", 302},
        {"/\xc3\xa9 \"", "/", "/%C3%A9%20%22", 302},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bench.route.redirect_to = compile(rows[i].to);
        bench.route.status = 302;
        bench_request("GET", rows[i].target);
        handler_redirect.start(&bench.req, STR_NONE, true);
        assert_int_equal(bench.told.head.status, rows[i].status);
        assert_string_equal(told_field("Location"), rows[i].location);
        assert_int_equal(bench.told.ends, 1);
    }
    bench.route.redirect_to = compile("$arg_to");
    bench_request("GET", "/");
    handler_redirect.start(&bench.req, STR_NONE, true);
    assert_int_equal(bench.told.head.status, 500);
}

static void responding(void **state)
{
    (void)state;
    bench.route.status = 403;
    bench.route.respond_body = compile("no $path");
    bench.route.respond_type = STR("text/plain; charset=utf-8");
    bench_request("GET", "/x");
    handler_respond.start(&bench.req, STR_NONE, true);
    assert_int_equal(bench.told.head.status, 403);
    assert_string_equal(bench.told.body, "no /x");
    assert_string_equal(told_field("Content-Type"), "text/plain; charset=utf-8");
    bench.route.respond_body = NULL;
    bench_request("GET", "/x");
    handler_respond.start(&bench.req, STR_NONE, true);
    assert_int_equal(bench.told.len, 0);
    assert_int_equal(bench.told.ends, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, begin, end),
        cmocka_unit_test_setup_teardown(handing_over, begin, end),
        cmocka_unit_test_setup_teardown(alias, begin, end),
        cmocka_unit_test_setup_teardown(shortage, begin, end),
        cmocka_unit_test_setup_teardown(listing, begin, end),
        cmocka_unit_test_setup_teardown(listing_in_steps, begin, end),
        cmocka_unit_test_setup_teardown(redirecting, begin, end),
        cmocka_unit_test_setup_teardown(responding, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

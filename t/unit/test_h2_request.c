/*
 * test_h2_request.c: a head as the fields of HTTP/2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "http/h2_request.h"

struct fixture {
    struct pool *pool;
    struct message head;
    struct h2_request r;
    char text[1024]; /* "name=value\n" */
};

static int set_up(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    f.pool = pool_new(4096);
    f.head = (struct message){.method = STR("GET"), .target = STR("/a?b"), .minor = 1};
    header_list_init(&f.head.headers, f.pool, 16);
    f.r.scheme = STR("http");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    pool_free(((struct fixture *)*state)->pool);
    return 0;
}

static void add(struct fixture *f, const char *name, const char *value)
{
    assert_int_equal(header_add(&f->head.headers, str_of(name), str_of(value)), 0);
}

static const char *fields(struct fixture *f)
{
    size_t n = 0;

    f->text[0] = '\0';
    if (h2_request_fields(&f->r, &f->head, f->pool) < 0)
        return NULL;
    for (size_t i = 0; i < f->r.count; i++) {
        const nghttp2_nv *nv = &f->r.fields[i];

        n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%.*s=%.*s\n", (int)nv->namelen,
                              (const char *)nv->name, (int)nv->valuelen, (const char *)nv->value);
    }
    return f->text;
}

static void test_pseudo_fields_come_first(void **state)
{
    struct fixture *f = *state;

    add(f, "X-Mixed-Case", "Kept As It Is");
    add(f, "Host", "example.test:81");
    assert_string_equal(fields(f), ":method=GET\n:scheme=http\n:authority=example.test:81\n:path=/a?b\n"
                                   "x-mixed-case=Kept As It Is\n");
}

static void test_what_speaks_of_a_connection_is_gone(void **state)
{
    static const char *const names[] = {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding",
                                        "Upgrade", "HTTP2-Settings", "Content-Length"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        add(f, names[i], "1");
    assert_string_equal(fields(f), ":method=GET\n:scheme=http\n:path=/a?b\n");
}

static void test_length_and_trailers(void **state)
{
    struct fixture *f = *state;

    f->r.scheme = STR("https");
    f->r.trailers = f->r.has_length = true;
    f->r.length = 1234567890123;
    assert_string_equal(fields(f), ":method=GET\n:scheme=https\n:path=/a?b\nte=trailers\n"
                                   "content-length=1234567890123\n");
}

static void test_what_a_guess_could_find_is_not_indexed(void **state)
{
    struct fixture *f = *state;

    add(f, "Authorization", "Basic eDp5");
    add(f, "Accept", "a/b");
    assert_non_null(fields(f));
    assert_int_equal(f->r.fields[3].flags, NGHTTP2_NV_FLAG_NO_INDEX);
    assert_int_equal(f->r.fields[4].flags, NGHTTP2_NV_FLAG_NONE);
}

static void test_unsafe_bytes(void **state)
{
    static const struct {
        const char *method, *target, *name, *value;
    } rows[] = {
        {"GE T", "/", "a", "b"},  {"GET", "/ x", "a", "b"},      {"GET", "/\n", "a", "b"},
        {"GET", "/", "a b", "b"}, {"GET", "/", "a", "b\r\nc: d"}, {"GET", "/", "Host", "a\nb"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fixture *f = *state;

        header_list_init(&f->head.headers, f->pool, 16);
        f->head.method = str_of(rows[i].method);
        f->head.target = str_of(rows[i].target);
        add(f, rows[i].name, rows[i].value);
        assert_null(fields(f));
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pseudo_fields_come_first),
        TEST(test_what_speaks_of_a_connection_is_gone),
        TEST(test_length_and_trailers),
        TEST(test_what_a_guess_could_find_is_not_indexed),
        TEST(test_unsafe_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

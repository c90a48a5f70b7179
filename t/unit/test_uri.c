/*
 * test_uri.c: request targets, the canonical path and its property: normalising twice is once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/uri.h"

static void check(const char *input, struct str got, const char *want)
{
    if (!str_eq(got, str_of(want))) {
        fail_msg("\"%s\": got \"%.*s\", want \"%s\"", input, STR_ARG(got), want);
    }
}

static void targets(void **state)
{
    static const struct {
        const char *method, *text;
        enum uri_error error;
        const char *authority, *path, *query;
    } rows[] = {
        {"GET", "/a?b=c?d", URI_OK, "", "/a", "b=c?d"},
        {"GET", "/a?", URI_OK, "", "/a", ""},
        {"GET", "//evil.test/x", URI_OK, "", "//evil.test/x", ""},
        {"GET", "http://abs.test/x1?q=1", URI_OK, "abs.test", "/x1", "q=1"},
        {"GET", "HTTPS://abs.test:8443", URI_OK, "abs.test:8443", "/", ""},
        {"GET", "http://h?q@x", URI_OK, "h", "/", "q@x"},
        {"GET", "http://h/a@b", URI_OK, "h", "/a@b", ""},
        {"OPTIONS", "http://h", URI_OK, "h", "*", ""},
        {"OPTIONS", "*", URI_OK, "", "*", ""},
        {"GET", "*", URI_BAD_FORM, NULL, NULL, NULL},
        {"GET", "", URI_BAD_FORM, NULL, NULL, NULL},
        {"GET", "x4", URI_BAD_FORM, NULL, NULL, NULL},
        {"GET", "a.test:80", URI_BAD_FORM, NULL, NULL, NULL},
        {"CONNECT", "a.test:80", URI_BAD_FORM, NULL, NULL, NULL},
        {"CONNECT", "/a", URI_BAD_FORM, NULL, NULL, NULL},
        {"GET", "ftp://a/x", URI_BAD_FORM, NULL, NULL, NULL},
        {"GET", "http:///x3", URI_BAD_AUTHORITY, NULL, NULL, NULL},
        {"GET", "http://u:p@h/", URI_BAD_AUTHORITY, NULL, NULL, NULL},
        {"GET", "http://a@b@h/", URI_BAD_AUTHORITY, NULL, NULL, NULL},
        {"GET", "/x#f", URI_BAD_BYTE, NULL, NULL, NULL},
        {"GET", "/a b", URI_BAD_BYTE, NULL, NULL, NULL},
        {"GET", "/a\x01", URI_BAD_BYTE, NULL, NULL, NULL},
        {"GET", "/a\x7f", URI_BAD_BYTE, NULL, NULL, NULL},
        {"GET", "/caf\xc3\xa9", URI_BAD_BYTE, NULL, NULL, NULL},
        {"GET", "/a?\t", URI_BAD_BYTE, NULL, NULL, NULL},
    };
    struct uri_target t;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        enum uri_error error = uri_parse_target(str_of(rows[i].method), str_of(rows[i].text), &t);

        if (error != rows[i].error) {
            fail_msg("%s: %s", rows[i].text, uri_error_text(error));
        }
        if (error == URI_OK) {
            check(rows[i].text, t.authority, rows[i].authority);
            check(rows[i].text, t.path, rows[i].path);
            check(rows[i].text, t.query, rows[i].query);
        }
    }
    assert_int_equal(uri_parse_target(STR("GET"), STR("/a\0b"), &t), URI_BAD_BYTE);
    assert_int_equal(uri_parse_target(STR("GET"), STR("/a?"), &t), URI_OK);
    assert_true(t.has_query);
    assert_int_equal(uri_parse_target(STR("GET"), STR("https://a/"), &t), URI_OK);
    assert_true(t.https && t.form == URI_ABSOLUTE);
}

static void paths(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
        enum uri_error error;
        const char *want;
    } rows[] = {
        {"/", 0, URI_OK, "/"},
        {"/%41%7e%2D", 0, URI_OK, "/A~-"},
        {"/a%2fb%5cc%3a", 0, URI_OK, "/a%2Fb%5Cc%3A"},
        {"/a%252e%252e/b", 0, URI_OK, "/a%252e%252e/b"},
        {"/a/%2e%2E/b", 0, URI_OK, "/b"},
        {"/a/b/..", 0, URI_OK, "/a/"},
        {"/a/b/.", 0, URI_OK, "/a/b/"},
        {"/a/.b/..c/...", 0, URI_OK, "/a/.b/..c/..."},
        {"//a///b//", 0, URI_OK, "/a/b/"},
        {"/a//../b", 0, URI_OK, "/b"},
        {"/a/..;/b", 0, URI_OK, "/a/..;/b"},
        {"/a\\..\\b", 0, URI_OK, "/a\\..\\b"},
        {"/..", 0, URI_ABOVE_ROOT, NULL},
        {"/a/../../b", 0, URI_ABOVE_ROOT, NULL},
        {"//%2e%2e/a", 0, URI_ABOVE_ROOT, NULL},
        {"/%zz", 0, URI_BAD_ESCAPE, NULL},
        {"/a%4", 0, URI_BAD_ESCAPE, NULL},
        {"/%zz%41", URI_KEEP_BAD_ESCAPE, URI_OK, "/%25zzA"},
        {"/%%341", URI_KEEP_BAD_ESCAPE, URI_OK, "/%2541"},
        {"/%", URI_KEEP_BAD_ESCAPE, URI_OK, "/%25"},
        {"/a%00", URI_KEEP_BAD_ESCAPE, URI_NUL, NULL},
        {"a", 0, URI_BAD_FORM, NULL},
        {"", 0, URI_BAD_FORM, NULL},
        {"/a?b", 0, URI_BAD_BYTE, NULL},
        {"/a b", 0, URI_BAD_BYTE, NULL},
    };
    struct pool *pool = pool_new(4096);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str out = STR_NONE;
        enum uri_error error = uri_normalise(str_of(rows[i].text), rows[i].flags, pool, &out);

        if (error != rows[i].error) {
            fail_msg("%s: %s", rows[i].text, uri_error_text(error));
        }
        if (error == URI_OK) {
            check(rows[i].text, out, rows[i].want);
        }
    }
    pool_free(pool);
}

/* No path that comes out may hold what normalising removes. */
static void assert_canonical(struct str path)
{
    assert_true(path.len > 0 && path.s[0] == '/');
    assert_null(strstr(path.s, "//"));
    assert_null(strstr(path.s, "/./"));
    assert_null(strstr(path.s, "/../"));
    assert_false(str_has_suffix(path, STR("/..")) || str_has_suffix(path, STR("/.")));
}

static void normalising_twice_is_once(void **state)
{
    static const char *const bits[] = {"/", "/", ".", "..", "%2e", "%2E", "%2f", "%5c", "%",
                                       "%25", "a", "41", "%41", ";", "\\", "2e", "//", "%7E"};
    struct pool *pool = pool_new(4096);
    uint32_t seed = 12345;
    unsigned round, good = 0;

    (void)state;
    for (round = 0; round < 20000; round++) {
        char text[128] = "/";
        struct str once, twice;
        unsigned n;

        for (n = 0; n < 12; n++) {
            seed = seed * 1664525U + 1013904223U;
            strcat(text, bits[(seed >> 16) % ARRAY_SIZE(bits)]);
        }
        if (uri_normalise(str_of(text), URI_KEEP_BAD_ESCAPE, pool, &once) == URI_OK) {
            good++;
            assert_canonical(once);
            assert_int_equal(uri_normalise(once, 0, pool, &twice), URI_OK);
            check(text, twice, once.s);
        }
        pool_reset(pool);
    }
    assert_true(good > 2000);
    pool_free(pool);
}

static void decoding_and_encoding(void **state)
{
    struct pool *pool = pool_new(4096);
    struct str out;

    (void)state;
    assert_int_equal(uri_decode_path(STR("/a%20b%5C"), pool, &out), URI_OK);
    check("decode", out, "/a b\\");
    assert_int_equal(uri_decode_path(STR("/a%2Fb"), pool, &out), URI_SLASH);
    assert_int_equal(uri_decode_path(STR("/a%00b"), pool, &out), URI_NUL);
    assert_int_equal(uri_decode_path(STR("/a%0"), pool, &out), URI_BAD_ESCAPE);
    check("encode", uri_encode(STR("http://h/a b\r\n\xe9%41%?x=\"#f"), pool),
          "http://h/a%20b%0D%0A%E9%41%25?x=%22#f");
    check("encode path", uri_encode_path(STR("/a%41?b#c d"), pool), "/a%2541%3Fb%23c%20d");
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(paths),
        cmocka_unit_test(normalising_twice_is_once),
        cmocka_unit_test(decoding_and_encoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

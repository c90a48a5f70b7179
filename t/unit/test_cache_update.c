/* test_cache_update.c: which fields are stored, and what a 304 changes in them. */
#include "cache_fixture.h"
#include "http/cache_update.h"

#define D DATE_NOW
#define LATER "Date: Sun, 06 Nov 1994 08:50:37 GMT\n"

static const struct cache_keep store = {.set_cookie = CACHE_SET_COOKIE_STORE};
static const struct cache_keep strip = {.set_cookie = CACHE_SET_COOKIE_STRIP};
static const struct cache_keep listed = {{"a, B", 4}, {"c", 1}, CACHE_SET_COOKIE_STORE};

static void keeping(void **state)
{
    static const struct {
        const char *section;
        const struct cache_keep *keep;
        const char *from, *kept;
    } rows[] = {
        {"RFC 9111 3.1", &store, D "X-Foo: 1\nContent-Type: a/b\nExpires: 0\n",
         D "X-Foo: 1\nContent-Type: a/b\nExpires: 0\n"},
        {"RFC 9111 3.1 Connection", &store, "Connection: a, B\na: 1\nb: 2\nc: 3\n" D, "c: 3\n" D},
        {"RFC 9110 7.6.1", &store,
         D "Keep-Alive: 1\nProxy-Connection: 1\nTE: 1\nTransfer-Encoding: x\nUpgrade: y\n", D},
        {"RFC 9111 3.1 proxies", &store,
         D "Proxy-Authenticate: 1\nproxy-authentication-info: 2\nProxy-Authorization: 3\n", D},
        {"RFC 9111 5.1 made anew", &store, "Age: 5\nContent-Length: 3\n" D, D},
        {"RFC 9111 5.2.2.4, 5.2.2.7", &listed, "A: 1\nb: 2\nC: 3\nd: 4\n" D, "d: 4\n" D},
        {"RFC 9111 7.3", &store, D "Set-Cookie: a\nSet-Cookie2: b\n", D "Set-Cookie: a\nSet-Cookie2: b\n"},
        {"RFC 9111 7.3", &strip, D "Set-Cookie: a\nX: y\nset-cookie: c\nSet-Cookie2: b\n", D "X: y\n"},
        {"RFC 9110 6.6.1", &store, "X: y\n", "X: y\n" D},
        {"RFC 9110 6.6.1", &store, "Date: foo\nX: y\n", "X: y\n" D},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list from, to;

        print_message("%s\n%s", rows[i].section, rows[i].from);
        fixture_fields(&from, *state, rows[i].from);
        header_list_init(&to, *state, 64);
        assert_int_equal(cache_update_keep(&from, rows[i].keep, NOW, &to), 0);
        assert_string_equal(fixture_text(&to, *state), rows[i].kept);
    }
}

static void merging(void **state)
{
    static const struct {
        const char *section, *stored, *fresh, *merged;
    } rows[] = {
        {"RFC 9111 3.2", D "A: 1\n", LATER, "A: 1\n" LATER},
        {"RFC 9111 3.2", D "A: 1\nB: 2\na: 3\n", LATER "a: 4\nC: 5\n", "B: 2\n" LATER "a: 4\nC: 5\n"},
        {"RFC 9111 3.2", D "Cache-Control: max-age=1\nExpires: 0\n", LATER "cache-control: max-age=3600\n",
         "Expires: 0\n" LATER "cache-control: max-age=3600\n"},
        {"RFC 9111 3.2 several lines", D "A: 1\n", LATER "A: 2\nA: 3\n", LATER "A: 2\nA: 3\n"},
        {"RFC 9111 3.2 of the body", D "Content-Encoding: gzip\nContent-Range: x\nContent-Type: a/b\n",
         LATER "Content-Length: 10\nContent-Encoding: br\nContent-Range: y\nContent-Type: c/d\n",
         "Content-Encoding: gzip\nContent-Range: x\n" LATER "Content-Type: c/d\n"},
        {"RFC 9111 3.1 Connection", D "A: 1\n", LATER "Connection: a, close\nA: 2\nAge: 3\n", "A: 1\n" LATER},
        {"RFC 9110 6.6.1", D "A: 1\n", "A: 2\n", "A: 2\n" D},
        {"RFC 9110 6.6.1 the older Date", LATER "A: 1\n", "A: 2\n", "A: 2\n" D},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list stored, fresh, to;

        print_message("%s\n%s", rows[i].section, rows[i].stored);
        fixture_fields(&stored, *state, rows[i].stored);
        fixture_fields(&fresh, *state, rows[i].fresh);
        header_list_init(&to, *state, 64);
        assert_int_equal(cache_update_merge(&stored, &fresh, &store, NOW, &to), 0);
        assert_string_equal(fixture_text(&to, *state), rows[i].merged);
    }
}

static void full(void **state)
{
    struct header_list from, to;

    fixture_fields(&from, *state, "A: 1\nB: 2\nC: 3\n");
    header_list_init(&to, *state, 2);
    assert_int_equal(cache_update_keep(&from, &store, NOW, &to), -1);
    header_list_init(&to, *state, 3);
    assert_int_equal(cache_update_keep(&from, &store, NOW, &to), -1); /* no room for the Date */
    header_list_init(&to, *state, 3);
    assert_int_equal(cache_update_merge(&from, &from, &store, NOW, &to), -1);
}

#define TAG(value) "ETag: " value "\n"

static void matching(void **state)
{
    static const struct {
        const char *section, *stored, *fresh;
        bool same, same_head;
    } rows[] = {
        {"RFC 9111 4.3.4", TAG("\"a\""), TAG("\"a\""), true, true},
        {"RFC 9111 4.3.4", TAG("\"a\""), TAG("\"b\""), false, false},
        {"RFC 9111 4.3.4", TAG("W/\"a\""), TAG("\"a\""), false, false},
        {"RFC 9111 4.3.4", "", TAG("\"a\""), false, true},
        {"RFC 9111 4.3.4 weak", TAG("W/\"a\""), TAG("W/\"a\""), true, true},
        {"RFC 9111 4.3.4 none", TAG("\"a\""), "", true, true},
        {"RFC 9111 4.3.5", "Last-Modified: 1\n", "Last-Modified: 2\n", true, false},
        {"RFC 9111 4.3.5", "", "Content-Length: 10\n", true, true},
        {"RFC 9111 4.3.5", "", "Content-Length: 11\n", true, false},
        {"RFC 9111 4.3.5", "", "Content-Length: x\n", true, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list stored, fresh;

        print_message("%s: %s", rows[i].section, rows[i].stored);
        fixture_fields(&stored, *state, rows[i].stored);
        fixture_fields(&fresh, *state, rows[i].fresh);
        assert_int_equal(cache_update_matches(&stored, &fresh), rows[i].same);
        assert_int_equal(cache_update_head_matches(&stored, 10, &fresh), rows[i].same_head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeping, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(merging, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(full, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(matching, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

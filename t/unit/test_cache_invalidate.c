/* test_cache_invalidate.c: what an unsafe request makes invalid, and whose. */
#include "cache_fixture.h"
#include "http/cache_invalidate.h"

static const struct cache_place place = {{"https", 5}, {"example.com", 11}, {"/a/b?c=d/e", 10}};

static void resolving(void **state)
{
    static const struct {
        const char *section, *reference, *target; /* NULL: of another origin */
    } rows[] = {
        {"RFC 3986 5.2.2 same", "", "/a/b?c=d/e"},
        {"RFC 3986 5.2.2 fragment", "#x", "/a/b?c=d/e"},
        {"RFC 3986 5.2.2 query", "?y", "/a/b?y"},
        {"RFC 3986 5.2.2 path", "/x?y#z", "/x?y"},
        {"RFC 3986 5.2.3 merged", "x", "/a/x"},
        {"RFC 3986 5.2.3 merged", "../x?y", "/a/../x?y"},
        {"RFC 3986 5.2.3 a colon later", "./x:y", "/a/./x:y"},
        {"RFC 3986 5.2.2 authority", "//example.com/x", "/x"},
        {"RFC 3986 5.2.2 authority", "//example.com", "/"},
        {"RFC 3986 5.2.2 authority", "//example.com?x", "/?x"},
        {"RFC 9110 4.2.3 case, port", "HTTPS://EXAMPLE.com:443/x", "/x"},
        {"RFC 9111 4.4 origin", "https://example.com:80/x", NULL},
        {"RFC 9111 4.4 origin", "https://example.com:8443/x", NULL},
        {"RFC 9111 4.4 origin", "http://example.com/x", NULL},
        {"RFC 9111 4.4 origin", "https://example.org/x", NULL},
        {"RFC 9111 4.4 origin", "//example.com.evil/x", NULL},
        {"RFC 9111 4.4 origin", "https://example.com@evil/x", NULL},
        {"RFC 9111 4.4 origin", "https:x", NULL},
        {"RFC 9111 4.4 origin", "mailto:a@example.com", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str target;
        bool same = cache_invalidate_resolve(&place, str_of(rows[i].reference), *state, &target);

        print_message("%s %s\n", rows[i].section, rows[i].reference);
        assert_int_equal(same, rows[i].target != NULL);
        if (same)
            fixture_same(target, rows[i].target);
    }
}

static void listing(void **state)
{
    static const struct {
        const char *section, *method;
        unsigned status;
        const char *fields, *targets[CACHE_INVALIDATE_MAX];
    } rows[] = {
        {"RFC 9111 4.4", "POST", 200, "", {"/a/b?c=d/e"}},
        {"RFC 9111 4.4", "PUT", 204, "", {"/a/b?c=d/e"}},
        {"RFC 9111 4.4", "DELETE", 303, "Location: /x\n", {"/a/b?c=d/e", "/x"}},
        {"RFC 9111 4.4 unknown", "M-SEARCH", 200, "", {"/a/b?c=d/e"}},
        {"RFC 9111 4.4 failed", "POST", 500, "Location: /x\n", {NULL}},
        {"RFC 9111 4.4 failed", "POST", 404, "", {NULL}},
        {"RFC 9111 4.4 interim", "POST", 103, "", {NULL}},
        {"RFC 9110 9.2.1 safe", "GET", 200, "Location: /x\n", {NULL}},
        {"RFC 9110 9.2.1 safe", "OPTIONS", 200, "", {NULL}},
        {"RFC 9110 9.1 case", "get", 200, "", {"/a/b?c=d/e"}},
        {"RFC 9111 4.4 both",
         "POST",
         201,
         "Location: x\nContent-Location: y\n",
         {"/a/b?c=d/e", "/a/x", "/a/y"}},
        {"RFC 9111 4.4 once",
         "POST",
         201,
         "Location: /x\nContent-Location: //example.com/x\n",
         {"/a/b?c=d/e", "/x"}},
        {"RFC 9111 4.4 another's", "POST", 201, "Location: //evil/x\n", {"/a/b?c=d/e"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cache_invalid invalid;
        struct header_list list;
        unsigned count = 0;

        print_message("%s %s %u\n", rows[i].section, rows[i].method, rows[i].status);
        fixture_fields(&list, *state, rows[i].fields);
        cache_invalidate_list(&place, str_of(rows[i].method), rows[i].status, &list, *state, &invalid);
        while (count < CACHE_INVALIDATE_MAX && rows[i].targets[count])
            count++;
        assert_int_equal(invalid.count, count);
        for (unsigned n = 0; n < count; n++)
            fixture_same(invalid.targets[n], rows[i].targets[n]);
    }
}

static void posting(void **state)
{
    static const struct {
        const char *section, *method;
        unsigned status;
        const char *fields;
        bool is_of_get;
    } rows[] = {
        {"RFC 9110 9.3.3", "POST", 200, "Content-Location: /a/b?c=d/e\nCache-Control: max-age=5\n", true},
        {"RFC 9110 9.3.3", "POST", 200, "Content-Location:\nExpires: 0\n", true},
        {"RFC 9110 9.3.3", "POST", 200, "Content-Location: b?c=d/e\nCDN-Cache-Control: max-age=5\n", true},
        {"RFC 9110 9.3.3 another", "POST", 200, "Content-Location: /x\nCache-Control: max-age=5\n", false},
        {"RFC 9110 9.3.3 none", "POST", 200, "Cache-Control: max-age=5\n", false},
        {"RFC 9110 9.3.3 not explicit", "POST", 200, "Content-Location:\n", false},
        {"RFC 9110 9.3.3 failed", "POST", 404, "Content-Location:\nCache-Control: max-age=5\n", false},
        {"RFC 9110 9.3.4", "PUT", 200, "Content-Location:\nCache-Control: max-age=5\n", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list list;

        print_message("%s %s", rows[i].section, rows[i].fields);
        fixture_fields(&list, *state, rows[i].fields);
        assert_int_equal(cache_invalidate_is_of_get(&place, str_of(rows[i].method), rows[i].status, &list,
                                                    *state),
                         rows[i].is_of_get);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(resolving, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(listing, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(posting, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

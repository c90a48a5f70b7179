/* test_cache_target.c: which field for caches counts, and what a dictionary is. */
#include "cache_fixture.h"
#include "http/cache_target.h"

#define C(name) CACHE_CONTROL_##name
#define CDN(value) "CDN-Cache-Control: " value "\n"
#define WEIR(value) "Weir-Cache-Control: " value "\n"

static const struct {
    const char *section;
    const char *lines, *name; /* the field that counts */
    unsigned set;
    int64_t max_age;
    const char *private;
} rows[] = {
    {"RFC 9213 2.1", "Cache-Control: max-age=5\n", "", 0, -1, ""},
    {"RFC 9213 2.1", CDN("max-age=3600"), "CDN-Cache-Control", 0, 3600, ""},
    {"RFC 9213 2.2 order", CDN("max-age=3600") WEIR("max-age=7"), "Weir-Cache-Control", 0, 7, ""},
    {"RFC 9213 2.2 case of the name", "cdn-cache-control: max-age=3\n", "CDN-Cache-Control", 0, 3, ""},
    {"RFC 9213 2.2 the first valid one", CDN("max-age=3600") WEIR("max-age=&"), "CDN-Cache-Control", 0, 3600,
     ""},
    {"RFC 9213 2.2 not empty", CDN("max-age=3600") WEIR(""), "CDN-Cache-Control", 0, 3600, ""},
    {"RFC 9213 2.2 lines", CDN("max-age=3600") CDN("private"), "CDN-Cache-Control", C(PRIVATE), 3600, ""},
    {"RFC 9213 2.2 a bad line", CDN("max-age=3600") CDN("&&&"), "", 0, -1, ""},
    {"RFC 9213 2.1 unknown ones", CDN("foobar, x=(1 2), max-age=3"), "CDN-Cache-Control", 0, 3, ""},
    {"RFC 8941 3.3.1", CDN("max-age=99999999999"), "CDN-Cache-Control", 0, CACHE_DELTA_MAX, ""},
    {"RFC 8941 3.3.1", CDN("max-age=1234567890123456"), "", 0, -1, ""},
    {"RFC 8941 3.3.1 type", CDN("max-age=\"10000\""), "", 0, -1, ""},
    {"RFC 8941 3.3.2 type", CDN("max-age=10.0"), "", 0, -1, ""},
    {"RFC 8941 3.3.6 type", CDN("max-age=?1"), "", 0, -1, ""},
    {"RFC 8941 3.3.1 sign", CDN("max-age=-1"), "", 0, -1, ""},
    {"RFC 8941 3.2 no argument", CDN("max-age"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 key", CDN("MaX-aGe=3600"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 blanks", CDN("max-age =100"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 blanks", CDN("max-age= 100"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 comma", CDN("max-age=100,"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 comma", CDN("max-age=100 no-store"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 comma", CDN("max-age=1,,no-store"), "", 0, -1, ""},
    {"RFC 8941 4.2.2 OWS", CDN("max-age=1 \t,\t no-store"), "CDN-Cache-Control", C(NO_STORE), 1, ""},
    {"RFC 8941 4.2 unknown type", CDN("max-age=10000, &&&&&"), "", 0, -1, ""},
    {"RFC 8941 3.2 again", CDN("max-age=1, max-age=2"), "CDN-Cache-Control", 0, 2, ""},
    {"RFC 8941 3.3.6", CDN("no-store=?0, private=?1"), "CDN-Cache-Control", C(PRIVATE), -1, ""},
    {"RFC 8941 3.3.6", CDN("no-store=?2"), "", 0, -1, ""},
    {"RFC 8941 3.3.6 again", CDN("no-store, no-store=?0, x"), "CDN-Cache-Control", 0, -1, ""},
    {"RFC 9213 2.1 an argument too many", CDN("no-store=foo, public=foo"), "CDN-Cache-Control", C(NO_STORE),
     -1, ""},
    {"RFC 9111 5.2.2.7", CDN("private=\"a, b\""), "CDN-Cache-Control", 0, -1, "a, b"},
    {"RFC 9111 5.2.2.7", CDN("private=\"\""), "CDN-Cache-Control", C(PRIVATE), -1, ""},
    {"RFC 9111 5.2.2.7", CDN("private=(\"a\" \"b\")"), "CDN-Cache-Control", C(PRIVATE), -1, ""},
    {"RFC 8941 3.1.2 parameters", CDN("max-age=5;a=1;b;c=\"x\""), "CDN-Cache-Control", 0, 5, ""},
    {"RFC 8941 3.1.2 parameters", CDN("max-age=5;A"), "", 0, -1, ""},
    {"RFC 8941 3.1.1 inner list", CDN("x=(a;b=1 \"c\");d, no-store"), "CDN-Cache-Control", C(NO_STORE), -1,
     ""},
    {"RFC 8941 3.1.1 inner list", CDN("x=(a\"c\"), no-store"), "", 0, -1, ""},
    {"RFC 8941 3.1.1 inner list", CDN("x=(a, no-store"), "", 0, -1, ""},
    {"RFC 8941 3.3.3 string", CDN("x=\"a\\\"b\", no-store"), "CDN-Cache-Control", C(NO_STORE), -1, ""},
    {"RFC 8941 3.3.3 string", CDN("x=\"a\\b\", no-store"), "", 0, -1, ""},
    {"RFC 8941 3.3.3 string", CDN("x=\"a, no-store"), "", 0, -1, ""},
    {"RFC 8941 3.3.3 string", CDN("x=\"a\\"), "", 0, -1, ""},
    {"RFC 8941 3.3.5 bytes", CDN("x=:aGk=:, no-store"), "CDN-Cache-Control", C(NO_STORE), -1, ""},
    {"RFC 8941 3.3.5 bytes", CDN("x=:aGk=, no-store"), "", 0, -1, ""},
    {"RFC 8941 3.3.2 decimal", CDN("x=1.25, y=-0.5, no-store"), "CDN-Cache-Control", C(NO_STORE), -1, ""},
    {"RFC 8941 3.3.2 decimal", CDN("x=1.2345"), "", 0, -1, ""},
    {"RFC 8941 3.3.2 decimal", CDN("x=1."), "", 0, -1, ""},
};

static void choosing(void **state)
{
    struct pool *pool = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cache_control cc;
        struct header_list list;

        print_message("%s %s", rows[i].section, rows[i].lines);
        fixture_fields(&list, pool, rows[i].lines);
        fixture_same(cache_target_read(&list, &cc), rows[i].name);
        assert_int_equal(cc.set, rows[i].set);
        assert_int_equal(cc.max_age, rows[i].max_age);
        fixture_same(cc.private_fields, rows[i].private);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(choosing, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

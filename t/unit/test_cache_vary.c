/* test_cache_vary.c: which requests one stored response answers. */
#include "cache_fixture.h"
#include "http/cache_vary.h"

#define VARY(value) "Vary: " value "\n"

static const struct str ignored_names[] = {{"cookie", 6}, {"X-Forwarded-For", 15}};
static const struct cache_names ignored = {ignored_names, 2};

static void listing(void **state)
{
    static const struct {
        const char *section, *lines;
        enum cache_reason reason;
        const char *names;
    } rows[] = {
        {"RFC 9111 4.1 none", "", CACHE_REASON_NONE, ""},
        {"RFC 9110 12.5.5", VARY("Foo"), CACHE_REASON_NONE, "foo"},
        {"RFC 9110 12.5.5 lines", VARY("Foo, Bar") VARY(",BAZ , foo"), CACHE_REASON_NONE, "bar,baz,foo"},
        {"RFC 9110 12.5.5 empty", VARY("") VARY(","), CACHE_REASON_NONE, ""},
        {"RFC 9111 4.1 star", VARY("*"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9111 4.1 star", VARY("*, *"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9111 4.1 star", VARY("*") VARY("*"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9111 4.1 star", VARY(", *"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9111 4.1 star", VARY("") VARY("*"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9111 4.1 star", VARY("*, Foo"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9111 4.1 star", VARY("X-Real-IP, Foo, *"), CACHE_REASON_VARY_STAR, NULL},
        {"RFC 9110 5.6.2 no name", VARY("Foo Bar"), CACHE_REASON_VARY_MANY, NULL},
        {"RFC 9110 5.6.2 no name", VARY("\"*\""), CACHE_REASON_VARY_MANY, NULL},
        {"16 names", VARY("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"), CACHE_REASON_NONE,
         "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"},
        {"17 names", VARY("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"), CACHE_REASON_VARY_MANY, NULL},
        {"RFC 9110 12.5.3 coded", "Content-Encoding: br\n", CACHE_REASON_NONE, "accept-encoding"},
        {"RFC 9110 12.5.3 coded", "Content-Encoding: br\n" VARY("Foo, accept-Encoding"), CACHE_REASON_NONE,
         "accept-encoding,foo"},
        {"coded, and 16 names", "Content-Encoding: br\n" VARY("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"),
         CACHE_REASON_NONE, "a,accept-encoding,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"},
        {"setting", VARY("Cookie, Accept"), CACHE_REASON_NONE, "accept"},
        {"who the client is", VARY("Accept, Forwarded"), CACHE_REASON_VARY_CLIENT, NULL},
        {"who the client is, ignored", VARY("x-forwarded-for"), CACHE_REASON_NONE, ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list list;

        print_message("%s %s", rows[i].section, rows[i].lines);
        fixture_fields(&list, *state, rows[i].lines);
        assert_int_equal(cache_vary_check(&list, &ignored), rows[i].reason);
        if (rows[i].names)
            fixture_same(cache_vary_names(&list, &ignored, *state), rows[i].names);
    }
}

static void many_same_names(void **state)
{
    struct str line = STR("Foo");
    struct header_list list;

    for (int i = 0; i < 6; i++)
        line = pool_printf(*state, "%.*s, %.*s", STR_ARG(line), STR_ARG(line));
    header_list_init(&list, *state, 4);
    assert_int_equal(header_add(&list, STR("Vary"), line), 0);
    assert_int_equal(cache_vary_check(&list, NULL), CACHE_REASON_VARY_MANY);
}

static const struct {
    const char *section, *names, *a, *b;
    bool same;
} keys[] = {
    {"RFC 9111 4.1", "foo", "Foo: 1\n", "foo: 1\n", true},
    {"RFC 9111 4.1", "foo", "Foo: 1\n", "Foo: 2\n", false},
    {"RFC 9111 4.1 absent", "foo", "Foo: 1\n", "", false},
    {"RFC 9111 4.1 absent", "foo", "Foo:\n", "", false},
    {"RFC 9111 4.1 both absent", "foo", "Bar: 1\n", "", true},
    {"RFC 9111 4.1 not named", "foo", "Foo: 1\nOther: 2\n", "Foo: 1\nOther: 3\n", true},
    {"RFC 9111 4.1 two", "bar,foo", "Foo: 1\nBar: 2\n", "Bar: 2\nFoo: 1\n", true},
    {"RFC 9111 4.1 two", "bar,foo", "Foo: 1\nBar: 2\n", "Foo: 2\nBar: 1\n", false},
    {"RFC 9111 4.1 two", "bar,foo", "Foo: 1\n", "Bar: 1\n", false},
    {"RFC 9111 4.1 combining", "foo", "Foo: 1, 2\n", "Foo: 1\nFoo: 2\n", true},
    {"RFC 9111 4.1 combining", "foo", "Foo: 1, 2\n", "Foo: 2\nFoo: 1\n", false},
    {"RFC 9111 4.1 combining by id", "accept", "Accept: a, b\n", "Accept: a\nX: y\nAccept: b\n", true},
    {"RFC 9111 4.1 blanks", "foo", "Foo: 1,2\n", "Foo:  1, 2 \n", true},
    {"RFC 9111 4.1 blanks inside", "foo", "Foo: 1 2\n", "Foo: 12\n", false},
    {"RFC 9110 5.6.4 quoted", "foo", "Foo: \"1,2\"\n", "Foo: \"1, 2\"\n", false},
    {"RFC 9111 4.1 case", "foo", "Foo: a\n", "Foo: A\n", false},
    {"RFC 9110 12.5.4 order", "accept-language", "Accept-Language: en, de\n", "Accept-Language: de, en\n",
     true},
    {"RFC 9110 12.5.4 case", "accept-language", "Accept-Language: en, de\n", "Accept-Language: eN, De\n",
     true},
    {"RFC 9110 12.5.4 blanks", "accept-language", "Accept-Language: en, de\n", "Accept-Language:  en ,  de\n",
     true},
    {"RFC 9110 12.4.2 weight", "accept-language", "Accept-Language: en, de;q=0.5\n",
     "Accept-Language: de, en;q=0.5\n", false},
    {"RFC 9110 12.4.2 weight", "accept-language", "Accept-Language: en, de;q=0.5\n",
     "Accept-Language: de;q=0.8, en;q=0.9\n", true},
    {"RFC 9110 12.4.2 weight", "accept-language", "Accept-Language: en, de;q=0.5\n",
     "Accept-Language: de, en\n", false},
    {"RFC 9110 12.4.2 refused", "accept-language", "Accept-Language: en, de;q=0.5\n",
     "Accept-Language: en, de;q=0\n", false},
    {"RFC 9110 12.5.4 absent", "accept-language", "Accept-Language:\n", "", false},
    {"RFC 9110 12.5.3 order", "accept-encoding", "Accept-Encoding: gzip, br\n",
     "Accept-Encoding: br;q=0.5 , GZIP\n", true},
    {"RFC 9110 12.5.3 others", "accept-encoding", "Accept-Encoding: gzip, deflate\n",
     "Accept-Encoding: x-gzip\n", true},
    {"RFC 9110 12.5.3 absent", "accept-encoding", "Accept-Encoding: identity\n", "", true},
    {"RFC 9110 12.5.3 refused", "accept-encoding", "Accept-Encoding: gzip, br;q=0\n",
     "Accept-Encoding: gzip, br\n", false},
    {"RFC 9110 12.5.3 any", "accept-encoding", "Accept-Encoding: *\n", "Accept-Encoding: gzip, br, zstd\n",
     true},
};

static void keying(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct header_list a, b;
        struct str names = str_of(keys[i].names);

        print_message("%s %s %s", keys[i].section, keys[i].a, keys[i].b);
        fixture_fields(&a, *state, keys[i].a);
        fixture_fields(&b, *state, keys[i].b);
        assert_int_equal(str_eq(cache_vary_key(names, &a, *state), cache_vary_key(names, &b, *state)),
                         keys[i].same);
    }
}

static void many_languages(void **state)
{
    struct str line = STR("de");
    struct header_list list;

    for (int i = 0; i < 6; i++)
        line = pool_printf(*state, "%.*s,%.*s", STR_ARG(line), STR_ARG(line));
    header_list_init(&list, *state, 4);
    assert_int_equal(header_add(&list, STR("Accept-Language"), line), 0);
    fixture_same(cache_vary_key(STR("accept-language"), &list, *state),
                 pool_printf(*state, "accept-language=%.*s\n", STR_ARG(line)).s);
}

static void encoding(void **state)
{
    struct header_list list;

    fixture_fields(&list, *state, "Accept-Encoding: gzip\nAccept-Encoding: zstd, br\n");
    fixture_same(cache_vary_encoding(&list), "br, gzip, zstd");
    fixture_same(cache_vary_key(STR("accept-encoding,foo"), &list, *state),
                 "accept-encoding=br, gzip, zstd\nfoo\n");
    fixture_fields(&list, *state, "Accept-Encoding: deflate\n");
    fixture_same(cache_vary_encoding(&list), "");
    fixture_same(cache_vary_key(STR(""), &list, *state), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listing, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(many_same_names, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(keying, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(many_languages, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(encoding, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

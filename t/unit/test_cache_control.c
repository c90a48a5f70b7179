/* test_cache_control.c: Cache-Control as it should be written, and as it is. */
#include "cache_fixture.h"
#include "http/cache_control.h"

#define C(name) CACHE_CONTROL_##name

struct row {
    const char *section; /* of RFC 9111 */
    const char *lines;
    unsigned set;
    const char *said; /* with arguments */
};

#define CC(value) "Cache-Control: " value "\n"

static const struct row rows[] = {
    {"5.2", "Expires: 0\n", 0, ""},
    {"5.2", CC(""), 0, ""},
    {"5.2", CC("no-store"), C(NO_STORE), ""},
    {"5.2 case", CC("No-StOrE, MAX-age=3"), C(NO_STORE), "max-age=3"},
    {"5.2.3 extensions", CC("foobar, max-age=3600, x=\"y\""), 0, "max-age=3600"},
    {"5.2 list", CC(",, public ,\t max-age=5 ,"), C(PUBLIC), "max-age=5"},
    {"5.2 lines", CC("max-age=1800") CC("s-maxage=7"), 0, "max-age=1800 s-maxage=7"},
    {"5.2 both forms", CC("max-age=\"3600\""), 0, "max-age=3600"},
    {"5.2 inside a quoted string", CC("extension=\"max-age=3600\", max-age=1"), 0, "max-age=1"},
    {"5.2 inside a quoted string", CC("max-age=1, extension=\"a, no-store, max-age=3600\""), 0, "max-age=1"},
    {"5.2 inside a quoted string", CC("x=\"\\\", no-store\", public"), C(PUBLIC), ""},
    {"5.2 no end", CC("public, x=\"no-store"), C(PUBLIC) | C(BROKEN), ""},
    {"5.2 no end", CC("x=\"\\\", max-age=9"), C(BROKEN), ""},
    {"5.2 no end in one line of two", CC("x=\"") CC("max-age=9\""), C(BROKEN), "max-age=0"},
    {"1.2.2", CC("max-age=003600"), 0, "max-age=3600"},
    {"1.2.2", CC("max-age=2147483647"), 0, "max-age=2147483647"},
    {"1.2.2", CC("max-age=2147483649"), 0, "max-age=2147483648"},
    {"1.2.2", CC("max-age=99999999999999999999999"), 0, "max-age=2147483648"},
    {"4.2.1 invalid is stale", CC("max-age=-3600"), 0, "max-age=0"},
    {"4.2.1", CC("max-age='3600'"), 0, "max-age=0"},
    {"4.2.1", CC("max-age=3600.0"), 0, "max-age=0"},
    {"4.2.1", CC("max-age=a3600"), 0, "max-age=0"},
    {"4.2.1", CC("max-age=3600a"), 0, "max-age=0"},
    {"4.2.1", CC("max-age=1 2"), 0, "max-age=0"},
    {"4.2.1", CC("max-age"), 0, "max-age=0"},
    {"4.2.1", CC("max-age="), 0, "max-age=0"},
    {"4.2.1", CC("max-age=\"\""), 0, "max-age=0"},
    {"4.2.1", CC("max-age =3600"), 0, "max-age=0"},
    {"4.2.1", CC("max-age= 3600"), 0, "max-age=0"},
    {"4.2.1 twice", CC("max-age=1800, max-age=1"), 0, "max-age=1"},
    {"4.2.1 twice", CC("max-age=1") CC("max-age=1800"), 0, "max-age=1"},
    {"4.2.1 twice", CC("max-age=x, max-age=1800"), 0, "max-age=0"},
    {"5.2.1.2", CC("max-stale"), 0, "max-stale=2147483648"},
    {"5.2.1.2", CC("max-stale=10, max-stale"), 0, "max-stale=10"},
    {"5.2.1.2", CC("max-stale=x"), 0, "max-stale=0"},
    {"5.2.1.3", CC("min-fresh=10, min-fresh=20"), 0, "min-fresh=20"},
    {"5.2.1.7", CC("only-if-cached"), C(ONLY_IF_CACHED), ""},
    {"5.2.2", CC("must-revalidate, proxy-revalidate, must-understand, no-transform"),
     C(MUST_REVALIDATE) | C(PROXY_REVALIDATE) | C(MUST_UNDERSTAND) | C(NO_TRANSFORM), ""},
    {"5.2.2 a flag with an argument", CC("no-store=x, must-revalidate=\"y\""),
     C(NO_STORE) | C(MUST_REVALIDATE), ""},
    {"RFC 8246 2", CC("immutable"), C(IMMUTABLE), ""},
    {"RFC 5861 3, 4", CC("stale-while-revalidate=30, stale-if-error=60"), 0, "swr=30 sie=60"},
    {"5.2.2.4", CC("no-cache"), C(NO_CACHE), ""},
    {"5.2.2.4", CC("no-cache=\"a, b\""), 0, "no-cache=a, b"},
    {"5.2.2.4", CC("no-cache=a"), 0, "no-cache=a"},
    {"5.2.2.4 twice", CC("no-cache=\"a\", no-cache=\"b\""), C(NO_CACHE), "no-cache=a"},
    {"5.2.2.4 both", CC("no-cache=\"a\", no-cache"), C(NO_CACHE), "no-cache=a"},
    {"5.2.2.4 unreadable", CC("no-cache=\"\""), C(NO_CACHE), ""},
    {"5.2.2.4 unreadable", CC("no-cache= \"a\""), C(NO_CACHE), ""},
    {"5.2.2.4 unreadable", CC("no-cache=\"a\\b\""), C(NO_CACHE), ""},
    {"5.2.2.7", CC("private, max-age=3600"), C(PRIVATE), "max-age=3600"},
    {"5.2.2.7", CC("private=\"Set-Cookie\""), 0, "private=Set-Cookie"},
};

static struct str join(struct str text, const char *name, struct str value, struct pool *pool)
{
    return pool_printf(pool, "%.*s%s%s=%.*s", STR_ARG(text), text.len ? " " : "", name, STR_ARG(value));
}

static const char *said_of(const struct cache_control *cc, struct pool *pool)
{
    const struct {
        const char *name;
        int64_t seconds;
    } times[] = {
        {"max-age", cc->max_age},    {"s-maxage", cc->s_maxage},   {"swr", cc->stale_while_revalidate},
        {"sie", cc->stale_if_error}, {"min-fresh", cc->min_fresh}, {"max-stale", cc->max_stale},
    };
    struct str text = STR("");

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        if (times[i].seconds >= 0)
            text = join(text, times[i].name, pool_printf(pool, "%lld", (long long)times[i].seconds), pool);
    }
    if (cc->no_cache_fields.len)
        text = join(text, "no-cache", cc->no_cache_fields, pool);
    if (cc->private_fields.len)
        text = join(text, "private", cc->private_fields, pool);
    return text.s;
}

static void reading(void **state)
{
    struct pool *pool = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct cache_control cc;
        struct header_list list;

        print_message("%s %s", row->section, row->lines);
        fixture_fields(&list, pool, row->lines);
        assert_int_equal(cache_control_read(&list, &cc), row->lines[0] == 'C');
        assert_int_equal(cc.set, row->set);
        fixture_same(str_of(said_of(&cc, pool)), row->said);
    }
}

static void naming(void **state)
{
    (void)state;
    assert_true(cache_control_names(STR("A, set-cookie"), STR("Set-Cookie")));
    assert_false(cache_control_names(STR("A, set-cookie"), STR("Cookie")));
    assert_false(cache_control_names(STR(""), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reading, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test(naming),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

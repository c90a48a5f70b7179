/* test_cache_fresh.c: dates, ages and lifetimes. */
#include "cache_fixture.h"
#include "http/cache_fresh.h"

static void dates(void **state)
{
    static const struct {
        const char *section, *text;
        int64_t seconds; /* -1: none */
    } rows[] = {
        {"RFC 9110 5.6.7", "Sun, 06 Nov 1994 08:49:37 GMT", NOW},
        {"RFC 9110 5.6.7 RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", NOW},
        {"RFC 9110 5.6.7 asctime", "Sun Nov  6 08:49:37 1994", NOW},
        {"RFC 9111 4.2 case", "SUN, 06 Nov 1994 08:49:37 GMT", NOW},
        {"RFC 9111 4.2 case", "sun, 06 NOV 1994 08:49:37 gMT", NOW},
        {"RFC 9111 4.2 case", "sUNDAY, 06-nov-94 08:49:37 gmt", NOW},
        {"RFC 9111 4.2 case", "sun nov  6 08:49:37 1994", NOW},
        {"RFC 9111 4.2 zone", "Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"RFC 9111 4.2 zone", "Sun, 06 Nov 1994 08:49:37 AEST", -1},
        {"RFC 9110 5.6.7", "Sun, 06 Nov 94 08:49:37 GMT", -1},
        {"RFC 9110 5.6.7", "Sun 06 Nov 1994 08:49:37 GMT", -1},
        {"RFC 9110 5.6.7", "Sun, 06  Nov 1994 08:49:37 GMT", -1},
        {"RFC 9110 5.6.7", "Sun, 06-Nov-1994 08:49:37 GMT", -1},
        {"RFC 9110 5.6.7", "Sun, 06 Nov 1994 08.49.37 GMT", -1},
        {"RFC 9110 5.6.7", "Sun, 06 Nov 1994 8:49:37 GMT", -1},
        {"RFC 9110 5.6.7", "0", -1},
        {"RFC 9110 5.6.7", "", -1},
        {"RFC 9110 5.6.7", "Sun, 06 Nov 1994 08:49:37 GMT Sun, 06 Nov 1994", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t seconds = -1;

        print_message("%s %s\n", rows[i].section, rows[i].text);
        if (cache_fresh_date(str_of(rows[i].text), NOW, &seconds) < 0)
            seconds = -1;
        assert_int_equal(seconds, rows[i].seconds);
    }
}

static void ages(void **state)
{
    static const struct {
        const char *section, *fields;
        int64_t delay, age;
    } rows[] = {
        {"RFC 9111 4.2.3", "", 0, 0},
        {"RFC 9111 4.2.3", DATE_NOW, 0, 0},
        {"RFC 9111 4.2.3 delay", DATE_NOW, 4, 4},
        {"RFC 9111 4.2.3 delay", DATE_NOW "Age: 10\n", 4, 14},
        {"RFC 9111 4.2.3 apparent_age", "Date: " HOUR_AGO "\n", 4, 3600},
        {"RFC 9111 4.2.3 the larger", "Date: " HOUR_AGO "\nAge: 3599\n", 4, 3603},
        {"RFC 9111 4.2.3 a fast clock", "Date: " HOUR_AHEAD "\nAge: 15\n", 0, 15},
        {"RFC 9111 4.2.3 the clock was set back", DATE_NOW "Age: 15\n", -30, 15},
        {"RFC 9110 6.6.1 no Date", "Date: foo\nAge: 3\n", 0, 3},
        {"RFC 9111 5.1", "Age: abc\n", 0, 0},
        {"RFC 9111 5.1", "Age: -7200\n", 0, 0},
        {"RFC 9111 5.1", "Age: 7200.0\n", 0, 0},
        {"RFC 9111 5.1", "Age:\n", 0, 0},
        {"RFC 9111 1.2.2", "Age: 2147483647\n", 0, 2147483647},
        {"RFC 9111 1.2.2", "Age: 99999999999999999999\n", 3, CACHE_DELTA_MAX},
        {"RFC 9111 5.1 the first", "Age: 7200, 0\n", 0, 7200},
        {"RFC 9111 5.1 the first", "Age: 0, 7200\n", 0, 0},
        {"RFC 9111 5.1 the first line", "Age: 7200\nAge: 0\n", 0, 7200},
        {"RFC 9111 5.1 the first line", "Age: 0\nAge: 7200\n", 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list list;

        print_message("%s %s\n", rows[i].section, rows[i].fields);
        fixture_fields(&list, *state, rows[i].fields);
        assert_int_equal(cache_fresh_initial_age(&list, NOW - rows[i].delay, NOW), rows[i].age);
    }
}

#define CC(value) "Cache-Control: " value "\n"
#define EXPIRES(value) "Expires: " value "\n"
#define MODIFIED(value) "Last-Modified: " value "\n"
#define S(name) CACHE_SOURCE_##name

static const struct status_range range_500 = {500, 599};
static const struct status_range range_404 = {404, 404};
static const struct cache_ttl ttl_rows[] = {{{&range_404, 1}, 20}, {{&range_500, 1}, 0}};
static const struct cache_ttls some = {ttl_rows, 2, 60};
static const struct cache_ttls none = {NULL, 0, -1};

static const struct {
    const char *section;
    unsigned status;
    const char *fields;
    bool targeted;
    const struct cache_ttls *ttls;
    struct cache_lifetime lifetime;
} lifetimes[] = {
    {"RFC 9111 4.2.1", 200, "", false, &none, {0, S(NONE)}},
    {"RFC 9111 4.2.1", 200, CC("max-age=5"), false, NULL, {5, S(MAX_AGE)}},
    {"RFC 9111 4.2.1 order",
     200,
     CC("max-age=5, s-maxage=3") EXPIRES(HOUR_AHEAD),
     false,
     &none,
     {3, S(S_MAXAGE)}},
    {"RFC 9111 4.2.1 order",
     200,
     CC("max-age=0, s-maxage=3600") EXPIRES(HOUR_AGO),
     false,
     &none,
     {3600, S(S_MAXAGE)}},
    {"RFC 9111 4.2.1 order",
     200,
     DATE_NOW CC("max-age=0") EXPIRES(HOUR_AHEAD),
     false,
     &none,
     {0, S(MAX_AGE)}},
    {"RFC 9111 4.2.1 order", 200, CC("max-age=9") EXPIRES("0"), false, &none, {9, S(MAX_AGE)}},
    {"RFC 9111 5.3", 200, DATE_NOW EXPIRES(HOUR_AHEAD), false, &none, {3600, S(EXPIRES)}},
    {"RFC 9111 5.3", 200, DATE_NOW EXPIRES(HOUR_AGO), false, &none, {0, S(EXPIRES)}},
    {"RFC 9111 5.3", 200, DATE_NOW EXPIRES("0"), false, &some, {0, S(EXPIRES)}},
    {"RFC 9111 5.3 minus Date",
     200,
     "Date: " HOUR_AGO "\n" EXPIRES(HOUR_AHEAD),
     false,
     &none,
     {7200, S(EXPIRES)}},
    {"RFC 9111 5.3 Date unreadable",
     200,
     "Date: foo\n" EXPIRES(HOUR_AHEAD),
     false,
     &none,
     {3600, S(EXPIRES)}},
    {"RFC 9111 4.2.1 two",
     200,
     DATE_NOW EXPIRES(HOUR_AHEAD) EXPIRES(HOUR_AGO),
     false,
     &none,
     {0, S(EXPIRES)}},
    {"RFC 9111 4.2.1 two, the same",
     200,
     EXPIRES(HOUR_AHEAD) EXPIRES(HOUR_AHEAD),
     false,
     &none,
     {3600, S(EXPIRES)}},
    {"RFC 9111 5.3 far",
     200,
     EXPIRES("Fri, 31 Dec 9999 23:59:59 GMT"),
     false,
     &none,
     {CACHE_DELTA_MAX, S(EXPIRES)}},
    {"RFC 9213 2.2 Expires does not count", 200, EXPIRES(HOUR_AHEAD), true, &none, {0, S(NONE)}},
    {"RFC 9111 4.2.2", 200, DATE_NOW MODIFIED(HOUR_AGO), false, &none, {360, S(GUESS)}},
    {"RFC 9111 4.2.2", 200, MODIFIED("Sun, 06 Nov 1983 08:49:37 GMT"), false, &none, {86400, S(GUESS)}},
    {"RFC 9111 4.2.2 ahead", 200, DATE_NOW MODIFIED(HOUR_AHEAD), false, &none, {0, S(NONE)}},
    {"RFC 9111 4.2.2 unreadable", 200, MODIFIED("0"), false, &none, {0, S(NONE)}},
    {"RFC 9111 4.2.2 not for explicit ones",
     200,
     CC("max-age=0") MODIFIED(HOUR_AGO),
     false,
     &some,
     {0, S(MAX_AGE)}},
    {"RFC 9110 15.1 status", 404, MODIFIED(HOUR_AGO), false, &none, {360, S(GUESS)}},
    {"RFC 9110 15.1 status", 302, MODIFIED(HOUR_AGO), false, &none, {0, S(NONE)}},
    {"RFC 9111 4.2.2 public", 302, MODIFIED(HOUR_AGO) CC("public"), false, &none, {360, S(GUESS)}},
    {"setting, for RFC 9111 4.2.2", 404, "", false, &some, {20, S(SETTING)}},
    {"setting", 200, MODIFIED(HOUR_AGO), false, &some, {60, S(SETTING)}},
    {"setting", 503, "", false, &some, {0, S(SETTING)}},
    {"setting, RFC 9110 15.1", 403, "", false, &some, {0, S(NONE)}},
    {"setting, not over what is said", 404, CC("max-age=7"), false, &some, {7, S(MAX_AGE)}},
};

static void lasting(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(lifetimes); i++) {
        struct cache_lifetime got;
        struct cache_control cc;
        struct header_list list;

        print_message("%s %u %s\n", lifetimes[i].section, lifetimes[i].status, lifetimes[i].fields);
        fixture_fields(&list, *state, lifetimes[i].fields);
        cache_control_read(&list, &cc);
        got = cache_fresh_lifetime(lifetimes[i].status, &list, &cc, lifetimes[i].targeted, lifetimes[i].ttls,
                                   NOW);
        assert_int_equal(got.seconds, lifetimes[i].lifetime.seconds);
        assert_int_equal(got.source, lifetimes[i].lifetime.source);
        assert_true(cache_source_text(got.source).len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test_setup_teardown(ages, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(lasting, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cache_policy.c: what a shared cache stores, and when it uses it. */
#include "cache_fixture.h"
#include "http/cache_policy.h"

#define CC(value) "Cache-Control: " value "\n"
#define CDN(value) "CDN-Cache-Control: " value "\n"
#define TAG "ETag: \"a\"\n"
#define R(name) CACHE_REASON_##name

static const struct status_range range_404 = {404, 404};
static const struct cache_ttl ttl_rows[] = {{{&range_404, 1}, 20}};
static const struct cache_rules plain = {.ttls = {NULL, 0, -1}};
static const struct cache_rules generous = {.ttls = {ttl_rows, 1, 60},
                                            .stale_while_revalidate = 30,
                                            .stale_if_error = 300,
                                            .set_cookie = CACHE_SET_COOKIE_STORE};
static const struct cache_rules strip = {.ttls = {NULL, 0, -1}, .set_cookie = CACHE_SET_COOKIE_STRIP};

static const struct {
    const char *section, *method, *asked;
    unsigned status;
    const char *fields;
    enum cache_reason reason;
} storable[] = {
    {"RFC 9111 3", "GET", "", 200, CC("max-age=5"), R(NONE)},
    {"RFC 9111 3 method", "POST", "", 200, CC("max-age=5"), R(METHOD)},
    {"RFC 9111 3 method", "get", "", 200, CC("max-age=5"), R(METHOD)},
    {"RFC 9111 4 HEAD", "HEAD", "", 200, CC("max-age=5"), R(HEAD)},
    {"RFC 9111 5.2.1.5", "GET", CC("no-store"), 200, CC("max-age=5"), R(REQUEST_NO_STORE)},
    {"RFC 9111 5.2.1.4", "GET", CC("no-cache"), 200, CC("max-age=5"), R(NONE)},
    {"RFC 9111 5.2.2.5", "GET", "", 200, CC("no-store, max-age=5"), R(NO_STORE)},
    {"RFC 9111 5.2.2.7", "GET", "", 200, CC("private, max-age=5"), R(PRIVATE)},
    {"RFC 9111 5.2.2.7 fields", "GET", "", 200, CC("private=\"a\", max-age=5"), R(NONE)},
    {"RFC 9111 5.2.2.7 with arguments that cannot be read", "GET", "", 200, CC("private=\"a\\\", max-age=5"),
     R(BROKEN)},
    {"RFC 9111 3.5", "GET", "Authorization: x\n", 200, CC("max-age=5"), R(AUTHORIZATION)},
    {"RFC 9111 3.5", "GET", "Authorization: x\n", 200, CC("max-age=5, proxy-revalidate"), R(AUTHORIZATION)},
    {"RFC 9111 3.5", "GET", "Authorization: x\n", 200, CC("max-age=5, public"), R(NONE)},
    {"RFC 9111 3.5", "GET", "Authorization: x\n", 200, CC("max-age=5, must-revalidate"), R(NONE)},
    {"RFC 9111 3.5", "GET", "Authorization: x\n", 200, CC("s-maxage=5"), R(NONE)},
    {"RFC 9111 3 Cookie says nothing", "GET", "Cookie: x\n", 200, CC("max-age=5"), R(NONE)},
    {"RFC 9111 7.3", "GET", "", 200, CC("max-age=5") "Set-Cookie: a=b\n", R(SET_COOKIE)},
    {"RFC 9111 7.3 left out", "GET", "", 200, CC("max-age=5, private=\"set-cookie\"") "Set-Cookie: a=b\n",
     R(NONE)},
    {"RFC 9111 7.3 left out", "GET", "", 200, CC("max-age=5, no-cache=set-cookie") "Set-Cookie: a=b\n",
     R(NONE)},
    {"RFC 9111 4.1", "GET", "", 200, CC("max-age=5") "Vary: *\n", R(VARY_STAR)},
    {"RFC 9111 4.1", "GET", "", 200, CC("max-age=5") "Vary: X-Forwarded-For\n", R(VARY_CLIENT)},
    {"RFC 9111 3 final", "GET", "", 103, CC("max-age=5"), R(STATUS_INTERIM)},
    {"RFC 9111 3.3", "GET", "", 206, CC("max-age=5"), R(STATUS_PARTIAL)},
    {"RFC 9111 4.3.3", "GET", "", 304, CC("max-age=5"), R(STATUS_REQUEST)},
    {"RFC 6585 4", "GET", "", 429, CC("max-age=5"), R(STATUS_REQUEST)},
    {"RFC 9110 15.5.13", "GET", "", 412, CC("max-age=5"), R(STATUS_REQUEST)},
    {"RFC 9110 15.5.17", "GET", "", 416, CC("max-age=5"), R(STATUS_REQUEST)},
    {"RFC 9111 3 explicit", "GET", "", 299, CC("max-age=5"), R(NONE)},
    {"RFC 9111 3 explicit", "GET", "", 400, CC("max-age=5"), R(NONE)},
    {"RFC 9111 3 explicit", "GET", "", 499, CC("max-age=5"), R(NONE)},
    {"RFC 9111 3 explicit", "GET", "", 503, CC("max-age=5"), R(NONE)},
    {"RFC 9111 3 explicit", "GET", "", 599, CC("max-age=5"), R(NONE)},
    {"RFC 9111 3 no guess", "GET", "", 503, TAG, R(STATUS_DEFAULT)},
    {"RFC 9111 3 public", "GET", "", 503, CC("public") TAG, R(NONE)},
    {"RFC 9111 5.2.2.3", "GET", "", 200, CC("max-age=5, no-store, must-understand"), R(NONE)},
    {"RFC 9111 5.2.2.3", "GET", "", 599, CC("max-age=5, no-store, must-understand"), R(STATUS_UNKNOWN)},
    {"RFC 9111 5.2.2.3 private holds", "GET", "", 200, CC("max-age=5, private, must-understand"), R(PRIVATE)},
    {"RFC 9111 4.2.1 nothing", "GET", "", 200, DATE_NOW, R(NO_FRESHNESS)},
    {"RFC 9111 4.3 to validate", "GET", "", 200, DATE_NOW TAG, R(NONE)},
    {"RFC 9111 4.3 to validate", "GET", "", 200, "Last-Modified: " HOUR_AGO "\n", R(NONE)},
    {"RFC 9111 4.3 no validator", "GET", "", 200, "ETag: a\nLast-Modified: 0\n", R(NO_FRESHNESS)},
    {"RFC 9111 5.2.2.4", "GET", "", 200, CC("no-cache, max-age=5") TAG, R(NONE)},
    {"RFC 9111 5.2.2.4", "GET", "", 200, CC("no-cache, max-age=5"), R(NO_VALIDATOR)},
    {"RFC 9111 4.2 stale as it comes", "GET", "", 200, CC("max-age=0"), R(ALREADY_STALE)},
    {"RFC 9111 4.2 stale as it comes", "GET", "", 200, CC("max-age=3600") "Age: 7200\n", R(ALREADY_STALE)},
    {"RFC 9111 4.2 stale as it comes", "GET", "", 200, CC("max-age=3600") "Age: 7200\n" TAG, R(NONE)},
    {"RFC 5861 3", "GET", "", 200, CC("max-age=0, stale-while-revalidate=3"), R(NONE)},
    {"RFC 9111 5.4 Pragma says nothing", "GET", "Pragma: no-cache\n", 200,
     CC("max-age=5") "Pragma: no-cache\n", R(NONE)},
    {"RFC 9213 2.2", "GET", "", 200, CC("no-store") CDN("max-age=5"), R(NONE)},
    {"RFC 9213 2.2", "GET", "", 200, CC("max-age=5") CDN("no-store"), R(NO_STORE)},
    {"RFC 9213 2.2", "GET", "", 200, CC("max-age=5") CDN("private"), R(PRIVATE)},
    {"RFC 9213 2.2", "GET", "", 200, CC("max-age=5") CDN("max-age=0"), R(ALREADY_STALE)},
    {"RFC 9213 2.1 not valid", "GET", "", 200, CC("no-store") CDN("max-age=5, &&&"), R(NO_STORE)},
    {"RFC 9213 2.1 not valid", "GET", "", 200, CC("no-store") CDN("max-age=\"5\""), R(NO_STORE)},
};

static struct cache_exchange exchange(struct message *request, struct header_list *fields, struct pool *pool,
                                      const char *asked, const char *text)
{
    *request = (struct message){.method = STR("GET")};
    fixture_fields(&request->headers, pool, asked);
    fixture_fields(fields, pool, text);
    return (struct cache_exchange){
        .request = request, .status = 200, .fields = fields, .request_time = NOW, .response_time = NOW};
}

static void storing(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(storable); i++) {
        struct cache_facts facts;
        struct cache_keep keep;
        struct message request;
        struct header_list fields;
        struct cache_exchange x = exchange(&request, &fields, *state, storable[i].asked, storable[i].fields);

        print_message("%s: %s %u %s\n", storable[i].section, storable[i].method, storable[i].status,
                      storable[i].fields);
        request.method = str_of(storable[i].method);
        x.status = storable[i].status;
        assert_int_equal(cache_policy_store(&x, &plain, &facts, &keep), storable[i].reason);
    }
}

static void storing_by_setting(void **state)
{
    struct cache_facts facts;
    struct cache_keep keep;
    struct message request;
    struct header_list fields;
    struct cache_exchange x = exchange(&request, &fields, *state, "", DATE_NOW "Set-Cookie: a=b\n");

    assert_int_equal(cache_policy_store(&x, &plain, &facts, &keep), R(SET_COOKIE));
    assert_int_equal(cache_policy_store(&x, &strip, &facts, &keep), R(NO_FRESHNESS));
    assert_int_equal(cache_policy_store(&x, &generous, &facts, &keep), R(NONE));
    assert_int_equal(facts.lifetime, 60);
    assert_int_equal(keep.set_cookie, CACHE_SET_COOKIE_STORE);
    x.status = 404;
    assert_int_equal(cache_policy_store(&x, &generous, &facts, &keep), R(NONE));
    assert_int_equal(facts.lifetime, 20);
    x.request_body = true;
    assert_int_equal(cache_policy_store(&x, &generous, &facts, &keep), R(REQUEST_BODY));
    request.method = STR("POST");
    assert_int_equal(cache_policy_store(&x, &generous, &facts, &keep), R(METHOD));
    x.is_of_get = true;
    assert_int_equal(cache_policy_store(&x, &generous, &facts, &keep), R(NONE));
    request.method = STR("HEAD");
    assert_int_equal(cache_policy_store(&x, &generous, &facts, &keep), R(NONE));
}

#define USE(name) CACHE_USE_##name

static const struct {
    const char *section;
    const struct cache_rules *rules;
    const char *fields, *asked;
    int64_t after; /* seconds */
    enum cache_use use;
    enum cache_reason reason;
    bool on_error;
} used[] = {
    {"RFC 9111 4.2", &plain, CC("max-age=10"), "", 9, USE(FRESH), R(FRESH), true},
    {"RFC 9111 4.2", &plain, CC("max-age=10"), "", 10, USE(REVALIDATE), R(STALE), false},
    {"RFC 9111 4.2.3 Age", &plain, CC("max-age=10") "Age: 5\n", "", 4, USE(FRESH), R(FRESH), true},
    {"RFC 9111 4.2.3 Age", &plain, CC("max-age=10") "Age: 5\n", "", 5, USE(REVALIDATE), R(STALE), false},
    {"RFC 9111 4.2.3 set back", &plain, CC("max-age=10"), "", -100, USE(FRESH), R(FRESH), true},
    {"RFC 9111 5.2.2.4", &generous, CC("max-age=10, no-cache") TAG, "", 1, USE(REVALIDATE), R(NO_CACHE),
     false},
    {"RFC 9111 5.2.2.4 over the client", &plain, CC("no-cache") TAG, CC("max-stale"), 1, USE(REVALIDATE),
     R(NO_CACHE), false},
    {"RFC 9111 4.2.4 never fresh", &generous, TAG CC("max-age=0"), CC("max-stale, stale-if-error=9"), 1,
     USE(REVALIDATE), R(NO_CACHE), false},
    {"RFC 9111 4.2.4 never fresh", &plain, TAG, CC("max-stale, stale-if-error=9"), 1, USE(REVALIDATE),
     R(NO_CACHE), false},
    {"RFC 5861 3", &plain, CC("max-age=10, stale-while-revalidate=5"), "", 14, USE(STALE),
     R(WHILE_REVALIDATE), false},
    {"RFC 5861 3 window", &plain, CC("max-age=10, stale-while-revalidate=5"), "", 15, USE(REVALIDATE),
     R(STALE), false},
    {"RFC 5861 3 setting", &generous, CC("max-age=10"), "", 39, USE(STALE), R(WHILE_REVALIDATE), true},
    {"RFC 5861 3 over the setting", &generous, CC("max-age=10, stale-while-revalidate=0"), "", 10,
     USE(REVALIDATE), R(STALE), true},
    {"RFC 5861 4", &plain, CC("max-age=10, stale-if-error=5"), "", 14, USE(REVALIDATE), R(STALE), true},
    {"RFC 5861 4 window", &plain, CC("max-age=10, stale-if-error=5"), "", 15, USE(REVALIDATE), R(STALE),
     false},
    {"RFC 5861 4 setting", &generous, CC("max-age=10"), "", 309, USE(REVALIDATE), R(STALE), true},
    {"RFC 5861 4 setting", &generous, CC("max-age=10"), "", 310, USE(REVALIDATE), R(STALE), false},
    {"RFC 5861 4 request", &plain, CC("max-age=10"), CC("stale-if-error=5"), 14, USE(REVALIDATE), R(STALE),
     true},
    {"RFC 9111 5.2.2.2", &generous, CC("max-age=10, must-revalidate"), "", 9, USE(FRESH), R(FRESH), true},
    {"RFC 9111 5.2.2.2", &generous, CC("max-age=10, must-revalidate, stale-if-error=9"), CC("max-stale"), 10,
     USE(REVALIDATE), R(MUST_REVALIDATE), false},
    {"RFC 9111 5.2.2.8", &generous, CC("max-age=10, proxy-revalidate"), CC("stale-if-error=9"), 10,
     USE(REVALIDATE), R(MUST_REVALIDATE), false},
    {"RFC 9111 5.2.2.10", &generous, CC("max-age=10, s-maxage=2"), "", 2, USE(REVALIDATE), R(MUST_REVALIDATE),
     false},
    {"RFC 9111 5.2.2.10 beside RFC 5861", &plain, CC("s-maxage=2, stale-while-revalidate=9"), "", 3,
     USE(STALE), R(WHILE_REVALIDATE), false},
    {"RFC 9111 5.2.1.1", &plain, CC("max-age=10"), CC("max-age=3"), 3, USE(FRESH), R(FRESH), true},
    {"RFC 9111 5.2.1.1", &plain, CC("max-age=10"), CC("max-age=3"), 4, USE(REVALIDATE), R(REQUEST_MAX_AGE),
     true},
    {"RFC 9111 5.2.1.1", &plain, CC("max-age=10"), CC("max-age=0"), 0, USE(REVALIDATE), R(REQUEST_MAX_AGE),
     true},
    {"RFC 9111 5.2.1.2", &plain, CC("max-age=10"), CC("max-stale=5"), 15, USE(STALE), R(MAX_STALE), false},
    {"RFC 9111 5.2.1.2", &plain, CC("max-age=10"), CC("max-stale=5"), 16, USE(REVALIDATE), R(STALE), false},
    {"RFC 9111 5.2.1.2", &plain, CC("max-age=10"), CC("max-stale"), 9999, USE(STALE), R(MAX_STALE), false},
    {"RFC 9111 5.2.1.3", &plain, CC("max-age=10"), CC("min-fresh=5"), 5, USE(FRESH), R(FRESH), true},
    {"RFC 9111 5.2.1.3", &plain, CC("max-age=10"), CC("min-fresh=5"), 6, USE(REVALIDATE),
     R(REQUEST_MIN_FRESH), true},
    {"RFC 9111 5.2.1.4", &plain, CC("max-age=10"), CC("no-cache"), 0, USE(REVALIDATE), R(REQUEST_NO_CACHE),
     true},
    {"RFC 9111 5.2.1.5 stored before", &plain, CC("max-age=10"), CC("no-store"), 0, USE(FRESH), R(FRESH),
     true},
    {"RFC 9111 5.2.1.7", &plain, CC("max-age=10"), CC("only-if-cached"), 9, USE(FRESH), R(FRESH), true},
    {"RFC 9111 5.2.1.7", &plain, CC("max-age=10"), CC("only-if-cached"), 10, USE(TIMEOUT), R(ONLY_IF_CACHED),
     false},
    {"RFC 9111 5.2.1.7", &plain, CC("max-age=10"), CC("only-if-cached, no-cache"), 1, USE(TIMEOUT),
     R(ONLY_IF_CACHED), true},
    {"RFC 9213 2.2", &plain, CC("max-age=1, must-revalidate") CDN("max-age=10, stale-if-error=9"), "", 11,
     USE(REVALIDATE), R(STALE), true},
};

static void using(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
        struct cache_facts facts;
        struct cache_keep keep;
        struct message request;
        struct header_list fields;
        struct cache_exchange x = exchange(&request, &fields, *state, "", used[i].fields);
        struct cache_control asked;
        struct cache_verdict verdict;
        bool has_asked;

        print_message("%s: %s after %d for %s\n", used[i].section, used[i].fields, (int)used[i].after,
                      used[i].asked);
        assert_int_equal(cache_policy_store(&x, used[i].rules, &facts, &keep), R(NONE));
        fixture_fields(&request.headers, *state, used[i].asked);
        has_asked = cache_control_read(&request.headers, &asked);
        verdict = cache_policy_use(&facts, has_asked ? &asked : NULL, NOW + used[i].after);
        assert_int_equal(verdict.use, used[i].use);
        assert_int_equal(verdict.reason, used[i].reason);
        assert_int_equal(cache_policy_may_serve_error(&facts, has_asked ? &asked : NULL, NOW + used[i].after),
                         used[i].on_error);
    }
}

#define OLD_DATE "Date: " HOUR_AGO "\n"

static void updating(void **state)
{
    static const struct {
        const char *section, *asked;
        const struct cache_rules *rules;
        const char *stored, *fresh;
        enum cache_reason reason;
        const char *fields;
        int64_t age, lifetime;
    } rows[] = {
        {"RFC 9111 4.3.4", "", &plain, OLD_DATE CC("max-age=5") TAG, DATE_NOW TAG, R(NONE),
         CC("max-age=5") DATE_NOW TAG, 0, 5},
        {"RFC 9111 4.3.4", "", &plain, OLD_DATE CC("max-age=5") TAG, DATE_NOW CC("max-age=7"), R(NONE),
         TAG DATE_NOW CC("max-age=7"), 0, 7},
        {"RFC 9111 4.2.3 Age", "", &plain, OLD_DATE CC("max-age=5") TAG, DATE_NOW "Age: 3\n", R(NONE),
         CC("max-age=5") TAG DATE_NOW, 3, 5},
        {"RFC 9111 5.2.2.4", "", &plain, OLD_DATE "A: 1\nB: 2\n" TAG, DATE_NOW CC("max-age=5, no-cache=a"),
         R(NONE), "B: 2\n" TAG DATE_NOW CC("max-age=5, no-cache=a"), 0, 5},
        {"RFC 9111 7.3", "", &plain, OLD_DATE CC("max-age=5") TAG, DATE_NOW "Set-Cookie: a\n", R(NONE),
         CC("max-age=5") TAG DATE_NOW, 0, 5},
        {"RFC 9111 7.3", "", &generous, OLD_DATE CC("max-age=5") TAG, DATE_NOW "Set-Cookie: a\n", R(NONE),
         CC("max-age=5") TAG DATE_NOW "Set-Cookie: a\n", 0, 5},
        {"RFC 9111 5.2.2.5", "", &plain, OLD_DATE CC("max-age=5") TAG, DATE_NOW CC("no-store"), R(NO_STORE),
         TAG DATE_NOW CC("no-store"), 0, 0},
        {"RFC 9111 3.5", "Authorization: x\n", &plain, OLD_DATE CC("max-age=5") TAG, DATE_NOW,
         R(AUTHORIZATION), CC("max-age=5") TAG DATE_NOW, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cache_facts facts;
        struct message request;
        struct header_list fresh, stored, to;
        struct cache_exchange x = exchange(&request, &fresh, *state, rows[i].asked, rows[i].fresh);

        print_message("%s: %s %s\n", rows[i].section, rows[i].stored, rows[i].fresh);
        fixture_fields(&stored, *state, rows[i].stored);
        header_list_init(&to, *state, 64);
        assert_int_equal(cache_policy_update(&x, &stored, rows[i].rules, &facts, &to), rows[i].reason);
        assert_string_equal(fixture_text(&to, *state), rows[i].fields);
        header_list_init(&to, *state, 2);
        assert_int_equal(cache_policy_update(&x, &stored, rows[i].rules, &facts, &to), R(FIELDS));
        if (rows[i].reason)
            continue;
        assert_int_equal(facts.initial_age, rows[i].age);
        assert_int_equal(facts.lifetime, rows[i].lifetime);
    }
}

static void ageing(void **state)
{
    struct cache_facts facts = {
        .response_time = NOW, .initial_age = 5, .lifetime = 100, .stale_if_error = 50};
    struct cache_control asked;

    (void)state;
    assert_int_equal(cache_policy_age(&facts, NOW + 7), 12);
    assert_int_equal(cache_policy_ttl(&facts, NOW + 7), 88);
    assert_int_equal(cache_policy_ttl(&facts, NOW + 107), -12);
    assert_int_equal(cache_policy_age(&facts, NOW + CACHE_DELTA_MAX), CACHE_DELTA_MAX);
    assert_int_equal(cache_policy_useful_until(&facts), NOW + 145);
    cache_policy_make_stale(&facts, NOW + 7);
    assert_int_equal(cache_policy_use(&facts, NULL, NOW + 7).use, USE(REVALIDATE));
    assert_true(cache_policy_may_serve_error(&facts, NULL, NOW + 8));
    cache_control_init(&asked);
    assert_int_equal(cache_policy_absent(&asked).use, USE(REVALIDATE));
    asked.set = CACHE_CONTROL_ONLY_IF_CACHED;
    assert_int_equal(cache_policy_absent(&asked).use, USE(TIMEOUT));
    assert_int_equal(cache_policy_absent(NULL).reason, R(ABSENT));
}

static void errors(void **state)
{
    (void)state;
    assert_true(cache_policy_is_error(500) && cache_policy_is_error(502) && cache_policy_is_error(504));
    assert_false(cache_policy_is_error(501) || cache_policy_is_error(404) || cache_policy_is_error(505));
}

static void reasons(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CACHE_REASON_COUNT; i++) {
        struct str token = cache_reason_token((enum cache_reason)i);

        assert_true(cache_reason_text((enum cache_reason)i).len > 0);
        assert_int_equal(token.len == 0, i == CACHE_REASON_NONE);
        for (size_t at = 0; at < token.len; at++)
            assert_true((token.s[at] >= 'a' && token.s[at] <= 'z') || token.s[at] == '-');
    }
    assert_int_equal(cache_reason_token(CACHE_REASON_COUNT).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(storing, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(storing_by_setting, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(using, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(updating, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test(ageing),
        cmocka_unit_test(errors),
        cmocka_unit_test(reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

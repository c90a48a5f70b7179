/* test_cache_status.c: Cache-Status as RFC 9211 2 writes it. */
#include "cache_fixture.h"
#include "http/cache_status.h"

#define FORWARD(name) .forward = CACHE_FORWARD_##name
#define DETAIL(name) .detail = CACHE_REASON_##name

static void writing(void **state)
{
    const struct {
        const char *section;
        struct cache_status status;
        const char *text;
    } rows[] = {
        {"2.1", {FORWARD(NONE)}, "weir; hit"},
        {"2.4", {.has_ttl = true, .ttl = 376}, "weir; hit; ttl=376"},
        {"2.4 stale",
         {.has_ttl = true, .ttl = -3, DETAIL(WHILE_REVALIDATE)},
         "weir; hit; ttl=-3; detail=stale-while-revalidate"},
        {"2.2",
         {FORWARD(URI_MISS), .forward_status = 200, .stored = true},
         "weir; fwd=uri-miss; fwd-status=200; stored"},
        {"2.2", {FORWARD(VARY_MISS)}, "weir; fwd=vary-miss"},
        {"2.2", {FORWARD(PARTIAL)}, "weir; fwd=partial"},
        {"2.3", {FORWARD(STALE), .forward_status = 304}, "weir; fwd=stale; fwd-status=304"},
        {"2.6", {FORWARD(URI_MISS), .collapsed = true}, "weir; fwd=uri-miss; collapsed"},
        {"2.7",
         {FORWARD(BYPASS), .key = STR("https://a/\"b\\")},
         "weir; fwd=bypass; key=\"https://a/\\\"b\\\\\""},
        {"2.7, RFC 8941 3.3.3", {FORWARD(METHOD), .key = STR("\xc3\xa4")}, "weir; fwd=method"},
        {"2.7, RFC 8941 3.3.3", {FORWARD(METHOD), .key = STR("a\nb")}, "weir; fwd=method"},
        {"2.8", {FORWARD(REQUEST), DETAIL(REQUEST_NO_CACHE)}, "weir; fwd=request; detail=request-no-cache"},
        {"2 all",
         {FORWARD(MISS), true, true, true, 203, INT64_MIN, STR("k"), CACHE_REASON_SET_COOKIE},
         "weir; fwd=miss; fwd-status=203; ttl=-9223372036854775808; stored; collapsed; key=\"k\"; "
         "detail=set-cookie"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        print_message("RFC 9211 %s\n", rows[i].section);
        fixture_same(cache_status_text(&rows[i].status, STR("weir"), *state), rows[i].text);
    }
}

static void long_keys(void **state)
{
    struct cache_status status = {FORWARD(URI_MISS), .key = STR("\"")};
    struct str text;

    for (int i = 0; i < 10; i++)
        status.key = pool_printf(*state, "%.*s%.*s", STR_ARG(status.key), STR_ARG(status.key));
    text = cache_status_text(&status, STR("weir"), *state);
    assert_int_equal(status.key.len, 1024);
    assert_int_equal(text.len, strlen("weir; fwd=uri-miss; key=\"\"") + 2048);
    status.key = pool_printf(*state, "%.*sx", STR_ARG(status.key));
    fixture_same(cache_status_text(&status, STR("weir"), *state), "weir; fwd=uri-miss");
}

static void forwarding(void **state)
{
    static const struct {
        enum cache_reason reason;
        const char *token;
    } rows[] = {
        {CACHE_REASON_ABSENT, "uri-miss"},
        {CACHE_REASON_VARIANT_ABSENT, "vary-miss"},
        {CACHE_REASON_STALE, "stale"},
        {CACHE_REASON_MUST_REVALIDATE, "stale"},
        {CACHE_REASON_REQUEST_MAX_AGE, "request"},
        {CACHE_REASON_REQUEST_NO_CACHE, "request"},
        {CACHE_REASON_SETTING_BYPASS, "bypass"},
        {CACHE_REASON_METHOD, "method"},
        {CACHE_REASON_TAKES_PART, "partial"},
        {CACHE_REASON_STORE_ERROR, "miss"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        fixture_same(cache_status_forward_text(cache_status_forward(rows[i].reason)), rows[i].token);
    fixture_same(cache_status_forward_text(CACHE_FORWARD_NONE), "hit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writing, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(long_keys, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test(forwarding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

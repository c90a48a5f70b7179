/* test_cache_condition.c: conditions and ranges of clients, and those of the cache. */
#include "cache_fixture.h"
#include "http/cache_condition.h"

#define TAG "ETag: \"a\"\n"
#define MODIFIED "Last-Modified: " HOUR_AGO "\n"
#define BEFORE "Sun, 06 Nov 1994 07:49:36 GMT"

static const struct {
    const char *section;
    unsigned status;
    const char *request, *stored;
    enum etag_verdict verdict;
} rows[] = {
    {"RFC 9111 4.3.2", 200, "", TAG, ETAG_PROCEED},
    {"RFC 9110 13.1.2", 200, "If-None-Match: \"a\"\n", TAG, ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.2 weak", 200, "If-None-Match: W/\"a\"\n", TAG, ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.2 other", 200, "If-None-Match: \"b\"\n", TAG, ETAG_PROCEED},
    {"RFC 9110 13.1.2 list", 200, "If-None-Match: \"b\", \"c\", \"a\"\n", TAG, ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.2 lines", 200, "If-None-Match: \"b\"\nX: y\nIf-None-Match: \"a\"\n", TAG,
     ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.2 star", 200, "If-None-Match: *\n", "", ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.2 no tag", 200, "If-None-Match: \"a\"\n", DATE_NOW, ETAG_PROCEED},
    {"RFC 9110 13.2.2 order", 200, "If-None-Match: \"a\"\nIf-Modified-Since: " BEFORE "\n", TAG MODIFIED,
     ETAG_NOT_MODIFIED},
    {"RFC 9110 13.2.2 order", 200, "If-None-Match: \"b\"\nIf-Modified-Since: " HOUR_AGO "\n", TAG MODIFIED,
     ETAG_PROCEED},
    {"RFC 9110 13.1.3", 200, "If-Modified-Since: " HOUR_AGO "\n", MODIFIED, ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.3 RFC 850", 200, "If-Modified-Since: Sunday, 06-Nov-94 07:49:37 GMT\n", MODIFIED,
     ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.3 later", 200, "If-Modified-Since: " HOUR_AHEAD "\n", MODIFIED, ETAG_NOT_MODIFIED},
    {"RFC 9110 13.1.3 before", 200, "If-Modified-Since: " BEFORE "\n", MODIFIED, ETAG_PROCEED},
    {"RFC 9110 13.1.3 unreadable", 200, "If-Modified-Since: 0\n", MODIFIED, ETAG_PROCEED},
    {"RFC 9111 4.3.2 Date", 200, "If-Modified-Since: " HOUR_AGO "\n", "Date: " HOUR_AGO "\n",
     ETAG_NOT_MODIFIED},
    {"RFC 9111 4.3.2 Date", 200, "If-Modified-Since: " BEFORE "\n", "Date: " HOUR_AGO "\n", ETAG_PROCEED},
    {"RFC 9111 4.3.2 received", 200, "If-Modified-Since: " HOUR_AGO "\n", "", ETAG_PROCEED},
    {"RFC 9110 13.1.1 for the origin", 200, "If-Match: \"b\"\nIf-Unmodified-Since: " BEFORE "\n",
     TAG MODIFIED, ETAG_PROCEED},
    {"RFC 9110 13.2.1 status", 404, "If-None-Match: \"a\"\n", TAG, ETAG_PROCEED_WHOLE},
    {"RFC 9110 13.1.5", 200, "Range: bytes=0-1\nIf-Range: \"a\"\n", TAG, ETAG_PROCEED},
    {"RFC 9110 13.1.5", 200, "Range: bytes=0-1\nIf-Range: \"b\"\n", TAG, ETAG_PROCEED_WHOLE},
    {"RFC 9110 13.1.5", 200, "Range: bytes=0-1\nIf-Range: " HOUR_AGO "\n", MODIFIED, ETAG_PROCEED},
};

static void evaluating(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list request, stored;

        print_message("%s: %s", rows[i].section, rows[i].request);
        fixture_fields(&request, *state, rows[i].request);
        fixture_fields(&stored, *state, rows[i].stored);
        assert_int_equal(cache_condition_evaluate(&request, rows[i].status, &stored, NOW, NOW + 60),
                         rows[i].verdict);
        if (rows[i].verdict == ETAG_NOT_MODIFIED)
            assert_true(cache_condition_is(&request));
    }
}

static void ranges(void **state)
{
    static const struct {
        const char *section, *request;
        unsigned status;
        enum etag_verdict verdict;
        enum range_result result;
    } cases[] = {
        {"RFC 9110 14.2", "", 200, ETAG_PROCEED, RANGE_WHOLE},
        {"RFC 9110 14.2", "Range: bytes=0-1\n", 200, ETAG_PROCEED, RANGE_PARTIAL},
        {"RFC 9110 14.2", "Range: bytes=10-\n", 200, ETAG_PROCEED, RANGE_UNSATISFIABLE},
        {"RFC 9110 14.2 unit", "Range: lines=0-1\n", 200, ETAG_PROCEED, RANGE_WHOLE},
        {"RFC 9110 14.2 once", "Range: bytes=0-1\nRange: bytes=2-3\n", 200, ETAG_PROCEED, RANGE_WHOLE},
        {"RFC 9110 13.1.5", "Range: bytes=0-1\n", 200, ETAG_PROCEED_WHOLE, RANGE_WHOLE},
        {"RFC 9110 14.2 status", "Range: bytes=0-1\n", 404, ETAG_PROCEED, RANGE_WHOLE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct header_list request;
        struct range_set set;

        print_message("%s: %s", cases[i].section, cases[i].request);
        fixture_fields(&request, *state, cases[i].request);
        assert_int_equal(cache_condition_range(&request, cases[i].status, cases[i].verdict, 10, &set),
                         cases[i].result);
        assert_int_equal(set.count, cases[i].result == RANGE_PARTIAL);
    }
}

static void validating(void **state)
{
    static const struct {
        const char *section, *stored, *request;
        int result;
    } cases[] = {
        {"RFC 9111 4.3.1", TAG, "A: 1\nIf-None-Match: \"a\"\n", 1},
        {"RFC 9111 4.3.1", "ETag: W/\"a\"\n", "A: 1\nIf-None-Match: W/\"a\"\n", 1},
        {"RFC 9111 4.3.1", MODIFIED, "A: 1\nIf-Modified-Since: " HOUR_AGO "\n", 1},
        {"RFC 9111 4.3.1 both", MODIFIED TAG, "A: 1\nIf-None-Match: \"a\"\nIf-Modified-Since: " HOUR_AGO "\n",
         1},
        {"RFC 9111 4.3.1 neither", "ETag: a\nLast-Modified: b\n", "A: 1\n", 0},
        {"RFC 9111 4.3.1 neither", "", "A: 1\n", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct header_list request, stored;

        print_message("%s: %s", cases[i].section, cases[i].stored);
        fixture_fields(&stored, *state, cases[i].stored);
        fixture_fields(
            &request, *state,
            "If-None-Match: \"x\"\nIf-Modified-Since: 1\nIf-Match: 2\nA: 1\nIf-Unmodified-Since: 3\n"
            "If-Range: 4\nRange: 5\nIf-None-Match: \"y\"\n");
        assert_int_equal(cache_condition_validate(&request, &stored), cases[i].result);
        assert_string_equal(fixture_text(&request, *state), cases[i].request);
    }
}

static void not_modified(void **state)
{
    struct header_list stored, to;

    fixture_fields(&stored, *state,
                   DATE_NOW TAG MODIFIED
                   "Content-Type: a/b\nContent-Encoding: gzip\nContent-Language: de\n"
                   "Content-Location: /x\nCache-Control: max-age=1\nVary: a\nExpires: 0\n");
    header_list_init(&to, *state, 20);
    assert_int_equal(cache_condition_not_modified(&stored, &to), 0);
    assert_string_equal(fixture_text(&to, *state),
                        DATE_NOW TAG "Content-Location: /x\nCache-Control: max-age=1\nVary: a\nExpires: 0\n");
    fixture_fields(&stored, *state, MODIFIED);
    header_list_init(&to, *state, 20);
    assert_int_equal(cache_condition_not_modified(&stored, &to), 0);
    assert_string_equal(fixture_text(&to, *state), MODIFIED);
    header_list_init(&to, *state, 0);
    assert_int_equal(cache_condition_not_modified(&stored, &to), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(evaluating, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(ranges, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(validating, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(not_modified, fixture_pool_new, fixture_pool_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

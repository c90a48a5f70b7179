/* test_cache_partial.c: pieces, and what may be made of them. */
#include "cache_fixture.h"
#include "http/cache_partial.h"

#define UNKNOWN CACHE_PIECE_UNKNOWN

static void reading(void **state)
{
    static const struct {
        const char *section, *text;
        int result;
        struct cache_piece piece;
    } rows[] = {
        {"RFC 9110 14.4", "bytes 0-4/10", 0, {0, 4, 10}},
        {"RFC 9110 14.4", "BYTES 4-9/10", 0, {4, 9, 10}},
        {"RFC 9110 14.4", "bytes 4-9/*", 0, {4, 9, UNKNOWN}},
        {"RFC 9110 14.4 behind the end", "bytes 4-10/10", -1, {0}},
        {"RFC 9110 14.4 backwards", "bytes 5-4/10", -1, {0}},
        {"RFC 9110 14.4 unsatisfied", "bytes */10", -1, {0}},
        {"RFC 9110 14.4 unit", "lines 0-4/10", -1, {0}},
        {"RFC 9110 14.4 too large", "bytes 0-18446744073709551615/*", -1, {0}},
        {"RFC 9110 14.4 too large", "bytes 0-18446744073709551616/*", -1, {0}},
        {"RFC 9110 14.4 syntax", "bytes 0-4", -1, {0}},
        {"RFC 9110 14.4 syntax", "bytes=0-4/10", -1, {0}},
        {"RFC 9110 14.4 syntax", "bytes -4/10", -1, {0}},
        {"RFC 9110 14.4 syntax", "bytes 0-4/", -1, {0}},
        {"RFC 9110 14.4 syntax", "", -1, {0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cache_piece piece;

        print_message("%s %s\n", rows[i].section, rows[i].text);
        assert_int_equal(cache_partial_read(str_of(rows[i].text), &piece), rows[i].result);
        if (rows[i].result == 0)
            assert_true(piece.first == rows[i].piece.first && piece.last == rows[i].piece.last &&
                        piece.size == rows[i].piece.size);
    }
}

#define RANGE "Content-Range: bytes 0-4/10\n"
#define TAG "ETag: \"a\"\n"

static void storing(void **state)
{
    static const struct {
        const char *section;
        unsigned status;
        const char *fields;
        bool storable;
    } rows[] = {
        {"RFC 9111 3.3", 206, RANGE TAG, true},
        {"RFC 9111 3.3", 200, RANGE TAG, false},
        {"RFC 9111 3.4", 206, RANGE "ETag: W/\"a\"\n", false},
        {"RFC 9111 3.4", 206, RANGE, false},
        {"RFC 9110 15.3.7", 206, TAG, false},
        {"RFC 9110 15.3.7", 206, RANGE RANGE TAG, false},
        {"RFC 9110 15.3.7.2", 206, RANGE TAG "Content-Type: Multipart/ByteRanges; boundary=x\n", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cache_piece piece;
        struct header_list list;

        print_message("%s %s", rows[i].section, rows[i].fields);
        fixture_fields(&list, *state, rows[i].fields);
        assert_int_equal(cache_partial_storable(rows[i].status, &list, &piece), rows[i].storable);
    }
}

static void combining(void **state)
{
    static const struct {
        const char *section, *fields_a, *fields_b;
        struct cache_piece a, b;
        bool combine;
        struct cache_piece both;
    } rows[] = {
        {"RFC 9111 3.4", TAG, TAG, {0, 4, 10}, {5, 9, 10}, true, {0, 9, 10}},
        {"RFC 9111 3.4 other order", TAG, TAG, {5, 9, 10}, {0, 4, 10}, true, {0, 9, 10}},
        {"RFC 9111 3.4 overlap", TAG, TAG, {2, 7, 10}, {0, 4, 10}, true, {0, 7, 10}},
        {"RFC 9111 3.4 inside", TAG, TAG, {0, 9, 10}, {3, 4, 10}, true, {0, 9, 10}},
        {"RFC 9111 3.4 size told by one", TAG, TAG, {0, 4, UNKNOWN}, {5, 9, 10}, true, {0, 9, 10}},
        {"RFC 9111 3.4 size told by none", TAG, TAG, {0, 4, UNKNOWN}, {5, 9, UNKNOWN}, true, {0, 9, UNKNOWN}},
        {"RFC 9111 3.4 gap", TAG, TAG, {0, 4, 10}, {6, 9, 10}, false, {0}},
        {"RFC 9111 3.4 two sizes", TAG, TAG, {0, 4, 10}, {5, 9, 11}, false, {0}},
        {"RFC 9111 3.4 behind the end", TAG, TAG, {0, 4, 6}, {5, 9, UNKNOWN}, false, {0}},
        {"RFC 9111 3.4 other", TAG, "ETag: \"b\"\n", {0, 4, 10}, {5, 9, 10}, false, {0}},
        {"RFC 9111 3.4 weak", "ETag: W/\"a\"\n", "ETag: W/\"a\"\n", {0, 4, 10}, {5, 9, 10}, false, {0}},
        {"RFC 9111 3.4 none", "", "", {0, 4, 10}, {5, 9, 10}, false, {0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct header_list a, b;
        struct cache_piece both;

        print_message("%s\n", rows[i].section);
        fixture_fields(&a, *state, rows[i].fields_a);
        fixture_fields(&b, *state, rows[i].fields_b);
        assert_int_equal(cache_partial_combine(&a, &rows[i].a, &b, &rows[i].b, &both), rows[i].combine);
        if (!rows[i].combine)
            continue;
        assert_true(both.first == rows[i].both.first && both.last == rows[i].both.last &&
                    both.size == rows[i].both.size);
        assert_int_equal(cache_partial_is_whole(&both), both.first == 0 && both.last == 9 && both.size == 10);
    }
}

static void serving(void **state)
{
    static const struct {
        const char *section;
        struct cache_piece piece;
        const char *field;
        bool serves;
        uint64_t first, last;
    } rows[] = {
        {"RFC 9110 14.2", {5, 9, 10}, "bytes=6-8", true, 6, 8},
        {"RFC 9110 14.2", {5, 9, 10}, "bytes=6-", true, 6, 9},
        {"RFC 9110 14.2", {5, 9, 10}, "bytes=-5", true, 5, 9},
        {"RFC 9110 14.2", {5, 9, 10}, "bytes=-6", false, 0, 0},
        {"RFC 9110 14.2", {5, 9, 10}, "bytes=4-8", false, 0, 0},
        {"RFC 9110 14.2", {0, 4, 10}, "bytes=4-5", false, 0, 0},
        {"RFC 9110 14.2", {0, 4, 10}, "bytes=0-1,3-4", false, 0, 0},
        {"RFC 9110 14.2", {0, 4, 10}, "bytes=10-", false, 0, 0},
        {"RFC 9110 14.4 size unknown", {0, 4, UNKNOWN}, "bytes=1-2", true, 1, 2},
        {"RFC 9110 14.4 size unknown", {0, 4, UNKNOWN}, "bytes=1-", false, 0, 0},
        {"RFC 9110 14.4 size unknown", {0, 4, UNKNOWN}, "bytes=-1", false, 0, 0},
        {"RFC 9110 14.2 junk", {0, 4, 10}, "bytes", false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct range range = {0, 0};

        print_message("%s %s\n", rows[i].section, rows[i].field);
        assert_int_equal(cache_partial_serves(&rows[i].piece, str_of(rows[i].field), &range), rows[i].serves);
        if (rows[i].serves)
            assert_true(range.first == rows[i].first && range.last == rows[i].last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test_setup_teardown(storing, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test_setup_teardown(combining, fixture_pool_new, fixture_pool_free),
        cmocka_unit_test(serving),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

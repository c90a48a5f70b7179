/*
 * test_stats.c: which bucket a time falls into, quantiles, and what a request counts as.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/request.h"
#include "core/board/stats.h"

static void buckets(void **state)
{
    static const struct {
        int64_t ms;
        unsigned bucket;
    } rows[] = {
        {-5, 0}, {0, 0},     {1, 0},     {2, 1},      {3, 2},      {4, 2},
        {5, 3},  {1024, 10}, {1025, 11}, {16384, 14}, {16385, 15}, {INT64_MAX, 15},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stats_histogram h = {{0}, 0};

        stats_histogram_add(&h, rows[i].ms);
        for (unsigned b = 0; b < STATS_BUCKETS; b++)
            assert_int_equal(h.bucket[b], b == rows[i].bucket);
        assert_int_equal(h.sum_ms, rows[i].ms > 0 ? rows[i].ms : 0);
    }
}

static bool near(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void quantiles(void **state)
{
    struct stats_histogram none = {{0}, 0}, even = {{0}, 0}, late = {{0}, 0};

    (void)state;
    assert_true(near(stats_quantile(&none, 0.5), 0));
    for (int64_t ms = 1; ms <= 1024; ms++)
        stats_histogram_add(&even, ms);
    assert_true(near(stats_quantile(&even, 0.5), 512));
    assert_true(near(stats_quantile(&even, 0.75), 768));
    assert_true(near(stats_quantile(&even, 1), 1024));
    assert_true(near(stats_quantile(&even, 7), 1024));
    assert_true(stats_quantile(&even, 0) <= 1);
    stats_histogram_add(&late, 100000);
    assert_true(near(stats_quantile(&late, 0.5), 16384));
}

static void requests(void **state)
{
    static const struct {
        unsigned status;
        bool sent;
        unsigned class;
    } rows[] = {{200, true, 2},  {404, true, 4}, {599, true, 5},
                {200, false, 0}, {0, false, 0},  {900, true, 0}};
    struct process_stats stats = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct request r = {.head_sent = rows[i].sent, .bytes_received = 3, .bytes_sent = 10};
        uint64_t before = stats.responses[rows[i].class];

        r.response.status = rows[i].status;
        stats_request(&stats, &r, 4);
        assert_int_equal(stats.responses[rows[i].class], before + 1);
        assert_int_equal(stats.requests, i + 1);
    }
    assert_int_equal(stats.bytes_received, 3 * ARRAY_SIZE(rows));
    assert_int_equal(stats.bytes_sent, 10 * ARRAY_SIZE(rows));
    assert_int_equal(stats.duration.bucket[2], ARRAY_SIZE(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

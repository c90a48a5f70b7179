/*
 * test_grpc.c: which requests are of gRPC, how long they may take, and what their errors become.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/grpc.h"

static void content_types(void **state)
{
    static const struct {
        const char *type;
        bool is;
    } rows[] = {
        {"application/grpc", true},      {"application/grpc+proto", true}, {"Application/GRPC; x=y", true},
        {"application/grpc-web", false}, {"application/grpcs", false},     {"application/json", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pool *pool = pool_new(1024);
        struct message head = {.minor = 1};

        header_list_init(&head.headers, pool, 4);
        assert_false(grpc_is_request(&head));
        assert_int_equal(header_add_known(&head.headers, HEADER_CONTENT_TYPE, str_of(rows[i].type)), 0);
        assert_int_equal(grpc_is_request(&head), rows[i].is);
        pool_free(pool);
    }
}

static void timeouts(void **state)
{
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = {
        {"1H", 3600000}, {"2M", 120000}, {"3S", 3000},      {"250m", 250}, {"5000u", 5},  {"1u", 1},
        {"1n", 1},       {"0m", 1},      {"99999999H", 99999999LL * 3600000}, {"999999999m", -1},
        {"", -1},        {"S", -1},      {"5", -1},         {"-1S", -1},   {"1.5S", -1},  {"5x", -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(grpc_timeout_ms(str_of(rows[i].value)), rows[i].ms);
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(grpc_status_of(504, true), 4);
    assert_int_equal(grpc_status_of(504, false), GRPC_UNAVAILABLE);
    assert_int_equal(grpc_status_of(503, false), GRPC_UNAVAILABLE);
    assert_int_equal(grpc_status_of(404, false), 12);
    assert_int_equal(grpc_status_of(403, false), 7);
    assert_int_equal(grpc_status_of(418, false), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_types),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

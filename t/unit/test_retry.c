/* test_retry.c: the rules of `retry`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/proxy/retry.h"

static void test_reasons(void **state WEIR_UNUSED)
{
    static const struct {
        struct retry_conf conf;
        enum retry_reason reason;
        unsigned status;
        bool want;
    } cases[] = {
        {{.on_connect = true}, RETRY_CONNECT, 0, true},
        {{.on_connect = true}, RETRY_RESET, 0, false},
        {{.on_timeout = true}, RETRY_TIMEOUT, 0, true},
        {{.on_timeout = true}, RETRY_CONNECT, 0, false},
        {{.on_reset = true}, RETRY_RESET, 0, true},
        {{.on_reset = true}, RETRY_TIMEOUT, 0, false},
        {{.on_502 = true}, RETRY_STATUS, 502, true},
        {{.on_502 = true}, RETRY_STATUS, 503, false},
        {{.on_503 = true}, RETRY_STATUS, 503, true},
        {{.on_504 = true}, RETRY_STATUS, 504, true},
        {{.on_504 = true}, RETRY_STATUS, 500, false},
        {{.on_502 = true, .on_503 = true, .on_504 = true}, RETRY_STATUS, 200, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (retry_is_on(&cases[i].conf, cases[i].reason, cases[i].status) != cases[i].want)
            fail_msg("case %zu", i);
}

static void test_replay(void **state WEIR_UNUSED)
{
    static const struct {
        enum retry_replay replay;
        const char *method, *field;
        bool want;
    } cases[] = {
        {REPLAY_NEVER, "GET", "X", false},
        {REPLAY_IDEMPOTENT, "GET", "X", true},
        {REPLAY_IDEMPOTENT, "HEAD", "X", true},
        {REPLAY_IDEMPOTENT, "PUT", "X", true},
        {REPLAY_IDEMPOTENT, "DELETE", "X", true},
        {REPLAY_IDEMPOTENT, "OPTIONS", "X", true},
        {REPLAY_IDEMPOTENT, "TRACE", "X", true},
        {REPLAY_IDEMPOTENT, "POST", "Idempotency-Key", false},
        {REPLAY_IDEMPOTENT, "PATCH", "X", false},
        {REPLAY_IDEMPOTENT, "get", "X", false},
        {REPLAY_KEY, "GET", "X", true},
        {REPLAY_KEY, "POST", "X", false},
        {REPLAY_KEY, "POST", "idempotency-key", true},
        {REPLAY_KEY, "PATCH", "Idempotency-Key", true},
        {REPLAY_ALWAYS, "POST", "X", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct retry_conf conf = {.replay = cases[i].replay};
        struct pool *pool = pool_new(1024);
        struct message head = {.method = str_of(cases[i].method)};

        header_list_init(&head.headers, pool, 4);
        assert_int_equal(header_add(&head.headers, str_of(cases[i].field), STR("k")), 0);
        if (retry_may_replay(&conf, &head) != cases[i].want)
            fail_msg("case %zu: %s", i, cases[i].method);
        pool_free(pool);
    }
}

static void test_budget(void **state WEIR_UNUSED)
{
    static const struct {
        unsigned budget, active, retries;
        bool want;
    } cases[] = {
        {20, 1, 0, true}, {20, 1, RETRY_BUDGET_LEAST - 1, true}, {20, 1, RETRY_BUDGET_LEAST, false},
        {20, 100, 19, true}, {20, 100, 20, false}, {0, 1000, RETRY_BUDGET_LEAST - 1, true},
        {0, 1000, RETRY_BUDGET_LEAST, false}, {100, 4000000000u, 3999999999u, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct retry_conf conf = {.budget = cases[i].budget};

        if (retry_is_in_budget(&conf, cases[i].active, cases[i].retries) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

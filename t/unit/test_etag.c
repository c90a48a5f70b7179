/*
 * test_etag.c: comparison of entity tags and the order of preconditions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/etag.h"

#define OLD "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATER "Sun, 06 Nov 1994 08:49:38 GMT"
#define CHANGED 784111777
#define NOW 1700000000

static void comparing(void **state)
{
    (void)state;
    assert_true(etag_equal_strong(STR("\"a\""), STR("\"a\"")));
    assert_false(etag_equal_strong(STR("W/\"a\""), STR("W/\"a\"")));
    assert_false(etag_equal_strong(STR("\"a\""), STR("\"b\"")));
    assert_true(etag_in_list(STR("\"x,y\" , W/\"a\""), STR("\"a\""), false));
    assert_false(etag_in_list(STR("\"x,y\", W/\"a\""), STR("\"a\""), true));
    assert_true(etag_in_list(STR("\"b\\\", \"a\""), STR("\"a\""), true));
    assert_false(etag_in_list(STR("\"b"), STR("\"b\""), true));
    assert_false(etag_in_list(STR(""), STR("\"b\""), true));
}

static void preconditions(void **state)
{
    const struct {
        struct etag_request request;
        enum etag_verdict verdict;
    } rows[] = {
        {{.get_or_head = true}, ETAG_PROCEED},
        {{.if_match = STR("\"a\"")}, ETAG_PROCEED},
        {{.if_match = STR("W/\"a\"")}, ETAG_FAILED},
        {{.if_match = STR("*")}, ETAG_PROCEED},
        {{.if_match = STR("\"a\""), .if_unmodified_since = STR(OLD)}, ETAG_PROCEED},
        {{.if_unmodified_since = STR(OLD)}, ETAG_FAILED},
        {{.if_unmodified_since = STR(SAME)}, ETAG_PROCEED},
        {{.if_unmodified_since = STR("junk")}, ETAG_PROCEED},
        {{true, .if_none_match = STR("W/\"a\"")}, ETAG_NOT_MODIFIED},
        {{false, .if_none_match = STR("\"a\"")}, ETAG_FAILED},
        {{true, .if_none_match = STR("*")}, ETAG_NOT_MODIFIED},
        {{true, .if_none_match = STR("\"b\""), .if_modified_since = STR(LATER)}, ETAG_PROCEED},
        {{true, .if_modified_since = STR(SAME)}, ETAG_NOT_MODIFIED},
        {{true, .if_modified_since = STR(OLD)}, ETAG_PROCEED},
        {{false, .if_modified_since = STR(SAME)}, ETAG_PROCEED},
        {{true, .if_modified_since = STR("junk")}, ETAG_PROCEED},
        {{true, .if_match = STR("\"b\""), .if_none_match = STR("\"a\"")}, ETAG_FAILED},
        {{true, .range = STR("x"), .if_range = STR("\"a\"")}, ETAG_PROCEED},
        {{true, .range = STR("x"), .if_range = STR("W/\"a\"")}, ETAG_PROCEED_WHOLE},
        {{true, .range = STR("x"), .if_range = STR(SAME)}, ETAG_PROCEED},
        {{true, .range = STR("x"), .if_range = STR(LATER)}, ETAG_PROCEED_WHOLE},
        {{true, .if_range = STR("\"b\"")}, ETAG_PROCEED},
    };
    const struct etag_resource resource = {true, STR("\"a\""), CHANGED};
    const struct etag_resource absent = {false, STR_NONE, -1};
    struct etag_request request = {true, .range = STR("x"), .if_range = STR(SAME)};
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        enum etag_verdict verdict = etag_evaluate(&rows[i].request, &resource, NOW);

        if (verdict != rows[i].verdict) {
            fail_msg("row %zu: %d", i, (int)verdict);
        }
    }
    assert_int_equal(etag_evaluate(&request, &resource, CHANGED), ETAG_PROCEED_WHOLE);
    request = (struct etag_request){.if_match = STR("*")};
    assert_int_equal(etag_evaluate(&request, &absent, NOW), ETAG_FAILED);
    request = (struct etag_request){.if_none_match = STR("*")};
    assert_int_equal(etag_evaluate(&request, &absent, NOW), ETAG_PROCEED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing),
        cmocka_unit_test(preconditions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_registry.c: each number that the configuration uses has a module and a name, and they belong together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/upstream/balance_key.h"
#include "core/config/settings.h"
#include "core/config/settings_health.h"
#include "main/registry.h"

static void test_balancers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BALANCE_METHODS; i++) {
        assert_non_null(registry_balancers[i]);
        assert_non_null(settings_balance_names[i]);
        assert_string_equal(config_balance_name(i), settings_balance_names[i]);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(settings_balance_names[i], settings_balance_names[k]);
        /* Those that choose by a key are one module, and no other is. */
        assert_int_equal(balance_has_key(i), registry_balancers[i] == registry_balancers[BALANCE_HASH]);
    }
    assert_null(settings_balance_names[BALANCE_METHODS]);
}

static void test_checks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHECK_TYPES; i++) {
        assert_non_null(registry_checks[i]);
        assert_non_null(settings_health_types[i]);
        assert_string_equal(registry_checks[i]->name, settings_health_types[i]);
    }
    assert_string_equal(settings_health_types[CHECK_TYPES], "none");
    assert_null(settings_health_types[CHECK_TYPES + 1]);
}

static void test_handlers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ACTION_KINDS; i++)
        assert_non_null(registry_handlers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balancers),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_handlers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

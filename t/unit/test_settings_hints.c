/* test_settings_hints.c: the words of other programs lead to settings that there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/config/settings.h"

static void test_each_leads_somewhere(void **state)
{
    size_t n = 0;

    (void)state;
    for (const struct conf_hint *h = settings_hints; h->name; h++, n++) {
        if (!h->group) {
            assert_non_null(h->right);
            continue;
        }
        if (!conf_row_find(h->group, str_of(h->setting)))
            fail_msg("'%s' leads to '%s', which is not in %s", h->name, h->setting, h->group->name);
    }
    assert_true(n > 50);
}

/* One behind another of the same place would never be found. */
static void test_each_is_found(void **state)
{
    (void)state;
    for (const struct conf_hint *h = settings_hints; h->name; h++)
        for (const struct conf_hint *first = settings_hints; first < h; first++)
            if (strcmp(first->name, h->name) == 0 && (!first->in || (h->in && strcmp(first->in, h->in) == 0)))
                fail_msg("'%s' is there twice", h->name);
}

/* A setting of that name would be loaded, not spoken of. */
static void test_none_is_a_setting(void **state)
{
    static const struct conf_group *const groups[] = {&settings_group, &settings_listener_group, &settings_route_group,
                                                      &settings_upstream_group, &settings_server_group};

    (void)state;
    for (const struct conf_hint *h = settings_hints; h->name; h++)
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
            const struct conf_row *row = conf_row_find(groups[i], str_of(h->name));

            if (row && row->type != CONF_BOOL && (!h->in || strcmp(h->in, groups[i]->name) == 0))
                fail_msg("'%s' is a setting in %s", h->name, groups[i]->name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_leads_somewhere),
        cmocka_unit_test(test_each_is_found),
        cmocka_unit_test(test_none_is_a_setting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

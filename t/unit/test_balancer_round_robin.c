/* test_balancer_round_robin.c: the order of picks by weight, and who is passed over. */
#include "balancer_fixture.h"
#include "modules/modules.h"

static const struct pick any = {.backup = false}, backups = {.backup = true};

static void test_weights(void **state)
{
    static const struct {
        unsigned weights[3];
        size_t count;
        const char *order;
    } cases[] = {
        {{5, 1, 1}, 3, "aabacaaaabacaa"}, {{1, 1, 1}, 3, "abcabc"}, {{2, 1}, 2, "abaaba"},
        {{7}, 1, "aaaa"},                 {{0, 3, 0}, 3, "bbb"},    {{0, 0}, 2, "--"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct balancer_fixture f;
        char text[64];

        fixture_prepare(&f, &balancer_round_robin, cases[i].count);
        for (size_t k = 0; k < cases[i].count; k++)
            f.conf.peers[k].weight = cases[i].weights[k];
        fixture_start(&f);
        fixture_picks(&f, &any, strlen(cases[i].order), text);
        assert_string_equal(text, cases[i].order);
        fixture_end(&f);
    }
}

static void test_who_is_passed_over(void **state)
{
    const int tried[] = {1};
    const struct pick others = {.tried = tried, .tried_count = 1};
    struct balancer_fixture f;
    char text[64];

    (void)state;
    fixture_prepare(&f, &balancer_round_robin, 5);
    f.conf.peers[2].down = true;
    f.conf.peers[3].backup = true;
    f.conf.peers[4].max_connections = 2;
    fixture_start(&f);
    f.state->peers[4]->active = 2;
    fixture_picks(&f, &others, 3, text);
    assert_string_equal(text, "aaa");
    fixture_picks(&f, &backups, 2, text);
    assert_string_equal(text, "dd");
    f.state->peers[4]->active = 1;
    f.conf.peers[0].down = true;
    fixture_look(&f);
    fixture_picks(&f, &others, 2, text);
    assert_string_equal(text, "ee");
    fixture_end(&f);
}

static void test_workers_begin_elsewhere(void **state)
{
    char text[8];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        static const char order[] = "aabacaa";
        struct balancer_fixture f;

        fixture_prepare(&f, &balancer_round_robin, 3);
        f.worker.index = i;
        fixture_start(&f);
        fixture_picks(&f, &any, 1, text);
        assert_int_equal(text[0], 'a' + (int)(i % 3));
        fixture_end(&f);
        fixture_prepare(&f, &balancer_round_robin, 3);
        f.conf.peers[0].weight = 5;
        f.worker.index = i;
        fixture_start(&f);
        fixture_picks(&f, &any, 1, text);
        assert_int_equal(text[0], order[i]);
        fixture_end(&f);
    }
}

/* Weights that change all the time (slow start) do not bring the first server back all the time. */
static void test_changes_do_not_begin_anew(void **state)
{
    struct balancer_fixture f;
    unsigned counts[4] = {0};

    (void)state;
    fixture_prepare(&f, &balancer_round_robin, 4);
    f.conf.peers[3].weight = 2;
    fixture_start(&f);
    for (unsigned i = 0; i < 500; i++) {
        counts[balancer_round_robin.pick(f.state, &any)]++;
        f.state->peers[0]->shared->override_weight = 1 + (i % 2 ? 1 : 2);
        fixture_look(&f);
    }
    for (unsigned i = 1; i < 3; i++)
        assert_in_range(counts[i], 85, 115);
    assert_in_range(counts[3], 170, 230);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_who_is_passed_over),
        cmocka_unit_test(test_workers_begin_elsewhere),
        cmocka_unit_test(test_changes_do_not_begin_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

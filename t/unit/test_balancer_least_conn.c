/* test_balancer_least_conn.c: who is chosen by load and weight, and in turn among equals. */
#include "balancer_fixture.h"
#include "modules/modules.h"

#define PEERS 3

static const struct pick any = {.backup = false};

static int pick(struct balancer_fixture *f)
{
    return f->state->tiers[0].count ? balancer_least_conn.pick(f->state, &any) : -1;
}

static void test_idle_servers_in_turn(void **state)
{
    struct balancer_fixture f;

    (void)state;
    fixture_prepare(&f, &balancer_least_conn, PEERS);
    fixture_start(&f);
    for (int i = 0; i < 2 * PEERS; i++)
        assert_int_equal(pick(&f), i % PEERS);
    fixture_end(&f);
}

static void test_the_least_busy_for_its_weight(void **state)
{
    struct balancer_fixture f;

    (void)state;
    fixture_prepare(&f, &balancer_least_conn, PEERS);
    fixture_start(&f);
    f.state->peers[0]->active = 3;
    f.state->peers[1]->active = 1;
    f.state->peers[2]->active = 2;
    fixture_look(&f);
    assert_int_equal(pick(&f), 1);
    f.conf.peers[0].weight = 10;
    fixture_look(&f);
    assert_int_equal(pick(&f), 0);
    f.conf.peers[1].down = true;
    f.conf.peers[0].weight = 1;
    fixture_look(&f);
    assert_int_equal(pick(&f), 2);
    fixture_end(&f);
}

static void test_nobody_is_usable(void **state)
{
    struct balancer_fixture f;

    (void)state;
    fixture_prepare(&f, &balancer_least_conn, PEERS);
    for (size_t i = 0; i < PEERS; i++)
        f.conf.peers[i].down = true;
    fixture_start(&f);
    assert_int_equal(pick(&f), -1);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_servers_in_turn),
        cmocka_unit_test(test_the_least_busy_for_its_weight),
        cmocka_unit_test(test_nobody_is_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

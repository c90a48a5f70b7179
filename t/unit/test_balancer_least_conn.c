/* test_balancer_least_conn.c: who is chosen by load and weight, and in turn among equals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/upstream.h"
#include "core/worker.h"
#include "modules/modules.h"

#define PEERS 3

struct fixture {
    struct worker worker;
    struct peer_conf confs[PEERS];
    struct peer_state peers[PEERS];
    struct upstream conf;
    struct upstream_state state;
};

static void prepare(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->worker.pool = pool_new(1024);
    f->worker.count = 1;
    for (size_t i = 0; i < PEERS; i++) {
        f->confs[i].weight = 1;
        f->peers[i].conf = &f->confs[i];
    }
    f->state = (struct upstream_state){
        .conf = &f->conf, .worker = &f->worker, .peers = f->peers, .peer_count = PEERS};
    balancer_least_conn.rebuild(&f->state);
}

static int pick(struct fixture *f)
{
    return balancer_least_conn.pick(&f->state, NULL, NULL, false);
}

static void test_idle_servers_in_turn(void **state)
{
    struct fixture f;

    (void)state;
    prepare(&f);
    for (int i = 0; i < 2 * PEERS; i++)
        assert_int_equal(pick(&f), i % PEERS);
    pool_free(f.worker.pool);
}

static void test_the_least_busy_for_its_weight(void **state)
{
    struct fixture f;

    (void)state;
    prepare(&f);
    f.peers[0].active = 3;
    f.peers[1].active = 1;
    f.peers[2].active = 2;
    assert_int_equal(pick(&f), 1);
    f.confs[0].weight = 10;
    assert_int_equal(pick(&f), 0);
    f.confs[1].down = true;
    f.confs[0].weight = 1;
    assert_int_equal(pick(&f), 2);
    pool_free(f.worker.pool);
}

static void test_nobody_is_usable(void **state)
{
    struct fixture f;

    (void)state;
    prepare(&f);
    for (size_t i = 0; i < PEERS; i++)
        f.confs[i].down = true;
    assert_int_equal(pick(&f), -1);
    pool_free(f.worker.pool);
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

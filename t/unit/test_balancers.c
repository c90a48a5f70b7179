/*
 * test_balancers.c: what every method does with 100,000 requests: each server has its part by weight to 1
 * % of all of them, idle and under load; and what is each method's own.
 */
#include <math.h>

#include "balancer_fixture.h"
#include "modules/modules.h"

#define PICKS 100000
#define UNDER_WAY 700

static const struct pick any = {.backup = false};

static void start(struct balancer_fixture *f, const struct balancer *balancer, const unsigned *weights,
                  size_t count)
{
    fixture_prepare(f, balancer, count);
    rnd_init_fixed(&f->worker.rnd, 4711);
    for (size_t i = 0; i < count; i++)
        f->conf.peers[i].weight = weights ? weights[i] : 1;
    fixture_start(f);
}

/* `under_way` requests at a time; which of them ends next is random. */
static void pick_many(struct balancer_fixture *f, size_t under_way, unsigned *counts, size_t count)
{
    int *open = calloc(under_way + 1, sizeof(*open));
    size_t n = 0;
    struct rnd rnd;

    rnd_init_fixed(&rnd, 1);
    memset(counts, 0, count * sizeof(*counts));
    for (size_t i = 0; i < PICKS; i++) {
        int index = fixture_take(f, &any);

        assert_in_range(index, 0, count - 1);
        counts[index]++;
        open[n++] = index;
        if (n > under_way) {
            size_t which = rnd_below(&rnd, n);

            fixture_give_back(f, open[which]);
            open[which] = open[--n];
        }
        f->loop.clock.mono_ms += i % 100 == 0;
    }
    while (n > 0)
        fixture_give_back(f, open[--n]);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(f->state->peers[i]->active + f->state->peers[i]->pending, 0);
    free(open);
}

static void check(const char *name, const unsigned *counts, const unsigned *weights, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    for (size_t i = 0; i < count; i++) {
        double ideal = PICKS * weights[i] / sum;

        if (fabs(counts[i] - ideal) > PICKS / 100.0)
            fail_msg("%s: server %zu has %u of %u, ideal %.0f", name, i, counts[i], PICKS, ideal);
    }
}

static void test_parts_by_weight(void **state)
{
    static const struct {
        const struct balancer *balancer;
        bool under_load; /* weights show under load only */
    } methods[] = {
        {&balancer_round_robin, false}, {&balancer_static_rr, false}, {&balancer_least_conn, false},
        {&balancer_least_time, true},   {&balancer_random, false},
    };
    static const unsigned weights[][10] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {5, 1, 1, 5, 1, 1, 5, 1, 1, 5},
        {256, 1, 3, 7, 20, 50, 100, 100, 2, 9}};
    unsigned counts[10];

    (void)state;
    for (size_t m = 0; m < ARRAY_SIZE(methods); m++)
        for (size_t w = 0; w < ARRAY_SIZE(weights); w++)
            for (size_t load = methods[m].under_load ? UNDER_WAY : 0; load <= UNDER_WAY; load += UNDER_WAY) {
                struct balancer_fixture f;

                start(&f, methods[m].balancer, weights[w], 10);
                pick_many(&f, load, counts, 10);
                check(methods[m].balancer->name, counts, weights[w], 10);
                fixture_end(&f);
            }
}

static void test_least_pending_is_even(void **state)
{
    static const unsigned weights[] = {1, 1, 1, 1, 1, 1, 1};
    unsigned counts[7];

    (void)state;
    for (size_t load = 0; load <= UNDER_WAY; load += UNDER_WAY) {
        struct balancer_fixture f;

        start(&f, &balancer_least_pending, NULL, 7);
        pick_many(&f, load, counts, 7);
        check("least_pending", counts, weights, 7);
        fixture_end(&f);
    }
}

static void test_static_rr_takes_the_weights_of_the_file(void **state)
{
    static const unsigned weights[] = {3, 1};
    unsigned counts[2];
    struct balancer_fixture f;

    (void)state;
    start(&f, &balancer_static_rr, weights, 2);
    f.state->peers[0]->shared->override_weight = 1 + 1;
    fixture_look(&f);
    assert_int_equal(f.state->peers[0]->weight, 1);
    pick_many(&f, 0, counts, 2);
    check("static_rr", counts, weights, 2);
    fixture_end(&f);
}

/* The heap says what a look at all would. */
static void test_least_conn_finds_the_least(void **state)
{
    struct balancer_fixture f;
    struct rnd rnd;

    (void)state;
    start(&f, &balancer_least_conn, NULL, 1000);
    rnd_init_fixed(&rnd, 3);
    for (unsigned n = 0; n < 20000; n++) {
        unsigned least = UINT32_MAX;
        int index;

        for (size_t i = 0; i < 1000; i++)
            if (f.state->peers[i]->active < least)
                least = f.state->peers[i]->active;
        index = fixture_take(&f, &any);
        assert_int_equal(f.state->peers[index]->active, least + 1);
        for (unsigned tries = 0; tries < 3; tries++) {
            int other = (int)rnd_below(&rnd, 1000);

            if (f.state->peers[other]->active > 0 && rnd_below(&rnd, 8) == 0)
                fixture_give_back(&f, other);
        }
        if (n % 1000 == 0) {
            f.state->peers[n % 999]->shared->override_weight = 1 + n % 2;
            f.state->peers[n % 999]->shared->override_weight = 0;
            fixture_look(&f);
        }
    }
    fixture_end(&f);
}

/* The one on top was tried or is full: the next one, not the first. */
static void test_least_conn_passes_over(void **state)
{
    const int tried[] = {1};
    const struct pick others = {.tried = tried, .tried_count = 1};
    struct balancer_fixture f;

    (void)state;
    start(&f, &balancer_least_conn, NULL, 4);
    f.conf.peers[2].max_connections = 1;
    fixture_look(&f);
    upstream_begin(f.state, 0);
    upstream_begin(f.state, 0);
    upstream_begin(f.state, 2);
    upstream_begin(f.state, 3);
    assert_int_equal(balancer_least_conn.pick(f.state, &any), 1);
    assert_int_equal(balancer_least_conn.pick(f.state, &others), 3);
    upstream_begin(f.state, 3);
    upstream_begin(f.state, 3);
    assert_int_equal(balancer_least_conn.pick(f.state, &others), 0);
    fixture_end(&f);
}

/* A server that comes back gets its part, not all it missed. */
static void test_least_conn_does_not_make_up(void **state)
{
    struct balancer_fixture f;
    unsigned got = 0;

    (void)state;
    start(&f, &balancer_least_conn, NULL, 3);
    f.conf.peers[0].down = true;
    fixture_look(&f);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_not_equal(balancer_least_conn.pick(f.state, &any), 0);
    f.conf.peers[0].down = false;
    fixture_look(&f);
    for (unsigned i = 0; i < 30; i++)
        got += balancer_least_conn.pick(f.state, &any) == 0;
    assert_in_range(got, 9, 11);
    fixture_end(&f);
}

static void answer(struct balancer_fixture *f, int index, int64_t ms)
{
    upstream_begin(f->state, index);
    upstream_answered(f->state, index, ms);
    upstream_done(f->state, index);
}

static void test_least_time(void **state)
{
    struct balancer_fixture f;

    (void)state;
    start(&f, &balancer_least_time, NULL, 3);
    for (unsigned i = 0; i < 20; i++) {
        answer(&f, 0, 100);
        answer(&f, 1, 10);
        answer(&f, 2, -1);
    }
    assert_int_equal(balancer_least_time.pick(f.state, &any), 1);
    /* 10 ms behind nine others is as long as 100 ms alone. */
    for (unsigned i = 0; i < 9; i++)
        upstream_begin(f.state, 1);
    upstream_begin(f.state, 1);
    assert_int_equal(balancer_least_time.pick(f.state, &any), 0);
    for (unsigned i = 0; i < 10; i++)
        upstream_done(f.state, 1);
    assert_int_equal(balancer_least_time.pick(f.state, &any), 1);
    /* What was slow a minute ago is asked again; who is busy is measured meanwhile. */
    f.loop.clock.mono_ms += 60000;
    answer(&f, 1, 10);
    assert_int_equal(balancer_least_time.pick(f.state, &any), 0);
    fixture_end(&f);
}

/* Who is fast stays so, however many clients leave at once; who is slow cannot hide behind them. */
static void test_least_time_of_those_that_leave(void **state)
{
    static const struct {
        int64_t latency, waited;
        double expected;
    } cases[] = {{10, 0, 10}, {10, 10, 10}, {10, 18, 11}, {2000, 1000, 2000}, {-1, 1800, 1100}};
    struct balancer_fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        start(&f, &balancer_least_time, NULL, 2);
        answer(&f, 0, cases[i].latency);
        upstream_begin(f.state, 0);
        upstream_not_awaited(f.state, 0, cases[i].waited);
        assert_int_equal(f.state->peers[0]->pending, 0);
        upstream_done(f.state, 0);
        assert_true(fabs(f.state->peers[0]->latency - cases[i].expected) < 0.01);
        /* Of one that was never measured it says nothing. */
        upstream_begin(f.state, 1);
        upstream_not_awaited(f.state, 1, 5);
        upstream_done(f.state, 1);
        assert_int_equal(f.state->peers[1]->latency_at_ms, 0);
        assert_int_equal(f.state->peers[1]->pending, 0);
        fixture_end(&f);
    }
}

/* Of a server that was never asked the best is expected that is known now, not the best there ever was. */
static void test_least_time_of_the_unknown(void **state)
{
    struct balancer_fixture f;

    (void)state;
    start(&f, &balancer_least_time, NULL, 3);
    for (unsigned i = 0; i < 3; i++) {
        answer(&f, 0, 2);
        answer(&f, 1, 2);
    }
    for (unsigned i = 0; i < 60; i++) {
        answer(&f, 0, 200);
        answer(&f, 1, 300);
    }
    for (unsigned i = 0; i < 3; i++) {
        /* Looked at all of them twice: the better of the two known ones has become worse. */
        f.loop.clock.mono_ms += 20;
        (void)balancer_least_time.pick(f.state, &any);
    }
    upstream_begin(f.state, 2);
    assert_int_equal(balancer_least_time.pick(f.state, &any), 0);
    upstream_begin(f.state, 0);
    upstream_begin(f.state, 0);
    assert_int_equal(balancer_least_time.pick(f.state, &any), 1);
    upstream_begin(f.state, 1);
    assert_int_equal(balancer_least_time.pick(f.state, &any), 2);
    fixture_end(&f);
}

static void test_least_pending(void **state)
{
    struct balancer_fixture f;
    char order[8];

    (void)state;
    fixture_prepare(&f, &balancer_least_pending, 4);
    f.worker.index = 2;
    fixture_start(&f);
    fixture_picks(&f, &any, 5, order);
    assert_string_equal(order, "cdabc");
    upstream_begin(f.state, 3);
    upstream_begin(f.state, 0);
    upstream_begin(f.state, 0);
    upstream_begin(f.state, 1);
    upstream_begin(f.state, 1);
    upstream_begin(f.state, 2);
    fixture_picks(&f, &any, 2, order);
    assert_string_equal(order, "dc");
    /* Answered, though not over: it owes nothing. */
    upstream_answered(f.state, 1, 1);
    upstream_answered(f.state, 1, 1);
    fixture_picks(&f, &any, 2, order);
    assert_string_equal(order, "bb");
    fixture_end(&f);
}

static void test_first(void **state)
{
    struct balancer_fixture f;
    char order[8];

    (void)state;
    fixture_prepare(&f, &balancer_first, 3);
    f.conf.peers[0].max_connections = 2;
    f.conf.peers[1].weight = 256;
    fixture_start(&f);
    fixture_picks(&f, &any, 3, order);
    assert_string_equal(order, "aaa");
    upstream_begin(f.state, 0);
    upstream_begin(f.state, 0);
    fixture_picks(&f, &any, 2, order);
    assert_string_equal(order, "bb");
    upstream_done(f.state, 0);
    fixture_picks(&f, &any, 1, order);
    assert_string_equal(order, "a");
    fixture_end(&f);
}

/* The better of two: nobody is far above the mean, as with one draw. */
static void test_random_of_two(void **state)
{
    unsigned most = 0;
    struct balancer_fixture f;

    (void)state;
    start(&f, &balancer_random, NULL, 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(fixture_take(&f, &any) >= 0);
    for (size_t i = 0; i < 1000; i++)
        most = f.state->peers[i]->active > most ? f.state->peers[i]->active : most;
    assert_in_range(most, 2, 4);
    fixture_end(&f);
}

/* Backups, and nobody at all, of every method. */
static void test_tiers(void **state)
{
    static const struct balancer *const all[] = {
        &balancer_round_robin, &balancer_static_rr, &balancer_least_conn,    &balancer_least_time,
        &balancer_random,      &balancer_hash,      &balancer_least_pending, &balancer_first,
    };
    const int tried[] = {1, 2};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        struct balancer_fixture f;

        start(&f, all[i], NULL, 4);
        f.conf.peers[3].backup = true;
        f.conf.peers[0].down = true;
        f.conf.peers[1].max_connections = 1;
        fixture_look(&f);
        assert_in_range(upstream_pick(f.state, NULL, NULL, 0), 1, 2);
        assert_int_equal(upstream_pick(f.state, NULL, tried, 1), 2);
        upstream_begin(f.state, 1);
        assert_int_equal(upstream_pick(f.state, NULL, NULL, 0), 2);
        assert_int_equal(upstream_pick(f.state, NULL, tried, 2), 3);
        f.conf.peers[2].down = true;
        f.conf.peers[3].down = true;
        fixture_look(&f);
        assert_int_equal(upstream_pick(f.state, NULL, NULL, 0), -1);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_by_weight),
        cmocka_unit_test(test_least_pending_is_even),
        cmocka_unit_test(test_static_rr_takes_the_weights_of_the_file),
        cmocka_unit_test(test_least_conn_finds_the_least),
        cmocka_unit_test(test_least_conn_passes_over),
        cmocka_unit_test(test_least_conn_does_not_make_up),
        cmocka_unit_test(test_least_time),
        cmocka_unit_test(test_least_time_of_the_unknown),
        cmocka_unit_test(test_least_time_of_those_that_leave),
        cmocka_unit_test(test_least_pending),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_random_of_two),
        cmocka_unit_test(test_tiers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

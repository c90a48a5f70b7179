/* test_passive.c: counting of failures in a window; ejection, its limits, its end; the longer pauses. */
#include "balancer_fixture.h"
#include "core/health/passive.h"

#include <fcntl.h>
#include <unistd.h>

struct fixture {
    struct balancer_fixture b;
    struct passive_conf passive;
    struct log log;
};

static int pick_none(struct upstream_state *state WEIR_UNUSED, const struct pick *pick WEIR_UNUSED)
{
    return -1;
}

static const struct balancer balancer = {.name = "none", .pick = pick_none};

static void begin(struct fixture *f, size_t count, unsigned max_ejected)
{
    fixture_prepare(&f->b, &balancer, count);
    f->passive = (struct passive_conf){.errors = 3, .window = 10000, .pause = 1000, .max_ejected = max_ejected};
    f->b.conf.passive = &f->passive;
    log_init(&f->log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_ERROR, "test");
    f->b.worker.log = &f->log;
    fixture_start(&f->b);
}

static void end(struct fixture *f)
{
    close(f->log.fd);
    fixture_end(&f->b);
}

static void fail_times(struct fixture *f, size_t peer, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        passive_failure(f->b.state->peers[peer], "test");
}

static enum peer_status status_of(struct fixture *f, size_t peer)
{
    const struct peer_state *p = f->b.state->peers[peer];

    return peer_status_of(p->conf, p->shared, f->b.loop.clock.mono_ms);
}

/* The status as the worker uses it. */
static enum peer_status used(struct fixture *f, size_t peer)
{
    upstream_look(f->b.state);
    return f->b.state->peers[peer]->status;
}

static void test_count(void **state WEIR_UNUSED)
{
    uint64_t errors = 0;

    assert_int_equal(passive_count(&errors, 1000, 5000), 1);
    assert_int_equal(passive_count(&errors, 1000, 5100), 2);
    assert_int_equal(passive_count(&errors, 1000, 5990), 3);
    assert_int_equal(passive_count(&errors, 1000, 6200), 1);
    assert_int_equal(passive_count(&errors, 1000, 6201), 2);
    /* The clock in the word wraps. */
    errors = 0;
    assert_int_equal(passive_count(&errors, 1000, (INT64_C(1) << 38) - 100), 1);
    assert_int_equal(passive_count(&errors, 1000, (INT64_C(1) << 38) + 100), 2);
}

static void test_ejected_and_back(void **state WEIR_UNUSED)
{
    struct fixture f;

    begin(&f, 3, 50);
    fail_times(&f, 0, 2);
    passive_success(f.b.state->peers[0]);
    fail_times(&f, 0, 2);
    assert_int_equal(used(&f, 0), PEER_UP);
    fail_times(&f, 0, 1);
    assert_int_equal(used(&f, 0), PEER_EJECTED);
    assert_int_equal(f.b.state->tiers[0].count, 2);
    f.b.loop.clock.mono_ms += 999;
    assert_int_equal(used(&f, 0), PEER_EJECTED);
    f.b.loop.clock.mono_ms += 1;
    assert_int_equal(used(&f, 0), PEER_UP);
    end(&f);
}

static void test_pauses_grow(void **state WEIR_UNUSED)
{
    struct fixture f;

    begin(&f, 3, 50);
    for (int64_t times = 1; times <= 12; times++) {
        int64_t pause = 1000 * (times < PASSIVE_PAUSES_MAX ? times : PASSIVE_PAUSES_MAX);

        fail_times(&f, 1, 3);
        f.b.loop.clock.mono_ms += pause - 1;
        assert_int_equal(used(&f, 1), PEER_EJECTED);
        /* Answers of before do not count. */
        passive_success(f.b.state->peers[1]);
        f.b.loop.clock.mono_ms += 1;
        assert_int_equal(used(&f, 1), PEER_UP);
    }
    passive_success(f.b.state->peers[1]);
    fail_times(&f, 1, 3);
    f.b.loop.clock.mono_ms += 1000;
    assert_int_equal(used(&f, 1), PEER_UP);
    end(&f);
}

static void test_limits(void **state WEIR_UNUSED)
{
    static const struct {
        size_t count;
        unsigned max, fail, ejected;
    } cases[] = {
        {1, 100, 1, 0}, {2, 100, 2, 1}, {2, 50, 2, 1}, {3, 50, 3, 1}, {4, 50, 4, 2},
        {4, 10, 4, 1}, {4, 0, 4, 1}, {4, 100, 4, 3}, {10, 30, 10, 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f;
        unsigned ejected = 0;

        begin(&f, cases[i].count, cases[i].max);
        for (unsigned k = 0; k < cases[i].fail; k++)
            fail_times(&f, k, 5);
        for (size_t k = 0; k < cases[i].count; k++)
            ejected += status_of(&f, k) == PEER_EJECTED;
        if (ejected != cases[i].ejected)
            fail_msg("case %zu: %u ejected", i, ejected);
        end(&f);
    }
}

static void test_panic(void **state WEIR_UNUSED)
{
    struct fixture f;

    begin(&f, 4, 100);
    fail_times(&f, 0, 3);
    fail_times(&f, 1, 3);
    assert_int_equal(used(&f, 0), PEER_EJECTED);
    assert_int_equal(f.b.state->tiers[0].count, 2);
    /* One more is down: the ejected ones have to do. */
    f.b.state->peers[3]->shared->health = PEER_HEALTH_FAILED;
    fixture_look(&f.b);
    assert_int_equal(f.b.state->tiers[0].count, 3);
    assert_int_equal(used(&f, 0), PEER_UP);
    assert_int_equal(status_of(&f, 0), PEER_EJECTED);
    end(&f);
}

/* What somebody took out is not missed. */
static void test_no_panic_over_what_is_taken_out(void **state WEIR_UNUSED)
{
    struct fixture f;

    begin(&f, 4, 50);
    f.b.conf.peers[2].down = f.b.conf.peers[3].down = true;
    fail_times(&f, 0, 3);
    assert_int_equal(used(&f, 0), PEER_EJECTED);
    assert_int_equal(f.b.state->tiers[0].count, 1);
    fail_times(&f, 1, 3);
    assert_int_equal(used(&f, 1), PEER_UP);
    end(&f);
}

/* Servers that a name had before are not there to take over, nor do they count for what may be ejected. */
static void test_those_that_are_gone_do_not_count(void **state WEIR_UNUSED)
{
    struct fixture f;

    begin(&f, 3, 100);
    f.b.state->peers[0]->gone = f.b.state->peers[1]->gone = true;
    fixture_look(&f.b);
    fail_times(&f, 2, 5);
    assert_int_equal(used(&f, 2), PEER_UP);
    assert_int_equal(status_of(&f, 2), PEER_UP);
    assert_false(passive_is_panic(f.b.state, f.b.loop.clock.mono_ms));
    end(&f);
    begin(&f, 4, 100);
    f.b.state->peers[0]->gone = f.b.state->peers[1]->gone = true;
    fixture_look(&f.b);
    fail_times(&f, 2, 5);
    assert_int_equal(status_of(&f, 2), PEER_EJECTED);
    /* One of two is left: half of them is no panic, and would be of four with two gone. */
    assert_int_equal(used(&f, 2), PEER_EJECTED);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_ejected_and_back),
        cmocka_unit_test(test_pauses_grow),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_panic),
        cmocka_unit_test(test_no_panic_over_what_is_taken_out),
        cmocka_unit_test(test_those_that_are_gone_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

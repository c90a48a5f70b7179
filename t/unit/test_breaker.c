/* test_breaker.c: a circuit breaker of latency: who opens it, and who alone closes it. */
#include "balancer_fixture.h"

#include "core/health/breaker.h"
#include "modules/modules.h"

#define LATENCY 100

struct breaker_fixture {
    struct balancer_fixture f;
    struct breaker_conf conf;
    struct process_stats stats;
    struct log log;
};

static void begin(struct breaker_fixture *b)
{
    *b = (struct breaker_fixture){.conf = {.latency = LATENCY}, .log = {.fd = -1}};
    fixture_prepare(&b->f, &balancer_round_robin, 1);
    b->f.conf.name = STR("app");
    b->f.conf.breaker = &b->conf;
    b->f.worker.stats = &b->stats;
    b->f.worker.log = &b->log;
    fixture_start(&b->f);
}

/* 'y': let in, 'p': as a probe, 'n': refused. */
static char ask(struct breaker_fixture *b)
{
    struct breaker_refusal refusal;
    bool probe;

    if (!breaker_admits(b->f.state, &refusal, &probe)) {
        assert_string_equal(refusal.setting, "circuit_breaker.latency");
        assert_false(probe);
        return 'n';
    }
    return probe ? 'p' : 'y';
}

static void slow(struct breaker_fixture *b)
{
    for (unsigned i = 0; i < BREAKER_SAMPLES_LEAST; i++) {
        assert_int_equal(ask(b), 'y');
        breaker_latency(b->f.state, 5 * LATENCY, false);
    }
    assert_int_equal(ask(b), 'n');
}

static void test_probe_decides(void **state)
{
    struct breaker_fixture b;

    (void)state;
    begin(&b);
    slow(&b);
    /* Sent before it opened: fast or not, they say nothing of now. */
    breaker_latency(b.f.state, 1, false);
    assert_int_equal(ask(&b), 'n');
    b.f.loop.clock.mono_ms += 1000;
    assert_int_equal(ask(&b), 'p');
    assert_int_equal(ask(&b), 'n');
    breaker_latency(b.f.state, 1, false);
    assert_int_equal(ask(&b), 'n');
    breaker_latency(b.f.state, 3 * LATENCY, true);
    assert_int_equal(ask(&b), 'n');
    assert_true(b.f.state->breaker.latency_ms > 2.9 * LATENCY);
    b.f.loop.clock.mono_ms += 1000;
    assert_int_equal(ask(&b), 'p');
    breaker_latency(b.f.state, LATENCY, true);
    assert_int_equal(ask(&b), 'y');
    /* From then on all count again, also a probe that comes late. */
    breaker_latency(b.f.state, 9 * LATENCY, true);
    assert_true(b.f.state->breaker.latency_ms > LATENCY);
    assert_int_equal(ask(&b), 'y');
    fixture_end(&b.f);
}

/* A probe whose client leaves, or that never ends, is followed by another. */
static void test_lost_probe(void **state)
{
    struct breaker_fixture b;

    (void)state;
    begin(&b);
    slow(&b);
    for (unsigned i = 0; i < 3; i++) {
        b.f.loop.clock.mono_ms += 1000;
        assert_int_equal(ask(&b), 'p');
        assert_int_equal(ask(&b), 'n');
    }
    fixture_end(&b.f);
}

static void test_off(void **state)
{
    struct breaker_fixture b;

    (void)state;
    begin(&b);
    b.conf.latency = 0;
    for (unsigned i = 0; i < 3 * BREAKER_SAMPLES_LEAST; i++) {
        assert_int_equal(ask(&b), 'y');
        breaker_latency(b.f.state, 5 * LATENCY, false);
    }
    fixture_end(&b.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_decides),
        cmocka_unit_test(test_lost_probe),
        cmocka_unit_test(test_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

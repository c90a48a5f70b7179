/* test_held.c: places at a server over several processes: the limit, the dead, and slow start beside it. */
#include "balancer_fixture.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/board/board_server.h"
#include "core/upstream/held.h"
#include "modules/modules.h"

#define WORKERS 3

struct fixture {
    struct board *board;
    struct balancer_fixture workers[WORKERS];
    int slots[WORKERS];
};

static void begin(struct fixture *f, unsigned max)
{
    int slot;

    f->board = board_new();
    assert_non_null(f->board);
    board_set_last_generation(f->board, 1);
    slot = board_peer_slot(f->board, STR("up"), STR("a"));
    assert_true(slot >= 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct balancer_fixture *w = &f->workers[i];

        fixture_prepare(w, &balancer_round_robin, 1);
        f->slots[i] = board_process_take(f->board, BOARD_WORKER, i, 1);
        w->worker.board = f->board;
        w->worker.slot = (unsigned)f->slots[i];
        w->worker.index = i;
        w->worker.count = WORKERS;
        w->conf.peers[0].max_connections = max;
        w->conf.peers[0].board_slot = slot;
        w->conf.queue.size = 10;
        fixture_start(w);
    }
}

static void end(struct fixture *f)
{
    for (unsigned i = 0; i < WORKERS; i++)
        fixture_end(&f->workers[i]);
    board_close(f->board);
}

static bool take(struct fixture *f, unsigned worker)
{
    return upstream_take(f->workers[worker].state, NULL, NULL, 0) == 0;
}

static void done(struct fixture *f, unsigned worker)
{
    upstream_done(f->workers[worker].state, 0);
}

static void test_limit_over_all(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 4);
    assert_true(take(&f, 0));
    assert_true(take(&f, 0));
    assert_true(take(&f, 0));
    assert_true(take(&f, 1));
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_false(take(&f, i));
        assert_true(upstream_is_full(f.workers[i].state, NULL, 0));
    }
    /* Given back by one, taken by another, though that one has just seen it full. */
    done(&f, 0);
    assert_true(take(&f, 2));
    assert_false(take(&f, 0));
    done(&f, 1);
    done(&f, 2);
    done(&f, 0);
    done(&f, 0);
    assert_int_equal(f.workers[0].state->active, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_true(take(&f, 1));
    assert_false(take(&f, 1));
    end(&f);
}

static void test_the_dead_hold_nothing(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    assert_true(take(&f, 0));
    assert_true(take(&f, 0));
    assert_false(take(&f, 1));
    board_process_free(f.board, (unsigned)f.slots[0]);
    assert_true(take(&f, 1));
    assert_true(take(&f, 2));
    assert_false(take(&f, 1));
    end(&f);
}

static void test_garbage_on_the_board_lets_nobody_in(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 2);
    f.workers[0].state->peers[0]->stats->active = UINT64_MAX;
    assert_false(take(&f, 1));
    assert_false(take(&f, 2));
    f.workers[0].state->peers[0]->stats->active = 0;
    assert_true(take(&f, 1));
    end(&f);
}

static void test_no_limit(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 0);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(take(&f, i % WORKERS));
    assert_false(upstream_is_full(f.workers[0].state, NULL, 0));
    assert_int_equal(f.workers[0].state->peers[0]->stats->active, 334);
    end(&f);
}

/* Workers that see no others have parts of the limit, which together are no more than it. */
static void test_parts(void **state)
{
    struct fixture f;
    unsigned taken = 0;

    (void)state;
    begin(&f, 4);
    for (unsigned i = 0; i < WORKERS; i++) {
        f.workers[i].worker.board = NULL;
        while (taken < 100 && take(&f, i))
            taken++;
        assert_int_equal(taken, i == 0 ? 2 : i + 2);
    }
    end(&f);
}

static void test_others_wait(void **state)
{
    struct fixture f;
    struct peer_shared *shared;
    int fds[2] = {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)};
    uint64_t count;

    (void)state;
    begin(&f, 2);
    shared = f.workers[0].state->peers[0]->shared;
    shared->waiters = held_bit(&f.workers[1].worker);
    assert_false(take(&f, 0));
    assert_true(upstream_is_full(f.workers[0].state, NULL, 0));
    assert_true(take(&f, 1));
    f.workers[0].worker.wakes = fds;
    f.workers[0].worker.wake_count = 2;
    done(&f, 1);
    assert_int_equal(shared->waiters, held_bit(&f.workers[1].worker));
    f.workers[0].state->queue.serving = true;
    assert_true(take(&f, 0));
    f.workers[0].state->queue.serving = false;
    assert_int_equal(read(fds[1], &count, sizeof(count)), -1);
    /* Whoever gives a place back tells those who wait, and takes their bit away. */
    done(&f, 0);
    assert_int_equal(shared->waiters, 0);
    assert_int_equal(read(fds[1], &count, sizeof(count)), sizeof(count));
    assert_int_equal(read(fds[0], &count, sizeof(count)), -1);
    close(fds[0]);
    close(fds[1]);
    assert_true(take(&f, 0));
    end(&f);
}

/* Nobody waits in a worker that died, and where there is no queue nobody stands behind others. */
static void test_bits_of_the_dead(void **state)
{
    struct fixture f;
    struct board_server s = {
        .upstream = STR("up"), .name = STR("b"), .origin = BOARD_ORIGIN_API, .weight = 1};
    struct peer_shared *shared, *other;
    int slot;

    (void)state;
    begin(&f, 2);
    assert_int_equal(addr_parse(STR("127.0.0.1:1"), &s.address, NULL, 0), 0);
    slot = board_server_add(f.board, &s);
    assert_true(slot >= 0);
    other = board_peer_shared(f.board, (unsigned)slot);
    shared = f.workers[0].state->peers[0]->shared;
    other->waiters = shared->waiters = held_bit(&f.workers[1].worker) | held_bit(&f.workers[2].worker);
    assert_false(take(&f, 0));
    board_process_free(f.board, (unsigned)f.slots[1]);
    assert_int_equal(shared->waiters, held_bit(&f.workers[2].worker));
    assert_int_equal(other->waiters, held_bit(&f.workers[2].worker));
    assert_false(take(&f, 0));
    f.workers[0].conf.queue.size = 0;
    assert_true(take(&f, 0));
    f.workers[0].conf.queue.size = 10;
    assert_false(take(&f, 0));
    board_process_free(f.board, (unsigned)f.slots[2]);
    assert_true(take(&f, 0));
    end(&f);
}

/* Of 1,100 requests, a server that came back has so many as its share says, whatever the time it took. */
static void test_slow_start(void **state)
{
    static const struct {
        int64_t since, now;
        unsigned requests;
    } rows[] = {
        {0, 1000000, 550}, {1000000, 1000000, 94}, {1000000, 1050000, 366}, {1000000, 1099000, 547},
        {1000000, 1100000, 550}, {1000000, 999999, 550},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct balancer_fixture f;
        unsigned requests = 0;

        fixture_prepare(&f, &balancer_round_robin, 2);
        f.loop.clock.mono_ms = rows[i].now;
        f.conf.peers[1].slow_start = 100000;
        fixture_start(&f);
        f.state->peers[1]->shared->up_since_ms = rows[i].since;
        fixture_look(&f);
        for (unsigned k = 0; k < 1100; k++)
            requests += upstream_pick(f.state, NULL, NULL, 0) == 1;
        assert_in_range(requests, rows[i].requests - 1, rows[i].requests + 1);
        fixture_end(&f);
    }
}

/* Its share is taken up in steps, each of which is a new look: few requests between two must not all go elsewhere. */
static void test_slow_start_of_few(void **state)
{
    struct balancer_fixture f;
    unsigned cold = 0;

    (void)state;
    fixture_prepare(&f, &balancer_round_robin, 2);
    f.conf.peers[1].slow_start = 1000000;
    fixture_start(&f);
    peer_came_back(f.state->peers[1]->shared, 1000000);
    for (unsigned k = 0; k < 200; k++) {
        fixture_look(&f);
        cold += upstream_pick(f.state, NULL, NULL, 0) == 1;
        cold += upstream_pick(f.state, NULL, NULL, 0) == 1;
    }
    assert_in_range(cold, 33, 35);
    fixture_end(&f);
}

/* The end of an ejection is a return, though nobody notes it. */
static void test_slow_start_after_ejection(void **state)
{
    struct balancer_fixture f;
    struct log log = {.level = LOG_LEVEL_CRIT, .fd = -1};

    (void)state;
    fixture_prepare(&f, &balancer_round_robin, 2);
    f.worker.log = &log;
    f.conf.peers[1].slow_start = 100000;
    fixture_start(&f);
    f.state->peers[1]->shared->ejected_until_ms = 1010000;
    fixture_look(&f);
    assert_int_equal(f.state->peers[1]->status, PEER_EJECTED);
    f.loop.clock.mono_ms = 1010000;
    upstream_look(f.state);
    assert_int_equal(f.state->peers[1]->status, PEER_UP);
    assert_int_equal(f.state->peers[1]->share, PEER_SHARE / 10);
    f.loop.clock.mono_ms = 1060000;
    upstream_look(f.state);
    assert_int_equal(f.state->peers[1]->share, PEER_SHARE / 2);
    f.loop.clock.mono_ms = 1110000;
    upstream_look(f.state);
    assert_int_equal(f.state->peers[1]->share, PEER_SHARE);
    fixture_end(&f);
}

/* A cold server is asked when the others have as much more to do as they have more weight. */
static void test_slow_start_least_conn(void **state)
{
    struct balancer_fixture f;
    unsigned cold = 0;

    (void)state;
    fixture_prepare(&f, &balancer_least_conn, 2);
    f.conf.peers[1].slow_start = 100000;
    fixture_start(&f);
    f.state->peers[1]->shared->up_since_ms = 1000000;
    fixture_look(&f);
    for (unsigned k = 0; k < 110; k++) {
        int index = upstream_take(f.state, NULL, NULL, 0);

        assert_true(index >= 0);
        cold += index == 1;
    }
    assert_in_range(cold, 9, 11);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_over_all),
        cmocka_unit_test(test_the_dead_hold_nothing),
        cmocka_unit_test(test_garbage_on_the_board_lets_nobody_in),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_others_wait),
        cmocka_unit_test(test_bits_of_the_dead),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_slow_start_of_few),
        cmocka_unit_test(test_slow_start_after_ejection),
        cmocka_unit_test(test_slow_start_least_conn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

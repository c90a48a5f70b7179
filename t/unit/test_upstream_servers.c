/*
 * test_upstream_servers.c: servers that come and go while a worker runs: which are taken in, with what
 * settings, what stays where it is, and that memory goes by those that are there at once.
 */
#include "balancer_fixture.h"

#include <stdio.h>

#include "base/clock.h"
#include "core/board/board.h"
#include "core/upstream/upstream_servers.h"
#include "core/upstream/upstream_wait.h"
#include "modules/modules.h"

struct servers_fixture {
    struct balancer_fixture f;
    struct board *board;
};

static void servers_prepare(struct servers_fixture *t, size_t count)
{
    fixture_prepare(&t->f, &balancer_round_robin, count);
    t->board = board_new();
    t->f.worker.board = t->board;
    assert_int_equal(board_process_take(t->board, BOARD_WORKER, 0, 1), 0);
    t->f.conf.name = STR("app");
    t->f.conf.server_defaults = (struct peer_conf){.weight = 1, .max_connections = 7};
}

static void servers_end(struct servers_fixture *t)
{
    fixture_end(&t->f);
    board_close(t->board);
}

static struct board_server server_of(const char *upstream, const char *name, const char *address)
{
    struct board_server s = {.upstream = str_of(upstream),
                             .name = str_of(name),
                             .origin = BOARD_ORIGIN_API,
                             .weight = 2,
                             .template_slot = BOARD_NO_TEMPLATE};

    assert_int_equal(addr_parse(str_of(address), &s.address, NULL, 0), 0);
    return s;
}

static unsigned add(struct servers_fixture *t, const char *name)
{
    struct board_server s = server_of("app", name, "127.0.0.1:8080");
    int slot = board_server_add(t->board, &s);

    assert_true(slot >= 0);
    return (unsigned)slot;
}

static void test_taken_in(void **state)
{
    struct servers_fixture t;
    struct upstream_state *u;
    struct peer_state *first;
    struct board_server s;
    unsigned slot;

    (void)state;
    servers_prepare(&t, 1);
    add(&t, "before");
    fixture_start(&t.f);
    u = t.f.state;
    assert_int_equal(u->peer_count, 2); /* what was there when the worker began */
    first = u->peers[0];
    slot = add(&t, "later");
    upstream_look(u);
    assert_int_equal(u->peer_count, 3);
    assert_ptr_equal(u->peers[0], first);
    assert_int_equal(u->tiers[0].count, 3);
    assert_int_equal(u->tiers[0].share, 5 * PEER_SHARE);
    assert_true(str_eq(u->peers[2]->conf->name, STR("later")));
    assert_true(str_eq(u->peers[2]->address, STR("127.0.0.1:8080")));
    assert_int_equal(u->peers[2]->conf->board_slot, slot);
    assert_int_equal(u->peers[2]->conf->max_connections, 7);
    assert_true(str_eq(u->peers[2]->conf->host, STR("127.0.0.1:8080")));
    s = server_of("app", "spare", "127.0.0.1:80");
    s.backup = true;
    assert_true(board_server_add(t.board, &s) >= 0);
    upstream_look(u);
    assert_int_equal(u->tiers[1].count, 1);
    assert_true(str_eq(u->peers[3]->conf->host, STR("127.0.0.1")));
    servers_end(&t);
}

/* Another upstream's, and those that the configuration has. */
static void test_not_taken_in(void **state)
{
    struct servers_fixture t;
    struct board_server s;

    (void)state;
    servers_prepare(&t, 1);
    t.f.conf.peers[0].name = STR("one");
    assert_int_equal(addr_parse(STR("127.0.0.1:9000"), &t.f.conf.peers[0].address, NULL, 0), 0);
    t.f.conf.servers_file = STR("/servers");
    fixture_start(&t.f);
    s = server_of("other", "x", "127.0.0.1:1");
    assert_true(board_server_add(t.board, &s) >= 0);
    s = server_of("app", "one", "127.0.0.1:2");
    assert_true(board_server_add(t.board, &s) >= 0);
    s = server_of("app", "two", "127.0.0.1:9000");
    assert_true(board_server_add(t.board, &s) >= 0);
    s = server_of("app", "three", "127.0.0.1:9000");
    s.origin = BOARD_ORIGIN_FILE;
    assert_true(board_server_add(t.board, &s) >= 0);
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peer_count, 1);
    servers_end(&t);
}

/* What another generation found, by sources of which this one has none. */
static void test_not_wanted(void **state)
{
    static const struct {
        enum board_origin origin;
        bool resolve, down, file, taken;
    } cases[] = {
        {BOARD_ORIGIN_API, false, false, false, true}, {BOARD_ORIGIN_DNS, false, false, false, false},
        {BOARD_ORIGIN_DNS, false, false, true, false}, {BOARD_ORIGIN_DNS, true, true, false, false},
        {BOARD_ORIGIN_DNS, true, false, false, true},  {BOARD_ORIGIN_FILE, false, false, false, false},
        {BOARD_ORIGIN_FILE, true, false, false, false}, {BOARD_ORIGIN_FILE, false, false, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct servers_fixture t;
        /* That one found by DNS has a configured server's address is its own business. */
        struct board_server s =
            server_of("app", "two", cases[i].origin == BOARD_ORIGIN_DNS ? "127.0.0.1:9000" : "127.0.0.1:1");

        servers_prepare(&t, 1);
        assert_int_equal(addr_parse(STR("127.0.0.1:9000"), &t.f.conf.peers[0].address, NULL, 0), 0);
        t.f.conf.peers[0].resolve = cases[i].resolve;
        t.f.conf.peers[0].down = cases[i].down;
        if (cases[i].file)
            t.f.conf.servers_file = STR("/servers");
        fixture_start(&t.f);
        s.origin = cases[i].origin;
        assert_true(board_server_add(t.board, &s) >= 0);
        upstream_look(t.f.state);
        if (t.f.state->peer_count != 1U + cases[i].taken)
            fail_msg("case %zu: %zu servers", i, t.f.state->peer_count);
        servers_end(&t);
    }
}

static void test_template(void **state)
{
    struct servers_fixture t;
    struct board_server s;
    const struct peer_conf *conf;

    (void)state;
    servers_prepare(&t, 2);
    t.f.conf.peers[1] = (struct peer_conf){.name = STR("app.test:80"),
                                           .host = STR("app.test"),
                                           .weight = 9,
                                           .max_connections = 3,
                                           .slow_start = 5000,
                                           .resolve = true,
                                           .down = true,
                                           .port = 80};
    t.f.conf.peers[0].resolve = true;
    /* Wherever it stands: another generation may have servers before it. */
    for (unsigned i = 0; i < 5; i++)
        assert_true(board_peer_slot(t.board, STR("app"), (struct str){"before" + i, 1}) >= 0);
    t.f.conf.peers[1].board_slot = board_peer_slot(t.board, STR("app"), STR("app.test:80"));
    fixture_start(&t.f);
    s = server_of("app", "192.0.2.1:80", "192.0.2.1:80");
    s.origin = BOARD_ORIGIN_DNS;
    s.template_slot = (uint32_t)t.f.conf.peers[1].board_slot;
    assert_true(board_server_add(t.board, &s) >= 0);
    s.name = STR("wrong");
    s.template_slot = 0;
    assert_true(board_server_add(t.board, &s) >= 0);
    upstream_look(t.f.state);
    conf = t.f.state->peers[2]->conf;
    assert_true(str_eq(conf->host, STR("app.test")));
    assert_int_equal(conf->max_connections, 3);
    assert_int_equal(conf->slow_start, 5000);
    assert_int_equal(conf->weight, 2);
    assert_false(conf->resolve || conf->down);
    assert_int_equal(t.f.state->peers[2]->status, PEER_UP);
    assert_int_equal(t.f.state->peers[3]->conf->max_connections, 7);
    servers_end(&t);
}

static void test_gone_while_active(void **state)
{
    struct servers_fixture t;
    struct peer_state *peer;
    unsigned slot, lives;

    (void)state;
    servers_prepare(&t, 1);
    fixture_start(&t.f);
    slot = add(&t, "one");
    upstream_look(t.f.state);
    peer = t.f.state->peers[1];
    lives = peer->lives;
    upstream_begin(t.f.state, 1);
    board_server_remove(t.board, slot);
    upstream_look(t.f.state);
    assert_int_equal(peer->status, PEER_GONE);
    assert_int_equal(t.f.state->tiers[0].count, 1);
    assert_true(str_eq(peer->conf->name, STR("one"))); /* what is under way reads it */
    assert_int_equal(board_peer_stats(t.board, 0, slot)->active, 1);
    assert_ptr_equal(peer->shared, board_peer_shared(t.board, slot));
    /* Its place is not given to another one before that ends. */
    add(&t, "two");
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peer_count, 3);
    upstream_done(t.f.state, 1);
    assert_int_equal(board_peer_stats(t.board, 0, slot)->active, 0);
    /* The slot may be a stranger's from now on. */
    assert_int_equal(peer->conf->board_slot, -1);
    assert_ptr_equal(peer->shared, &peer->own_shared);
    assert_ptr_equal(peer->stats, &peer->own_stats);
    add(&t, "three");
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peer_count, 3);
    assert_ptr_equal(t.f.state->peers[1], peer);
    assert_true(str_eq(peer->conf->name, STR("three")));
    assert_int_equal(peer->lives, lives + 1);
    assert_int_equal(peer->index, 1);
    assert_int_equal(peer->status, PEER_UP);
    servers_end(&t);
}

/* Another weight and rank: the same server in the same place, with what is under way. */
static void test_changed(void **state)
{
    struct servers_fixture t;
    struct peer_state *peer;
    struct board_server s;
    unsigned slot;

    (void)state;
    servers_prepare(&t, 1);
    fixture_start(&t.f);
    slot = add(&t, "one");
    upstream_look(t.f.state);
    peer = t.f.state->peers[1];
    assert_true(upstream_begin(t.f.state, 1));
    s = server_of("app", "one", "127.0.0.1:8080");
    s.weight = 5;
    s.backup = true;
    board_server_change(t.board, slot, &s);
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peer_count, 2);
    assert_int_equal(peer->weight, 5);
    assert_int_equal(peer->lives, 1);
    assert_int_equal(peer->active, 1);
    assert_true(str_eq(peer->conf->name, STR("one")));
    assert_true(str_eq(peer->conf->host, STR("127.0.0.1:8080")));
    assert_int_equal(t.f.state->tiers[0].count, 1);
    assert_int_equal(t.f.state->tiers[1].count, 1);
    assert_int_equal(board_peer_stats(t.board, 0, slot)->active, 1);
    upstream_done(t.f.state, 1);
    servers_end(&t);
}

/* One that the file has is taken out by a word. */
static void test_gone_of_the_file(void **state)
{
    struct servers_fixture t;

    (void)state;
    servers_prepare(&t, 2);
    t.f.conf.peers[0].name = STR("one");
    t.f.conf.peers[1].name = STR("two");
    assert_int_equal(board_name_config(t.board, &t.f.config), 0);
    fixture_start(&t.f);
    assert_int_equal(t.f.state->tiers[0].count, 2);
    board_peer_shared(t.board, 0)->override = PEER_OVERRIDE_GONE;
    board_peers_changed(t.board);
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peers[0]->status, PEER_GONE);
    assert_int_equal(t.f.state->tiers[0].count, 1);
    servers_end(&t);
}

/* Another keeper's server in a slot, without a look in between. */
static void test_slot_of_another(void **state)
{
    struct servers_fixture t;
    struct clock now;
    unsigned slot;

    (void)state;
    servers_prepare(&t, 0);
    fixture_start(&t.f);
    slot = add(&t, "one");
    upstream_look(t.f.state);
    board_server_remove(t.board, slot);
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peers[0]->conf->board_slot, -1);
    clock_init(&now);
    assert_int_equal(board_server_collect(t.board, now.mono_ms + 2 * BOARD_SERVER_REST_MS), 1);
    assert_int_equal(add(&t, "two"), slot);
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peer_count, 1);
    assert_true(str_eq(t.f.state->peers[0]->conf->name, STR("two")));
    assert_int_equal(t.f.state->peers[0]->status, PEER_UP);
    servers_end(&t);
}

static bool no_place(struct queue_waiter *w)
{
    (void)w;
    return false;
}

/* Who waits is counted where no server that comes and goes takes the count along. */
static void test_queue_of_those_that_go(void **state)
{
    struct servers_fixture t;
    struct queue_waiter w[3];
    struct upstream_state *u;
    const uint64_t *queued;
    struct event_base *base;
    int slot;

    (void)state;
    servers_prepare(&t, 0);
    slot = board_peer_slot(t.board, STR("app"), STR(" servers_file"));
    assert_true(slot >= 0);
    queued = &board_peer_stats(t.board, 0, (unsigned)slot)->queued;
    t.f.conf.servers_file_slot = slot;
    t.f.conf.queue.size = 2;
    t.f.loop.base = event_base_new();
    slot = (int)add(&t, "x");
    fixture_start(&t.f);
    u = t.f.state;
    u->queue.serving = true; /* nobody is asked */
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        queue_waiter_init(&w[i], no_place, NULL);
    assert_true(upstream_wait(u, &w[0], PRIORITY_NORMAL));
    assert_int_equal(*queued, 1);
    board_server_remove(t.board, (unsigned)slot);
    upstream_look(u);
    slot = (int)add(&t, "y");
    upstream_look(u);
    assert_int_equal(u->peer_count, 1);
    assert_true(str_eq(u->peers[0]->conf->name, STR("y")));
    assert_true(upstream_wait(u, &w[1], PRIORITY_NORMAL));
    assert_false(upstream_wait(u, &w[2], PRIORITY_NORMAL));
    (void)upstream_wait_end(u, &w[0]);
    assert_true(upstream_wait(u, &w[2], PRIORITY_NORMAL));
    (void)upstream_wait_end(u, &w[1]);
    (void)upstream_wait_end(u, &w[2]);
    assert_int_equal(*queued, 0);
    assert_int_equal(u->peers[0]->stats->queued, 0);
    base = t.f.loop.base;
    servers_end(&t);
    event_base_free(base);
}

static void test_many(void **state)
{
    struct servers_fixture t;
    char name[32];

    (void)state;
    servers_prepare(&t, 3);
    fixture_start(&t.f);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        add(&t, name);
    }
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->peer_count, 1003);
    assert_int_equal(t.f.state->tiers[0].count, 1003);
    for (size_t i = 0; i < t.f.state->peer_count; i++)
        assert_int_equal(t.f.state->peers[i]->index, i);
    for (unsigned i = 0; i < 1000; i++)
        board_server_remove(t.board, BOARD_SERVERS_FROM + i);
    upstream_look(t.f.state);
    assert_int_equal(t.f.state->tiers[0].count, 3);
    servers_end(&t);
}

/* 100,000 servers, three at a time. */
static void test_growth_is_bounded(void **state)
{
    struct servers_fixture t;
    struct clock now;
    size_t bytes = 0;
    char name[32];

    (void)state;
    servers_prepare(&t, 1);
    fixture_start(&t.f);
    clock_init(&now);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned slot;

        snprintf(name, sizeof(name), "s%u", i);
        slot = add(&t, name);
        upstream_look(t.f.state);
        if (i % 3 == 0)
            upstream_begin(t.f.state, (int)t.f.state->tiers[0].peers[1]);
        if (i % 3 == 2)
            for (size_t k = 1; k < t.f.state->peer_count; k++)
                while (t.f.state->peers[k]->active > 0)
                    upstream_done(t.f.state, (int)k);
        board_server_remove(t.board, slot);
        if (i % 50 == 49)
            assert_true(board_server_collect(t.board, now.mono_ms += 2 * BOARD_SERVER_REST_MS) > 0);
        upstream_look(t.f.state);
        if (i == 1000)
            bytes = pool_bytes(t.f.worker.pool);
    }
    assert_true(t.f.state->peer_count <= 4);
    assert_int_equal(pool_bytes(t.f.worker.pool), bytes);
    assert_int_equal(t.f.state->active, 1);
    servers_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_in),
        cmocka_unit_test(test_not_taken_in),
        cmocka_unit_test(test_not_wanted),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_gone_while_active),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_gone_of_the_file),
        cmocka_unit_test(test_slot_of_another),
        cmocka_unit_test(test_queue_of_those_that_go),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_growth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

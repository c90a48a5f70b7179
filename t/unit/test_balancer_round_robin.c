/* test_balancer_round_robin.c: the order of picks by weight, and who is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/upstream.h"
#include "core/worker.h"
#include "modules/modules.h"

#define PEERS_MAX 5

struct fixture {
    struct worker worker;
    struct upstream conf;
    struct peer_conf peers[PEERS_MAX];
    struct peer_state states[PEERS_MAX];
    struct upstream_state state;
};

static void set_up(struct fixture *f, const unsigned *weights, size_t count)
{
    memset(f, 0, sizeof(*f));
    f->worker.count = 1;
    f->state = (struct upstream_state){.conf = &f->conf, .worker = &f->worker, .peers = f->states,
                                       .peer_count = count};
    for (size_t i = 0; i < count; i++) {
        f->peers[i].weight = weights[i];
        f->states[i].conf = &f->peers[i];
        f->states[i].upstream = &f->state;
    }
}

/* `n` picks as letters, '-' where there is none. */
static void picks(struct fixture *f, const uint64_t *tried, bool backup, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++) {
        int index = balancer_round_robin.pick(&f->state, NULL, tried, backup);

        text[i] = index < 0 ? '-' : (char)('a' + index);
    }
    text[n] = '\0';
}

static void test_weights(void **state)
{
    static const struct {
        unsigned weights[PEERS_MAX];
        size_t count;
        const char *order;
    } cases[] = {
        {{5, 1, 1}, 3, "aabacaaaabacaa"}, {{1, 1, 1}, 3, "abcabc"}, {{2, 1}, 2, "abaaba"},
        {{7}, 1, "aaaa"},                 {{0, 3, 0}, 3, "bbb"},    {{0, 0}, 2, "--"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f;
        char text[64];

        set_up(&f, cases[i].weights, cases[i].count);
        balancer_round_robin.rebuild(&f.state);
        picks(&f, NULL, false, strlen(cases[i].order), text);
        assert_string_equal(text, cases[i].order);
    }
}

static void test_who_is_passed_over(void **state)
{
    static const unsigned weights[] = {1, 1, 1, 1, 1};
    const uint64_t tried = 1 << 1;
    struct fixture f;
    char text[64];

    (void)state;
    set_up(&f, weights, 5);
    f.peers[2].down = true;
    f.peers[3].backup = true;
    f.peers[4].max_connections = 2;
    f.states[4].active = 2;
    picks(&f, &tried, false, 3, text);
    assert_string_equal(text, "aaa");
    picks(&f, NULL, true, 2, text);
    assert_string_equal(text, "dd");
    f.states[4].active = 1;
    f.peers[0].down = true;
    picks(&f, &tried, false, 2, text);
    assert_string_equal(text, "ee");
}

static void test_workers_begin_elsewhere(void **state)
{
    static const unsigned weights[] = {1, 1, 1};
    char text[8];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct fixture f;

        set_up(&f, weights, 3);
        f.worker.index = i;
        balancer_round_robin.rebuild(&f.state);
        picks(&f, NULL, false, 1, text);
        assert_int_equal(text[0], 'a' + (int)(i % 3));
    }
}

static void test_more_than_64_peers(void **state)
{
    struct peer_conf conf = {.weight = 1};
    struct peer_state peers[70];
    struct worker worker = {.count = 1};
    struct upstream_state upstream = {.worker = &worker, .peers = peers, .peer_count = 70};
    uint64_t tried[2] = {UINT64_MAX, 0x1f};

    (void)state;
    memset(peers, 0, sizeof(peers));
    for (size_t i = 0; i < 70; i++)
        peers[i].conf = &conf;
    assert_int_equal(balancer_round_robin.pick(&upstream, NULL, tried, false), 69);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_who_is_passed_over),
        cmocka_unit_test(test_workers_begin_elsewhere),
        cmocka_unit_test(test_more_than_64_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

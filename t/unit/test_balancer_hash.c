/*
 * test_balancer_hash.c: where keys go: by weight, the same everywhere, and how few of them move when a
 * server comes, goes or changes; how far a hot key is spread by hash_balance_factor.
 */
#include <math.h>

#include "balancer_fixture.h"
#include "core/upstream/balance_key.h"
#include "modules/modules.h"

#define KEYS 100000

struct keyed {
    struct balancer_fixture f;
    struct request req;
    struct pick pick;
    char path[32];
};

static void prepare(struct keyed *k, bool consistent, const unsigned *weights, size_t count)
{
    memset(k, 0, sizeof(*k));
    fixture_prepare(&k->f, &balancer_hash, count);
    k->f.balancers[BALANCE_URI] = &balancer_hash;
    k->f.conf.balance = BALANCE_URI;
    k->f.conf.balance_conf.consistent = consistent;
    for (size_t i = 0; weights && i < count; i++)
        k->f.conf.peers[i].weight = weights[i];
    k->pick.req = &k->req;
    k->req.pool = k->f.worker.pool;
}

static int pick_key(struct keyed *k, unsigned key)
{
    k->req.path = (struct str){k->path, (size_t)snprintf(k->path, sizeof(k->path), "/key/%u", key)};
    return balancer_hash.pick(k->f.state, &k->pick);
}

static void map_keys(struct keyed *k, int *to)
{
    for (unsigned i = 0; i < KEYS; i++) {
        to[i] = pick_key(k, i);
        assert_in_range(to[i], 0, k->f.state->peer_count - 1);
    }
}

static void test_parts_by_weight(void **state)
{
    static const unsigned weights[][10] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {5, 1, 1, 5, 1, 1, 5, 1, 1, 5},
        {256, 1, 3, 7, 20, 50, 100, 100, 2, 9},
        {5, 1}, {1, 1, 1}};

    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++)
        for (size_t w = 0; w < ARRAY_SIZE(weights); w++) {
            struct keyed k;
            size_t count = w < 3 ? 10 : w == 3 ? 2 : 3;
            unsigned counts[10] = {0};
            double sum = 0;

            prepare(&k, consistent, weights[w], count);
            fixture_start(&k.f);
            for (unsigned i = 0; i < KEYS; i++)
                counts[pick_key(&k, i)]++;
            for (size_t i = 0; i < count; i++)
                sum += weights[w][i];
            for (size_t i = 0; i < count; i++)
                if (fabs(counts[i] - KEYS * weights[w][i] / sum) > KEYS / 100.0)
                    fail_msg("consistent %u, weights %zu: server %zu has %u", consistent, w, i, counts[i]);
            fixture_end(&k.f);
        }
}

/* The numbers are those of this version: another order would send every key elsewhere after an upgrade. */
static void test_the_same_everywhere(void **state)
{
    static const char order[2][41] = {
        "cdbdabcdeddebaeeacdbaadbeedcecbdbbacddca",
        "aaaebeaecccaabeadbbcebacdcbaecccacebdeea"};

    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++)
        for (unsigned worker = 0; worker < 3; worker++) {
            char got[41];
            struct keyed k;

            prepare(&k, consistent, NULL, 5);
            k.f.worker.index = worker;
            k.f.worker.count = 3;
            fixture_start(&k.f);
            for (unsigned i = 0; i < 40; i++)
                got[i] = (char)('a' + pick_key(&k, i));
            got[40] = '\0';
            assert_string_equal(got, order[consistent]);
            fixture_end(&k.f);
        }
}

/* The order of servers in the file does not matter to `consistent`. */
static void test_names_count_not_places(void **state)
{
    struct keyed a, b;

    (void)state;
    prepare(&a, true, NULL, 10);
    prepare(&b, true, NULL, 10);
    for (size_t i = 0; i < 10; i++)
        b.f.conf.peers[i].name = a.f.conf.peers[9 - i].name;
    fixture_start(&a.f);
    fixture_start(&b.f);
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(pick_key(&a, i), 9 - pick_key(&b, i));
    fixture_end(&a.f);
    fixture_end(&b.f);
}

/* How many keys move when server `which` changes; none of the others' may go to another of the others. */
static unsigned moved(const int *before, const int *after, int which)
{
    unsigned n = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        if (before[i] == after[i])
            continue;
        if (before[i] != which && after[i] != which)
            fail_msg("key %u went from %d to %d", i, before[i], after[i]);
        n++;
    }
    return n;
}

static void test_movement(void **state)
{
    int *before = calloc(KEYS, sizeof(int)), *after = calloc(KEYS, sizeof(int));
    unsigned n;

    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++) {
        struct keyed k;

        prepare(&k, consistent, NULL, 10);
        fixture_start(&k.f);
        map_keys(&k, before);
        k.f.conf.peers[4].down = true;
        fixture_look(&k.f);
        map_keys(&k, after);
        n = moved(before, after, 4);
        assert_in_range(n, KEYS * 9 / 100, KEYS * 11 / 100);
        k.f.conf.peers[4].down = false;
        fixture_look(&k.f);
        map_keys(&k, after);
        assert_int_equal(moved(before, after, 4), 0);
        /* Half the share: the map does not see it. */
        k.f.conf.peers[4].slow_start = 100000;
        k.f.state->peers[4]->shared->up_since_ms = k.f.loop.clock.mono_ms - 50000;
        fixture_look(&k.f);
        map_keys(&k, after);
        n = moved(before, after, 4);
        if (consistent)
            assert_in_range(n, KEYS * 4 / 100, KEYS * 6 / 100);
        else
            assert_int_equal(n, 0);
        fixture_end(&k.f);
    }
    free(before);
    free(after);
}

/* A server more or less in the file. */
static void test_movement_over_files(void **state)
{
    int *before = calloc(KEYS, sizeof(int)), *after = calloc(KEYS, sizeof(int));
    unsigned n = 0;
    struct keyed k;

    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++) {
        prepare(&k, consistent, NULL, 10);
        fixture_start(&k.f);
        map_keys(&k, before);
        fixture_end(&k.f);
        prepare(&k, consistent, NULL, 9);
        fixture_start(&k.f);
        map_keys(&k, after);
        fixture_end(&k.f);
        if (consistent)
            assert_true(moved(before, after, 9) <= KEYS * 11 / 100);
        for (unsigned i = 0; !consistent && i < KEYS; i++)
            n += before[i] != after[i];
    }
    /* Most of them: what `map` costs. */
    assert_true(n > KEYS * 4 / 10);
    free(before);
    free(after);
}

/* A key's second choice is its own too. */
static void test_second_choice(void **state)
{
    struct keyed k;
    unsigned counts[10] = {0};

    (void)state;
    prepare(&k, true, NULL, 10);
    fixture_start(&k.f);
    for (unsigned i = 0; i < 10000; i++) {
        int first, second;

        k.pick.tried_count = 0;
        first = pick_key(&k, i);
        k.pick.tried = &first;
        k.pick.tried_count = 1;
        second = pick_key(&k, i);
        assert_int_not_equal(second, first);
        assert_int_equal(second, pick_key(&k, i));
        counts[second] += first == 3;
    }
    for (size_t i = 0; i < 10; i++)
        if (i != 3)
            assert_in_range(counts[i], 60, 180);
    fixture_end(&k.f);
}

static void test_bounded_load(void **state)
{
    static const unsigned weights[10] = {2, 1, 1, 1, 1, 1, 1, 1, 1, 2};

    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++)
        for (unsigned factor = 101; factor <= 201; factor += 25) {
            struct keyed k;

            prepare(&k, consistent, weights, 10);
            k.f.conf.balance_conf.factor = factor;
            fixture_start(&k.f);
            for (unsigned n = 1; n <= 2000; n++) {
                /* Half of all for one key. */
                int index = pick_key(&k, n % 2 ? 7 : n);

                upstream_begin(k.f.state, index);
                for (size_t i = 0; i < 10; i++) {
                    double most = ceil(factor / 100.0 * n * weights[i] / 12 - 1e-9);

                    if (k.f.state->peers[i]->active > most)
                        fail_msg("factor %u: server %zu has %u of %u, at most %.0f", factor, i,
                                 k.f.state->peers[i]->active, n, most);
                }
            }
            fixture_end(&k.f);
        }
}

/* Without load a bound changes nothing. */
static void test_bounds_leave_idle_servers_alone(void **state)
{
    struct keyed k;
    char before[100], after[100];

    (void)state;
    prepare(&k, true, NULL, 10);
    fixture_start(&k.f);
    for (unsigned i = 0; i < 100; i++)
        before[i] = (char)pick_key(&k, i);
    k.f.conf.balance_conf.factor = 125;
    for (unsigned i = 0; i < 100; i++)
        after[i] = (char)pick_key(&k, i);
    assert_memory_equal(before, after, sizeof(before));
    fixture_end(&k.f);
}

/* No path at all is no key: in turn. */
static void test_without_key(void **state)
{
    struct keyed k;
    char order[8];

    (void)state;
    prepare(&k, false, NULL, 3);
    fixture_start(&k.f);
    k.req.path = STR("");
    fixture_picks(&k.f, &k.pick, 6, order);
    assert_string_equal(order, "abcabc");
    fixture_end(&k.f);
}

/* A tier in which nobody of the map can be used, and servers of weight 0. */
static void test_few_of_many(void **state)
{
    struct keyed k;

    (void)state;
    for (unsigned consistent = 0; consistent < 2; consistent++) {
        prepare(&k, consistent, NULL, 1000);
        for (size_t i = 0; i < 1000; i++)
            k.f.conf.peers[i].down = i != 777;
        k.f.conf.peers[778].weight = 0;
        k.f.conf.peers[778].down = false;
        fixture_start(&k.f);
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(pick_key(&k, i), 777);
        fixture_end(&k.f);
    }
}

static void check_key(struct request *req, const struct upstream *u, const char *key)
{
    struct str got = balance_key(u, req);

    if (!key) {
        assert_null(got.s);
        return;
    }
    if (!got.s || !str_eq(got, str_of(key)))
        fail_msg("key \"%.*s\" instead of \"%s\"", STR_ARG(got), key);
}

static void test_keys(void **state)
{
    static const struct {
        enum balance_method method;
        struct balance_conf conf;
        const char *path, *query, *key;
    } cases[] = {
        {BALANCE_SOURCE, {0}, "/", NULL, "192.0.2.7"},
        {BALANCE_URI, {0}, "/a/b/c.css", "x=1", "/a/b/c.css"},
        {BALANCE_URI, {.whole = true}, "/a/b", "x=1/2", "/a/b?x=1/2"},
        {BALANCE_URI, {.depth = 1}, "/a/b/c.css", NULL, "/a"},
        {BALANCE_URI, {.depth = 2}, "/a/b/c.css", NULL, "/a/b"},
        {BALANCE_URI, {.depth = 9}, "/a/b/c.css", NULL, "/a/b/c.css"},
        {BALANCE_URI, {.length = 4}, "/a/b/c.css", NULL, "/a/b"},
        {BALANCE_URI, {.length = 2, .depth = 2}, "/a/b/c.css", NULL, "/a"},
        {BALANCE_URI, {.whole = true, .depth = 2}, "/a", "x=/1/2/3", "/a?x=/1/2/3"},
        {BALANCE_URL_PARAM, {.name = {"id", 2}}, "/", "xid=1&id=2&id=3", "2"},
        {BALANCE_URL_PARAM, {.name = {"id", 2}}, "/", "id", NULL},
        {BALANCE_URL_PARAM, {.name = {"id", 2}}, "/", "id=", NULL},
        {BALANCE_URL_PARAM, {.name = {"id", 2}}, "/", "idx=3&i=1", NULL},
        {BALANCE_URL_PARAM, {.name = {"id", 2}}, "/", NULL, NULL},
        {BALANCE_HEADER, {.name = {"x-user", 6}}, "/", NULL, "joe"},
        {BALANCE_HEADER, {.name = {"X-None", 6}}, "/", NULL, NULL},
        {BALANCE_HEADER, {.name = {"X-Empty", 7}}, "/", NULL, NULL},
        {BALANCE_RDP_COOKIE, {.name = {"mstshash", 8}}, "/", NULL, "anna"},
        {BALANCE_RDP_COOKIE, {.name = {"none", 4}}, "/", NULL, NULL},
        {BALANCE_LEAST_CONN, {0}, "/", NULL, NULL},
    };
    struct pool *pool = pool_new(4096);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct upstream u = {.balance = cases[i].method, .balance_conf = cases[i].conf};
        struct request req = {.pool = pool, .path = str_of(cases[i].path)};

        assert_int_equal(addr_parse_ip(STR("192.0.2.7"), (uint16_t)(1000 + i), &req.client), 0);
        header_list_init(&req.head.headers, pool, 8);
        assert_int_equal(header_add(&req.head.headers, STR("X-User"), STR("joe")), 0);
        assert_int_equal(header_add(&req.head.headers, STR("X-Empty"), STR("")), 0);
        assert_int_equal(header_add(&req.head.headers, STR("Cookie"), STR("a=1; mstshash=anna; b=2")), 0);
        req.has_query = cases[i].query != NULL;
        req.query = req.has_query ? str_of(cases[i].query) : STR("");
        check_key(&req, &u, cases[i].key);
        assert_int_equal(balance_has_key(cases[i].method), cases[i].method != BALANCE_LEAST_CONN);
    }
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_by_weight),
        cmocka_unit_test(test_the_same_everywhere),
        cmocka_unit_test(test_names_count_not_places),
        cmocka_unit_test(test_movement),
        cmocka_unit_test(test_movement_over_files),
        cmocka_unit_test(test_second_choice),
        cmocka_unit_test(test_bounded_load),
        cmocka_unit_test(test_bounds_leave_idle_servers_alone),
        cmocka_unit_test(test_without_key),
        cmocka_unit_test(test_few_of_many),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

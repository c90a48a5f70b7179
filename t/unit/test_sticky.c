/* test_sticky.c: which server a client with a cookie gets, whatever became of that server; and what it is
 * answered. */
#include "balancer_fixture.h"
#include <stdio.h>

#include "base/rnd.h"
#include "core/request.h"
#include "core/upstream/sticky.h"
#include "http/cookie.h"
#include "modules/modules.h"

#define COUNT 3

struct sticky_fixture {
    struct balancer_fixture base;
    struct sticky_conf sticky;
    struct process_stats stats;
    struct pool *pool;
    struct request req;
    struct message head;
};

static const char *const names[COUNT] = {"a", "b", "c"};

static void prepare(struct sticky_fixture *f, enum sticky_mode mode)
{
    memset(f, 0, sizeof(*f));
    fixture_prepare(&f->base, &balancer_round_robin, COUNT);
    f->base.loop.clock.wall_s = 1700000000;
    for (size_t i = 0; i < COUNT; i++)
        f->base.conf.peers[i].name = str_of(names[i]);
    f->sticky = (struct sticky_conf){.mode = mode,
                                     .cookie = STR("ID"),
                                     .path = STR("/"),
                                     .ttl_s = mode == STICKY_LEARN ? 60 : 0,
                                     .has_key = true,
                                     .key = "key"};
    f->base.conf.sticky = &f->sticky;
    f->base.config.secret = STR("secret");
    f->base.worker.stats = &f->stats;
    f->pool = pool_new(4096);
}

static void end(struct sticky_fixture *f)
{
    fixture_end(&f->base);
    pool_free(f->pool);
}

/* A new request with that Cookie field, or none. */
static void ask(struct sticky_fixture *f, const char *cookie)
{
    f->req = (struct request){.pool = f->pool, .worker = &f->base.worker};
    f->req.head.method = STR("GET");
    header_list_init(&f->req.head.headers, f->pool, 16);
    if (cookie)
        assert_int_equal(header_add(&f->req.head.headers, STR("Cookie"), str_of(cookie)), 0);
}

static int pick(struct sticky_fixture *f, const char *cookie)
{
    ask(f, cookie);
    return upstream_pick(f->base.state, &f->req, NULL, 0);
}

/* The answer's Set-Cookie that the client gets, cut at the first ';'; NULL: none.  `set`: what the server has
 * sent. */
static const char *answered(struct sticky_fixture *f, const char *set)
{
    const struct header *h;

    f->head = (struct message){.status = 200};
    header_list_init(&f->head.headers, f->pool, 16);
    if (set)
        assert_int_equal(header_add(&f->head.headers, STR("Set-Cookie"), str_of(set)), 0);
    sticky_answer(&f->req, &f->head);
    h = header_find(&f->head.headers, HEADER_SET_COOKIE);
    if (!h)
        return NULL;
    return pool_str(f->pool, (struct str){h->value.s, strcspn(pool_str(f->pool, h->value).s, ";")}).s;
}

/* A cookie that names server `wanted`. */
static const char *cookie_of(struct sticky_fixture *f, int wanted, const char *set)
{
    for (int i = 0; pick(f, NULL) != wanted; i++)
        assert_true(i < 100);
    return answered(f, set);
}

/* What became of the server that the client was with, and what it gets. */
static const struct {
    const char *what;
    unsigned queue, active;
    bool tried;
    int picked; /* 1: the same; 0: another; -1: none */
} cases[] = {
    {"nothing", 0, 0, false, 1},
    {"drained", 0, 0, false, 1},
    {"down", 0, 0, false, 0},
    {"tried before", 0, 0, true, 0},
    {"full", 0, 5, false, 0},
    {"full, and a queue", 10, 5, false, -1},
    {"down, and a queue", 10, 0, false, 0},
    {"drained, full, and a queue", 10, 5, false, 0},
};

static void test_server(void **state)
{
    static const int tried[] = {1};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sticky_fixture f;
        const char *cookie;
        struct peer_conf *b;
        int index;

        prepare(&f, STICKY_INSERT);
        fixture_start(&f.base);
        cookie = cookie_of(&f, 1, NULL);
        b = &f.base.conf.peers[1];
        b->weight = strncmp(cases[i].what, "drained", 7) ? 1 : 0;
        b->down = strncmp(cases[i].what, "down", 4) == 0;
        b->max_connections = 5;
        f.base.conf.queue.size = cases[i].queue;
        f.base.state->peers[1]->active = cases[i].active;
        fixture_look(&f.base);
        ask(&f, cookie);
        index = upstream_pick(f.base.state, &f.req, tried, cases[i].tried);
        if (cases[i].picked < 0 ? index != -1 : cases[i].picked ? index != 1 : index < 0 || index == 1)
            fail_msg("%s: server %d", cases[i].what, index);
        if (index >= 0)
            assert_int_equal(answered(&f, NULL) == NULL, index == 1);
        end(&f);
    }
}

/* The server that a request waits for goes, and its place is given to another: that is not the one wanted. */
static void test_place_of_another(void **state)
{
    struct sticky_fixture f;
    const char *cookie;

    (void)state;
    prepare(&f, STICKY_INSERT);
    f.base.conf.queue.size = 10;
    f.base.conf.peers[1].max_connections = 1;
    fixture_start(&f.base);
    cookie = cookie_of(&f, 1, NULL);
    f.base.state->peers[1]->active = 1;
    assert_int_equal(pick(&f, cookie), -1);
    assert_int_equal(sticky_waits_for(&f.req, f.base.state), 1);
    f.base.state->peers[1]->active = 0;
    assert_int_equal(upstream_pick(f.base.state, &f.req, NULL, 0), 1);
    f.base.state->peers[1]->active = 1;
    f.base.state->peers[1]->lives++;
    assert_true(upstream_pick(f.base.state, &f.req, NULL, 0) != -1);
    assert_int_equal(sticky_waits_for(&f.req, f.base.state), -1);
    assert_int_equal(f.req.sticky->wanted, -1);
    assert_int_equal(f.req.sticky->said, STICKY_SAID_GONE);
    end(&f);
}

static void test_counts(void **state)
{
    struct sticky_fixture f;
    const char *cookie;
    int index;

    (void)state;
    prepare(&f, STICKY_INSERT);
    fixture_start(&f.base);
    assert_true(pick(&f, NULL) >= 0);
    cookie = answered(&f, NULL);
    assert_int_equal(f.stats.sticky[STICKY_NEW], 1);
    index = pick(&f, cookie);
    assert_null(answered(&f, NULL));
    assert_int_equal(f.stats.sticky[STICKY_KEPT], 1);
    f.base.conf.peers[index].down = true;
    fixture_look(&f.base);
    assert_int_not_equal(pick(&f, cookie), index);
    assert_non_null(answered(&f, NULL));
    assert_int_equal(f.stats.sticky[STICKY_MOVED], 1);
    (void)pick(&f, "ID=x");
    assert_non_null(answered(&f, NULL));
    assert_int_equal(f.stats.sticky[STICKY_FORGED], 1);
    end(&f);
}

/* With a time to live of 100 s: set anew from a tenth of it on, over after it; a session cookie is dated. */
static void test_times(void **state)
{
    static const struct {
        int64_t age;
        bool set, kept;
    } ages[] = {{0, false, true},   {9, false, true},   {10, true, true},   {100, true, true},
                {101, true, false}, {-60, false, true}, {-4000, true, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
        struct sticky_fixture f;
        const char *cookie;

        prepare(&f, STICKY_INSERT);
        f.sticky.ttl_s = 100;
        fixture_start(&f.base);
        cookie = cookie_of(&f, 1, NULL);
        f.base.loop.clock.wall_s += ages[i].age;
        if (ages[i].kept)
            assert_int_equal(pick(&f, cookie), 1);
        else
            (void)pick(&f, cookie);
        assert_int_equal(f.req.sticky->wanted, ages[i].kept ? 1 : -1);
        assert_int_equal(answered(&f, NULL) != NULL, ages[i].set);
        end(&f);
    }
    struct sticky_fixture f;
    const char *cookie;

    prepare(&f, STICKY_INSERT);
    fixture_start(&f.base);
    cookie = cookie_of(&f, 1, NULL);
    f.sticky.ttl_s = 100;
    assert_int_equal(pick(&f, cookie), 1);
    assert_non_null(answered(&f, NULL));
    f.sticky.ttl_s = 0;
    assert_int_equal(pick(&f, cookie), 1);
    assert_null(answered(&f, NULL));
    end(&f);
}

static void test_learn(void **state)
{
    struct sticky_fixture f;

    (void)state;
    prepare(&f, STICKY_LEARN);
    fixture_start(&f.base);
    for (int i = 0; i < COUNT; i++)
        assert_string_equal(cookie_of(&f, 1, "ID=mine; Path=/"), "ID=mine");
    for (int i = 0; i < 5; i++)
        assert_int_equal(pick(&f, "ID=\"mine\""), 1);
    /* Its server is down: where the session goes it stays, also when the server is back. */
    f.base.conf.peers[1].down = true;
    fixture_look(&f.base);
    int moved = pick(&f, "ID=mine");

    assert_int_not_equal(moved, 1);
    assert_null(answered(&f, NULL));
    f.base.conf.peers[1].down = false;
    fixture_look(&f.base);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pick(&f, "ID=mine"), moved);
    f.base.loop.clock.mono_ms += 61000;
    (void)pick(&f, "ID=mine");
    assert_int_equal(f.req.sticky->said, STICKY_SAID_FOREIGN);
    (void)pick(&f, "ID=");
    assert_int_equal(f.req.sticky->said, STICKY_SAID_FOREIGN);
    end(&f);
}

/* What the client sends back after the server has set `value`, and what of it the server sees. */
static void test_rewrite(void **state)
{
    static const char *const values[] = {"abc", "\"a b\"", "~", "x~y", "=", "\"", "\"a"};
    struct sticky_fixture f;

    (void)state;
    prepare(&f, STICKY_REWRITE);
    fixture_start(&f.base);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct str set = pool_printf(f.pool, "ID=%s; Path=/", values[i]);
        const char *cookie = cookie_of(&f, 2, set.s);
        struct str sent = pool_printf(f.pool, "x=1;%s ;ID=other;  %s;y", cookie, cookie);
        struct str seen = pool_printf(f.pool, "x=1;ID=%s ;ID=other;  ID=%s;y", values[i], values[i]);

        assert_string_not_equal(cookie, pool_printf(f.pool, "ID=%s", values[i]).s);
        assert_int_equal(pick(&f, sent.s), 2);
        sticky_hide(&f.req, &f.req.head.headers);
        assert_string_equal(pool_str(f.pool, f.req.head.headers.items[0].value).s, seen.s);
    }
    assert_string_equal(cookie_of(&f, 2, "ID=; Max-Age=0"), "ID=");
    end(&f);
}

/* More cookies of the name than are looked at: those behind them do not count, and none is read past its end.
 */
static void test_many_cookies(void **state)
{
    struct sticky_fixture f;
    struct str field = STR("");

    (void)state;
    prepare(&f, STICKY_INSERT);
    fixture_start(&f.base);
    const char *cookie = cookie_of(&f, 1, NULL);

    for (int i = 0; i <= STICKY_COOKIES; i++) {
        struct str all = pool_printf(f.pool, "%.*s%s", STR_ARG(field), cookie);

        (void)pick(&f, all.s);
        assert_int_equal(f.req.sticky->wanted, i < STICKY_COOKIES ? 1 : -1);
        field = pool_printf(f.pool, "%.*sID=x; ", STR_ARG(field));
    }
    end(&f);
}

/* Fields put together at random: nothing is read or written past its end, and nothing grows. */
static void test_noise(void **state)
{
    static const char *const tokens[] = {"ID=", "ID",  "=", ";",  "; ",   "~",      "\"",
                                         ",",   "x=1", "A", "\t", "\xff", ";ID=\"", "ID=;"};
    static const enum sticky_mode modes[] = {STICKY_INSERT, STICKY_REWRITE, STICKY_LEARN};
    struct rnd rnd;

    (void)state;
    rnd_init_fixed(&rnd, 7);
    for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
        struct sticky_fixture f;

        prepare(&f, modes[m]);
        f.sticky.indirect = modes[m] == STICKY_INSERT;
        fixture_start(&f.base);
        const char *cookie = cookie_of(&f, 1, "ID=1");
        char kept[128], field[2048], *copy;

        snprintf(kept, sizeof(kept), "%s", cookie ? cookie : "");
        for (unsigned round = 0; round < 20000; round++) {
            size_t len = 0, total = 0;

            for (uint64_t n = rnd_below(&rnd, 12); n > 0; n--)
                len +=
                    (size_t)snprintf(field + len, sizeof(field) - len, "%s",
                                     rnd_below(&rnd, 5) ? tokens[rnd_below(&rnd, ARRAY_SIZE(tokens))] : kept);
            pool_reset(f.pool);
            copy = pool_text(f.pool, len);
            memcpy(copy, field, len);
            ask(&f, NULL);
            for (int i = 0; i < 2; i++)
                assert_int_equal(header_add(&f.req.head.headers, STR("Cookie"), (struct str){copy, len}), 0);
            assert_true(upstream_pick(f.base.state, &f.req, NULL, 0) >= 0);
            sticky_hide(&f.req, &f.req.head.headers);
            for (size_t i = 0; i < f.req.head.headers.count; i++)
                total += f.req.head.headers.items[i].value.len;
            assert_true(total <= 2 * len);
            (void)answered(&f, "ID=2");
        }
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server),       cmocka_unit_test(test_place_of_another),
        cmocka_unit_test(test_counts),       cmocka_unit_test(test_times),
        cmocka_unit_test(test_learn),        cmocka_unit_test(test_rewrite),
        cmocka_unit_test(test_many_cookies), cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

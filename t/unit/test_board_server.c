/*
 * test_board_server.c: records of servers that are in no file: what is refused, what is read back from
 * hostile memory, and when a slot is given to another server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "core/board/board_map.h"
#include "core/board/board_server.h"

static int64_t now_ms(void)
{
    struct clock now;

    clock_init(&now);
    return now.mono_ms;
}

static struct board_server server_of(const char *name, const char *address)
{
    struct board_server s = {.upstream = STR("app"),
                             .name = str_of(name),
                             .origin = BOARD_ORIGIN_API,
                             .weight = 3,
                             .template_slot = BOARD_NO_TEMPLATE};
    char error[200];

    assert_int_equal(addr_parse(str_of(address), &s.address, error, sizeof(error)), 0);
    return s;
}

static int add(struct board *board, const char *name)
{
    struct board_server s = server_of(name, "127.0.0.1:80");

    return board_server_add(board, &s);
}

static struct board_peer *record_of(struct board *board, int slot)
{
    return &board->map->peers[slot];
}

static void test_what_is_written_is_read(void **state)
{
    static const char *const addresses[] = {"127.0.0.1:80", "[::1]:443", "unix:/run/app.sock"};
    struct board *board = board_new();

    (void)state;
    assert_int_equal(board_server_end(board), BOARD_SERVERS_FROM);
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct board_server s = server_of(addresses[i], addresses[i]), back;
        uint32_t version = board_servers_version(board), peers = board_peers_version(board);
        char text[BOARD_NAME_MAX];
        int slot;

        s.backup = i == 1;
        s.template_slot = (uint32_t)i;
        slot = board_server_add(board, &s);
        assert_int_equal(slot, BOARD_SERVERS_FROM + (int)i);
        assert_int_not_equal(board_servers_version(board), version);
        assert_int_not_equal(board_peers_version(board), peers);
        assert_int_equal(board_server_end(board), slot + 1);
        assert_int_equal(board_server_read(board, (unsigned)slot, &back, text), 0);
        assert_true(str_eq(back.upstream, STR("app")));
        assert_true(str_eq(back.name, str_of(addresses[i])));
        assert_true(addr_eq(&back.address, &s.address));
        assert_int_equal(back.weight, 3);
        assert_int_equal(back.backup, i == 1);
        assert_int_equal(back.template_slot, i);
        assert_int_equal(back.origin, BOARD_ORIGIN_API);
    }
    board_close(board);
}

static void test_what_is_refused(void **state)
{
    struct board *board = board_new();
    char longest[BOARD_NAME_MAX + 2];
    struct board_server s;

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(add(board, ""), -1);
    assert_int_equal(add(board, "a\nb"), -1);
    assert_int_equal(add(board, longest), -1);
    longest[BOARD_NAME_MAX - 3] = '\0'; /* with "app" as long as can be */
    assert_int_equal(add(board, longest), BOARD_SERVERS_FROM);
    s = server_of("w", "127.0.0.1:80");
    s.weight = PEER_WEIGHT_MAX + 1;
    assert_int_equal(board_server_add(board, &s), -1);
    s = server_of("o", "127.0.0.1:80");
    s.origin = BOARD_ORIGIN_NONE;
    assert_int_equal(board_server_add(board, &s), -1);
    s = server_of("n", "127.0.0.1:80");
    s.address.len = 0;
    assert_int_equal(board_server_add(board, &s), -1);
    s = server_of("p", "127.0.0.1:80");
    s.address.in.sin_port = 0;
    assert_int_equal(board_server_add(board, &s), -1);
    assert_int_equal(board_server_end(board), BOARD_SERVERS_FROM + 1);
    board_close(board);
}

/* Each spoils one word of a sound record. */
static void spoil_lengths(struct board_peer *p, struct board_server_record *r WEIR_UNUSED)
{
    p->server_len = 250;
}
static void spoil_empty(struct board_peer *p, struct board_server_record *r WEIR_UNUSED)
{
    p->server_len = 0;
}
static void spoil_text(struct board_peer *p, struct board_server_record *r WEIR_UNUSED)
{
    p->name[4] = '\n';
}
static void spoil_origin(struct board_peer *p WEIR_UNUSED, struct board_server_record *r)
{
    r->origin = 77;
}
static void spoil_weight(struct board_peer *p WEIR_UNUSED, struct board_server_record *r)
{
    r->weight = UINT32_MAX;
}
static void spoil_family(struct board_peer *p WEIR_UNUSED, struct board_server_record *r)
{
    r->address.sa.sa_family = 99;
}
static void spoil_length(struct board_peer *p WEIR_UNUSED, struct board_server_record *r)
{
    r->address.len = 60000;
}
static void spoil_short(struct board_peer *p WEIR_UNUSED, struct board_server_record *r)
{
    r->address.len = 3;
}
static void spoil_use(struct board_peer *p, struct board_server_record *r WEIR_UNUSED)
{
    p->is_used = 1234;
}
static void spoil_incarnation(struct board_peer *p, struct board_server_record *r WEIR_UNUSED)
{
    p->incarnation = 0;
}

static void test_hostile_words(void **state)
{
    static void (*const spoils[])(struct board_peer *, struct board_server_record *) = {
        spoil_lengths, spoil_empty,  spoil_text,  spoil_origin, spoil_weight,
        spoil_family,  spoil_length, spoil_short, spoil_use,    spoil_incarnation,
    };
    char text[BOARD_NAME_MAX];
    struct board_server back;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
        struct board *board = board_new();
        int slot = add(board, "one");

        assert_int_equal(board_server_read(board, (unsigned)slot, &back, text), 0);
        spoils[i](record_of(board, slot), &board->map->servers[slot - BOARD_SERVERS_FROM]);
        assert_int_equal(board_server_read(board, (unsigned)slot, &back, text), -1);
        board_close(board);
    }
}

/* What is neither false nor true must not be taken for a bool, nor a path without end for text. */
static void test_hostile_bytes(void **state)
{
    struct board *board = board_new();
    struct board_server_record *r;
    char text[BOARD_NAME_MAX];
    struct board_server back;
    struct board_server s = server_of("u", "unix:/run/x");
    int slot = board_server_add(board, &s);

    (void)state;
    r = &board->map->servers[slot - BOARD_SERVERS_FROM];
    memset(&r->address.any, 0x5a, sizeof(r->address.any));
    memset(r->address.un.sun_path, 'x', sizeof(r->address.un.sun_path));
    r->address.un.sun_path[0] = '/';
    r->address.len = sizeof(r->address.un);
    r->backup = 1U << 31;
    assert_int_equal(board_server_read(board, (unsigned)slot, &back, text), 0);
    assert_false(back.address.any);
    assert_int_equal(back.address.un.sun_path[sizeof(back.address.un.sun_path) - 1], 0);
    assert_true(back.backup);
    /* Numbers that are no slot, and an end beyond the end. */
    assert_int_equal(board_server_read(board, 0, &back, text), -1);
    assert_int_equal(board_server_read(board, BOARD_PEERS, &back, text), -1);
    assert_int_equal(board_server_read(board, UINT32_MAX, &back, text), -1);
    board_server_remove(board, UINT32_MAX);
    board->map->head.server_end = UINT32_MAX;
    assert_int_equal(board_server_end(board), BOARD_PEERS);
    board_close(board);
}

static void test_removed_slots_rest(void **state)
{
    struct board *board = board_new();
    int process = board_process_take(board, BOARD_WORKER, 0, 1);
    int slot = add(board, "one");
    struct peer_stats *stats = board_peer_stats(board, (unsigned)process, (unsigned)slot);
    uint32_t incarnation = board_server_incarnation(board, (unsigned)slot);
    char text[BOARD_NAME_MAX];
    struct board_server back;

    (void)state;
    stats->requests = 9;
    stats->active = 1;
    board_peer_shared(board, (unsigned)slot)->override = PEER_OVERRIDE_DOWN;
    board_server_remove(board, (unsigned)slot);
    assert_int_equal(board_server_read(board, (unsigned)slot, &back, text), -1);
    assert_int_equal(board_server_incarnation(board, (unsigned)slot), 0);
    assert_int_equal(add(board, "two"), slot + 1);
    assert_int_equal(board_server_collect(board, now_ms() + BOARD_SERVER_REST_MS / 2), 0);
    assert_int_equal(board_server_collect(board, now_ms() + BOARD_SERVER_REST_MS + 1000),
                     0); /* one is active */
    stats->active = 0;
    stats->queued = 1;
    assert_int_equal(board_server_collect(board, now_ms() + BOARD_SERVER_REST_MS + 1000), 0);
    stats->queued = 0;
    assert_int_equal(board_server_collect(board, now_ms() + BOARD_SERVER_REST_MS + 1000), 1);
    assert_int_equal(add(board, "three"), slot);
    assert_int_not_equal(board_server_incarnation(board, (unsigned)slot), incarnation);
    assert_int_equal(stats->requests, 0);
    assert_int_equal(board_peer_shared(board, (unsigned)slot)->override, PEER_OVERRIDE_NONE);
    board_close(board);
}

/* A slot that a keeper took at this moment is not freed by what was noted of the owner before. */
static void test_taken_slots_rest(void **state)
{
    struct board *board = board_new();
    int slot = add(board, "one");
    int64_t later = now_ms() + BOARD_SERVER_REST_MS + 1000;

    (void)state;
    board_server_remove(board, (unsigned)slot);
    assert_int_equal(board_server_collect(board, later), 1);
    record_of(board, slot)->is_used = BOARD_PEER_TAKEN;
    assert_int_equal(board_server_collect(board, later + BOARD_SERVER_REST_MS), 0);
    assert_int_equal(board_server_collect(board, later + BOARD_SERVER_REST_MS + 1000), 0);
    /* But one that was left so comes back. */
    assert_int_equal(board_server_collect(board, later + 2 * BOARD_SERVER_REST_MS), 1);
    board_close(board);
}

/* The gauges of a process that was killed do not keep a slot for ever. */
static void test_the_dead_hold_nothing(void **state)
{
    struct board *board = board_new();
    int process = board_process_take(board, BOARD_WORKER, 0, 1);
    int slot = add(board, "one");

    (void)state;
    board_peer_stats(board, (unsigned)process, (unsigned)slot)->active = 3;
    board_process_free(board, (unsigned)process);
    assert_int_equal(board_peer_stats(board, (unsigned)process, (unsigned)slot)->active, 0);
    board_close(board);
}

static void test_all_slots(void **state)
{
    struct board *board = board_new();
    char name[32];

    (void)state;
    for (unsigned i = 0; i < BOARD_SERVERS; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        assert_int_equal(add(board, name), BOARD_SERVERS_FROM + i);
    }
    assert_int_equal(add(board, "more"), -1);
    board_server_remove(board, BOARD_SERVERS_FROM + 5000);
    assert_int_equal(add(board, "more"), -1);
    assert_int_equal(board_server_collect(board, now_ms() + BOARD_SERVER_REST_MS + 1000), 1);
    assert_int_equal(add(board, "more"), BOARD_SERVERS_FROM + 5000);
    board_close(board);
}

/* Servers that come and go for ever take no more of the board than those of a minute. */
static void test_growth_is_bounded(void **state)
{
    struct board *board = board_new();
    int64_t now = now_ms();
    struct stat st;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        int slot = add(board, "again");

        assert_true(slot >= 0);
        board_server_remove(board, (unsigned)slot);
        /* As if 100 came and went in a minute. */
        if (i % 100 == 99)
            assert_int_equal(board_server_collect(board, now += 10 * BOARD_SERVER_REST_MS), 100);
    }
    assert_true(board_server_end(board) <= BOARD_SERVERS_FROM + 100);
    assert_int_equal(fstat(board_fd(board), &st), 0);
    assert_true(st.st_blocks / 2 < 1024);
    board_close(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_hostile_words),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_removed_slots_rest),
        cmocka_unit_test(test_taken_slots_rest),
        cmocka_unit_test(test_the_dead_hold_nothing),
        cmocka_unit_test(test_all_slots),
        cmocka_unit_test(test_growth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

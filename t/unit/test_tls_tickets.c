/* test_tls_tickets.c: which keys seal and open session tickets, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "core/board/board_tickets.h"
#include "core/tls/tls_tickets.h"

static const struct tls_policy plain;

static struct tls_ticket_key key_of(struct tls_tickets *t, const struct tls_policy *p, size_t number, int64_t now_s)
{
    struct tls_ticket_key key;

    memset(&key, 0, sizeof(key));
    assert_true(tls_tickets_key(t, p, number, now_s, &key));
    return key;
}

static bool same(struct tls_ticket_key a, struct tls_ticket_key b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void test_board_keys_rotate(void **state)
{
    struct board *board = board_new();
    struct tls_tickets one, two;
    struct tls_ticket_key made[6], key;
    struct timespec now;
    int64_t ms;

    (void)state;
    assert_non_null(board);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    ms = (int64_t)now.tv_sec * 1000;
    tls_tickets_init(&one, board, STR("not used"));
    tls_tickets_init(&two, board, STR("nor this"));
    assert_false(tls_tickets_key(&one, &plain, 1, 0, &key));
    for (int i = 0; i < 6; i++) {
        made[i] = key_of(&one, &plain, 0, 0);
        assert_int_equal(made[i].size, 32);
        assert_true(same(made[i], key_of(&two, &plain, 0, 0)));
        for (int age = 1; age <= i && age < BOARD_TICKET_KEYS; age++)
            assert_true(same(made[i - age], key_of(&two, &plain, (size_t)age, 0)));
        for (int k = 0; k < i; k++)
            assert_false(same(made[k], made[i]));
        assert_false(tls_tickets_key(&one, &plain, BOARD_TICKET_KEYS, 0, &key));
        assert_false(board_tickets_tick(board, ms + BOARD_TICKET_MS - 1000));
        ms += BOARD_TICKET_MS;
        assert_true(board_tickets_tick(board, ms + 1000));
        ms += 1000;
    }
    board_close(board);
}

static void test_clock_before_the_key(void **state)
{
    struct board *board = board_new();

    (void)state;
    assert_non_null(board);
    assert_true(board_tickets_tick(board, 1));
    assert_false(board_tickets_tick(board, 2));
    board_close(board);
}

/* Machines with one secret open each other's tickets, though their clocks differ by some minutes. */
static void test_secret_keys(void **state)
{
    struct tls_tickets one, two, other;
    int64_t start = INT64_C(40000) * TLS_TICKET_PERIOD_S;
    struct tls_ticket_key sealing, key;
    bool found = false;

    (void)state;
    tls_tickets_init(&one, NULL, STR("of the fleet"));
    tls_tickets_init(&two, NULL, STR("of the fleet"));
    tls_tickets_init(&other, NULL, STR("of another"));
    sealing = key_of(&one, &plain, 0, start);
    assert_true(same(sealing, key_of(&two, &plain, 0, start + TLS_TICKET_PERIOD_S - 1)));
    assert_false(same(sealing, key_of(&two, &plain, 0, start + TLS_TICKET_PERIOD_S)));
    assert_false(same(sealing, key_of(&other, &plain, 0, start)));
    assert_memory_not_equal(sealing.mac, sealing.cipher, 32);
    for (int64_t off = -60; off <= 2 * TLS_TICKET_PERIOD_S; off += 2 * TLS_TICKET_PERIOD_S + 60) {
        found = false;
        for (size_t i = 0; tls_tickets_key(&two, &plain, i, start + off, &key); i++)
            found |= same(sealing, key);
        assert_true(found);
    }
    for (size_t i = 0; tls_tickets_key(&two, &plain, i, start + 3 * TLS_TICKET_PERIOD_S, &key); i++)
        assert_false(same(sealing, key));
}

static void test_file_keys(void **state)
{
    char long_text[80], short_text[48];
    struct tls_material long_file = {.parts = {{.bytes = long_text, .len = 80}}};
    struct tls_material short_file = {.parts = {{.bytes = short_text, .len = 48}}};
    struct tls_material *files[] = {&long_file, &short_file};
    struct tls_policy p = {.ticket_keys = files, .ticket_key_count = 2};
    struct tls_tickets t;
    struct tls_ticket_key key;

    (void)state;
    for (int i = 0; i < 80; i++)
        long_text[i] = (char)i;
    memcpy(short_text, long_text, 48);
    tls_tickets_init(&t, NULL, STR("not used"));
    key = key_of(&t, &p, 0, 0);
    assert_int_equal(key.size, 32);
    assert_memory_equal(key.name, long_text, 16);
    assert_memory_equal(key.mac, long_text + 16, 32);
    assert_memory_equal(key.cipher, long_text + 48, 32);
    key = key_of(&t, &p, 1, 0);
    assert_int_equal(key.size, 16);
    assert_memory_equal(key.cipher, short_text + 16, 16);
    assert_memory_equal(key.mac, short_text + 32, 16);
    assert_false(tls_tickets_key(&t, &p, 2, 0, &key));
    short_file.parts[0].len = 47;
    assert_false(tls_tickets_key(&t, &p, 1, 0, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_board_keys_rotate),
        cmocka_unit_test(test_clock_before_the_key),
        cmocka_unit_test(test_secret_keys),
        cmocka_unit_test(test_file_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_limit_table.c: connections counted by key over several processes: the limit, the dead, a table that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/board/board.h"
#include "core/board/limit_table.h"
#include "core/client/conn_limit.h"

#define WORKERS 3

struct fixture {
    struct board *board;
    unsigned slots[WORKERS];
};

static int begin(void **state)
{
    static struct fixture f;

    f.board = board_new();
    assert_non_null(f.board);
    for (unsigned i = 0; i < WORKERS; i++) {
        int slot = board_process_take(f.board, BOARD_WORKER, i, 1);

        assert_true(slot >= 0);
        f.slots[i] = (unsigned)slot;
    }
    *state = &f;
    return 0;
}

static void addresses(void **state)
{
    static const struct {
        const char *address, *key;
    } rows[] = {
        {"192.0.2.7", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
        {"2001:db8:1:2::", "2001:db8:1:2::"},
        {"2001:db8:1:3::1", "2001:db8:1:3::"},
    };
    char text[ADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct addr a;
        struct str key;

        assert_int_equal(addr_parse_ip(str_of(rows[i].address), 1, &a), 0);
        key = conn_limit_address(&a, text);
        if (!str_eq(key, str_of(rows[i].key)))
            fail_msg("%s: %.*s", rows[i].address, STR_ARG(key));
    }
}

static int end(void **state)
{
    struct fixture *f = *state;

    board_close(f->board);
    return 0;
}

static struct limit_entry *table(struct fixture *f, unsigned worker)
{
    return board_limits(f->board, f->slots[worker]);
}

static enum limit_result take(struct fixture *f, unsigned worker, uint64_t hash, uint64_t max, uint32_t *entry)
{
    return limit_take(table(f, worker), f->board, f->slots[worker], hash, max, entry);
}

static void test_over_all(void **state)
{
    struct fixture *f = *state;
    uint32_t entries[WORKERS], other;

    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(take(f, i, 77, 3, &entries[i]), LIMIT_TAKEN);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(take(f, i, 77, 3, &other), LIMIT_REACHED);
    assert_int_equal(take(f, 0, 78, 3, &other), LIMIT_TAKEN);
    /* Refused ones have left nothing behind. */
    limit_give(table(f, 1), entries[1]);
    assert_int_equal(take(f, 2, 77, 3, &other), LIMIT_TAKEN);
    assert_int_equal(take(f, 1, 77, 3, &other), LIMIT_REACHED);
}

static void test_the_dead_hold_nothing(void **state)
{
    struct fixture *f = *state;
    uint32_t entry;

    assert_int_equal(take(f, 0, 5, 2, &entry), LIMIT_TAKEN);
    assert_int_equal(take(f, 0, 5, 2, &entry), LIMIT_TAKEN);
    assert_int_equal(take(f, 1, 5, 2, &entry), LIMIT_REACHED);
    board_process_free(f->board, f->slots[0]);
    assert_int_equal(table(f, 0)[entry].count, 0);
    assert_int_equal(take(f, 1, 5, 2, &entry), LIMIT_TAKEN);
    assert_int_equal(board_process_take(f->board, BOARD_WORKER, 0, 1), f->slots[0]);
    assert_int_equal(take(f, 0, 5, 2, &entry), LIMIT_TAKEN);
    assert_int_equal(take(f, 0, 5, 2, &entry), LIMIT_REACHED);
}

/* Hashes that all have their place among the same entries. */
static void test_full(void **state)
{
    struct fixture *f = *state;
    const uint64_t step = LIMIT_ENTRIES / LIMIT_WAYS;
    uint32_t entries[LIMIT_WAYS], entry;

    for (uint64_t i = 0; i < LIMIT_WAYS; i++)
        assert_int_equal(take(f, 0, 9 + i * step, 1, &entries[i]), LIMIT_TAKEN);
    assert_int_equal(take(f, 0, 9 + LIMIT_WAYS * step, 1, &entry), LIMIT_NO_PLACE);
    assert_int_equal(take(f, 0, 9, 1, &entry), LIMIT_REACHED);
    assert_int_equal(take(f, 1, 9 + 3 * step, 1, &entry), LIMIT_REACHED);
    /* What is given back is another's. */
    limit_give(table(f, 0), entries[3]);
    assert_int_equal(take(f, 0, 9 + LIMIT_WAYS * step, 1, &entry), LIMIT_TAKEN);
    assert_int_equal(entry, entries[3]);
    assert_int_equal(take(f, 1, 9 + LIMIT_WAYS * step, 1, &entry), LIMIT_REACHED);
    assert_int_equal(take(f, 1, 9 + 3 * step, 1, &entry), LIMIT_TAKEN);
}

static void test_garbage(void **state)
{
    struct fixture *f = *state;
    uint32_t entry;

    /* Others write what they like: nobody is let in by it, and a sum does not run over. */
    for (unsigned i = 1; i < WORKERS; i++)
        for (size_t k = 0; k < LIMIT_ENTRIES; k++)
            table(f, i)[k] = (struct limit_entry){4, UINT64_MAX};
    assert_int_equal(take(f, 0, 4, 1000, &entry), LIMIT_REACHED);
    assert_int_equal(take(f, 0, 3, 1000, &entry), LIMIT_TAKEN);
    limit_give(table(f, 0), UINT32_MAX);
    limit_give(table(f, 0), entry);
    limit_give(table(f, 0), entry);
    assert_int_equal(table(f, 0)[entry].count, 0);
}

static void test_alone(void **state)
{
    struct limit_entry *own = calloc(LIMIT_ENTRIES, sizeof(*own));
    uint32_t entry;

    (void)state;
    assert_non_null(own);
    assert_null(board_limits(((struct fixture *)*state)->board, BOARD_PARTS));
    assert_int_equal(limit_take(own, NULL, 0, 1, 1, &entry), LIMIT_TAKEN);
    assert_int_equal(limit_take(own, NULL, 0, 1, 1, &entry), LIMIT_REACHED);
    /* A part of a limit may be nothing. */
    assert_int_equal(limit_take(own, NULL, 0, 2, 0, &entry), LIMIT_REACHED);
    free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_over_all, begin, end),
        cmocka_unit_test_setup_teardown(test_the_dead_hold_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_full, begin, end),
        cmocka_unit_test_setup_teardown(test_garbage, begin, end),
        cmocka_unit_test_setup_teardown(test_alone, begin, end),
        cmocka_unit_test(addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

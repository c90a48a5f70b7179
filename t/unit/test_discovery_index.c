/*
 * test_discovery_index.c: a change of one upstream's records is told of that upstream, and of no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/discovery/discovery_index.h"

enum { A, B, C, UPSTREAMS };

static const struct str names[UPSTREAMS] = {STR("a"), STR("b"), STR("c")};

static struct board_server server_of(const char *upstream, const char *address, enum board_origin origin)
{
    struct board_server s = {.upstream = str_of(upstream),
                             .name = str_of(address),
                             .origin = origin,
                             .weight = 1,
                             .template_slot = BOARD_NO_TEMPLATE};

    assert_int_equal(addr_parse(s.name, &s.address, NULL, 0), 0);
    return s;
}

/* Looks, and tells which upstreams have another sum than before: "a c". */
static const char *changed(struct discovery_index *index, struct board *board,
                           const struct discovery_records *const *records, uint64_t *sums)
{
    static const char *const text[] = {"", "a", "b", "a b", "c", "a c", "b c", "a b c"};
    unsigned which = 0;

    discovery_index_look(index, board);
    for (unsigned i = 0; i < UPSTREAMS; i++) {
        which |= records[i]->sum != sums[i] ? 1u << i : 0;
        sums[i] = records[i]->sum;
    }
    return text[which];
}

static void test_changes(void **state)
{
    struct board *board = board_new();
    struct pool *pool = pool_new(4096);
    struct discovery_index *index = discovery_index_new(pool, 1);
    const struct discovery_records *records[UPSTREAMS];
    uint64_t sums[UPSTREAMS] = {0}, first[UPSTREAMS];
    struct board_server one = server_of("a", "10.0.0.1:80", BOARD_ORIGIN_DNS);
    struct board_server two = server_of("b", "10.0.0.2:80", BOARD_ORIGIN_FILE);
    struct board_server three = server_of("a", "10.0.0.3:80", BOARD_ORIGIN_API);
    struct board_server other = server_of("other", "10.0.0.4:80", BOARD_ORIGIN_DNS);
    int slot, slot_of_b;

    (void)state;
    assert_non_null(board);
    for (unsigned i = 0; i < UPSTREAMS; i++)
        records[i] = discovery_index_add(index, names[i], BOARD_ORIGIN_DNS);
    assert_ptr_equal(discovery_index_add(index, STR("b"), BOARD_ORIGIN_FILE), records[B]);
    assert_string_equal(changed(index, board, records, sums), "");

    slot = board_server_add(board, &one);
    slot_of_b = board_server_add(board, &two);
    assert_true(slot >= 0 && slot_of_b >= 0);
    assert_string_equal(changed(index, board, records, sums), "a b");
    memcpy(first, sums, sizeof(first));
    assert_string_equal(changed(index, board, records, sums), "");
    assert_true(board_server_add(board, &other) >= 0);
    assert_string_equal(changed(index, board, records, sums), "");
    assert_true(board_server_add(board, &three) >= 0);
    assert_string_equal(changed(index, board, records, sums), "a");
    assert_int_equal(records[A]->count[BOARD_ORIGIN_DNS], 1);
    assert_int_equal(records[A]->count[BOARD_ORIGIN_API], 1);
    assert_int_equal(records[B]->count[BOARD_ORIGIN_FILE], 1);

    two.weight = 9;
    board_server_change(board, (unsigned)slot_of_b, &two);
    assert_string_equal(changed(index, board, records, sums), "b");
    /* What only workers care for is no change of a record. */
    board_peers_changed(board);
    assert_string_equal(changed(index, board, records, sums), "");

    /* The same server once more is another record. */
    board_server_remove(board, (unsigned)slot);
    assert_string_equal(changed(index, board, records, sums), "a");
    assert_int_equal(records[A]->count[BOARD_ORIGIN_DNS], 0);
    assert_true(board_server_add(board, &one) >= 0);
    assert_string_equal(changed(index, board, records, sums), "a");
    assert_true(sums[A] != first[A] && sums[B] != first[B]);
    assert_int_equal(sums[C], 0);

    pool_free(pool);
    board_close(board);
}

static void test_origins(void **state)
{
    struct pool *pool = pool_new(4096);
    struct discovery_index *index = discovery_index_new(pool, 4);

    (void)state;
    (void)discovery_index_add(index, STR("a"), BOARD_ORIGIN_DNS);
    assert_true(discovery_index_has(index, STR("a"), BOARD_ORIGIN_DNS));
    assert_false(discovery_index_has(index, STR("a"), BOARD_ORIGIN_FILE));
    assert_false(discovery_index_has(index, STR("b"), BOARD_ORIGIN_DNS));
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes), cmocka_unit_test(test_origins)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_board_challenge.c: places that are taken and given back, and words that no keeper would have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/board/board_map.h"

static void expect(struct board *board, enum board_challenge_kind kind, const char *key, const char *value)
{
    char text[BOARD_CHALLENGE_VALUE];
    struct str found = board_challenge_find(board, kind, str_of(key), text);

    assert_true(str_eq(found, str_of(value)));
}

static void test_begin_and_end(void **state)
{
    struct board *board = board_new();
    int a, b;

    (void)state;
    assert_false(board_challenges_any(board));
    expect(board, BOARD_CHALLENGE_TOKEN, "a", NULL);
    a = board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, STR("a"), STR("answer"));
    b = board_challenge_begin(board, BOARD_CHALLENGE_NAME, STR("a"), STR("digest"));
    assert_true(a >= 0 && b >= 0 && a != b);
    expect(board, BOARD_CHALLENGE_TOKEN, "a", "answer");
    expect(board, BOARD_CHALLENGE_NAME, "a", "digest");
    expect(board, BOARD_CHALLENGE_TOKEN, "b", NULL);
    expect(board, BOARD_CHALLENGE_TOKEN, "", NULL);
    board_challenge_end(board, a);
    board_challenge_end(board, a);
    board_challenge_end(board, -1);
    board_challenge_end(board, BOARD_CHALLENGES);
    assert_true(board_challenges_any(board));
    expect(board, BOARD_CHALLENGE_TOKEN, "a", NULL);
    expect(board, BOARD_CHALLENGE_NAME, "a", "digest");
    board_challenges_end(board);
    assert_false(board_challenges_any(board));
    expect(board, BOARD_CHALLENGE_NAME, "a", NULL);
    board_close(board);
}

static void test_limits(void **state)
{
    struct board *board = board_new();
    char text[BOARD_CHALLENGE_VALUE + 1], name[16];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, (struct str){text, BOARD_CHALLENGE_KEY + 1},
                                           STR("v")), -1);
    assert_int_equal(board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, STR("k"),
                                           (struct str){text, BOARD_CHALLENGE_VALUE + 1}), -1);
    for (int i = 0; i < BOARD_CHALLENGES; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, str_of(name), str_of(name)), i);
    }
    assert_int_equal(board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, STR("k"), STR("v")), -1);
    expect(board, BOARD_CHALLENGE_TOKEN, "63", "63");
    board_challenge_end(board, 5);
    assert_int_equal(board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, STR("k"), STR("v")), 5);
    board_close(board);
}

static void test_hostile_words(void **state)
{
    struct board *board = board_new();
    struct board_challenge *c = &board->map->challenges[0];

    (void)state;
    assert_int_equal(board_challenge_begin(board, BOARD_CHALLENGE_TOKEN, STR("k"), STR("v")), 0);
    c->version |= 1;
    expect(board, BOARD_CHALLENGE_TOKEN, "k", NULL);
    c->version++;
    expect(board, BOARD_CHALLENGE_TOKEN, "k", "v");
    c->value_len = BOARD_CHALLENGE_VALUE + 1;
    expect(board, BOARD_CHALLENGE_TOKEN, "k", NULL);
    c->value_len = 1;
    c->key_len = UINT16_MAX;
    expect(board, BOARD_CHALLENGE_TOKEN, "k", NULL);
    board_close(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin_and_end),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hostile_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

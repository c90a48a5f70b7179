/* board_challenge.c: one writer; a reader that meets it at work finds nothing. */
#include "core/board/board_challenge.h"

#include "core/board/board_map.h"

static void count(struct board *board, int32_t by)
{
    uint32_t *open = &board->map->head.challenges;

    __atomic_store_n(open, (uint32_t)((int32_t)__atomic_load_n(open, __ATOMIC_RELAXED) + by), __ATOMIC_RELEASE);
}

static void fill(struct board_challenge *c, enum board_challenge_kind kind, struct str key, struct str value)
{
    uint32_t version = __atomic_load_n(&c->version, __ATOMIC_RELAXED) | 1;

    __atomic_store_n(&c->version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    c->kind = kind;
    c->key_len = (uint16_t)key.len;
    c->value_len = (uint16_t)value.len;
    if (key.len)
        memcpy(c->key, key.s, key.len);
    if (value.len)
        memcpy(c->value, value.s, value.len);
    __atomic_store_n(&c->version, version + 1, __ATOMIC_RELEASE);
}

int board_challenge_begin(struct board *board, enum board_challenge_kind kind, struct str key, struct str value)
{
    if (key.len > BOARD_CHALLENGE_KEY || value.len > BOARD_CHALLENGE_VALUE)
        return -1;
    for (int i = 0; i < BOARD_CHALLENGES; i++) {
        struct board_challenge *c = &board->map->challenges[i];

        if (c->kind != BOARD_CHALLENGE_NONE)
            continue;
        fill(c, kind, key, value);
        count(board, 1);
        return i;
    }
    return -1;
}

void board_challenge_end(struct board *board, int number)
{
    if (number < 0 || number >= BOARD_CHALLENGES || board->map->challenges[number].kind == BOARD_CHALLENGE_NONE)
        return;
    fill(&board->map->challenges[number], BOARD_CHALLENGE_NONE, STR_NONE, STR_NONE);
    count(board, -1);
}

void board_challenges_end(struct board *board)
{
    for (int i = 0; i < BOARD_CHALLENGES; i++)
        fill(&board->map->challenges[i], BOARD_CHALLENGE_NONE, STR_NONE, STR_NONE);
    __atomic_store_n(&board->map->head.challenges, 0, __ATOMIC_RELEASE);
}

bool board_challenges_any(const struct board *board)
{
    return __atomic_load_n(&board->map->head.challenges, __ATOMIC_ACQUIRE) != 0;
}

/* A copy; false: it is being written. */
static bool look(const struct board_challenge *from, struct board_challenge *to)
{
    uint32_t version = __atomic_load_n(&from->version, __ATOMIC_ACQUIRE);

    if (version & 1)
        return false;
    memcpy(to, from, sizeof(*to));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&from->version, __ATOMIC_RELAXED) == version && to->key_len <= BOARD_CHALLENGE_KEY &&
           to->value_len <= BOARD_CHALLENGE_VALUE;
}

struct str board_challenge_find(const struct board *board, enum board_challenge_kind kind, struct str key,
                                char value[BOARD_CHALLENGE_VALUE])
{
    struct board_challenge c;

    for (int i = 0; i < BOARD_CHALLENGES && board_challenges_any(board); i++) {
        if (!look(&board->map->challenges[i], &c) || c.kind != kind || !str_eq((struct str){c.key, c.key_len}, key))
            continue;
        memcpy(value, c.value, c.value_len);
        return (struct str){value, c.value_len};
    }
    return STR_NONE;
}

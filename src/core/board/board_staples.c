/*
 * board_staples.c: each place has two copies, of which the one that is not shown is written; a hash tells a reader that
 * was too slow that what it has is not whole.
 */
#include "core/board/board_staples.h"

#include "core/board/board_map.h"

static const struct hash_key sum_key = {0x7374617073756d31ULL, 0x7765697220626f61ULL};

static uint64_t sum_of(const struct board_staple *s)
{
    return hash_bytes(&sum_key, s, offsetof(struct board_staple, bytes) + s->len);
}

static bool is_whole(const struct board_staple *s, uint64_t sum)
{
    return s->len <= BOARD_STAPLE_BYTES && sum_of(s) == sum;
}

static struct board_staple_place *find(struct board *board, const uint8_t id[BOARD_STAPLE_ID])
{
    for (size_t i = 0; i < BOARD_STAPLES; i++) {
        if (memcmp(board->map->staple_ids[i], id, BOARD_STAPLE_ID) == 0)
            return &board->map->staples[i];
    }
    return NULL;
}

static bool place_get(const struct board_staple_place *p, struct board_staple *staple)
{
    uint32_t version = __atomic_load_n(&p->version, __ATOMIC_ACQUIRE);
    const struct board_staple *from = &p->copies[version % 2];
    uint32_t len = from->len;

    if (version == 0 || len > BOARD_STAPLE_BYTES)
        return false;
    memcpy(staple, from, offsetof(struct board_staple, bytes) + len);
    return staple->len == len && is_whole(staple, p->sums[version % 2]);
}

bool board_staple_get(const struct board *board, const uint8_t id[BOARD_STAPLE_ID], struct board_staple *staple)
{
    const struct board_staple_place *p = find((struct board *)(uintptr_t)board, id);

    return p && (place_get(p, staple) || place_get(p, staple));
}

static bool is_free(const struct board *board, size_t i, int64_t now_s)
{
    const struct board_staple_place *p = &board->map->staples[i];

    return p->version == 0 || p->copies[p->version % 2].until_s <= now_s;
}

/* A place for it: its own, or one whose response nobody shows any more. */
static struct board_staple_place *take(struct board *board, const uint8_t id[BOARD_STAPLE_ID], int64_t now_s)
{
    struct board_staple_place *p = find(board, id);

    for (size_t i = 0; i < BOARD_STAPLES && !p; i++) {
        if (!is_free(board, i, now_s))
            continue;
        p = &board->map->staples[i];
        __atomic_store_n(&p->version, 0, __ATOMIC_RELEASE);
        memcpy(board->map->staple_ids[i], id, BOARD_STAPLE_ID);
    }
    return p;
}

int board_staple_put(struct board *board, const uint8_t id[BOARD_STAPLE_ID], const struct board_staple *staple,
                     int64_t now_s)
{
    struct board_staple_place *p = take(board, id, now_s);
    uint32_t next;

    if (!p)
        return -1;
    next = p->version + 1;
    /* 0 says that there is none. */
    if (next == 0)
        next = 2;
    memcpy(&p->copies[next % 2], staple, offsetof(struct board_staple, bytes) + staple->len);
    p->sums[next % 2] = sum_of(staple);
    __atomic_store_n(&p->version, next, __ATOMIC_RELEASE);
    return 0;
}

/*
 * board_claim.c: a word is {tag 24, state 8, what 32}: of a claim that is held, `what` is the slot (12 bits) and the
 * incarnation (20) of its owner; of one that is open, the time until which it is, in tenths of seconds.
 */
#include "core/board/board_claim.h"

#include "core/board/board_map.h"

enum word_state { WORD_FREE, WORD_HELD, WORD_OPEN };

#define INCARNATION_MASK 0xfffffu

static uint64_t word_make(uint64_t tag, enum word_state state, uint32_t what)
{
    return tag << 40 | (uint64_t)state << 32 | what;
}

static uint64_t tag_of(struct hash_128 hash)
{
    return hash.low >> 40;
}

static uint64_t *place(const struct board *board, struct hash_128 hash, unsigned probe)
{
    return &board->map->claims[(hash.high + probe) % BOARD_CLAIMS];
}

static uint32_t owner_of(const struct board *board, unsigned slot)
{
    uint32_t incarnation = __atomic_load_n(&board->map->processes[slot].process.incarnation, __ATOMIC_ACQUIRE);

    return (uint32_t)slot << 20 | (incarnation & INCARNATION_MASK);
}

/* Whether the word says anything still: its owner lives, or its time has not come. */
static bool holds(const struct board *board, uint64_t word, int64_t now)
{
    uint32_t what = (uint32_t)word;
    unsigned slot = what >> 20;

    switch ((enum word_state)(word >> 32 & 0xff)) {
    case WORD_HELD:
        return slot < BOARD_PROCESSES && board->map->processes[slot].process.pid != 0 && owner_of(board, slot) == what;
    case WORD_OPEN:
        return (int32_t)(what - (uint32_t)(now / 100)) > 0;
    case WORD_FREE:
        break;
    }
    return false;
}

static enum board_claim_state state_of(uint64_t word)
{
    return (word >> 32 & 0xff) == WORD_OPEN ? BOARD_CLAIM_OPEN : BOARD_CLAIM_BUSY;
}

enum board_claim_state board_claim_look(const struct board *board, struct hash_128 hash, int64_t now)
{
    for (unsigned i = 0; i < BOARD_CLAIM_PROBES; i++) {
        uint64_t word = __atomic_load_n(place(board, hash, i), __ATOMIC_ACQUIRE);

        if (word >> 40 == tag_of(hash) && holds(board, word, now))
            return state_of(word);
    }
    return BOARD_CLAIM_FREE;
}

enum board_claim_state board_claim_try(struct board *board, struct hash_128 hash, unsigned slot, int64_t now)
{
    uint64_t mine = word_make(tag_of(hash), WORD_HELD, owner_of(board, slot));
    enum board_claim_state state = board_claim_look(board, hash, now);

    for (unsigned i = 0; i < BOARD_CLAIM_PROBES && state == BOARD_CLAIM_FREE; i++) {
        uint64_t *at = place(board, hash, i), word = __atomic_load_n(at, __ATOMIC_ACQUIRE);

        if (holds(board, word, now)) {
            if (word >> 40 == tag_of(hash))
                return state_of(word);
            continue;
        }
        if (__atomic_compare_exchange_n(at, &word, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return BOARD_CLAIM_TAKEN;
        /* Somebody was faster: at this place, perhaps for the same thing. */
        state = board_claim_look(board, hash, now);
    }
    return state;
}

void board_claim_release(struct board *board, struct hash_128 hash, unsigned slot, int64_t open_until, int64_t now)
{
    uint64_t mine = word_make(tag_of(hash), WORD_HELD, owner_of(board, slot));
    uint64_t next = open_until > now ? word_make(tag_of(hash), WORD_OPEN, (uint32_t)((open_until + 99) / 100)) : 0;

    for (unsigned i = 0; i < BOARD_CLAIM_PROBES; i++) {
        uint64_t word = mine;

        if (__atomic_compare_exchange_n(place(board, hash, i), &word, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return;
    }
}

/* limit_table.c: see limit_table.h. */
#include "core/board/limit_table.h"

#include "core/board/board.h"

static size_t first_of(uint64_t hash)
{
    return (size_t)(hash % (LIMIT_ENTRIES / LIMIT_WAYS)) * LIMIT_WAYS;
}

/* The entry of the hash, or a free one, which becomes its; LIMIT_ENTRIES: all are in use. */
static size_t place_of(struct limit_entry *own, uint64_t hash)
{
    size_t first = first_of(hash), free = LIMIT_ENTRIES;

    for (size_t i = first; i < first + LIMIT_WAYS; i++) {
        if (own[i].hash == hash)
            return i;
        if (own[i].count == 0 && free == LIMIT_ENTRIES)
            free = i;
    }
    if (free < LIMIT_ENTRIES)
        __atomic_store_n(&own[free].hash, hash, __ATOMIC_SEQ_CST);
    return free;
}

/* What another counts.  While it gives an entry to another key that may be the count of either. */
static uint64_t count_of(const struct limit_entry *table, uint64_t hash)
{
    size_t first = first_of(hash);

    for (size_t i = first; i < first + LIMIT_WAYS; i++) {
        if (__atomic_load_n(&table[i].hash, __ATOMIC_SEQ_CST) == hash) {
            uint64_t count = __atomic_load_n(&table[i].count, __ATOMIC_SEQ_CST);

            /* Whatever is there, the sum does not run over. */
            return count < UINT32_MAX ? count : UINT32_MAX;
        }
    }
    return 0;
}

static uint64_t sum_of_others(struct board *board, unsigned own, uint64_t hash)
{
    unsigned end = board_process_end(board);
    uint64_t sum = 0;

    for (unsigned slot = 0; slot < end && slot < BOARD_PARTS; slot++) {
        const struct board_process *process = board_process(board, slot);

        if (slot != own && __atomic_load_n(&process->role, __ATOMIC_ACQUIRE) == BOARD_WORKER)
            sum += count_of(board_limits(board, slot), hash);
    }
    return sum;
}

enum limit_result limit_take(struct limit_entry *own, struct board *board, unsigned slot, uint64_t hash, uint64_t max,
                             uint32_t *entry)
{
    size_t at = place_of(own, hash);
    uint64_t count;

    if (at == LIMIT_ENTRIES)
        return LIMIT_NO_PLACE;
    if (own[at].count >= max)
        return LIMIT_REACHED;
    *entry = (uint32_t)at;
    count = __atomic_add_fetch(&own[at].count, 1, __ATOMIC_SEQ_CST);
    if (!board || count + sum_of_others(board, slot, hash) <= max)
        return LIMIT_TAKEN;
    limit_give(own, *entry);
    return LIMIT_REACHED;
}

void limit_give(struct limit_entry *own, uint32_t entry)
{
    if (entry < LIMIT_ENTRIES && own[entry].count > 0)
        (void)__atomic_sub_fetch(&own[entry].count, 1, __ATOMIC_SEQ_CST);
}

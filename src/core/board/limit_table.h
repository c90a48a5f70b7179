/*
 * limit_table.h: how many connections a process has of each key, for limits over all processes: a table of fixed size
 * for each process on the board, in which it alone writes and all look.  A key is a keyed hash (nothing of a client is
 * kept) and has its place among LIMIT_WAYS entries.  Who is one too many is found as in core/upstream/held.h: one adds
 * one to the own count first and sums the others' then.  The master empties the tables of the dead.
 */
#ifndef WEIR_CORE_BOARD_LIMIT_TABLE_H
#define WEIR_CORE_BOARD_LIMIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* Entries of a process: 2 MB when all were needed. */
#define LIMIT_ENTRIES (1 << 17)
/* Entries that a hash may stand in: a pair of cache lines. */
#define LIMIT_WAYS 8

struct board;

struct limit_entry {
    uint64_t hash; /* what it counts, or last did */
    uint64_t count; /* 0: free */
};

enum limit_result {
    LIMIT_TAKEN,
    LIMIT_REACHED,
    LIMIT_NO_PLACE /* the table is full just there: it is not counted, and shall be let in */
};

/*
 * One more of `hash` in `own`, the table of process `slot`, if there are no more than `max` in all workers' tables then;
 * *entry becomes its number in the table.  `board` NULL: there are no others.
 */
enum limit_result limit_take(struct limit_entry *own, struct board *board, unsigned slot, uint64_t hash, uint64_t max,
                             uint32_t *entry) WEIR_MUST_CHECK;

/* One less. */
void limit_give(struct limit_entry *own, uint32_t entry);

#endif

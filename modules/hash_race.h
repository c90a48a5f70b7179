/*
 * hash_race.h: the table of `hash_method = "consistent"`: HASH_RACE_SLOTS slots, each belonging to one
 * server. Every server walks over the slots in a random order of its own, made from its name alone, at a
 * speed that is its share; who is first at a slot has it.  So a server that goes leaves its slots to the
 * next at each and moves no other, one that comes takes its part from all, and a share that grows only
 * takes.  All who know the same names and shares make the same table.  A lookup reads one word, however
 * many servers there are.
 */
#ifndef WEIR_MODULES_HASH_RACE_H
#define WEIR_MODULES_HASH_RACE_H

#include "base/pool.h"
#include "core/upstream/upstream.h"

#define HASH_RACE_BITS 16
#define HASH_RACE_SLOTS (1U << HASH_RACE_BITS)

/* The index of the server of each slot; the tier has one at least, and none that has no share. */
unsigned *hash_race_new(const struct upstream_state *, const struct upstream_tier *, struct pool *);

static inline unsigned hash_race_of(const unsigned *slots, uint64_t hash)
{
    return slots[hash >> (64 - HASH_RACE_BITS)];
}

#endif

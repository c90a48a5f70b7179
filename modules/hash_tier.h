/*
 * hash_tier.h: which server of a tier a hash belongs to, by `hash_method`.  `map` is laid end to end from the
 * file at each change, which is cheap; the table of `consistent` is made when it is first wanted, and only if
 * the servers of this tier or their shares are others than before.
 */
#ifndef WEIR_MODULES_HASH_TIER_H
#define WEIR_MODULES_HASH_TIER_H

#include "modules/weighted.h"

struct hash_tier {
    bool looked; /* since the last change */
    uint64_t made_of; /* what `slots` was made of */
    struct pool *pool; /* of `slots`; NULL: not made yet */
    unsigned *slots; /* consistent */
    struct weighted map;
};

/* After a change; the map lies in `pool`, which lives until the next one. */
void hash_tier_change(struct hash_tier *, const struct upstream_state *, bool backup, struct pool *);

/* The server's index; -1: the tier has none.  With `map` it may be one that cannot be used. */
int hash_tier_of(struct hash_tier *, const struct upstream_state *, bool backup, uint64_t hash);

void hash_tier_free(struct hash_tier *);

#endif

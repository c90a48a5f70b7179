/*
 * cache_claim.h: one fetch for one key over all workers of the machine.  A word on the board says who asks an upstream
 * for a key, or that its last answer was not for a cache, so that waiting for one another would gain nothing.  A claim
 * of a process that is gone is free.  Words are found by hash: two keys that meet wait for each other, at most as long
 * as one fetch takes.
 */
#ifndef WEIR_CORE_CACHE_CACHE_CLAIM_H
#define WEIR_CORE_CACHE_CACHE_CLAIM_H

#include "core/cache/cache.h"

struct cache_claim {
    struct hash_128 hash;
    bool held;
};

enum cache_claim_result {
    CLAIM_TAKEN, /* nobody else asks for it now: to be released; the store is to be looked at once more */
    CLAIM_BUSY, /* another worker does */
    CLAIM_PASS, /* the last answer was not for a cache, `hit_for_miss` ago at most */
    CLAIM_NONE /* no word is free: go on without */
};

enum cache_claim_result cache_claim_take(struct cache *, struct hash_128, struct cache_claim *) WEIR_MUST_CHECK;

/* Whether another worker asks for it at this moment; and whether waiting for one another would be in vain. */
bool cache_claim_is_busy(const struct cache *, struct hash_128);
bool cache_claim_is_open(const struct cache *, struct hash_128);

/* The fetch is over; `pass_ms` > 0: for so long nobody is to wait for another's.  A claim that is not held is allowed. */
void cache_claim_release(struct cache *, struct cache_claim *, int64_t pass_ms);

#endif

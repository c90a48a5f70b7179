/*
 * sticky_learn.h: which server has set which session cookie: a table of fixed size on the board, which all
 * workers of all generations read and write without a lock.  It holds no cookie, only keyed hashes of them.
 * An entry is two words, the second mixed into the first: what two writers have left half of each other's, or
 * what somebody else has written, matches no hash.  What is read is a tag that names a server or does not.
 */
#ifndef WEIR_CORE_UPSTREAM_STICKY_LEARN_H
#define WEIR_CORE_UPSTREAM_STICKY_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries that a hash may stand in: one pair of cache lines. */
#define LEARN_WAYS 8

struct learn_entry {
    uint64_t check; /* hash ^ mixed word */
    uint64_t word; /* tag << 28 | time; 0: empty */
};

struct sticky_learn {
    struct learn_entry *entries;
    size_t count; /* a power of two, at least LEARN_WAYS */
};

/*
 * The server's tag (36 bits) that `hash` was last put with, if that or the last sticky_learn_find() was at
 * most `ttl_s` ago; 0: unknown.  Times are of the monotonic clock in seconds.  A find makes the entry live
 * on.
 */
uint64_t sticky_learn_find(struct sticky_learn *, uint64_t hash, int64_t now_s, int64_t ttl_s);

/* Puts or replaces; the longest unused of LEARN_WAYS entries gives way where all are taken. */
void sticky_learn_put(struct sticky_learn *, uint64_t hash, uint64_t tag, int64_t now_s);

#endif

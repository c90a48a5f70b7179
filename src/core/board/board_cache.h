/*
 * board_cache.h: what all processes share about each cache: the memory of its purges, how often its objects are asked
 * for, what each process added and removed, and how much it holds.
 * A cache has a slot by its name and its directory; the master gives it when it makes a generation, and the cache keeps
 * it over reload and upgrade as long as it is configured.  The memory of purges and of frequencies is large (32 MB a
 * cache) and exists as far as it was written to: nothing here walks it, and a slot that is given to another cache has
 * it back from the kernel.  Counters of a process slot are never reset while the cache has its slot: the next process
 * goes on from the values left, so that their sum holds what ended processes counted too.
 */
#ifndef WEIR_CORE_BOARD_BOARD_CACHE_H
#define WEIR_CORE_BOARD_BOARD_CACHE_H

#include "core/board/board.h"
#include "core/cache/cache_stats.h"
#include "core/cache/sketch.h"
#include "core/cache/store.h"

#define BOARD_CACHES 16
#define BOARD_CACHE_NAME_MAX 200 /* bytes */
#define BOARD_CACHE_PURGE_BITS 20 /* for purge_init() */
#define BOARD_CACHE_SKETCH_WORDS (1 << 21) /* 16 MB at most */

struct cache_conf;

/* How much a cache holds, and what that means for new objects; written by the janitor of the serving generation. */
struct board_cache_size {
    _Atomic uint64_t is_known; /* 0: no janitor has looked yet */
    _Atomic uint64_t base_bytes, base_objects; /* what with the sum of all counts is what the cache holds; may wrap */
    _Atomic uint64_t limit; /* bytes: less than the setting where the disk has not so much room; 0: the setting */
    _Atomic uint64_t bar; /* sketch_estimate that a new object should reach; 0: none */
    _Atomic uint64_t evicted_bytes, evicted_objects; /* since the slot was given */
    _Atomic uint64_t purged_objects, dropped_files; /* by walks: objects that purges hit, temporary files */
    _Atomic uint64_t walks; /* that are over */
    _Atomic uint64_t walk_at; /* directory that the walk is at */
};

/*
 * Master, before it forks the processes of `config`: sets board_slot of every cache.  How many have none.  The slots are
 * marked as named by board_last_generation(), which is therefore set first.
 */
size_t board_name_caches(struct board *, struct config *);

/* As board_peer_collect(): frees the slots that no generation from `oldest` on has named. */
unsigned board_cache_collect(struct board *, uint64_t oldest);

/* The slot of the cache with that name, the newest where it changed its directory; -1: none. */
int board_cache_slot(const struct board *, struct str name);

/*
 * The following return NULL where `slot` or `process_slot` is none, also -1 made unsigned.
 * The memory for purge_init(); never zeroed while a process has the slot.
 */
void *board_cache_purges(struct board *, unsigned slot);

/* The words for sketch_init(), as many as the cache's size asks for. */
_Atomic uint64_t *board_cache_sketch(struct board *, unsigned slot, size_t *words);

struct store_counts *board_cache_counts(struct board *, unsigned process_slot, unsigned slot);
struct cache_stats *board_cache_stats(struct board *, unsigned process_slot, unsigned slot);
struct board_cache_size *board_cache_size(struct board *, unsigned slot);

/* Sums over all processes, the ended ones too; zeros without such a slot. */
void board_cache_sum_counts(const struct board *, unsigned slot, struct store_counts *sum);
void board_cache_sum_stats(const struct board *, unsigned slot, struct cache_stats *sum);

/*
 * What the cache holds at this moment: exact but for what processes that were killed did not count any more.  Cost: a
 * cache line for each process there is.
 */
struct board_cache_held {
    uint64_t bytes, objects; /* that can be found */
    uint64_t writing; /* bytes of those that are not whole yet */
};
struct board_cache_held board_cache_held(const struct board *, unsigned slot);

uint64_t board_cache_bytes(const struct board *, unsigned slot);
uint64_t board_cache_objects(const struct board *, unsigned slot);

/* board_process_free(): nothing is being written by that process any more. */
void board_cache_ended(struct board *, unsigned process_slot);

#endif

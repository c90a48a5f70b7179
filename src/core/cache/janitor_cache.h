/*
 * janitor_cache.h: one cache as the janitor sees it; for janitor*.c alone.  Where numbers of the whole cache are needed
 * they are read from the board anew: other processes add and remove all the time.
 */
#ifndef WEIR_CORE_CACHE_JANITOR_CACHE_H
#define WEIR_CORE_CACHE_JANITOR_CACHE_H

#include "core/cache/janitor.h"
#include "core/cache/purge.h"
#include "core/cache/store_fault.h"
#include "core/cache/store_walk.h"
#include "core/config/config_cache.h"

struct janitor_cache {
    const struct janitor_setup *setup;
    const struct cache_conf *conf;
    unsigned slot; /* of the cache on the board */
    struct store *store; /* NULL: cannot be opened */
    struct purge purge;
    struct sketch sketch;
    struct board_cache_size *size;
    uint64_t seed; /* of the choice of directories */
    uint64_t added; /* bytes added by all, at the last look */

    struct store_walk walk;
    bool hurries; /* the walk is not slow: what the cache holds is not known */
    struct store_counts before; /* the counts before the walk's last step, and what that did itself */
    uint64_t changes; /* objects added and removed since the walk began */
    double moved_bytes, moved_objects; /* net, in what the walk was through with */
    uint64_t purged, dropped; /* of this walk, as told on the board */

    struct store_summary written;
    unsigned bar16; /* sixteenths of board_cache_size.bar */
    unsigned in_vain; /* evictions that found nothing, one after the other */
    bool short_of_disk;

    /* Monotonic milliseconds: not before. */
    int64_t open_ms, walk_ms, summary_ms, disk_ms, bar_ms, tell_ms;
};

/* At most once a minute. */
void janitor_tell(struct janitor_cache *, const struct store_fault *);

/* How many bytes the cache may hold. */
uint64_t janitor_limit(const struct janitor_cache *);

/* ---- janitor_room.c ---- */

/*
 * Evicts, for some milliseconds, what is above 97 % of the limit; sets the bar.  True: the cache is filling fast and
 * should be looked at again soon.
 */
bool janitor_make_room(struct janitor_cache *);

/* Lowers the limit where the disk has less room than the cache might still take. */
void janitor_look_at_disk(struct janitor_cache *);

/* ---- janitor_walk.c ---- */

/* Begins a walk that does not wait between directories. */
void janitor_hurry(struct janitor_cache *);

/* Steps that are due. */
void janitor_walk(struct janitor_cache *);

/* ---- janitor_sum.c ---- */

/* Takes what the cache holds to be that. */
void janitor_set_held(struct janitor_cache *, uint64_t bytes, uint64_t objects);

/* From the summary, once for each slot on the board. */
void janitor_learn_size(struct janitor_cache *);

/* Writes the summary if it says something new. */
void janitor_write_summary(struct janitor_cache *);

#endif

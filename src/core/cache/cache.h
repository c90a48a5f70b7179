/*
 * cache.h: the caches of a worker, and the handler that stands before `proxy` on a route with `cache`: it answers from
 * what is stored, or has the upstream asked once for all who wait (cache_fetch.h), and passes on what is not for it.
 * What is lawful is decided in http/cache_*, what lies on the disk is written and read by store*.h.
 */
#ifndef WEIR_CORE_CACHE_CACHE_H
#define WEIR_CORE_CACHE_CACHE_H

#include "core/board/board_cache.h"
#include "core/cache/cache_stats.h"
#include "core/cache/hot.h"
#include "core/cache/purge.h"
#include "core/cache/store.h"
#include "core/config/config_cache.h"
#include "core/handler.h"
#include "io/loop.h"

/* How often a visit looks whether another worker has done what it waits for. */
#define CACHE_LOOK_MS 10

struct offload;
struct worker;

/* One of `caches`, in this worker. */
struct cache {
    struct worker *worker;
    const struct cache_conf *conf;
    struct store *store; /* NULL: its directory cannot be used, and nothing is stored */
    struct store_counts *counts; /* of this process, on the board */
    struct purge *purge; /* NULL: there is no board */
    struct sketch sketch; /* how often what is asked for; without words where there is no board */
    unsigned looks; /* in memory, of which one in 16 is counted there */
    struct board_cache_size *size; /* NULL: there is no board */
    struct cache_stats *stats; /* likewise; never NULL */
    struct hot *hot;
    struct list fetches; /* under way; struct cache_fetch */
    int64_t tell_ms; /* no other line about a failing disk before */
    int64_t open_ms; /* a store that cannot be opened is tried again */
};

struct caches {
    struct worker *worker;
    struct cache *all; /* by cache_conf.index */
    size_t count;
    char *buffer; /* STORE_BUFFER bytes, aligned: what was just read from a file */
    size_t fetching; /* requests of the caches themselves that are not over */
    struct list again; /* visits whose turn comes when the stack is empty */
    struct loop_deferred deferred; /* for them */
    bool is_deferred;
    struct list waiting; /* visits that wait for another worker's fetch */
    struct offload *offload; /* for what waits for the disk; NULL: there was nothing yet */
    struct event *look; /* for them, every CACHE_LOOK_MS; pending while there are any */
};

extern const struct handler handler_cache;

/* Of a new worker, after its configuration and board are there; NULL where the configuration has none. */
struct caches *caches_new(struct worker *);

/* Ends every fetch and closes the stores; what is sent to clients must be over. */
void caches_free(struct caches *);

/* Something is asked of an upstream that is to be stored.  NULL is allowed. */
bool caches_are_busy(const struct caches *);

/* Visits wait for other workers: looks after them from now on. */
void caches_look_later(struct caches *);

/* A line in the log that storing failed, at most once a minute. */
void cache_tell_fault(struct cache *, const struct store_fault *);

/* It can be used.  A store that could not be opened is tried again every 10 s; the janitor says what is wrong. */
bool cache_is_open(struct cache *);

/* What lies in its files may be used: it is known what of that was purged in a former life. */
bool cache_is_readable(const struct cache *);

/*
 * Somebody has asked for the object of that hash (its first half); `hot`: it was in memory.  Up to `exact` times each is
 * counted.
 */
void cache_count_use(struct cache *, uint64_t hash, bool hot, unsigned exact);

/* Whether a new object of so many bytes is worth its place in a file: there is room, or it is asked for often enough. */
bool cache_admits(struct cache *, uint64_t hash, uint64_t bytes);

#endif

/*
 * janitor.h: who keeps the caches in order, in a process of its own, so that its disk waits hold up nobody: makes room
 * before a cache is full, says what new objects must be worth then, keeps account of what the caches hold, walks through
 * their directories for what is purged or left over, and reads at the start what was purged in a former life.
 * Only the janitor of the serving generation works; what it knows lies on the board (board_cache_size), so that one
 * that takes its place goes on from there.
 */
#ifndef WEIR_CORE_CACHE_JANITOR_H
#define WEIR_CORE_CACHE_JANITOR_H

#include "base/log.h"
#include "core/board/board_cache.h"
#include "core/config/config.h"
#include "io/loop.h"

struct janitor;

/* What main/ gives; all of it lives longer. */
struct janitor_setup {
    struct loop *loop;
    const struct config *config;
    struct log *log;
    struct board *board;
    unsigned slot; /* of this process on the board */
};

/*
 * Opens the stores and, where the board's memory is new, loads the purges: until then no process uses what is on the
 * disk.  What fails is logged and tried again.  Waits for the disk.
 */
struct janitor *janitor_new(const struct janitor_setup *);

/* To be called every LOOP_TICK_MS; `serves`: its generation is the one that does.  Returns after some 20 ms. */
void janitor_tick(struct janitor *, bool serves);

/* Writes the summaries where it served, and frees it.  NULL is allowed. */
void janitor_free(struct janitor *);

#endif

/*
 * pool.h: an arena.  Memory is taken piece by piece and given back all at once, when the life that the
 * pool stands for (a configuration, a connection, a request) ends.  A pointer from a pool may be kept
 * only by what lives no longer than the pool.  Running out of memory ends the process: what strangers
 * control is capped before it is allocated (src/README, "Memory").
 * Under WEIR_DEBUG_POOLS each allocation is a malloc of its own, so that ASan sees every overrun.
 */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include "base/base.h"
#include "base/str.h"

struct pool;

/* A new pool whose first block holds `first_bytes`; never NULL. */
struct pool *pool_new(size_t first_bytes);

/* Runs the cleanups, newest first, and frees everything, once all who hold the pool are done with it.  NULL is
 * allowed. */
void pool_free(struct pool *);

/* Another one to whom the pool belongs: each calls pool_free(), and none pool_reset(). */
struct pool *pool_hold(struct pool *);
bool pool_is_held(const struct pool *);

/* Runs the cleanups and forgets every allocation; keeps the first block, so that the next life starts without
 * malloc. */
void pool_reset(struct pool *);

/* `n` bytes aligned for any object; contents undefined; never NULL. */
void *pool_alloc(struct pool *, size_t n);

/* `n` zeroed bytes. */
void *pool_zalloc(struct pool *, size_t n);

/* `n` bytes for text, without alignment. */
char *pool_text(struct pool *, size_t n);

/* A copy of `s` that ends in NUL (not counted in its length). */
struct str pool_str(struct pool *, struct str s);

/* The same in ASCII lower case. */
struct str pool_lower(struct pool *, struct str s);

/* printf into the pool; the result ends in NUL. */
struct str pool_printf(struct pool *, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* Calls `fn(arg)` when the pool is reset or freed; later ones first. */
void pool_on_free(struct pool *, void (*fn)(void *), void *arg);

/*
 * Sees to it that `more` bytes fit behind the first `len` of a text of pool_text() with *room bytes: returns it, or
 * a copy with *room doubled as often as needed.
 */
char *pool_text_grow(struct pool *, char *text, size_t len, size_t *room, size_t more);

/* Bytes taken from the system by this pool, for reports. */
size_t pool_bytes(const struct pool *);

#endif

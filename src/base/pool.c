/*
 * pool.c: an arena of blocks.  The first block is part of the pool and survives a reset; further
 * blocks are taken as needed, and what would not fit a usual block gets one of its own.  Objects grow
 * from the front of a block, aligned; text is taken from its back, so that text needs no padding.
 * With WEIR_DEBUG_POOLS no block is shared: every allocation is one malloc of exactly its size.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"

enum { BLOCK_BYTES = 4096 - 64 }; /* with malloc's own header still within a page */

struct block {
    struct block *next;
    size_t size; /* of the whole malloc */
    _Alignas(max_align_t) char data[];
};

struct cleanup {
    struct cleanup *next;
    void (*fn)(void *);
    void *arg;
};

struct pool {
    char *front; /* free space of the current block: [front, back) */
    char *back;
    struct block *blocks; /* beyond the first */
    struct cleanup *cleanups;
    size_t bytes;
    size_t first_bytes;
    unsigned holders; /* beside the one who made it */
    _Alignas(max_align_t) char first[];
};

static WEIR_NORETURN void out_of_memory(size_t n)
{
    fprintf(stderr, "weir: out of memory: %zu bytes wanted\n", n);
    abort();
}

static void *checked_malloc(size_t n)
{
    void *m = malloc(n);

    if (!m)
        out_of_memory(n);
    return m;
}

static void rewind_to_first(struct pool *pool)
{
    pool->front = pool->first;
    pool->back = pool->first + pool->first_bytes;
    pool->bytes = sizeof(*pool) + pool->first_bytes;
}

struct pool *pool_new(size_t first_bytes)
{
    const size_t align = _Alignof(max_align_t);
    struct pool *pool;

#ifdef WEIR_DEBUG_POOLS
    first_bytes = 0;
#endif
    if (first_bytes > SIZE_MAX / 2)
        out_of_memory(first_bytes);
    first_bytes = (first_bytes + align - 1) / align * align;
    pool = checked_malloc(sizeof(*pool) + first_bytes);
    *pool = (struct pool){.first_bytes = first_bytes};
    rewind_to_first(pool);
    return pool;
}

/* A cleanup may register another one; that one runs too. */
static void run_cleanups(struct pool *pool)
{
    while (pool->cleanups) {
        struct cleanup *c = pool->cleanups;

        pool->cleanups = c->next;
        c->fn(c->arg);
    }
}

void pool_reset(struct pool *pool)
{
    run_cleanups(pool);
    while (pool->blocks) {
        struct block *b = pool->blocks;

        pool->blocks = b->next;
        free(b);
    }
    rewind_to_first(pool);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    if (pool->holders > 0) {
        pool->holders--;
        return;
    }
    pool_reset(pool);
    free(pool);
}

struct pool *pool_hold(struct pool *pool)
{
    pool->holders++;
    return pool;
}

bool pool_is_held(const struct pool *pool)
{
    return pool->holders > 0;
}

static struct block *block_add(struct pool *pool, size_t n)
{
    struct block *b;

    if (n > SIZE_MAX / 2)
        out_of_memory(n);
    b = checked_malloc(sizeof(*b) + n);
    b->next = pool->blocks;
    b->size = sizeof(*b) + n;
    pool->blocks = b;
    pool->bytes += b->size;
    return b;
}

#ifndef WEIR_DEBUG_POOLS
static size_t room(const struct pool *pool)
{
    return (size_t)(pool->back - pool->front);
}

/* What is left of the current block is given up; large pieces never get here. */
static void block_change(struct pool *pool)
{
    struct block *b = block_add(pool, BLOCK_BYTES);

    pool->front = b->data;
    pool->back = b->data + BLOCK_BYTES;
}
#endif

void *pool_alloc(struct pool *pool, size_t n)
{
#ifdef WEIR_DEBUG_POOLS
    return block_add(pool, n)->data;
#else
    const size_t align = _Alignof(max_align_t);
    size_t padded;
    char *piece;

    if (unlikely(n > SIZE_MAX / 2))
        out_of_memory(n);
    padded = n == 0 ? align : (n + align - 1) / align * align;
    if (unlikely(padded > room(pool))) {
        if (n > BLOCK_BYTES / 4)
            return block_add(pool, n)->data;
        block_change(pool);
    }
    piece = pool->front;
    pool->front += padded;
    return piece;
#endif
}

void *pool_zalloc(struct pool *pool, size_t n)
{
    return memset(pool_alloc(pool, n), 0, n);
}

char *pool_text(struct pool *pool, size_t n)
{
#ifdef WEIR_DEBUG_POOLS
    return block_add(pool, n)->data;
#else
    if (unlikely(n > room(pool))) {
        if (n > BLOCK_BYTES / 4)
            return block_add(pool, n)->data;
        block_change(pool);
    }
    pool->back -= n;
    return pool->back;
#endif
}

struct str pool_str(struct pool *pool, struct str s)
{
    char *copy;

    if (s.len == SIZE_MAX)
        out_of_memory(s.len);
    copy = pool_text(pool, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.s, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

struct str pool_lower(struct pool *pool, struct str s)
{
    struct str copy = pool_str(pool, s);

    return str_lower(copy, (char *)(uintptr_t)copy.s);
}

struct str pool_printf(struct pool *pool, const char *fmt, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) /* longer than INT_MAX: as good as no memory for it */
        out_of_memory(SIZE_MAX);
    text = pool_text(pool, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return (struct str){text, (size_t)n};
}

void pool_on_free(struct pool *pool, void (*fn)(void *), void *arg)
{
    struct cleanup *c = pool_alloc(pool, sizeof(*c));

    *c = (struct cleanup){pool->cleanups, fn, arg};
    pool->cleanups = c;
}

char *pool_text_grow(struct pool *pool, char *text, size_t len, size_t *room, size_t more)
{
    size_t needed = *room;
    char *larger;

    if (more <= needed - len)
        return text;
    while (needed - len < more)
        needed *= 2;
    larger = pool_text(pool, needed);
    memcpy(larger, text, len);
    *room = needed;
    return larger;
}

size_t pool_bytes(const struct pool *pool)
{
    return pool->bytes;
}

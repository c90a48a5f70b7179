/*
 * radix.h: a compact prefix tree, from which the router learns every configured prefix of a path.
 * Prefixes are collected with radix_add, laid out once by radix_freeze into four integers a node,
 * and never change again, so that any number of walks may read the tree.  A walk costs the bytes of
 * the path, whatever the number of prefixes.
 */
#ifndef WEIR_CORE_ROUTE_RADIX_H
#define WEIR_CORE_ROUTE_RADIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/str.h"

struct radix;

/* One walk in progress; its members are radix.c's own. */
struct radix_walk {
    const struct radix *tree;
    uint32_t node;
    uint32_t value;
    uint32_t value_end;
};

/* An empty tree that lives as long as `pool`. */
struct radix *radix_new(struct pool *pool);

/*
 * Maps `prefix` (any bytes; empty: a prefix of everything) to `value`, which must not be NULL.  A
 * prefix may be added several times.  The bytes of `prefix` must stay until radix_freeze, which
 * copies them. Only before radix_freeze.
 */
void radix_add(struct radix *, struct str prefix, void *value);

/* Lays the tree out; called once, after the last radix_add and before the first walk. */
void radix_freeze(struct radix *);

/* Begins a walk over the values of all prefixes of `path`, which is not kept. */
void radix_walk_start(struct radix_walk *, const struct radix *, struct str path);

/*
 * The next value: of the longest prefix first, and for equal prefixes in the order of radix_add.
 * NULL: no more.
 */
void *radix_walk_next(struct radix_walk *);

/* Bytes that the frozen tree holds, for reports. */
size_t radix_bytes(const struct radix *);

#endif

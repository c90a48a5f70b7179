/*
 * weighted.h: servers laid end to end, each as long as its weight, to find which one a point belongs to:
 * drawn by chance or by a hash.  Costs log n.
 */
#ifndef WEIR_MODULES_WEIGHTED_H
#define WEIR_MODULES_WEIGHTED_H

#include "base/pool.h"
#include "core/upstream/upstream.h"

struct weighted {
    unsigned *peers; /* indexes of servers */
    uint64_t *ends; /* where each one ends */
    size_t count;
    uint64_t total;
};

/* Room for `count` servers. */
void weighted_init(struct weighted *, size_t count, struct pool *);

/* Weights of 0 are left out. */
void weighted_add(struct weighted *, unsigned peer, uint64_t weight);

/* The server at `point`, which is below `total`. */
unsigned weighted_at(const struct weighted *, uint64_t point);

/* The server for 64 evenly distributed bits; `total` is not 0. */
unsigned weighted_of(const struct weighted *, uint64_t bits);

#endif

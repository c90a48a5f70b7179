/*
 * sketch.h: how often something was asked for of late, without knowing what there is: a count-min sketch of
 * four rows of 4-bit counters that grow old (the counting of TinyLFU; Einziger, Friedman, Manes 2017). The
 * words are given by the caller and may be shared by processes: they are changed by relaxed atomics, and a
 * lost count does no harm.  The four counters of a hash lie in one cache line.  Of 64 additions of a process
 * one halves a line, from a random one on, so that all grow old evenly and no call takes long.
 * A line has room for about 8 objects: bytes of the sketch = 8 for each object that the cache may hold.
 */
#ifndef WEIR_CORE_CACHE_SKETCH_H
#define WEIR_CORE_CACHE_SKETCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SKETCH_LINE 8 /* words */
#define SKETCH_MAX 15 /* no estimate is above */

struct sketch {
    _Atomic uint64_t *words;
    uint64_t line_mask;
    uint64_t cursor; /* of this process: the line that is halved next */
    unsigned added; /* of this process, modulo 64 */
};

/* How many words a sketch for `objects` needs: a power of two, at least SKETCH_LINE. */
size_t sketch_words(uint64_t objects);

/*
 * Over `words`, as many as sketch_words says, zeroed or in use by others.  `seed`: any number, another in
 * each process.
 */
void sketch_init(struct sketch *, _Atomic uint64_t *words, size_t count, uint64_t seed);

/* Counts `hash` once.  Hits may be sampled: then by one rule everywhere. */
void sketch_add(struct sketch *, uint64_t hash);

/* 0 to SKETCH_MAX: at least the true count as it has aged, except for counts that were lost. */
unsigned sketch_estimate(const struct sketch *, uint64_t hash);

#endif

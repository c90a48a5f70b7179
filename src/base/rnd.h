/*
 * rnd.h: random numbers, of two kinds that must not be mixed up.
 * rnd_bytes gives the kernel's: for keys, nonces and whatever a stranger must not guess.  A struct rnd
 * is a fast generator (xoshiro256**, Blackman and Vigna 2018) for jitter, sampling and choosing among
 * servers; its output can be predicted by who has seen some of it.  Each owner has its own state, so
 * that a test can fix it.
 */
#ifndef WEIR_BASE_RND_H
#define WEIR_BASE_RND_H

#include <stddef.h>
#include <stdint.h>

struct rnd {
    uint64_t s[4];
};

/* `n` bytes from getrandom(2); waits for the kernel's pool at boot, ends the process if there is none. */
void rnd_bytes(void *buf, size_t n);

/* Seeds from the kernel.  To be called again after fork, or both processes draw the same numbers. */
void rnd_init(struct rnd *);

/* Seeds from a number: the same numbers each time. */
void rnd_init_fixed(struct rnd *, uint64_t seed);

/* 64 evenly distributed bits. */
uint64_t rnd_u64(struct rnd *);

/* Evenly distributed in 0 to n - 1; n is not 0. */
uint64_t rnd_below(struct rnd *, uint64_t n);

#endif

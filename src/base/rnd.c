/*
 * rnd.c: bytes from the kernel and a small generator seeded from them.
 * The generator is xoshiro256**; a fixed seed is spread over its state by SplitMix64 (Steele, Lea,
 * Flood 2014), which never leaves the state all zero.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/rnd.h"

void rnd_bytes(void *buf, size_t n)
{
    char *p = buf;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0) {
            if (errno == EINTR)
                continue;
            fprintf(stderr, "weir: no random bytes from the kernel: %s\n", strerror(errno));
            abort(); /* keys that can be guessed are worse than no service */
        }
        p += got;
        n -= (size_t)got;
    }
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void rnd_init_fixed(struct rnd *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

void rnd_init(struct rnd *r)
{
    do
        rnd_bytes(r->s, sizeof(r->s));
    while ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0); /* the one state that never changes */
}

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

uint64_t rnd_u64(struct rnd *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rnd_below(struct rnd *r, uint64_t n)
{
    /* 2^64 mod n: the values under it would come once more often than the others. */
    uint64_t surplus = (0 - n) % n;
    uint64_t x;

    do
        x = rnd_u64(r);
    while (x < surplus);
    return x % n;
}

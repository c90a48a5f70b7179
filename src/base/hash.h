/*
 * hash.h: a keyed hash and a table of strings.
 * The hash is SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012) with a
 * 64-bit result: who does not know the key cannot choose inputs that collide, so it is the one for
 * whatever strangers name.  The table lives in a pool and borrows its keys.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/pool.h"
#include "base/str.h"

/* 128 bits, from rnd_bytes unless the hash must be the same in every process. */
struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* The key whose 16 bytes, little endian, are `bytes`. */
struct hash_key hash_key_of(const uint8_t bytes[16]);

/* SipHash-2-4 of `n` bytes; `data` may be NULL when n is 0. */
uint64_t hash_bytes(const struct hash_key *, const void *data, size_t n);

/* A result of 128 bits. */
struct hash_128 {
    uint64_t high;
    uint64_t low;
};

/* SipHash-2-4 with a result of 128 bits: for what is told apart by its hash alone. */
struct hash_128 hash_bytes_128(const struct hash_key *, const void *data, size_t n);

static inline bool hash_128_eq(struct hash_128 a, struct hash_128 b)
{
    return a.high == b.high && a.low == b.low;
}

struct hash_table;

/* An empty table for about `expected` entries; it grows.  Keys are compared byte by byte. */
struct hash_table *hash_table_new(struct pool *, struct hash_key key, size_t expected);

/* The value under `key`, or NULL. */
void *hash_table_get(const struct hash_table *, struct str key);

/*
 * Puts `value` (not NULL) under `key`, whose bytes must live as long as the entry.  Returns the value
 * that it replaces (the entry keeps its first key), or NULL.
 */
void *hash_table_set(struct hash_table *, struct str key, void *value);

/*
 * Walks all entries, in no useful order: start with *position 0; false at the end.  The table must not
 * change in between.
 */
bool hash_table_next(const struct hash_table *, size_t *position, struct str *key, void **value);

#endif

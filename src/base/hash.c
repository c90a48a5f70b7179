/*
 * hash.c: SipHash-2-4 and a table with linear probing.
 * The table keeps at least a quarter of its slots free, so that every probe ends; a removal moves
 * later entries of the same run back instead of leaving marks.  Arrays that were outgrown stay in the
 * pool: their sizes double, so together they are no larger than the present one.
 */
#include <string.h>

#include "base/hash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* Section 2.2 of the paper: the SipRound. */
static inline void sip_rounds(struct sip *s, int count)
{
    while (count-- > 0) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 = rotl(s->v2, 32);
    }
}

/* Section 2.1: the state is the key under four constants, "somepseudorandomlygeneratedbytes". */
static struct sip sip_start(const struct hash_key *key)
{
    return (struct sip){
        key->k0 ^ UINT64_C(0x736f6d6570736575),
        key->k1 ^ UINT64_C(0x646f72616e646f6d),
        key->k0 ^ UINT64_C(0x6c7967656e657261),
        key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_rounds(s, 2);
    s->v0 ^= word;
}

/* Four rounds after `mark` has gone into a word, which give 64 bits. */
static uint64_t sip_result(struct sip *s, uint64_t *word, uint64_t mark)
{
    *word ^= mark;
    sip_rounds(s, 4);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* `n` (at most 8) bytes as a little-endian number. */
static inline uint64_t read_le(const unsigned char *p, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)p[i] << 8 * i;
    return word;
}

struct hash_key hash_key_of(const uint8_t bytes[16])
{
    return (struct hash_key){read_le(bytes, 8), read_le(bytes + 8, 8)};
}

/* The input; last what is left of it (fewer than 8 bytes) under the length in the top byte. */
static void sip_input(struct sip *s, const void *data, size_t n)
{
    const unsigned char *p = data;
    size_t whole = n - n % 8;

    for (size_t i = 0; i < whole; i += 8)
        sip_word(s, read_le(p + i, 8));
    sip_word(s, (n % 8 ? read_le(p + whole, n % 8) : 0) | (uint64_t)(n & 0xff) << 56);
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t n)
{
    struct sip s = sip_start(key);

    sip_input(&s, data, n);
    return sip_result(&s, &s.v2, 0xff);
}

/* The variant with a result of twice the length that the authors' own implementation has. */
struct hash_128 hash_bytes_128(const struct hash_key *key, const void *data, size_t n)
{
    struct sip s = sip_start(key);
    struct hash_128 h;

    s.v1 ^= 0xee;
    sip_input(&s, data, n);
    h.high = sip_result(&s, &s.v2, 0xee);
    h.low = sip_result(&s, &s.v1, 0xdd);
    return h;
}

struct slot {
    uint64_t hash;
    struct str key;
    void *value; /* NULL: the slot is free */
};

struct hash_table {
    struct pool *pool;
    struct hash_key key;
    struct slot *slots;
    size_t mask; /* number of slots - 1; the number is a power of two */
    size_t count;
};

struct hash_table *hash_table_new(struct pool *pool, struct hash_key key, size_t expected)
{
    struct hash_table *t = pool_zalloc(pool, sizeof(*t));
    size_t slots = 8;

    while (slots / 4 * 3 < expected)
        slots *= 2;
    t->pool = pool;
    t->key = key;
    t->mask = slots - 1;
    t->slots = pool_zalloc(pool, slots * sizeof(*t->slots));
    return t;
}

/* The slot of `key`, or the free one where it belongs. */
static struct slot *find_slot(const struct hash_table *t, uint64_t hash, struct str key)
{
    size_t i = hash & t->mask;

    while (t->slots[i].value && (t->slots[i].hash != hash || !str_eq(t->slots[i].key, key)))
        i = (i + 1) & t->mask;
    return &t->slots[i];
}

void *hash_table_get(const struct hash_table *t, struct str key)
{
    return find_slot(t, hash_bytes(&t->key, key.s, key.len), key)->value;
}

static void grow(struct hash_table *t)
{
    const struct slot *old = t->slots;
    size_t old_count = t->mask + 1;

    t->mask = old_count * 2 - 1;
    t->slots = pool_zalloc(t->pool, old_count * 2 * sizeof(*t->slots));
    for (size_t i = 0; i < old_count; i++)
        if (old[i].value)
            *find_slot(t, old[i].hash, old[i].key) = old[i];
}

void *hash_table_set(struct hash_table *t, struct str key, void *value)
{
    uint64_t hash = hash_bytes(&t->key, key.s, key.len);
    struct slot *slot = find_slot(t, hash, key);
    void *old = slot->value;

    if (old) {
        slot->value = value;
        return old;
    }
    if (t->count >= (t->mask + 1) / 4 * 3) {
        grow(t);
        slot = find_slot(t, hash, key);
    }
    *slot = (struct slot){hash, key, value};
    t->count++;
    return NULL;
}

bool hash_table_next(const struct hash_table *t, size_t *position, struct str *key, void **value)
{
    while (*position <= t->mask) {
        const struct slot *slot = &t->slots[(*position)++];

        if (slot->value) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}

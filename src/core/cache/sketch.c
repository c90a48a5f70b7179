/* sketch.c: see sketch.h. */
#include "core/cache/sketch.h"

#define ROWS 4
#define AGE_EVERY 64
#define OBJECTS_A_LINE 8

size_t sketch_words(uint64_t objects)
{
    size_t words = SKETCH_LINE;

    while (words / SKETCH_LINE * OBJECTS_A_LINE < objects && words < (size_t)1 << 40)
        words *= 2;
    return words;
}

void sketch_init(struct sketch *s, _Atomic uint64_t *words, size_t count, uint64_t seed)
{
    s->words = words;
    s->line_mask = count / SKETCH_LINE - 1;
    s->cursor = seed;
    s->added = 0;
}

/* Where the counters of a hash are: its line, and in each row of two words five bits of it choose one of 32. */
struct place {
    _Atomic uint64_t *line;
    uint64_t bits;
};

static struct place place_of(const struct sketch *s, uint64_t hash)
{
    uint64_t mixed = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);

    mixed ^= mixed >> 29;
    return (struct place){s->words + (mixed >> 20 & s->line_mask) * SKETCH_LINE, mixed};
}

static _Atomic uint64_t *counter(struct place p, unsigned row, unsigned *shift)
{
    unsigned chosen = (unsigned)(p.bits >> 5 * row) & 31;

    *shift = chosen % 16 * 4;
    return p.line + 2 * row + chosen / 16;
}

/* Tried once: where two processes count in one word at once, one of them may be lost. */
static void count_one(_Atomic uint64_t *word, unsigned shift)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);

    if ((now >> shift & SKETCH_MAX) < SKETCH_MAX)
        atomic_compare_exchange_strong_explicit(word, &now, now + (UINT64_C(1) << shift), memory_order_relaxed,
            memory_order_relaxed);
}

static void halve_line(_Atomic uint64_t *line)
{
    for (int i = 0; i < SKETCH_LINE; i++) {
        uint64_t now = atomic_load_explicit(&line[i], memory_order_relaxed);

        if (now)
            atomic_compare_exchange_strong_explicit(&line[i], &now, now >> 1 & UINT64_C(0x7777777777777777),
                memory_order_relaxed, memory_order_relaxed);
    }
}

void sketch_add(struct sketch *s, uint64_t hash)
{
    struct place p = place_of(s, hash);

    for (unsigned row = 0; row < ROWS; row++) {
        unsigned shift;
        _Atomic uint64_t *word = counter(p, row, &shift);

        count_one(word, shift);
    }
    s->added = (s->added + 1) % AGE_EVERY;
    if (s->added == 0)
        halve_line(s->words + (s->cursor++ & s->line_mask) * SKETCH_LINE);
}

unsigned sketch_estimate(const struct sketch *s, uint64_t hash)
{
    struct place p = place_of(s, hash);
    unsigned least = SKETCH_MAX;

    for (unsigned row = 0; row < ROWS; row++) {
        unsigned shift, count;
        _Atomic uint64_t *word = counter(p, row, &shift);

        count = (unsigned)(atomic_load_explicit(word, memory_order_relaxed) >> shift & SKETCH_MAX);
        least = count < least ? count : least;
    }
    return least;
}

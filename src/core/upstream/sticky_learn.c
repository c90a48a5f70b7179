/* sticky_learn.c: see sticky_learn.h. */
#include "core/upstream/sticky_learn.h"

/* Seconds of the machine's life: eight years of them. */
#define TIME_BITS 28
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

/* Any odd number with bits all over: a word of which one bit differs gives another check. */
static uint64_t mix(uint64_t word)
{
    word *= UINT64_C(0x9e3779b97f4a7c15);
    return word ^ word >> 29;
}

static uint64_t word_make(uint64_t tag, int64_t now_s)
{
    return tag << TIME_BITS | ((uint64_t)now_s & TIME_MASK);
}

/* Seconds since it was written; none where the clock seems to have gone back. */
static int64_t word_age(uint64_t word, int64_t now_s)
{
    int64_t age = (int64_t)((uint64_t)now_s & TIME_MASK) - (int64_t)(word & TIME_MASK);

    return age > 0 ? age : 0;
}

static struct learn_entry *bucket(struct sticky_learn *learn, uint64_t hash)
{
    return learn->entries + (hash % (learn->count / LEARN_WAYS)) * LEARN_WAYS;
}

/* The word of an entry that is this hash's; 0: it is another's. */
static uint64_t entry_read(const struct learn_entry *e, uint64_t hash)
{
    uint64_t word = __atomic_load_n(&e->word, __ATOMIC_RELAXED);
    uint64_t check = __atomic_load_n(&e->check, __ATOMIC_RELAXED);

    return word != 0 && (check ^ mix(word)) == hash ? word : 0;
}

static void entry_write(struct learn_entry *e, uint64_t hash, uint64_t word)
{
    __atomic_store_n(&e->word, word, __ATOMIC_RELAXED);
    __atomic_store_n(&e->check, hash ^ mix(word), __ATOMIC_RELAXED);
}

uint64_t sticky_learn_find(struct sticky_learn *learn, uint64_t hash, int64_t now_s, int64_t ttl_s)
{
    struct learn_entry *e = bucket(learn, hash);

    for (size_t i = 0; i < LEARN_WAYS; i++) {
        uint64_t word = entry_read(&e[i], hash);
        int64_t age = word_age(word, now_s);

        if (word == 0)
            continue;
        if (age > ttl_s)
            return 0;
        /* Not each time: the line would go from processor to processor. */
        if (age > ttl_s / 16)
            entry_write(&e[i], hash, word_make(word >> TIME_BITS, now_s));
        return word >> TIME_BITS;
    }
    return 0;
}

void sticky_learn_put(struct sticky_learn *learn, uint64_t hash, uint64_t tag, int64_t now_s)
{
    struct learn_entry *e = bucket(learn, hash);
    struct learn_entry *to = NULL;
    int64_t oldest = -1;

    for (size_t i = 0; i < LEARN_WAYS; i++) {
        uint64_t word = __atomic_load_n(&e[i].word, __ATOMIC_RELAXED);
        int64_t age = word == 0 ? INT64_MAX : word_age(word, now_s);

        if (entry_read(&e[i], hash)) {
            to = &e[i];
            break;
        }
        if (age > oldest) {
            oldest = age;
            to = &e[i];
        }
    }
    entry_write(to, hash, word_make(tag, now_s));
}

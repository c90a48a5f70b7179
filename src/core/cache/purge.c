/* purge.c: see purge.h. */
#include <errno.h>
#include <stdatomic.h>

#include "core/cache/purge.h"

#define CLAIMED (UINT64_C(1) << 63) /* of an entry's seq: it is being filled */

struct purge_entry {
    _Atomic uint32_t kind; /* enum purge_kind */
    _Atomic uint32_t len;
    char prefix[PURGE_PREFIX_MAX];
};

struct purge_board {
    _Atomic uint64_t seq;     /* of the last purge */
    _Atomic uint64_t hashed;  /* the newest of a key or tag */
    _Atomic uint64_t listed;  /* the newest of a prefix */
    _Atomic uint64_t walked;  /* a walk has removed what purges up to here are about */
    _Atomic uint64_t epoch;
    _Atomic uint64_t version; /* how often the list has grown */
    _Atomic uint64_t ready;
    _Atomic uint64_t seqs[PURGE_ENTRIES]; /* of the entries; 0: free.  Apart from them: these are looked through */
    struct purge_entry entries[PURGE_ENTRIES];
    _Atomic uint64_t words[]; /* hard ones, then soft ones */
};

static void raise_word(_Atomic uint64_t *word, uint64_t to)
{
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);

    while (now < to && !atomic_compare_exchange_weak(word, &now, to))
        ;
}

size_t purge_board_bytes(unsigned bits)
{
    return sizeof(struct purge_board) + (sizeof(uint64_t) * 2 << bits);
}

void purge_init(struct purge *p, void *memory, unsigned bits)
{
    p->board = memory;
    p->bits = bits;
}

uint64_t purge_seq(const struct purge *p)
{
    return atomic_load(&p->board->seq);
}

void purge_raise(struct purge *p, uint64_t seq)
{
    raise_word(&p->board->seq, seq);
}

static _Atomic uint64_t *word_of(const struct purge *p, uint64_t hash, enum purge_kind kind)
{
    uint64_t words = UINT64_C(1) << p->bits;

    return &p->board->words[(hash & (words - 1)) + (kind == PURGE_HARD ? 0 : words)];
}

/* Some hash of the object is purged in that way after it was asked for. */
static bool hashes_purged(const struct purge *p, const struct purge_subject *s, enum purge_kind kind)
{
    if (atomic_load(word_of(p, s->primary, kind)) > s->seq)
        return true;
    for (unsigned i = 0; i < s->tag_count; i++)
        if (atomic_load(word_of(p, s->tags[i], kind)) > s->seq)
            return true;
    return false;
}

/* What an entry says of a key; read between two looks at its seq, as it may be freed and filled anew meanwhile. */
static enum purge_kind entry_says(const struct purge_board *b, size_t i, const struct purge_subject *s)
{
    const struct purge_entry *e = &b->entries[i];

    for (;;) {
        uint64_t seq = atomic_load(&b->seqs[i]);
        uint32_t len, kind;
        bool covers;

        if ((seq & CLAIMED) || seq <= s->seq)
            return PURGE_NONE;
        len = atomic_load(&e->len);
        kind = atomic_load(&e->kind);
        covers = len <= PURGE_PREFIX_MAX && str_has_prefix(s->key, (struct str){e->prefix, len});
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load(&b->seqs[i]) == seq)
            return !covers ? PURGE_NONE : kind == PURGE_HARD ? PURGE_HARD : PURGE_SOFT;
    }
}

/*
 * The list; if it says nothing of the object, that holds until it grows.  Where it grew in between it is looked
 * through again: a new entry may stand in front of where this was, and one that it covers be gone behind.
 */
static enum purge_kind list_says(const struct purge *p, struct purge_subject *s)
{
    uint64_t version = atomic_load(&p->board->version), before;
    enum purge_kind worst;

    if (version == s->checked || atomic_load(&p->board->listed) <= s->seq)
        return PURGE_NONE;
    do {
        before = version;
        worst = PURGE_NONE;
        for (size_t i = 0; i < PURGE_ENTRIES; i++) {
            enum purge_kind kind = entry_says(p->board, i, s);

            worst = kind > worst ? kind : worst;
        }
        version = atomic_load(&p->board->version);
    } while (worst != PURGE_HARD && version != before);
    if (worst == PURGE_NONE)
        s->checked = version;
    return worst;
}

enum purge_kind purge_check(const struct purge *p, struct purge_subject *s)
{
    bool hashed = atomic_load(&p->board->hashed) > s->seq;
    enum purge_kind listed;

    if (hashed && hashes_purged(p, s, PURGE_HARD))
        return PURGE_HARD;
    listed = list_says(p, s);
    if (listed != PURGE_NONE)
        return listed;
    return hashed && hashes_purged(p, s, PURGE_SOFT) ? PURGE_SOFT : PURGE_NONE;
}

void purge_hash_at(struct purge *p, uint64_t hash, enum purge_kind kind, uint64_t seq)
{
    purge_raise(p, seq);
    raise_word(word_of(p, hash, kind), seq);
    raise_word(&p->board->hashed, seq);
}

uint64_t purge_hash(struct purge *p, uint64_t hash, enum purge_kind kind)
{
    uint64_t seq = atomic_fetch_add(&p->board->seq, 1) + 1;

    purge_hash_at(p, hash, kind, seq);
    return seq;
}

/* An entry that says no more than a newer one for `prefix`. */
static bool is_covered(const struct purge_entry *e, struct str prefix, enum purge_kind kind)
{
    uint32_t len = atomic_load(&e->len);

    return len <= PURGE_PREFIX_MAX
        && (kind == PURGE_HARD || atomic_load(&e->kind) == PURGE_SOFT)
        && str_has_prefix((struct str){e->prefix, len}, prefix);
}

static void drop_covered(struct purge *p, struct str prefix, enum purge_kind kind, uint64_t seq)
{
    for (size_t i = 0; i < PURGE_ENTRIES; i++) {
        uint64_t old = atomic_load(&p->board->seqs[i]);

        if (old > 0 && old < seq && is_covered(&p->board->entries[i], prefix, kind))
            atomic_compare_exchange_strong(&p->board->seqs[i], &old, 0);
    }
}

/* The claim of a process that dies here is freed by the walk. */
static int claim(struct purge *p, uint64_t claimed)
{
    for (size_t i = 0; i < PURGE_ENTRIES; i++) {
        uint64_t none = 0;

        if (atomic_compare_exchange_strong(&p->board->seqs[i], &none, claimed))
            return (int)i;
    }
    return -1;
}

static int list_add(struct purge *p, struct str prefix, enum purge_kind kind, uint64_t seq)
{
    uint64_t claimed = CLAIMED | seq;
    struct purge_entry *e;
    int at;

    if (prefix.len > PURGE_PREFIX_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    at = claim(p, claimed);
    if (at < 0) {
        errno = ENOSPC;
        return -1;
    }
    e = &p->board->entries[at];
    if (prefix.len > 0)
        memcpy(e->prefix, prefix.s, prefix.len);
    atomic_store(&e->len, (uint32_t)prefix.len);
    atomic_store(&e->kind, (uint32_t)kind);
    if (!atomic_compare_exchange_strong(&p->board->seqs[at], &claimed, seq)) {
        errno = EAGAIN;
        return -1;
    }
    raise_word(&p->board->listed, seq);
    atomic_fetch_add(&p->board->version, 1);
    drop_covered(p, prefix, kind, seq);
    return 0;
}

int purge_prefix_at(struct purge *p, struct str prefix, enum purge_kind kind, uint64_t seq)
{
    purge_raise(p, seq);
    return list_add(p, prefix, kind, seq);
}

uint64_t purge_prefix(struct purge *p, struct str prefix, enum purge_kind kind)
{
    uint64_t seq = atomic_fetch_add(&p->board->seq, 1) + 1;

    return list_add(p, prefix, kind, seq) == 0 ? seq : 0;
}

unsigned purge_listed(const struct purge *p)
{
    unsigned count = 0;

    for (size_t i = 0; i < PURGE_ENTRIES; i++)
        count += atomic_load(&p->board->seqs[i]) != 0;
    return count;
}

bool purge_pending(const struct purge *p)
{
    uint64_t walked = atomic_load(&p->board->walked);

    return atomic_load(&p->board->hashed) > walked || atomic_load(&p->board->listed) > walked;
}

void purge_walked(struct purge *p, uint64_t begun)
{
    raise_word(&p->board->walked, begun);
    for (size_t i = 0; i < PURGE_ENTRIES; i++) {
        uint64_t seq = atomic_load(&p->board->seqs[i]);

        if (seq > 0 && (seq & ~CLAIMED) <= begun)
            atomic_compare_exchange_strong(&p->board->seqs[i], &seq, 0);
    }
}

bool purge_may_store(const struct purge *p, uint64_t seq)
{
    return seq >= atomic_load(&p->board->walked);
}

bool purge_ready(const struct purge *p)
{
    return atomic_load(&p->board->ready) != 0;
}

void purge_set_ready(struct purge *p)
{
    atomic_store(&p->board->ready, 1);
}

uint64_t purge_epoch(const struct purge *p)
{
    return atomic_load(&p->board->epoch);
}

void purge_epoch_set(struct purge *p, uint64_t epoch)
{
    raise_word(&p->board->epoch, epoch);
}

/* hot.c: see hot.h. */
#include <stdlib.h>
#include <string.h>

#include "core/cache/hot.h"

#define SMALL_SHARE 10 /* of that many bytes the small queue may hold one */
#define LARGEST 8      /* of that many bytes one object may take one */
#define GHOST_WAYS 4
#define USES_MAX 3
#define TURNS 32 /* after that many without any gain the next one goes, used or not */

/* The hash of what left the small queue, and when: counted in departures. */
struct ghost {
    uint32_t print;
    uint32_t at; /* 0: free */
};

struct hot {
    size_t limit, bytes, small_bytes;
    struct list small, main; /* newest first */
    size_t main_count;
    struct hot_object **buckets;
    size_t bucket_mask;
    struct ghost *ghosts;
    size_t ghost_mask; /* sets of GHOST_WAYS - 1 */
    uint32_t departures;
    struct hot_stats stats;
};

/* The power of two at or above limit / each, within bounds. */
static size_t places(size_t limit, size_t each)
{
    size_t n = 256;

    while (n < limit / each && n < (size_t)1 << 20)
        n *= 2;
    return n;
}

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (!p)
        abort();
    return p;
}

struct hot *hot_new(size_t limit)
{
    struct hot *h = zeroed(1, sizeof(*h));

    h->limit = limit;
    list_init(&h->small);
    list_init(&h->main);
    h->bucket_mask = places(limit, 2048) - 1;
    h->buckets = zeroed(h->bucket_mask + 1, sizeof(*h->buckets));
    h->ghost_mask = places(limit, 8192) - 1;
    h->ghosts = zeroed((h->ghost_mask + 1) * GHOST_WAYS, sizeof(*h->ghosts));
    return h;
}

static struct hot_object **bucket_of(struct hot *h, struct hash_128 hash)
{
    struct hot_object **at = &h->buckets[hash.low & h->bucket_mask];

    while (*at && !hash_128_eq((*at)->hash, hash))
        at = &(*at)->chain;
    return at;
}

void hot_release(struct hot_object *o)
{
    if (--o->refs > 0)
        return;
    if (o->on_free)
        o->on_free(o);
    free(o);
}

/* Out of the map and its queue, if it is there; the map's reference goes with it. */
static void take_out(struct hot *h, struct hot_object **at)
{
    struct hot_object *o = *at;

    if (!o)
        return;
    *at = o->chain;
    list_remove(&o->link);
    h->bytes -= o->bytes;
    if (o->in_main)
        h->main_count--;
    else
        h->small_bytes -= o->bytes;
    h->stats.objects--;
    o->hot = NULL;
    hot_release(o);
}

void hot_free(struct hot *h)
{
    if (!h)
        return;
    for (size_t i = 0; i <= h->bucket_mask; i++)
        while (h->buckets[i])
            take_out(h, &h->buckets[i]);
    free(h->buckets);
    free(h->ghosts);
    free(h);
}

static struct ghost *ghost_set(struct hot *h, struct hash_128 hash)
{
    return &h->ghosts[(hash.high & h->ghost_mask) * GHOST_WAYS];
}

static uint32_t print_of(struct hash_128 hash)
{
    return (uint32_t)(hash.low >> 32);
}

/* In the place of the oldest of its set. */
static void ghost_add(struct hot *h, struct hash_128 hash)
{
    struct ghost *set = ghost_set(h, hash), *oldest = set;

    if (++h->departures == 0)
        h->departures = 1;
    for (int i = 1; i < GHOST_WAYS; i++)
        if (h->departures - set[i].at > h->departures - oldest->at)
            oldest = &set[i];
    for (int i = 0; i < GHOST_WAYS; i++)
        if (set[i].at == 0)
            oldest = &set[i];
    *oldest = (struct ghost){print_of(hash), h->departures};
}

/* Whether it left the small queue no longer ago than the main one has objects; forgets it. */
static bool ghost_take(struct hot *h, struct hash_128 hash)
{
    struct ghost *set = ghost_set(h, hash);
    size_t memory = h->main_count > 64 ? h->main_count : 64;

    for (int i = 0; i < GHOST_WAYS; i++) {
        if (set[i].at == 0 || set[i].print != print_of(hash))
            continue;
        bool young = h->departures - set[i].at < memory;

        set[i].at = 0;
        return young;
    }
    return false;
}

static void enter_main(struct hot *h, struct hot_object *o)
{
    o->in_main = 1;
    h->main_count++;
    list_prepend(&h->main, &o->link);
}

static void evict(struct hot *h, struct hot_object *o)
{
    h->stats.evicted++;
    take_out(h, bucket_of(h, o->hash));
}

/* The oldest of the small queue: to the main one if it was asked for, else out. */
static void turn_small(struct hot *h)
{
    struct hot_object *o = container_of(h->small.prev, struct hot_object, link);

    if (o->uses == 0) {
        ghost_add(h, o->hash);
        evict(h, o);
        return;
    }
    h->small_bytes -= o->bytes;
    o->uses = 0;
    list_remove(&o->link);
    enter_main(h, o);
}

/* The oldest of the main queue: another round for a use, else out. */
static void turn_main(struct hot *h, bool must_go)
{
    struct hot_object *o = container_of(h->main.prev, struct hot_object, link);

    if (o->uses == 0 || must_go) {
        evict(h, o);
        return;
    }
    o->uses--;
    list_remove(&o->link);
    list_prepend(&h->main, &o->link);
}

static void make_room(struct hot *h, size_t bytes)
{
    for (unsigned turns = 1; h->bytes + bytes > h->limit; turns++) {
        bool must_go = turns % TURNS == 0;
        bool from_small = h->small_bytes > h->limit / SMALL_SHARE && !must_go;

        if (!list_empty(&h->small) && (from_small || list_empty(&h->main)))
            turn_small(h);
        else
            turn_main(h, must_go);
    }
}

struct hot_object *hot_get(struct hot *h, struct hash_128 hash)
{
    struct hot_object *o = *bucket_of(h, hash);

    if (!o) {
        h->stats.misses++;
        return NULL;
    }
    h->stats.hits++;
    if (o->uses < USES_MAX)
        o->uses++;
    o->refs++;
    return o;
}

/* One that replaces another goes on in its queue, with its uses. */
static void enter(struct hot *h, struct hot_object *o, bool to_main)
{
    struct hot_object **at = bucket_of(h, o->hash);

    o->chain = *at;
    *at = o;
    h->bytes += o->bytes;
    h->stats.objects++;
    if (to_main) {
        enter_main(h, o);
        return;
    }
    h->small_bytes += o->bytes;
    list_prepend(&h->small, &o->link);
}

struct hot_object *hot_put(struct hot *h, struct hash_128 hash, size_t len, size_t extra)
{
    struct hot_object **old = bucket_of(h, hash), *o;
    bool to_main = *old && (*old)->in_main;
    uint8_t uses = *old ? (*old)->uses : 0;

    if (*old)
        take_out(h, old);
    else
        to_main = ghost_take(h, hash);
    if (len > h->limit || extra > h->limit || sizeof(*o) + len + extra > h->limit / LARGEST)
        return NULL;
    o = malloc(sizeof(*o) + len);
    if (!o)
        return NULL;
    *o = (struct hot_object){.hot = h, .hash = hash, .refs = 2, .uses = uses, .len = len,
        .bytes = sizeof(*o) + len + extra};
    list_init(&o->link);
    make_room(h, o->bytes);
    enter(h, o, to_main);
    return o;
}

bool hot_drop(struct hot *h, struct hash_128 hash)
{
    struct hot_object **at = bucket_of(h, hash);

    if (!*at)
        return false;
    take_out(h, at);
    return true;
}

void hot_drop_object(struct hot_object *o)
{
    if (o->hot)
        take_out(o->hot, bucket_of(o->hot, o->hash));
}

void hot_stats(const struct hot *h, struct hot_stats *stats)
{
    *stats = h->stats;
    stats->bytes = h->bytes;
}

/* hash_race.c: see hash_race.h. */
#include "modules/hash_race.h"

#include "core/upstream/balance_key.h"

struct runner {
    uint64_t seed;
    uint64_t steps;
    float start; /* 0 to 1: so that equals are seldom at a slot at the same time */
    float speed;
    unsigned peer;
};

struct race {
    struct runner *runners;
    size_t count;
    unsigned *slots;
    float *times; /* when the slot was taken */
    const struct runner **owners; /* NULL: it is free */
    unsigned left;
};

static float arrival(const struct runner *r)
{
    return ((float)r->steps + r->start) / r->speed;
}

/* One server runs until `end`. */
static void run(struct race *race, struct runner *r, float end)
{
    float time;

    while ((time = arrival(r)) < end) {
        unsigned slot = (unsigned)(balance_hash_next(r->seed, (unsigned)++r->steps) >> (64 - HASH_RACE_BITS));
        const struct runner *owner = race->owners[slot];

        if (owner && (race->times[slot] < time || (race->times[slot] <= time && owner->seed <= r->seed)))
            continue;
        race->left -= owner == NULL;
        race->owners[slot] = r;
        race->times[slot] = time;
    }
}

static void line_up(struct race *race, const struct upstream_state *state, const struct upstream_tier *tier)
{
    for (size_t i = 0; i < tier->count; i++) {
        const struct peer_state *peer = state->peers[tier->peers[i]];
        uint64_t seed = balance_hash(peer->conf->name);

        race->runners[i] = (struct runner){
            .seed = seed,
            .start = (float)(balance_hash_next(seed, 0) >> 48) / 65536.0f,
            .speed = (float)(peer->share > 0 ? peer->share : 1),
            .peer = tier->peers[i],
        };
    }
}

/* In rounds of half as many steps as there are slots: after each it is known who was first until then. */
static void race_run(struct race *race, uint64_t share)
{
    float round = (float)HASH_RACE_SLOTS / 2 / (float)(share > 0 ? share : 1);

    for (unsigned rounds = 1; race->left > 0; rounds++)
        for (size_t i = 0; i < race->count; i++)
            run(race, &race->runners[i], round * (float)rounds);
}

unsigned *hash_race_new(const struct upstream_state *state, const struct upstream_tier *tier,
                        struct pool *pool)
{
    struct pool *scratch = pool_new(4096);
    struct race race = {.count = tier->count, .left = HASH_RACE_SLOTS};
    unsigned *slots = pool_alloc(pool, HASH_RACE_SLOTS * sizeof(*slots));

    race.runners = pool_alloc(scratch, tier->count * sizeof(*race.runners));
    race.times = pool_zalloc(scratch, HASH_RACE_SLOTS * sizeof(*race.times));
    race.owners = pool_zalloc(scratch, HASH_RACE_SLOTS * sizeof(*race.owners));
    line_up(&race, state, tier);
    if (tier->count > 1)
        race_run(&race, tier->share);
    for (size_t i = 0; i < HASH_RACE_SLOTS; i++)
        slots[i] = tier->count > 1 ? race.owners[i]->peer : tier->peers[0];
    pool_free(scratch);
    return slots;
}

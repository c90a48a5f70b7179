/*
 * balancer_hash.c: the server that a key of the request belongs to (source, uri, url_param, header,
 * rdp_cookie, hash).  `map` lays the servers of the file end to end by weight: exact shares, and a server
 * that is down moves its own keys only; but one more or less in the file moves nearly all.  `consistent`
 * is hash_race.h.  A server that cannot take the request, or has its share of the load, is passed over for
 * the key's next, and so on.
 */
#include "core/balance_key.h"
#include "core/balancer.h"
#include "core/worker.h"
#include "modules/balance_load.h"
#include "modules/hash_race.h"
#include "modules/modules.h"
#include "modules/weighted.h"

/* Servers that a key has in an order of its own; behind them all are looked at. */
#define CHOICES 32

struct hash_tier {
    bool looked; /* since the last change */
    uint64_t made_of; /* what `slots` was made of */
    struct pool *pool; /* of `slots`; NULL: not made yet */
    unsigned *slots; /* consistent */
    struct weighted map;
};

struct hash {
    struct pool *pool; /* of the maps and the load */
    struct hash_tier tiers[2];
    struct balance_load load;
};

/* All of the file, whatever they are at this moment. */
static void map_make(struct weighted *map, const struct upstream_state *state, bool backup, struct pool *pool)
{
    weighted_init(map, state->peer_count, pool);
    for (unsigned i = 0; i < state->peer_count; i++) {
        const struct peer_state *peer = state->peers[i];

        if (peer->conf->backup == backup && peer->status != PEER_GONE && peer->status != PEER_UNRESOLVED)
            weighted_add(map, i, peer->conf->weight);
    }
}

static void hash_rebuild(struct upstream_state *state)
{
    struct hash *own = state->balancer_data;
    struct pool *pool = pool_new(4096);

    if (!own) {
        own = pool_zalloc(state->worker->pool, sizeof(*own));
        state->balancer_data = own;
    }
    for (size_t k = 0; k < ARRAY_SIZE(own->tiers); k++) {
        own->tiers[k].looked = false;
        map_make(&own->tiers[k].map, state, k == 1, pool);
    }
    balance_load_init(&own->load, state, pool);
    pool_free(own->pool);
    own->pool = pool;
}

/* Differs when the servers or their shares do. */
static uint64_t digest(const struct upstream_state *state, const struct upstream_tier *tier)
{
    uint64_t sum = tier->count;

    for (size_t i = 0; i < tier->count; i++)
        sum = balance_hash_next(
            sum ^ tier->peers[i] ^ (uint64_t)state->peers[tier->peers[i]]->share << 32, 1);
    return sum;
}

/* Made when first wanted: many changes are none of the servers of this upstream. */
static void slots_make(struct hash_tier *own, const struct upstream_state *state,
                       const struct upstream_tier *tier)
{
    uint64_t made_of = digest(state, tier);

    own->looked = true;
    if (own->pool && own->made_of == made_of)
        return;
    pool_free(own->pool);
    own->pool = pool_new(4096);
    own->made_of = made_of;
    own->slots = hash_race_new(state, tier, own->pool);
}

/* hash_balance_factor: it has as much of all that is under way, this request included, as it may have. */
static bool is_over(const struct hash *own, const struct upstream_state *state, unsigned index, bool backup)
{
    unsigned __int128 all = state->active + own->load.others_total + 1;
    unsigned __int128 most = all * state->conf->balance_conf.factor * state->peers[index]->share;
    unsigned __int128 unit = (unsigned __int128)state->tiers[backup].share * 100;

    /* At least one, so that somebody takes it; rounded up. */
    return state->conf->balance_conf.factor > 0 && balance_load_now(state, index) >= (most + unit - 1) / unit;
}

static unsigned place(const struct hash_tier *own, bool consistent, uint64_t hash)
{
    return consistent ? hash_race_of(own->slots, hash) : weighted_of(&own->map, hash);
}

/* In the tier's order from the key's place on; one below its bound if there is any. */
static int next_usable(const struct hash *own, const struct upstream_state *state, const struct pick *pick,
                       uint64_t hash)
{
    const struct upstream_tier *tier = &state->tiers[pick->backup];
    int over = -1;

    for (size_t i = 0; i < tier->count; i++) {
        unsigned index = tier->peers[(hash % tier->count + i) % tier->count];

        if (!upstream_peer_usable(state, index, pick))
            continue;
        if (!is_over(own, state, index, pick->backup))
            return (int)index;
        if (over < 0)
            over = (int)index;
    }
    return over;
}

static int hash_pick(struct upstream_state *state, const struct pick *pick)
{
    struct hash *own = state->balancer_data;
    struct hash_tier *tier = &own->tiers[pick->backup];
    bool consistent = state->conf->balance_conf.consistent;
    struct str key = balance_key(state->conf, pick->req);
    uint64_t hash;

    if (!key.s)
        return balancer_round_robin.pick(state, pick);
    hash = balance_hash(key);
    if (state->conf->balance_conf.factor > 0)
        (void)balance_load_look(&own->load, state);
    if (consistent && !tier->looked)
        slots_make(tier, state, &state->tiers[pick->backup]);
    for (unsigned i = 0; i < CHOICES && (consistent || tier->map.total > 0); i++) {
        unsigned index = place(tier, consistent, i > 0 ? balance_hash_next(hash, i) : hash);

        if (upstream_peer_usable(state, index, pick) && !is_over(own, state, index, pick->backup))
            return (int)index;
    }
    return next_usable(own, state, pick, hash);
}

static void hash_release(struct upstream_state *state)
{
    struct hash *own = state->balancer_data;

    for (size_t k = 0; own && k < ARRAY_SIZE(own->tiers); k++)
        pool_free(own->tiers[k].pool);
    if (own)
        pool_free(own->pool);
}

const struct balancer balancer_hash = {
    .name = "hash",
    .rebuild = hash_rebuild,
    .pick = hash_pick,
    .release = hash_release,
};

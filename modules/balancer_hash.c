/*
 * balancer_hash.c: the server that a key of the request belongs to (source, uri, url_param, header,
 * rdp_cookie, hash).  `map` lays the servers of the file end to end by weight: exact shares, and a server
 * that is down moves its own keys only; but one more or less in the file moves nearly all.  `consistent`
 * is hash_race.h.  A server that cannot take the request, or has its share of the load, is passed over for
 * the key's next, and so on.
 */
#include "core/upstream/balance_key.h"
#include "core/upstream/balancer.h"
#include "core/worker.h"
#include "modules/balance_load.h"
#include "modules/hash_tier.h"
#include "modules/modules.h"

/* Servers that a key has in an order of its own; behind them all are looked at. */
#define CHOICES 32

struct hash {
    struct pool *pool; /* of the maps and the load */
    struct hash_tier tiers[2];
    struct balance_load load;
};

static void hash_rebuild(struct upstream_state *state)
{
    struct hash *own = state->balancer_data;
    struct pool *pool = pool_new(4096);

    if (!own) {
        own = pool_zalloc(state->worker->pool, sizeof(*own));
        state->balancer_data = own;
    }
    for (size_t k = 0; k < ARRAY_SIZE(own->tiers); k++)
        hash_tier_change(&own->tiers[k], state, k == 1, pool);
    balance_load_init(&own->load, state, pool);
    pool_free(own->pool);
    own->pool = pool;
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
    struct str key = balance_key(state->conf, pick->req);
    uint64_t hash;

    if (!key.s)
        return balancer_round_robin.pick(state, pick);
    hash = balance_hash(key);
    if (state->conf->balance_conf.factor > 0)
        (void)balance_load_look(&own->load, state);
    for (unsigned i = 0; i < CHOICES; i++) {
        int index = hash_tier_of(tier, state, pick->backup, i > 0 ? balance_hash_next(hash, i) : hash);

        if (index >= 0 && upstream_peer_usable(state, (size_t)index, pick) &&
            !is_over(own, state, (unsigned)index, pick->backup))
            return index;
    }
    return next_usable(own, state, pick, hash);
}

static void hash_release(struct upstream_state *state)
{
    struct hash *own = state->balancer_data;

    for (size_t k = 0; own && k < ARRAY_SIZE(own->tiers); k++)
        hash_tier_free(&own->tiers[k]);
    if (own)
        pool_free(own->pool);
}

const struct balancer balancer_hash = {
    .name = "hash",
    .rebuild = hash_rebuild,
    .pick = hash_pick,
    .release = hash_release,
};

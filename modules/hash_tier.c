/* hash_tier.c: see hash_tier.h. */
#include "modules/hash_tier.h"

#include "core/upstream/balance_key.h"
#include "modules/hash_race.h"

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

void hash_tier_change(struct hash_tier *own, const struct upstream_state *state, bool backup,
                      struct pool *pool)
{
    own->looked = false;
    map_make(&own->map, state, backup, pool);
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

int hash_tier_of(struct hash_tier *own, const struct upstream_state *state, bool backup, uint64_t hash)
{
    if (!state->conf->balance_conf.consistent)
        return own->map.total > 0 ? (int)weighted_of(&own->map, hash) : -1;
    if (!own->looked)
        slots_make(own, state, &state->tiers[backup]);
    return (int)hash_race_of(own->slots, hash);
}

void hash_tier_free(struct hash_tier *own)
{
    pool_free(own->pool);
}

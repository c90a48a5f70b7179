/*
 * balancer_random.c: two servers drawn by weight, of which the one with less to do for its weight is
 * taken.  Workers that know little of each other do not all run to the same server, as they do with
 * least_conn.
 */
#include "core/upstream/balancer.h"
#include "core/worker.h"
#include "modules/balance_load.h"
#include "modules/modules.h"
#include "modules/weighted.h"

/* Draws until two are usable; then all are looked at. */
#define DRAWS 8

struct random {
    struct pool *pool;
    struct weighted tiers[2];
    struct balance_load load;
};

static void random_rebuild(struct upstream_state *state)
{
    struct random *own = state->balancer_data;
    struct random new = {.pool = pool_new(4096)};

    if (!own) {
        own = pool_zalloc(state->worker->pool, sizeof(*own));
        state->balancer_data = own;
    }
    for (size_t k = 0; k < ARRAY_SIZE(new.tiers); k++) {
        const struct upstream_tier *tier = &state->tiers[k];

        weighted_init(&new.tiers[k], tier->count, new.pool);
        for (size_t i = 0; i < tier->count; i++)
            weighted_add(&new.tiers[k], tier->peers[i], state->peers[tier->peers[i]]->share);
    }
    balance_load_init(&new.load, state, new.pool);
    pool_free(own->pool);
    *own = new;
}

/* a has less to do for its weight than b. */
static bool is_less(const struct random *own, const struct upstream_state *state, unsigned a, unsigned b)
{
    return balance_load_of(&own->load, state, a) * state->peers[b]->share <
           balance_load_of(&own->load, state, b) * state->peers[a]->share;
}

/* From anywhere on the first that can be used. */
static int any_usable(struct upstream_state *state, const struct pick *pick)
{
    const struct upstream_tier *tier = &state->tiers[pick->backup];
    size_t start = rnd_below(&state->worker->rnd, tier->count);

    for (size_t i = 0; i < tier->count; i++) {
        unsigned index = tier->peers[(start + i) % tier->count];

        if (upstream_peer_usable(state, index, pick))
            return (int)index;
    }
    return -1;
}

static int random_pick(struct upstream_state *state, const struct pick *pick)
{
    struct random *own = state->balancer_data;
    const struct weighted *tier = &own->tiers[pick->backup];
    int best = -1;

    if (tier->total == 0)
        return -1;
    (void)balance_load_look(&own->load, state);
    for (unsigned draws = 0, found = 0; draws < DRAWS && found < 2; draws++) {
        unsigned index = weighted_of(tier, rnd_u64(&state->worker->rnd));

        if (!upstream_peer_usable(state, index, pick))
            continue;
        found++;
        if (best < 0 || is_less(own, state, index, (unsigned)best))
            best = (int)index;
    }
    return best >= 0 ? best : any_usable(state, pick);
}

static void random_release(struct upstream_state *state)
{
    struct random *own = state->balancer_data;

    if (own)
        pool_free(own->pool);
}

const struct balancer balancer_random = {
    .name = "random",
    .rebuild = random_rebuild,
    .pick = random_pick,
    .release = random_release,
};

/* balancer_fixture.h: an upstream with a number of servers, as a worker has it, without a loop that runs. */
#ifndef WEIR_UNIT_BALANCER_FIXTURE_H
#define WEIR_UNIT_BALANCER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/upstream/balancer.h"
#include "core/request.h"
#include "core/worker.h"

struct balancer_fixture {
    struct loop loop;
    struct worker worker;
    struct upstream conf;
    struct upstream *confs[1];
    struct config config;
    const struct balancer *balancers[BALANCE_METHODS];
    struct upstream_state *state;
};

/* Servers of weight 1; change f->conf.peers, f->conf and f->worker, then call fixture_start(). */
static inline void fixture_prepare(struct balancer_fixture *f, const struct balancer *balancer, size_t count)
{
    memset(f, 0, sizeof(*f));
    f->loop.clock.mono_ms = 1000000;
    f->worker = (struct worker){.loop = &f->loop, .count = 1, .pool = pool_new(4096), .config = &f->config,
                                .balancers = f->balancers};
    f->balancers[0] = balancer;
    f->confs[0] = &f->conf;
    f->config.upstreams = f->confs;
    f->config.upstream_count = 1;
    f->conf.peers = calloc(count, sizeof(*f->conf.peers));
    f->conf.peer_count = count;
    for (size_t i = 0; i < count; i++)
        f->conf.peers[i] = (struct peer_conf){
            .name = pool_printf(f->worker.pool, "server-%zu", i), .weight = 1, .board_slot = -1};
}

static inline void fixture_start(struct balancer_fixture *f)
{
    f->worker.upstreams = upstreams_new(&f->worker);
    f->state = &f->worker.upstreams->states[0];
}

/* As after a change on the board. */
static inline void fixture_look(struct balancer_fixture *f)
{
    f->state->look_at_ms = 0;
    upstream_look(f->state);
}

static inline void fixture_end(struct balancer_fixture *f)
{
    upstreams_free(f->worker.upstreams);
    pool_free(f->worker.pool);
    free(f->conf.peers);
}

/* What the server of a choice is asked, without a proxy. */
static inline int fixture_take(struct balancer_fixture *f, const struct pick *pick)
{
    int index = f->state->tiers[pick->backup].count ? f->state->balancer->pick(f->state, pick) : -1;

    if (index >= 0)
        upstream_begin(f->state, index);
    return index;
}

static inline void fixture_give_back(struct balancer_fixture *f, int index)
{
    upstream_answered(f->state, index, 5);
    upstream_done(f->state, index);
}

/* `n` picks as letters, '-' where there is none. */
static inline void fixture_picks(struct balancer_fixture *f, const struct pick *pick, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++) {
        int index = f->state->tiers[pick->backup].count ? f->state->balancer->pick(f->state, pick) : -1;

        text[i] = index < 0 ? '-' : (char)('a' + index);
    }
    text[n] = '\0';
}

#endif

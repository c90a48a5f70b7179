/* prober_target.c: see prober_target.h. */
#include "core/prober_target.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/board.h"
#include "core/worker.h"

enum peer_health target_health(const struct target *t)
{
    uint32_t health = __atomic_load_n(&t->shared->health, __ATOMIC_RELAXED);

    return health <= PEER_HEALTH_CHECKING ? (enum peer_health)health : PEER_HEALTH_NONE;
}

bool target_is_idle(const struct target *t)
{
    uint32_t override = __atomic_load_n(&t->shared->override, __ATOMIC_RELAXED);

    return override == PEER_OVERRIDE_DOWN || (t->conf->down && override == PEER_OVERRIDE_NONE);
}

void target_free(struct target *t)
{
    check_plan_remove(&t->prober->plan, &t->timer);
    list_remove(&t->link);
    free(t);
}

static void set_port(struct addr *address, uint16_t port)
{
    if (port && address->sa.sa_family == AF_INET)
        address->in.sin_port = htons(port);
    else if (port && address->sa.sa_family == AF_INET6)
        address->in6.sin6_port = htons(port);
}

static struct target *target_new(struct prober *prober, const struct upstream *upstream,
                                 const struct peer_conf *conf)
{
    struct target *t = calloc(1, sizeof(*t));

    if (!t)
        abort();
    t->prober = prober;
    t->upstream = upstream;
    t->conf = conf;
    t->shared = board_peer_shared(prober->worker->board, (unsigned)conf->board_slot);
    t->address = conf->address;
    set_port(&t->address, upstream->check->port);
    t->timer.at = CHECK_PLAN_NOWHERE;
    list_init(&t->link);
    list_append(&prober->targets, &t->link);
    return t;
}

/* A server whose checks were taken out of the configuration is taken for well. */
static bool forget(struct prober *prober, const struct peer_conf *conf)
{
    struct peer_shared *shared = board_peer_shared(prober->worker->board, (unsigned)conf->board_slot);
    bool counts = __atomic_load_n(&shared->health, __ATOMIC_RELAXED) != PEER_HEALTH_NONE;

    if (!counts && __atomic_load_n(&shared->checked_s, __ATOMIC_RELAXED) == 0)
        return false;
    __atomic_store_n(&shared->health, PEER_HEALTH_NONE, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->check_ok, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->checked_s, 0, __ATOMIC_RELAXED);
    memset(shared->reason, 0, sizeof(shared->reason));
    return counts;
}

/* How many servers have no place for what is found out. */
static size_t upstream_begin_targets(struct prober *prober, const struct upstream *u, bool *forgot)
{
    size_t without = 0;

    for (size_t i = 0; i < u->peer_count; i++) {
        const struct peer_conf *conf = &u->peers[i];

        if (conf->board_slot < 0)
            without += u->check != NULL;
        else if (!u->check)
            *forgot |= forget(prober, conf);
        else if (conf->address.len > 0)
            (void)target_new(prober, u, conf);
    }
    return without;
}

static void plan_all(struct prober *prober, size_t count)
{
    int64_t now = prober->worker->loop->clock.mono_ms;
    size_t i = 0;

    list_each (link, &prober->targets) {
        struct target *t = container_of(link, struct target, link);
        bool at_once = target_health(t) == PEER_HEALTH_CHECKING;

        check_plan_put(&prober->plan, &t->timer,
                       check_plan_first(t->upstream->check, at_once, i++, count, now));
    }
}

void targets_begin(struct prober *prober)
{
    const struct config *config = prober->worker->config;
    bool forgot = false;
    size_t without = 0, count = 0;

    for (size_t i = 0; i < config->upstream_count; i++)
        without += upstream_begin_targets(prober, config->upstreams[i], &forgot);
    list_each (link, &prober->targets)
        count++;
    plan_all(prober, count);
    if (forgot)
        board_peers_changed(prober->worker->board);
    if (without)
        log_write(prober->worker->log, LOG_LEVEL_WARN,
                  "%zu servers are not checked: the board has no room for them", without);
}

void targets_look(struct prober *prober)
{
    prober->seen = board_peers_version(prober->worker->board);
}

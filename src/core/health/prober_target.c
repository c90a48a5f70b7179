/* prober_target.c: see prober_target.h. */
#include "core/health/prober_target.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/rnd.h"
#include "core/board/board_server.h"
#include "core/upstream/upstream_servers.h"
#include "core/worker.h"

enum peer_health target_health(const struct target *t)
{
    uint32_t health = __atomic_load_n(&t->shared->health, __ATOMIC_RELAXED);

    if (health == PEER_HEALTH_NONE && t->conf->starts_checking)
        return PEER_HEALTH_CHECKING;
    return health <= PEER_HEALTH_CHECKING ? (enum peer_health)health : PEER_HEALTH_NONE;
}

bool target_is_idle(const struct target *t)
{
    uint32_t override = __atomic_load_n(&t->shared->override, __ATOMIC_RELAXED);

    return override == PEER_OVERRIDE_DOWN || override == PEER_OVERRIDE_GONE || (t->conf->down && override == PEER_OVERRIDE_NONE);
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

static void target_init(struct target *t, struct prober *prober, const struct upstream *upstream,
                        const struct peer_conf *conf)
{
    t->prober = prober;
    t->upstream = upstream;
    t->conf = conf;
    t->shared = board_peer_shared(prober->worker->board, (unsigned)conf->board_slot);
    t->address = conf->address;
    set_port(&t->address, upstream->check->port);
    t->timer.at = CHECK_PLAN_NOWHERE;
    list_init(&t->link);
    list_append(&prober->targets, &t->link);
}

/* A server whose checks were taken out of the configuration is taken for well. */
static bool forget(struct prober *prober, int slot)
{
    struct peer_shared *shared = board_peer_shared(prober->worker->board, (unsigned)slot);
    bool counts = __atomic_load_n(&shared->health, __ATOMIC_RELAXED) != PEER_HEALTH_NONE;

    if (!counts && __atomic_load_n(&shared->checked_s, __ATOMIC_RELAXED) == 0)
        return false;
    __atomic_store_n(&shared->health, PEER_HEALTH_NONE, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->check_ok, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->checked_s, 0, __ATOMIC_RELAXED);
    memset(shared->reason, 0, sizeof(shared->reason));
    return counts;
}

static void target_new(struct prober *prober, const struct upstream *upstream, const struct peer_conf *conf)
{
    struct target *t = calloc(1, sizeof(*t));

    if (!t)
        abort();
    target_init(t, prober, upstream, conf);
}

/* How many servers have no place for what is found out. */
static size_t upstream_begin_targets(struct prober *prober, const struct upstream *u, bool *forgot)
{
    size_t without = 0;

    for (size_t i = 0; i < u->peer_count; i++) {
        const struct peer_conf *conf = &u->peers[i];

        /* The words about a name that stands for others are those of its look-ups. */
        if (conf->resolve)
            continue;
        if (conf->board_slot < 0)
            without += u->check != NULL;
        else if (!u->check)
            *forgot |= forget(prober, conf->board_slot);
        else if (conf->address.len > 0)
            target_new(prober, u, conf);
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

static struct hash_table *upstreams_by_name(struct worker *worker)
{
    const struct config *config = worker->config;
    uint8_t seed[16];
    struct hash_table *table;

    rnd_bytes(seed, sizeof(seed));
    table = hash_table_new(worker->pool, hash_key_of(seed), config->upstream_count);
    for (size_t i = 0; i < config->upstream_count; i++)
        hash_table_set(table, config->upstreams[i]->name, config->upstreams[i]);
    return table;
}

void targets_begin(struct prober *prober)
{
    const struct config *config = prober->worker->config;
    bool forgot = false;
    size_t without = 0, count = 0;

    prober->upstreams = upstreams_by_name(prober->worker);
    prober->servers = pool_zalloc(prober->worker->pool, BOARD_SERVERS * sizeof(*prober->servers));
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

/* ---- servers that came at run time ---- */

/* One of them; freed as the target that it begins with. */
struct server_target {
    struct target target;
    struct peer_conf conf;
    uint32_t incarnation;
    uint64_t revision; /* board_server_revision() before the record was read */
    char text[BOARD_NAME_MAX], host[ADDR_TEXT_MAX];
};

static const struct upstream *upstream_of(const struct prober *prober, struct str name)
{
    return hash_table_get(prober->upstreams, name);
}

/* To be asked at once, so that who added it sees soon what became of it. */
static void server_begin(struct prober *prober, const struct upstream *u, struct server_target *server,
                         const struct board_server *record, unsigned slot)
{
    struct target *t = &server->target;

    server->incarnation = board_server_incarnation(prober->worker->board, slot);
    server->conf = upstream_server_conf(u, record, slot, server->host);
    target_init(t, prober, u, &server->conf);
    check_plan_put(&prober->plan, &t->timer, prober->worker->loop->clock.mono_ms);
    prober->servers[slot - BOARD_SERVERS_FROM] = t;
}

/* What is under way may end; then it is freed. */
static void server_end(struct prober *prober, unsigned at)
{
    struct target *t = prober->servers[at];

    prober->servers[at] = NULL;
    if (t && t->under_way)
        t->gone = true;
    else if (t)
        target_free(t);
}

/* The same server; what is known of it, and a check under way, stay. */
static void server_look_again(struct prober *prober, struct server_target *server, unsigned slot)
{
    struct board *board = prober->worker->board;
    char text[BOARD_NAME_MAX];
    struct board_server record;

    if (server->revision == board_server_revision(board, slot))
        return;
    server->revision = board_server_revision(board, slot);
    if (board_server_read(board, slot, &record, text) < 0)
        return;
    record.name = server->conf.name;
    record.address = server->conf.address;
    server->conf = upstream_server_conf(server->target.upstream, &record, slot, server->host);
}

static void server_look(struct prober *prober, unsigned slot, bool *forgot)
{
    struct board *board = prober->worker->board;
    unsigned at = slot - BOARD_SERVERS_FROM;
    struct target *known = prober->servers[at];
    struct server_target *server;
    const struct upstream *u;
    struct board_server record;

    server = known ? container_of(known, struct server_target, target) : NULL;
    if (server && server->incarnation == board_server_incarnation(board, slot)) {
        server_look_again(prober, server, slot);
        return;
    }
    server_end(prober, at);
    server = calloc(1, sizeof(*server));
    if (!server)
        abort();
    server->revision = board_server_revision(board, slot);
    u = board_server_read(board, slot, &record, server->text) == 0 ? upstream_of(prober, record.upstream) : NULL;
    if (u && !upstream_server_is_wanted(u, record.origin))
        u = NULL;
    if (u && u->check && !upstream_server_in_file(u, &record)) {
        server_begin(prober, u, server, &record, slot);
        return;
    }
    if (u && !u->check)
        *forgot |= forget(prober, (int)slot);
    free(server);
}

void targets_look(struct prober *prober)
{
    struct board *board = prober->worker->board;
    uint32_t version = board_servers_version(board);
    unsigned end = board_server_end(board);
    bool forgot = false;

    if (prober->looked && prober->seen == version)
        return;
    prober->looked = true;
    prober->seen = version;
    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++)
        server_look(prober, slot, &forgot);
    if (forgot)
        board_peers_changed(board);
}

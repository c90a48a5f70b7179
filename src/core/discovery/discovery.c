/* discovery.c: the groups of sources, and how what they say comes to the board. */
#include "core/discovery/discovery.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/board/board_server.h"
#include "core/discovery/discovery_source.h"
#include "core/worker.h"

/* Records of upstreams that are found nowhere any more are looked for so often. */
#define STALE_LOOK_MS 5000

/* ---- making ---- */

static void group_init(struct discovery *d, struct discovery_group *g, const struct upstream *u,
                       enum board_origin origin, size_t room)
{
    struct pool *pool = d->worker->pool;

    *g = (struct discovery_group){.discovery = d, .upstream = u, .origin = origin};
    g->sources = pool_zalloc(pool, room * sizeof(*g->sources));
    g->sets = pool_zalloc(pool, room * sizeof(const struct server_set *));
    g->records = discovery_index_add(d->index, u->name, origin);
}

static struct discovery_source *group_add(struct discovery_group *g, int slot, struct str name)
{
    struct discovery_source *s = &g->sources[g->count];

    *s = (struct discovery_source){.group = g, .slot = slot, .name = name, .shared = &s->own_shared};
    if (slot >= 0)
        s->shared = board_peer_shared(g->discovery->worker->board, (unsigned)slot);
    g->sets[g->count++] = &s->set;
    return s;
}

static void add_names(struct discovery *d, const struct upstream *u, struct discovery_group **next)
{
    struct discovery_group *g = *next;

    group_init(d, g, u, BOARD_ORIGIN_DNS, u->peer_count + 1);
    for (size_t i = 0; i < u->peer_count; i++)
        if (u->peers[i].resolve && !u->peers[i].down)
            group_add(g, u->peers[i].board_slot, u->peers[i].name)->template_at = (uint32_t)i;
    *next += g->count > 0;
}

static void add_file(struct discovery *d, const struct upstream *u, struct discovery_group **next)
{
    if (!u->servers_file.len)
        return;
    group_init(d, *next, u, BOARD_ORIGIN_FILE, 1);
    (void)group_add(*next, u->servers_file_slot, u->servers_file);
    (*next)++;
}

struct discovery *discovery_new(struct worker *worker)
{
    const struct config *config = worker->config;
    struct discovery *d = pool_zalloc(worker->pool, sizeof(*d));
    struct discovery_group *next;

    d->worker = worker;
    d->index = discovery_index_new(worker->pool, config->upstream_count);
    d->groups = next = pool_zalloc(worker->pool, (2 * config->upstream_count + 1) * sizeof(*d->groups));
    for (size_t i = 0; i < config->upstream_count; i++) {
        add_names(d, config->upstreams[i], &next);
        add_file(d, config->upstreams[i], &next);
    }
    d->count = (size_t)(next - d->groups);
    discovery_index_look(d->index, worker->board);
    for (size_t i = 0; i < d->count; i++)
        d->groups[i].filled = d->groups[i].records->count[d->groups[i].origin] > 0;
    discovery_look_start(d);
    return d;
}

static void source_free(struct discovery_source *s)
{
    pool_free(s->pool);
    pool_free(s->next_pool);
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    discovery_look_stop(d);
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->groups[i].count; k++)
            source_free(&d->groups[i].sources[k]);
}

/* ---- what a source says ---- */

void discovery_source_failed(struct discovery_source *s, const char *why)
{
    struct peer_shared *shared = s->shared;
    size_t len = strlen(why);

    s->spoke_ever = true;
    snprintf(s->failure, sizeof(s->failure), "%s", why);
    shared->looks_failed++;
    shared->check_ok = 0;
    memset(shared->reason, 0, sizeof(shared->reason));
    memcpy(shared->reason, why, len < sizeof(shared->reason) ? len : sizeof(shared->reason));
}

void discovery_source_says(struct discovery_source *s, struct pool *pool, const struct server_set *set,
                           bool complete)
{
    pool_free(s->next_pool);
    s->next_pool = pool;
    s->next = *set;
    s->spoke_ever = true;
    s->spoke = s->spoke || complete;
}

void discovery_source_is_well(struct discovery_source *s)
{
    s->failure[0] = '\0';
    s->shared->check_ok = 1;
    s->shared->checked_s = s->group->discovery->worker->loop->clock.wall_s;
    memset(s->shared->reason, 0, sizeof(s->shared->reason));
}

/* ---- to the board ---- */

static bool group_spoke(const struct discovery_group *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (!g->sources[i].spoke)
            return false;
    return true;
}

static void group_tell(struct discovery_group *g, const struct discovery_source *s,
                       const struct discovery_change *c)
{
    struct log *log = g->discovery->worker->log;

    if (c->failed > 0 && !g->is_full)
        log_write(log, LOG_LEVEL_ERROR,
                  "upstream %.*s: %.*s: there is no room on the board for %zu addresses",
                  STR_ARG(g->upstream->name), STR_ARG(s->name), c->failed);
    g->is_full = c->failed > 0;
    if (c->dropped[0])
        log_write(log, LOG_LEVEL_WARN,
                  "upstream %.*s: added at run time, and dropped, since %.*s has other servers of these names: %s; add "
                  "them again under other names",
                  STR_ARG(g->upstream->name), STR_ARG(s->name), c->dropped);
    if (c->added + c->removed + c->changed > 0)
        log_write(log, LOG_LEVEL_NOTICE, "upstream %.*s: %.*s has %zu address%s now: %s",
                  STR_ARG(g->upstream->name), STR_ARG(s->name), s->set.count, s->set.count == 1 ? "" : "es",
                  c->text);
}

static void group_apply(struct discovery_group *g, struct discovery_source *s,
                        const struct server_set *former)
{
    struct worker *worker = g->discovery->worker;
    struct discovery_change change;
    struct discovery_wish wish = {
        .upstream = g->upstream,
        .origin = g->origin,
        .sets = g->sets,
        .set_count = g->count,
        .all_spoke = group_spoke(g),
        .former = former,
        .slow_start_from_ms = worker->loop->clock.mono_ms,
    };

    discovery_set_apply(worker->board, &wish, &change);
    group_tell(g, s, &change);
}

/* What a source said is in force from now on. */
static void source_apply(struct discovery_source *s)
{
    struct server_set former = s->set;
    struct pool *former_pool = s->pool;
    bool counts = s->next.count != former.count;

    s->set = s->next;
    s->pool = s->next_pool;
    s->next_pool = NULL;
    group_apply(s->group, s, &former);
    pool_free(former_pool);
    __atomic_store_n(&s->shared->found, (uint32_t)s->set.count, __ATOMIC_RELAXED);
    if (counts)
        board_peers_changed(s->group->discovery->worker->board);
}

/*
 * Another number when there may be something to do: another origin's servers of the upstream came or went, and
 * one had a name that is wanted here; or, where there was no room, any.
 */
static uint64_t group_sees(const struct discovery_group *g)
{
    const struct board *board = g->discovery->worker->board;

    return g->records->sum + (g->is_full ? 1 + (uint64_t)board_servers_version(board) : 0);
}

/* Before the former keeper has stopped the records are its own, but where there are none. */
static void group_tick(struct discovery_group *g, bool serves)
{
    if (!serves && g->filled)
        return;
    for (size_t i = 0; i < g->count; i++)
        if (g->sources[i].next_pool)
            source_apply(&g->sources[i]);
    if (!serves || g->seen == group_sees(g))
        return;
    g->seen = group_sees(g);
    group_apply(g, &g->sources[0], NULL);
}

/* ---- records that nothing stands for any more ---- */

static bool is_found(const struct discovery *d, const struct board_server *s)
{
    return s->origin == BOARD_ORIGIN_API || discovery_index_has(d->index, s->upstream, s->origin);
}

/* Former generations end with what they had, and one that is about to serve has its own already. */
static bool is_alone(const struct discovery *d)
{
    struct board *board = d->worker->board;
    uint64_t serving = board_serve_from(board);
    unsigned end = board_process_end(board);

    for (unsigned slot = 0; slot < end; slot++) {
        const struct board_process *p = board_process(board, slot);

        if (__atomic_load_n(&p->role, __ATOMIC_ACQUIRE) != BOARD_FREE && p->generation != serving)
            return false;
    }
    return true;
}

static void drop_stale(struct discovery *d)
{
    struct board *board = d->worker->board;
    unsigned end = board_server_end(board);
    struct board_server s;
    char text[BOARD_NAME_MAX];

    if (d->worker->loop->clock.mono_ms < d->stale_at_ms)
        return;
    d->stale_at_ms = d->worker->loop->clock.mono_ms + STALE_LOOK_MS;
    if (d->stale_seen == board_servers_version(board) || !is_alone(d))
        return;
    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++) {
        if (board_server_read(board, slot, &s, text) < 0 || is_found(d, &s))
            continue;
        log_write(d->worker->log, LOG_LEVEL_NOTICE,
                  "upstream %.*s: %.*s is found nowhere any more: taken out", STR_ARG(s.upstream),
                  STR_ARG(s.name));
        board_server_remove(board, slot);
    }
    d->stale_seen = board_servers_version(board);
}

void discovery_tick(struct discovery *d, bool serves)
{
    if (!d)
        return;
    discovery_look_tick(d, serves);
    discovery_index_look(d->index, d->worker->board);
    for (size_t i = 0; i < d->count; i++)
        group_tick(&d->groups[i], serves);
    if (serves)
        drop_stale(d);
}

bool discovery_is_filled(const struct discovery *d)
{
    for (size_t i = 0; d && i < d->count; i++) {
        const struct discovery_group *g = &d->groups[i];

        for (size_t k = 0; !g->filled && k < g->count; k++)
            if (!g->sources[k].spoke_ever || g->sources[k].next_pool)
                return false;
    }
    return true;
}

const char *discovery_failure(const struct discovery *d, struct str upstream, struct str source)
{
    for (size_t i = 0; d && i < d->count; i++) {
        const struct discovery_group *g = &d->groups[i];

        for (size_t k = 0; str_eq(g->upstream->name, upstream) && k < g->count; k++)
            if (str_eq(g->sources[k].name, source) && g->sources[k].failure[0])
                return g->sources[k].failure;
    }
    return NULL;
}

/* ---- the master's part, and what others see ---- */

void discovery_seed(struct board *board, const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct upstream *u = config->upstreams[i];
        const struct server_set *const sets[] = {u->servers_file_set};
        struct discovery_change change;

        if (u->servers_file.len && u->servers_file_set &&
            !discovery_set_has(board, u->name, BOARD_ORIGIN_FILE))
            discovery_set_apply(board,
                                &(struct discovery_wish){
                                    .upstream = u, .origin = BOARD_ORIGIN_FILE, .sets = sets, .set_count = 1},
                                &change);
    }
}

struct discovery_state discovery_state_of(struct board *board, int slot)
{
    struct discovery_state state = {.ok = false};
    const struct peer_shared *shared;
    struct str reason;

    if (!board || slot < 0)
        return state;
    shared = board_peer_shared(board, (unsigned)slot);
    state.ok = __atomic_load_n(&shared->check_ok, __ATOMIC_RELAXED) != 0;
    state.errors = __atomic_load_n(&shared->looks_failed, __ATOMIC_RELAXED);
    state.servers = __atomic_load_n(&shared->found, __ATOMIC_RELAXED);
    state.at_s = __atomic_load_n(&shared->checked_s, __ATOMIC_RELAXED);
    reason = peer_reason(shared, state.reason);
    state.reason[reason.len] = '\0';
    return state;
}

/*
 * generation.c: a list, newest first, and walks over the table of processes.
 */
#include "main/generation.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/board/board_cache.h"
#include "core/config/config_tls.h"
#include "core/discovery/discovery.h"
#include "io/transparent.h"
#include "main/master.h"
#include "main/state_dir.h"

#define GENERATION_DEAD_MS 5000

static bool generation_holds(const struct generation *g, const struct supervise_child *child)
{
    const struct process *p = process_of(child);

    return p->generation && (!g || p->generation == g);
}

/* Where the keeper puts the certificates that it gets. */
static void give_storages(const struct config *config, const struct privdrop_user *user)
{
    const struct acme_conf *last = NULL;

    for (size_t i = 0; i < config->tls_material_count; i++) {
        const struct acme_conf *acme = config->tls_materials[i]->acme;

        if (acme && acme != last && !str_has_prefix(acme->storage, config->state_dir))
            state_dir_give(acme->storage, user);
        last = acme;
    }
}

struct generation *generation_new(struct master *m, struct config *config, char *error, size_t error_size)
{
    struct generation *g = calloc(1, sizeof(*g));
    uint64_t last = board_last_generation(m->board);

    if (!g)
        abort();
    if (config_is_transparent(config) && transparent_try() < 0) {
        snprintf(error, error_size, "`transparent` wants CAP_NET_RAW; start Weir as root or with it: %s", strerror(errno));
        free(g);
        return NULL;
    }
    g->drops = geteuid() == 0;
    if ((g->drops && privdrop_find(config->user.s, NULL, &g->user, error, error_size) < 0) ||
        logfiles_open(&g->logs, config, "master", error, error_size) < 0) {
        free(g);
        return NULL;
    }
    if (g->drops) {
        state_dir_give(config->state_dir, &g->user);
        give_storages(config, &g->user);
    }
    if (last < board_serve_from(m->board))
        last = board_serve_from(m->board);
    g->number = last + 1;
    g->config = config;
    g->workers = config->workers;
    board_set_last_generation(m->board, g->number);
    if (board_name_config(m->board, config) > 0)
        log_write(m->log, LOG_LEVEL_WARN, "some servers are not counted: there is no room for their names");
    if (board_name_caches(m->board, config) > 0)
        log_write(m->log, LOG_LEVEL_WARN, "some caches are not used before older generations have ended: the caches "
                  "of all of them together are too many");
    cache_dirs_make(&m->cache_dirs, m->board, config, g->drops ? &g->user : NULL, m->log);
    discovery_seed(m->board, config);
    g->next = m->generations;
    m->generations = g;
    return g;
}

void generation_start(struct master *m, struct generation *g)
{
    process_add(m, g, SUPERVISE_KEEPER, 0);
    if (g->config->cache_count > 0)
        process_add(m, g, SUPERVISE_JANITOR, 0);
    for (unsigned i = 0; i < g->workers; i++)
        process_add(m, g, SUPERVISE_WORKER, i);
    /* Forked by the master's tick, as those are that died. */
}

bool generation_is_ready(const struct master *m, const struct generation *g)
{
    for (const struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (generation_holds(g, c) && !process_of(c)->ready)
            return false;
    }
    return true;
}

void generation_serve(struct master *m, struct generation *g)
{
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (process_of(c)->generation != g)
            c->retired = true;
    }
    m->serving = g;
    m->log = &g->logs.error;
    board_set_master_pid(m->board, getpid());
    board_set_serve_from(m->board, g->number);
    /* Sooner than by the word that they read each tick: nobody is to wait for the change. */
    generation_tell(m, g, CHANNEL_SERVE);
    for (struct generation *old = g->next; old; old = old->next)
        generation_tell(m, old, CHANNEL_DRAIN);
}

bool generation_older_drain(const struct master *m, const struct generation *g)
{
    for (const struct supervise_child *c = m->supervise.first; c; c = c->next) {
        const struct process *p = process_of(c);

        if (p->generation && p->generation != g && c->pid && p->channel >= 0 && !p->drains)
            return false;
    }
    return true;
}

void generation_tell(struct master *m, const struct generation *g, enum channel_type type)
{
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (generation_holds(g, c) && c->pid)
            process_tell(process_of(c), type, 0, -1);
    }
}

void generation_kill(struct master *m, struct generation *g)
{
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (!generation_holds(g, c))
            continue;
        c->retired = true;
        supervise_kill(c, SIGKILL);
    }
}

/* Sorted, youngest first; `n` of at most `room` are there. */
static unsigned generation_insert(uint64_t *numbers, unsigned n, unsigned room, uint64_t number)
{
    unsigned at = 0;

    while (at < n && numbers[at] > number)
        at++;
    if (at == room || (at < n && numbers[at] == number))
        return n;
    if (n == room)
        n--;
    memmove(&numbers[at + 1], &numbers[at], (n - at) * sizeof(*numbers));
    numbers[at] = number;
    return n + 1;
}

/* A slot that nobody freed, since its master was killed, has a heart that stands still. */
static bool generation_lives(const struct board_process *p, int64_t now)
{
    return p && p->role != BOARD_FREE && now - (int64_t)p->stats.heartbeat_ms < GENERATION_DEAD_MS;
}

bool generation_limit(struct master *m, unsigned most)
{
    uint64_t numbers[GENERATION_MAX + 1];
    unsigned n = 0, end = board_process_end(m->board);

    for (unsigned slot = 0; slot < end; slot++) {
        const struct board_process *p = board_process(m->board, slot);

        if (generation_lives(p, m->loop->clock.mono_ms))
            n = generation_insert(numbers, n, most + 1, p->generation);
    }
    if (n <= most)
        return true;
    if (board_end_before(m->board) < numbers[most - 1]) {
        log_write(m->log, LOG_LEVEL_NOTICE, "generation %llu still drains and is ended: there are %u younger ones",
                  (unsigned long long)numbers[most], most);
        board_set_end_before(m->board, numbers[most - 1]);
    }
    return false;
}

static void generation_free(struct generation *g)
{
    logfiles_close(&g->logs);
    config_free(g->config);
    free(g);
}

static bool generation_has_process(const struct master *m, const struct generation *g)
{
    for (const struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (generation_holds(g, c))
            return true;
    }
    return false;
}

void generation_collect(struct master *m, const struct generation *starting)
{
    struct generation **at = &m->generations;

    while (*at) {
        struct generation *g = *at;

        if (g == m->serving || g == starting || generation_has_process(m, g)) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        generation_free(g);
        (void)board_peer_collect(m->board, board_oldest_generation(m->board));
        (void)board_cache_collect(m->board, board_oldest_generation(m->board));
        cache_dirs_tidy(m);
    }
}

void generation_free_all(struct master *m)
{
    m->log = &m->start_log;
    m->serving = NULL;
    while (m->generations) {
        struct generation *g = m->generations;

        m->generations = g->next;
        generation_free(g);
    }
}

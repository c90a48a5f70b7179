/*
 * changes_begin.c: what becomes of changes when a keeper begins, with a configuration that may know of them.
 */
#include "core/discovery/changes_state.h"
#include "core/upstream/upstream_servers.h"

#define CHANGES_FILE "changes"

struct upstream_state *change_upstream_known(const struct changes *c, struct str name)
{
    struct upstreams *all = c->worker->upstreams;

    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->states[i].conf->name, name))
            return &all->states[i];
    return NULL;
}

void change_set_words(struct changes *c, struct peer_shared *shared, const struct change *change,
                      unsigned conf_weight)
{
    c->touched = true;
    if (change->has_weight && change->weight != conf_weight)
        __atomic_store_n(&shared->override_weight, change->weight + 1, __ATOMIC_RELAXED);
    if (change->state != PEER_OVERRIDE_NONE)
        __atomic_store_n(&shared->override, (uint32_t)change->state, __ATOMIC_RELAXED);
}

/* The configuration has the server: what else was changed of it goes over to its own words. */
static void record_hand_over(struct changes *c, const struct peer_conf *conf, unsigned slot, unsigned weight)
{
    const struct peer_shared *from = board_peer_shared(c->board, slot);
    struct peer_shared *to = board_peer_shared(c->board, (unsigned)conf->board_slot);
    uint32_t override = __atomic_load_n(&from->override, __ATOMIC_RELAXED);
    uint32_t word = __atomic_load_n(&from->override_weight, __ATOMIC_RELAXED);

    if (word > 0 && word <= PEER_WEIGHT_MAX + 1)
        weight = word - 1;
    /* Whatever a reload that failed has left there. */
    c->touched = true;
    __atomic_store_n(&to->override_weight, weight == conf->weight ? 0 : weight + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&to->override, override < PEER_OVERRIDE_GONE ? override : 0, __ATOMIC_RELAXED);
    to->remove_at_ms = from->remove_at_ms;
}

/* The server of the configuration that has the address of a record of the API's, else its name; NULL: none. */
static const struct peer_conf *record_in_file(const struct upstream *u, const struct board_server *record)
{
    const struct peer_conf *found = NULL;

    for (size_t i = 0; i < u->peer_count; i++) {
        const struct peer_conf *peer = &u->peers[i];

        if (addr_eq(&peer->address, &record->address))
            return peer;
        if (!found && str_eq(peer->name, record->name))
            found = peer;
    }
    return found;
}

static void record_tell(struct changes *c, const struct board_server *record, const struct peer_conf *conf)
{
    struct str upstream = record->upstream, name = record->name;
    char address[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];
    struct str at = addr_print(&record->address, address);

    if (!conf)
        log_write(c->worker->log, LOG_LEVEL_NOTICE,
                  "upstream %.*s: server %.*s was added at run time: dropped, since there is no such upstream any "
                  "more",
                  STR_ARG(upstream), STR_ARG(name));
    else if (addr_eq(&conf->address, &record->address))
        log_write(c->worker->log, LOG_LEVEL_NOTICE,
                  "upstream %.*s: server %.*s was added at run time: the configuration has it by now, as %.*s",
                  STR_ARG(upstream), STR_ARG(name), STR_ARG(conf->name));
    else
        log_write(c->worker->log, LOG_LEVEL_WARN,
                  "upstream %.*s: server %.*s at %.*s was added at run time: dropped, since the configuration has "
                  "another server of that name, at %.*s; add it again under another name",
                  STR_ARG(upstream), STR_ARG(name), STR_ARG(at),
                  STR_ARG(conf->resolve ? conf->resolve_name : addr_print(&conf->address, other)));
}

/*
 * Records that the configuration has made needless: gives over what was changed of them and, with `drop`,
 * ends them.  What was said of another server of that name is none of the configured one's.
 */
static void records_hand_over(struct changes *c, bool drop)
{
    unsigned end = board_server_end(c->board);

    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++) {
        char text[BOARD_NAME_MAX];
        struct board_server record;
        struct upstream_state *state;
        const struct peer_conf *conf;

        if (board_server_read(c->board, slot, &record, text) < 0 || record.origin != BOARD_ORIGIN_API)
            continue;
        state = change_upstream_known(c, record.upstream);
        conf = state ? record_in_file(state->conf, &record) : NULL;
        if (state && !conf)
            continue;
        if (conf && conf->board_slot >= 0 && addr_eq(&conf->address, &record.address))
            record_hand_over(c, conf, slot, record.weight);
        if (!drop)
            continue;
        record_tell(c, &record, conf);
        board_server_remove(c->board, slot);
    }
}

/* A word that says what the configuration says. */
static void words_drop(struct changes *c, const struct peer_conf *conf, struct peer_shared *shared)
{
    uint32_t override = __atomic_load_n(&shared->override, __ATOMIC_RELAXED);
    bool same = (override == PEER_OVERRIDE_DOWN && conf->down) ||
                (override == PEER_OVERRIDE_UP && !conf->down) ||
                (override == PEER_OVERRIDE_DRAIN && conf->weight == 0 && shared->remove_at_ms == 0);
    bool weighs = __atomic_load_n(&shared->override_weight, __ATOMIC_RELAXED) == conf->weight + 1;

    c->touched = c->touched || same || weighs;
    if (same)
        __atomic_store_n(&shared->override, (uint32_t)PEER_OVERRIDE_NONE, __ATOMIC_RELAXED);
    if (weighs)
        __atomic_store_n(&shared->override_weight, 0, __ATOMIC_RELAXED);
}

static void changes_drop(struct changes *c)
{
    struct upstreams *all = c->worker->upstreams;

    records_hand_over(c, true);
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < all->states[i].conf->peer_count; k++)
            if (all->states[i].conf->peers[k].board_slot >= 0)
                words_drop(c, all->states[i].peers[k]->conf, all->states[i].peers[k]->shared);
    if (c->touched)
        board_peers_changed(c->board);
    changes_save(c);
}

static void changes_init(struct changes *c, struct worker *worker)
{
    *c = (struct changes){.worker = worker, .board = worker->board};
    c->path = pool_printf(worker->pool, "%.*s/" CHANGES_FILE, STR_ARG(worker->config->state_dir));
}

void changes_prepare(struct worker *worker)
{
    struct changes c;

    changes_init(&c, worker);
    if (!board_changes_read(c.board))
        changes_file_read(&c);
    board_set_changes_read(c.board);
    records_hand_over(&c, false);
    /* Not for nothing: at each look a round begins anew. */
    if (c.touched)
        board_peers_changed(c.board);
}

struct changes *changes_new(struct worker *worker)
{
    struct changes *c = pool_alloc(worker->pool, sizeof(*c));

    changes_init(c, worker);
    changes_drop(c);
    return c;
}

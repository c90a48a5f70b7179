/* changes.c: see changes.h. */
#include "core/discovery/changes.h"

#include <stdio.h>

#include "core/discovery/changes_state.h"
#include "core/json.h"
#include "core/upstream/upstream_servers.h"

/* Times between two looks at servers that are to be taken out, and at slots that rest. */
#define LOOK_SOON_MS 100
#define LOOK_MS 1000
/* A worker that chose the server just before it was drained has begun with it by then. */
#define REMOVE_LEAST_MS 500

/* ---- finding ---- */

struct upstream_state *change_upstream(const struct changes *c, struct str name)
{
    struct upstream_state *state = change_upstream_known(c, name);

    if (state)
        upstream_look(state);
    return state;
}

struct peer_state *change_find_name(struct upstream_state *state, struct str name)
{
    for (size_t i = 0; i < state->peer_count; i++)
        if (!state->peers[i]->gone && str_eq(state->peers[i]->conf->name, name))
            return state->peers[i];
    return NULL;
}

bool change_leaves(const struct peer_state *peer)
{
    return peer->status == PEER_GONE || peer->shared->remove_at_ms != 0;
}

struct peer_state *change_find_address(struct upstream_state *state, const struct addr *address)
{
    struct peer_state *found = NULL;

    for (size_t i = 0; i < state->peer_count; i++) {
        struct peer_state *peer = state->peers[i];

        if (peer->gone || !addr_eq(&peer->conf->address, address))
            continue;
        if (!found || (change_leaves(found) && !change_leaves(peer)))
            found = peer;
    }
    return found;
}

struct peer_state *change_find(struct upstream_state *state, struct str server)
{
    struct peer_state *found = change_find_name(state, server);
    struct addr address;

    if (!found && addr_parse(server, &address, NULL, 0) == 0)
        found = change_find_address(state, &address);
    return found;
}

static enum change_outcome find(struct changes *c, struct str upstream, struct str server,
                                struct peer_state **peer, char text[CHANGE_TEXT_MAX])
{
    struct upstream_state *state = change_upstream(c, upstream);

    *peer = state ? change_find(state, server) : NULL;
    if (!state) {
        change_say_no_upstream(upstream, text);
        return CHANGE_UNKNOWN;
    }
    if (!*peer || (*peer)->status == PEER_GONE) {
        change_say_no_server(upstream, server, *peer, text);
        return CHANGE_UNKNOWN;
    }
    if (!(*peer)->conf->resolve && (*peer)->conf->board_slot >= 0)
        return CHANGE_DONE;
    change_say_fixed(*peer, text);
    return CHANGE_CONFLICT;
}

/* ---- the words of the board ---- */

static void set_weight(struct peer_state *peer, unsigned weight)
{
    uint32_t word = weight == peer->conf->weight ? 0 : weight + 1;

    __atomic_store_n(&peer->shared->override_weight, word, __ATOMIC_RELAXED);
}

static void set_state(struct changes *c, struct peer_state *peer, enum peer_override to)
{
    struct peer_shared *shared = peer->shared;
    bool was_away = peer->status == PEER_DOWN || peer->status == PEER_GONE;

    if (to == PEER_OVERRIDE_UP && !peer->conf->down)
        to = PEER_OVERRIDE_NONE;
    shared->remove_at_ms = 0;
    if ((to == PEER_OVERRIDE_NONE || to == PEER_OVERRIDE_UP) && was_away)
        peer_came_back(shared, c->worker->loop->clock.mono_ms);
    __atomic_store_n(&shared->override, (uint32_t)to, __ATOMIC_RELAXED);
}

static void changed(struct changes *c)
{
    board_peers_changed(c->board);
    changes_save(c);
}

/* ---- calls ---- */

int change_add_record(struct changes *c, const struct change *change, const struct addr *address,
                      char text[CHANGE_TEXT_MAX])
{
    struct board_server server = {
        .upstream = change->upstream,
        .name = change->server,
        .address = *address,
        .origin = BOARD_ORIGIN_API,
        .weight = change->has_weight ? change->weight : 1,
        .backup = change->backup,
        .template_slot = BOARD_NO_TEMPLATE,
    };
    int slot = board_server_add(c->board, &server);

    if (slot < 0)
        snprintf(text, CHANGE_TEXT_MAX,
                 "There is no room for another server; those that were taken out make room after a minute.");
    return slot;
}

/* One that was about to go, or is gone, stays as it was, but up; what the call does not say is as it was, too. */
static enum change_outcome add_again(struct changes *c, struct peer_state *peer, const struct change *change,
                                     char text[CHANGE_TEXT_MAX])
{
    bool renamed = change->has_name && !str_eq(peer->conf->name, change->server);

    if (peer->conf->board_slot < 0) {
        change_say_fixed(peer, text);
        return CHANGE_CONFLICT;
    }
    if (!change_leaves(peer) || renamed || (change->has_backup && peer->conf->backup != change->backup)) {
        change_say_taken(c, peer, text);
        return CHANGE_CONFLICT;
    }
    set_state(c, peer, PEER_OVERRIDE_UP);
    set_weight(peer, change->has_weight ? change->weight : peer->conf->weight);
    changed(c);
    change_say_state(c, peer, "stays", text);
    return CHANGE_DONE;
}

static enum change_outcome add_new(struct changes *c, struct upstream_state *state, struct change *change,
                                   const struct addr *address, char text[CHANGE_TEXT_MAX])
{
    struct peer_state *peer;
    int slot;

    if (!change->has_weight) {
        change->has_weight = true;
        change->weight = state->conf->server_defaults.weight;
    }
    slot = change_add_record(c, change, address, text);
    if (slot < 0)
        return CHANGE_CONFLICT;
    peer_came_back(board_peer_shared(c->board, (unsigned)slot), c->worker->loop->clock.mono_ms);
    changed(c);
    upstream_look(state);
    peer = change_find_name(state, change->server);
    if (peer)
        change_say_state(c, peer, "is added", text);
    return CHANGE_DONE;
}

enum change_outcome changes_add(struct changes *c, struct str upstream, const struct json_members *call,
                                char text[CHANGE_TEXT_MAX])
{
    struct upstream_state *state = change_upstream(c, upstream);
    struct change change = {.upstream = upstream};
    enum change_outcome outcome;
    struct peer_state *peer;
    struct addr address;

    if (!state) {
        change_say_no_upstream(upstream, text);
        return CHANGE_UNKNOWN;
    }
    outcome = change_read_add(call, &change, &address, text);
    if (outcome != CHANGE_DONE)
        return outcome;
    peer = change_find_name(state, change.server);
    if (peer && !addr_eq(&peer->conf->address, &address)) {
        change_say_taken(c, peer, text);
        return CHANGE_CONFLICT;
    }
    if (!peer)
        peer = change_find_address(state, &address);
    return peer ? add_again(c, peer, &change, text) : add_new(c, state, &change, &address, text);
}

enum change_outcome changes_set(struct changes *c, struct str upstream, struct str server,
                                const struct json_members *call, char text[CHANGE_TEXT_MAX])
{
    struct change change = {.state = PEER_OVERRIDE_NONE};
    struct peer_state *peer;
    enum change_outcome outcome = find(c, upstream, server, &peer, text);

    if (outcome == CHANGE_DONE)
        outcome = change_read_set(call, &change, text);
    if (outcome != CHANGE_DONE)
        return outcome;
    if (change.state != PEER_OVERRIDE_NONE)
        set_state(c, peer, change.state);
    if (change.has_weight)
        set_weight(peer, change.weight);
    changed(c);
    change_say_state(c, peer, NULL, text);
    return CHANGE_DONE;
}

enum board_origin change_origin(const struct changes *c, const struct peer_state *peer)
{
    char text[BOARD_NAME_MAX];
    struct board_server record;

    if (peer->conf->board_slot < 0 ||
        board_server_read(c->board, (unsigned)peer->conf->board_slot, &record, text) < 0)
        return BOARD_ORIGIN_NONE;
    return record.origin;
}

enum change_outcome changes_remove(struct changes *c, struct str upstream, struct str server,
                                   char text[CHANGE_TEXT_MAX])
{
    int64_t now_ms = c->worker->loop->clock.mono_ms;
    struct peer_state *peer;
    enum change_outcome outcome = find(c, upstream, server, &peer, text);

    if (outcome != CHANGE_DONE)
        return outcome;
    if (!change_say_removal(c, peer, text))
        return CHANGE_CONFLICT;
    if (peer->shared->remove_at_ms != 0)
        return CHANGE_DONE;
    set_state(c, peer, PEER_OVERRIDE_DRAIN);
    peer->shared->remove_at_ms = now_ms + c->worker->config->drain_timeout + REMOVE_LEAST_MS;
    c->look_at_ms = now_ms + REMOVE_LEAST_MS;
    changed(c);
    return CHANGE_DONE;
}

/* ---- taking out ---- */

static bool may_be_taken_out(const struct changes *c, const struct peer_state *peer)
{
    int64_t now_ms = c->worker->loop->clock.mono_ms;
    int64_t at = peer->shared->remove_at_ms;
    struct peer_stats sums;

    if (now_ms >= at)
        return true;
    /* A time that no drain_timeout gives: the word was spoilt, or the timeout was a longer one. */
    if (now_ms < at - c->worker->config->drain_timeout)
        return at - now_ms > c->worker->config->drain_timeout + REMOVE_LEAST_MS;
    board_peer_sums(c->board, &peer->conf->board_slot, 1, &sums);
    return sums.active == 0 && sums.queued == 0;
}

static void take_out(struct changes *c, struct peer_state *peer)
{
    log_write(c->worker->log, LOG_LEVEL_NOTICE, "upstream %.*s: server %.*s is taken out",
              STR_ARG(peer->upstream->conf->name), STR_ARG(peer->conf->name));
    if (peer->conf->board_slot >= BOARD_SERVERS_FROM) {
        board_server_remove(c->board, (unsigned)peer->conf->board_slot);
        return;
    }
    peer->shared->remove_at_ms = 0;
    __atomic_store_n(&peer->shared->override, (uint32_t)PEER_OVERRIDE_GONE, __ATOMIC_RELAXED);
}

void changes_tick(struct changes *c)
{
    struct upstreams *all = c->worker->upstreams;
    int64_t now_ms = c->worker->loop->clock.mono_ms;
    size_t leaving = 0, left = 0;

    if (now_ms < c->look_at_ms)
        return;
    (void)board_server_collect(c->board, now_ms);
    /* Servers that a file has by now, or has no more. */
    if (c->saved_seen != board_servers_version(c->board))
        changes_save(c);
    upstreams_tick(all);
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < all->states[i].peer_count; k++) {
            struct peer_state *peer = all->states[i].peers[k];

            if (peer->gone || peer->conf->board_slot < 0 || peer->shared->remove_at_ms == 0)
                continue;
            leaving++;
            if (may_be_taken_out(c, peer)) {
                take_out(c, peer);
                left++;
            }
        }
    if (left > 0)
        changed(c);
    c->look_at_ms = now_ms + (leaving > left ? LOOK_SOON_MS : LOOK_MS);
}

/* ---- what differs ---- */

const char *change_state_name(const struct change *change)
{
    static const char *const names[] = {[PEER_OVERRIDE_UP] = "up",
                                        [PEER_OVERRIDE_DRAIN] = "drain",
                                        [PEER_OVERRIDE_DOWN] = "down",
                                        [PEER_OVERRIDE_GONE] = "removed"};

    return change->removing ? "removing" : change->state < ARRAY_SIZE(names) ? names[change->state] : NULL;
}

bool change_of(const struct changes *c, const struct peer_state *peer, struct change *to)
{
    uint32_t override = __atomic_load_n(&peer->shared->override, __ATOMIC_RELAXED);

    if (peer->gone || peer->conf->board_slot < 0)
        return false;
    *to = (struct change){
        .upstream = peer->upstream->conf->name,
        .server = peer->conf->name,
        .address = peer->address,
        .backup = peer->conf->backup,
        .weight = peer_weight_of(peer->conf, peer->shared),
        .state = override <= PEER_OVERRIDE_GONE ? (enum peer_override)override : PEER_OVERRIDE_NONE,
        .removing = peer->shared->remove_at_ms != 0,
    };
    to->added = change_origin(c, peer) == BOARD_ORIGIN_API;
    to->has_weight = to->added || to->weight != peer->conf->weight;
    return to->added || to->has_weight || to->state != PEER_OVERRIDE_NONE;
}

void change_write(struct json *json, const struct change *change)
{
    json_str(json, "upstream", change->upstream);
    json_str(json, "server", change->server);
    json_str(json, "address", change->address);
    json_bool(json, "added", change->added);
    if (change->added)
        json_bool(json, "backup", change->backup);
    if (change->has_weight)
        json_uint(json, "weight", change->weight);
    if (change_state_name(change))
        json_str(json, "state", str_of(change_state_name(change)));
}

void changes_write(struct changes *c, struct json *json)
{
    struct upstreams *all = c->worker->upstreams;
    struct change change;

    json_array(json, "changes");
    for (size_t i = 0; i < all->count; i++) {
        upstream_look(&all->states[i]);
        for (size_t k = 0; k < all->states[i].peer_count; k++) {
            if (!change_of(c, all->states[i].peers[k], &change))
                continue;
            json_object(json, NULL);
            change_write(json, &change);
            json_object_end(json);
        }
    }
    json_array_end(json);
}

/* upstream_servers.c: see upstream_servers.h. */
#include "core/upstream/upstream_servers.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/rnd.h"
#include "core/tls/tls_sessions.h"
#include "core/upstream/h2_uconn.h"
#include "core/upstream/uconn.h"
#include "core/worker.h"

/* A place for servers, one after another; its memory stays until the worker ends. */
struct upstream_server {
    struct peer_state peer;
    struct peer_conf conf;
    struct list link; /* of those that are gone */
    char text[BOARD_NAME_MAX];
    char address[ADDR_TEXT_MAX], host[ADDR_TEXT_MAX];
};

/* What is known of a slot of the board. */
struct server_slot {
    uint32_t incarnation; /* 0: not looked at yet */
    uint64_t revision; /* board_server_revision() before the record was read */
    struct upstream_server *server; /* NULL: not of an upstream here, or the configuration has it */
};

struct upstream_servers {
    struct upstreams *all;
    uint32_t seen; /* board_servers_version() at the last look */
    struct hash_table *by_name; /* to struct upstream_state */
    struct list *gone; /* of each upstream: places that are free once nothing is under way */
    struct server_slot *slots;
    unsigned slot_count;
};

/* ---- what a record stands for ---- */

const struct peer_conf *upstream_server_in_file(const struct upstream *u, const struct board_server *s)
{
    for (size_t i = 0; i < u->peer_count; i++) {
        const struct peer_conf *peer = &u->peers[i];

        if (str_eq(peer->name, s->name) ||
            (s->origin != BOARD_ORIGIN_DNS && peer->address.len && addr_eq(&peer->address, &s->address)))
            return peer;
    }
    return NULL;
}

bool upstream_server_is_wanted(const struct upstream *u, enum board_origin origin)
{
    if (origin == BOARD_ORIGIN_FILE)
        return u->servers_file.len > 0;
    if (origin != BOARD_ORIGIN_DNS)
        return true;
    for (size_t i = 0; i < u->peer_count; i++)
        if (u->peers[i].resolve && !u->peers[i].down)
            return true;
    return false;
}

/* As for a server of the file: its address, without the port that needs not be said. */
static struct str host_of(const struct addr *address, char text[ADDR_TEXT_MAX])
{
    struct str host = addr_print(address, text);

    if (address->sa.sa_family == AF_UNIX)
        return STR("localhost");
    if (addr_port(address) == 80 && str_has_suffix(host, STR(":80")))
        host.len -= 3;
    return host;
}

/* The name to be resolved whose settings a record has; NULL: the configuration has it no more, or none. */
static const struct peer_conf *template_of(const struct upstream *u, const struct board_server *s)
{
    if (s->template_slot == BOARD_NO_TEMPLATE)
        return NULL;
    for (size_t i = 0; i < u->peer_count; i++)
        if (u->peers[i].resolve && (uint32_t)u->peers[i].board_slot == s->template_slot)
            return &u->peers[i];
    return NULL;
}

struct peer_conf upstream_server_conf(const struct upstream *u, const struct board_server *s, unsigned slot,
                                      char host_text[ADDR_TEXT_MAX])
{
    const struct peer_conf *like = template_of(u, s);
    struct peer_conf conf = like ? *like : u->server_defaults;

    conf.name = s->name;
    conf.address = s->address;
    conf.weight = s->weight;
    conf.backup = s->backup;
    conf.down = false;
    conf.resolve = false;
    conf.starts_checking = u->check && u->check->initially_checking;
    conf.board_slot = (int)slot;
    if (!like) {
        conf.host = host_of(&s->address, host_text);
        conf.at = u->at;
    }
    return conf;
}

/* ---- places ---- */

/*
 * The arrays of the state, for one server more; they double, so that what was there before costs no more than
 * they.
 */
static void state_make_room(struct upstream_state *state)
{
    struct pool *pool = state->worker->pool;
    size_t room = state->peer_room ? state->peer_room * 2 : 8;
    struct peer_state **peers;

    if (state->peer_count < state->peer_room)
        return;
    peers = pool_zalloc(pool, room * sizeof(struct peer_state *));
    if (state->peer_count)
        memcpy(peers, state->peers, state->peer_count * sizeof(struct peer_state *));
    state->peers = peers;
    for (size_t i = 0; i < ARRAY_SIZE(state->tiers); i++) {
        unsigned *indexes = pool_zalloc(pool, room * sizeof(*indexes));

        if (state->tiers[i].count)
            memcpy(indexes, state->tiers[i].peers, state->tiers[i].count * sizeof(*indexes));
        state->tiers[i].peers = indexes;
    }
    state->peer_room = room;
}

static struct upstream_server *place_new(struct upstream_state *state)
{
    struct upstream_server *server = calloc(1, sizeof(*server));

    if (!server)
        abort();
    list_init(&server->link);
    state_make_room(state);
    server->peer.index = state->peer_count;
    state->peers[state->peer_count++] = &server->peer;
    return server;
}

/* A place that nothing needs any more, or a new one. */
static struct upstream_server *place_find(struct upstream_servers *s, struct upstream_state *state)
{
    list_each (link, &s->gone[state->conf->index]) {
        struct upstream_server *server = container_of(link, struct upstream_server, link);

        if (server->peer.active == 0 && server->peer.uconn_count == 0) {
            list_remove(&server->link);
            return server;
        }
    }
    return place_new(state);
}

void peer_close_idle(struct peer_state *peer)
{
    while (peer->idle_count > 0)
        uconn_close(container_of(peer->idle.next, struct uconn, link));
    h2_uconns_close_idle(peer);
}

void peer_let_go(struct peer_state *peer)
{
    struct upstream_server *server = container_of(peer, struct upstream_server, peer);

    if (!peer->gone || peer->active > 0)
        return;
    server->conf.board_slot = -1;
    peer->own_stats = (struct peer_stats){0};
    peer->own_shared = (struct peer_shared){0};
    peer->stats = &peer->own_stats;
    peer->shared = &peer->own_shared;
}

static void state_changed(struct upstream_state *state)
{
    state->look_at_ms = INT64_MIN;
}

static void place_leave(struct upstream_servers *s, struct upstream_server *server)
{
    struct peer_state *peer = &server->peer;

    peer->gone = true;
    peer->status = PEER_GONE;
    list_append(&s->gone[peer->upstream->conf->index], &server->link);
    peer_close_idle(peer);
    peer_let_go(peer);
    state_changed(peer->upstream);
}

static struct upstream_server *place_take(struct upstream_servers *s, struct upstream_state *state,
                                          unsigned slot, const struct board_server *record)
{
    struct upstream_server *server = place_find(s, state);
    struct board_server own = *record;
    unsigned lives = server->peer.lives + 1;
    size_t index = server->peer.index;

    memcpy(server->text, record->name.s, record->name.len);
    own.name.s = server->text;
    server->conf = upstream_server_conf(state->conf, &own, slot, server->host);
    tls_sessions_free(server->peer.tls_sessions);
    memset(&server->peer, 0, sizeof(server->peer));
    server->peer.index = index;
    server->peer.lives = lives;
    peer_init(&server->peer, state, &server->conf, addr_print(&server->conf.address, server->address));
    state_changed(state);
    return server;
}

/* ---- looking ---- */

/* Of a slot that has another owner than before, or none. */
static void slot_look(struct upstream_servers *s, unsigned slot, uint32_t incarnation)
{
    struct server_slot *known = &s->slots[slot - BOARD_SERVERS_FROM];
    struct upstream_state *state;
    struct board_server record;
    char text[BOARD_NAME_MAX];

    if (known->server)
        place_leave(s, known->server);
    known->server = NULL;
    known->incarnation = 0;
    known->revision = board_server_revision(s->all->worker->board, slot);
    if (incarnation == 0 || board_server_read(s->all->worker->board, slot, &record, text) < 0)
        return;
    known->incarnation = incarnation;
    state = hash_table_get(s->by_name, record.upstream);
    if (state && upstream_server_is_wanted(state->conf, record.origin) &&
        !upstream_server_in_file(state->conf, &record))
        known->server = place_take(s, state, slot, &record);
}

/* Of a slot whose owner is the same, and has other words now. */
static void slot_look_again(struct upstream_servers *s, unsigned slot)
{
    struct server_slot *known = &s->slots[slot - BOARD_SERVERS_FROM];
    struct upstream_server *server = known->server;
    struct board_server record;
    char text[BOARD_NAME_MAX];

    known->revision = board_server_revision(s->all->worker->board, slot);
    if (board_server_read(s->all->worker->board, slot, &record, text) < 0)
        return;
    /* Idle connections go by them. */
    record.name = server->conf.name;
    record.address = server->conf.address;
    server->conf = upstream_server_conf(server->peer.upstream->conf, &record, slot, server->host);
    state_changed(server->peer.upstream);
}

static void slots_make_room(struct upstream_servers *s, unsigned count)
{
    struct server_slot *slots;

    if (count <= s->slot_count)
        return;
    slots = reallocarray(s->slots, count, sizeof(*slots));
    if (!slots)
        abort();
    memset(slots + s->slot_count, 0, (count - s->slot_count) * sizeof(*slots));
    s->slots = slots;
    s->slot_count = count;
}

void upstream_servers_look(struct upstream_servers *s)
{
    struct board *board = s->all->worker->board;
    unsigned end;

    if (!board || s->seen == board_servers_version(board))
        return;
    s->seen = board_servers_version(board);
    end = board_server_end(board);
    slots_make_room(s, end - BOARD_SERVERS_FROM);
    /* Those that left first: their places are then free for those that came. */
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < s->slot_count; i++) {
            uint32_t incarnation = board_server_incarnation(board, BOARD_SERVERS_FROM + i);

            if (s->slots[i].incarnation != incarnation && (pass == 1 || s->slots[i].server))
                slot_look(s, BOARD_SERVERS_FROM + i, pass == 1 ? incarnation : 0);
            else if (s->slots[i].server &&
                     s->slots[i].revision != board_server_revision(board, BOARD_SERVERS_FROM + i))
                slot_look_again(s, BOARD_SERVERS_FROM + i);
        }
}

struct upstream_servers *upstream_servers_new(struct upstreams *all)
{
    struct pool *pool = all->worker->pool;
    struct upstream_servers *s = pool_zalloc(pool, sizeof(*s));
    uint8_t seed[16];

    s->all = all;
    rnd_bytes(seed, sizeof(seed));
    s->by_name = hash_table_new(pool, hash_key_of(seed), all->count);
    s->gone = pool_zalloc(pool, (all->count + 1) * sizeof(*s->gone));
    for (size_t i = 0; i < all->count; i++) {
        list_init(&s->gone[i]);
        (void)hash_table_set(s->by_name, all->states[i].conf->name, &all->states[i]);
    }
    return s;
}

void upstream_servers_free(struct upstream_servers *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->all->count; i++) {
        struct upstream_state *state = &s->all->states[i];

        for (size_t k = state->conf->peer_count; k < state->peer_count; k++) {
            tls_sessions_free(state->peers[k]->tls_sessions);
            free(container_of(state->peers[k], struct upstream_server, peer));
        }
        state->peer_count = state->conf->peer_count;
    }
    free(s->slots);
}

/* board_server.c: the keeper's records; a slot goes from free to taken, used, removed, and to free again. */
#include "core/board/board_server.h"

#include <stddef.h>

#include "base/clock.h"
#include "core/board/board_map.h"

static struct board_peer *server_slot(struct board *board, unsigned slot)
{
    return slot >= BOARD_SERVERS_FROM && slot < BOARD_PEERS ? &board->map->peers[slot] : NULL;
}

static unsigned server_use(const struct board_peer *peer)
{
    return __atomic_load_n(&peer->is_used, __ATOMIC_ACQUIRE);
}

static void server_set_use(struct board_peer *peer, enum board_peer_use use)
{
    __atomic_store_n(&peer->is_used, (uint16_t)use, __ATOMIC_RELEASE);
}

unsigned board_server_end(const struct board *board)
{
    uint32_t end = __atomic_load_n(&board->map->head.server_end, __ATOMIC_ACQUIRE);

    return BOARD_SERVERS_FROM + (end < BOARD_SERVERS ? end : BOARD_SERVERS);
}

uint32_t board_servers_version(const struct board *board)
{
    return __atomic_load_n(&board->map->head.servers_version, __ATOMIC_ACQUIRE);
}

/* The records' word first: who sees the other one has to find it. */
static void servers_changed(struct board *board)
{
    (void)__atomic_add_fetch(&board->map->head.servers_version, 1, __ATOMIC_RELEASE);
    board_peers_changed(board);
}

bool board_changes_read(const struct board *board)
{
    return __atomic_load_n(&board->map->head.changes_read, __ATOMIC_RELAXED) == 1;
}

void board_set_changes_read(struct board *board)
{
    __atomic_store_n(&board->map->head.changes_read, 1, __ATOMIC_RELAXED);
}

/* ---- what a record may say ---- */

static bool name_is_sound(struct str name)
{
    return str_is_printable(name) && name.len <= UINT8_MAX;
}

static bool address_is_sound(const struct addr *a)
{
    switch (a->len ? a->sa.sa_family : AF_UNSPEC) {
    case AF_INET:
        return a->len == sizeof(a->in) && a->in.sin_port != 0;
    case AF_INET6:
        return a->len == sizeof(a->in6) && a->in6.sin6_port != 0;
    case AF_UNIX:
        return a->len > offsetof(struct sockaddr_un, sun_path) + 1 && a->len <= sizeof(a->un) &&
               a->un.sun_path[0] == '/';
    default:
        return false;
    }
}

static bool server_is_sound(const struct board_server *s)
{
    return name_is_sound(s->upstream) && name_is_sound(s->name) &&
           s->upstream.len + s->name.len <= BOARD_NAME_MAX && s->weight <= PEER_WEIGHT_MAX &&
           (s->origin == BOARD_ORIGIN_API || s->origin == BOARD_ORIGIN_DNS ||
            s->origin == BOARD_ORIGIN_FILE) &&
           address_is_sound(&s->address);
}

/* ---- adding and removing ---- */

/*
 * Takes a free slot; -1: there is none.  Two keepers, at the moment of a change of generation, do not get the
 * same.
 */
static int server_take(struct board *board)
{
    for (unsigned i = board->server_free_from; i < BOARD_SERVERS; i++) {
        struct board_peer *peer = &board->map->peers[BOARD_SERVERS_FROM + i];
        uint16_t use = BOARD_PEER_FREE;

        if (!__atomic_compare_exchange_n(&peer->is_used, &use, (uint16_t)BOARD_PEER_TAKEN, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        board->server_free_from = i + 1;
        return (int)(BOARD_SERVERS_FROM + i);
    }
    board->server_free_from = BOARD_SERVERS;
    return -1;
}

static void server_write(struct board *board, unsigned slot, const struct board_server *s)
{
    struct board_peer *peer = &board->map->peers[slot];
    struct board_server_record *record = &board->map->servers[slot - BOARD_SERVERS_FROM];
    uint32_t incarnation = peer->incarnation + 1;

    peer->generation = board_serve_from(board);
    peer->upstream_len = (uint8_t)s->upstream.len;
    peer->server_len = (uint8_t)s->name.len;
    memcpy(peer->name, s->upstream.s, s->upstream.len);
    memcpy(peer->name + s->upstream.len, s->name.s, s->name.len);
    *record = (struct board_server_record){
        .address = s->address,
        .origin = s->origin,
        .weight = s->weight,
        .template_slot = s->template_slot,
        .backup = s->backup,
    };
    memset(&board->map->shared[slot], 0, sizeof(board->map->shared[slot]));
    __atomic_store_n(&peer->incarnation, incarnation ? incarnation : 1, __ATOMIC_RELEASE);
}

int board_server_add(struct board *board, const struct board_server *s)
{
    unsigned end = board_server_end(board);
    int slot = server_is_sound(s) ? server_take(board) : -1;

    if (slot < 0)
        return -1;
    board_peer_zero(board, (unsigned)slot);
    server_write(board, (unsigned)slot, s);
    if ((unsigned)slot >= end)
        __atomic_store_n(&board->map->head.server_end, (uint32_t)slot + 1 - BOARD_SERVERS_FROM,
                         __ATOMIC_RELEASE);
    server_set_use(&board->map->peers[slot], BOARD_PEER_USED);
    servers_changed(board);
    return slot;
}

void board_server_change(struct board *board, unsigned slot, const struct board_server *s)
{
    struct board_peer *peer = server_slot(board, slot);
    struct board_server_record *record;

    if (!peer || server_use(peer) != BOARD_PEER_USED || !server_is_sound(s))
        return;
    record = &board->map->servers[slot - BOARD_SERVERS_FROM];
    __atomic_store_n(&record->weight, s->weight, __ATOMIC_RELAXED);
    __atomic_store_n(&record->backup, s->backup, __ATOMIC_RELAXED);
    __atomic_store_n(&record->template_slot, s->template_slot, __ATOMIC_RELAXED);
    (void)__atomic_add_fetch(&record->revision, 1, __ATOMIC_RELEASE);
    servers_changed(board);
}

void board_server_remove(struct board *board, unsigned slot)
{
    struct board_peer *peer = server_slot(board, slot);
    struct clock now;

    if (!peer || server_use(peer) != BOARD_PEER_USED)
        return;
    clock_init(&now);
    board->map->servers[slot - BOARD_SERVERS_FROM].removed_ms = now.mono_ms;
    server_set_use(peer, BOARD_PEER_REMOVED);
    servers_changed(board);
}

/* A keeper that was killed between taking and using leaves its slot taken: it rests as removed ones do. */
static bool server_has_rested(struct board *board, unsigned slot, int64_t now_ms)
{
    struct board_server_record *record = &board->map->servers[slot - BOARD_SERVERS_FROM];
    struct peer_stats sums;
    int own = (int)slot;

    if (record->removed_ms > now_ms || record->removed_ms <= 0) {
        record->removed_ms = now_ms;
        return false;
    }
    if (now_ms - record->removed_ms < BOARD_SERVER_REST_MS)
        return false;
    board_peer_sums(board, &own, 1, &sums);
    return sums.active == 0 && sums.queued == 0;
}

unsigned board_server_collect(struct board *board, int64_t now_ms)
{
    unsigned end = board_server_end(board);
    unsigned freed = 0;

    for (unsigned slot = BOARD_SERVERS_FROM; slot < end; slot++) {
        struct board_peer *peer = &board->map->peers[slot];
        unsigned use = server_use(peer);

        if (use == BOARD_PEER_USED)
            continue;
        if (use != BOARD_PEER_FREE) {
            if (!server_has_rested(board, slot, now_ms))
                continue;
            /* A keeper that takes it next may be killed before it writes: its rest begins anew then. */
            board->map->servers[slot - BOARD_SERVERS_FROM].removed_ms = 0;
            server_set_use(peer, BOARD_PEER_FREE);
            freed++;
        }
        if (board->server_free_from > slot - BOARD_SERVERS_FROM)
            board->server_free_from = slot - BOARD_SERVERS_FROM;
    }
    return freed;
}

/* ---- reading ---- */

uint32_t board_server_incarnation(struct board *board, unsigned slot)
{
    const struct board_peer *peer = server_slot(board, slot);

    if (!peer || server_use(peer) != BOARD_PEER_USED)
        return 0;
    return __atomic_load_n(&peer->incarnation, __ATOMIC_ACQUIRE);
}

uint64_t board_server_revision(struct board *board, unsigned slot)
{
    if (!server_slot(board, slot))
        return 0;
    return __atomic_load_n(&board->map->servers[slot - BOARD_SERVERS_FROM].revision, __ATOMIC_ACQUIRE);
}

/* The words of another process, as numbers and bytes that mean nothing yet. */
static void server_copy(struct board_server *s, const struct board_peer *peer,
                        struct board_server_record *record, char text[BOARD_NAME_MAX])
{
    struct str all = {text, (size_t)peer->upstream_len + peer->server_len};

    memset(s, 0, sizeof(*s));
    if (all.len > BOARD_NAME_MAX)
        return;
    memcpy(text, peer->name, BOARD_NAME_MAX);
    s->upstream = (struct str){text, peer->upstream_len};
    s->name = (struct str){text + peer->upstream_len, peer->server_len};
    /* Not by assignment: whether an address is "*" must be 0 or 1. */
    if (record->address.len <= sizeof(record->address.storage))
        s->address = addr_of(&record->address.sa, record->address.len);
    if (s->address.len && s->address.sa.sa_family == AF_UNIX && s->address.len <= sizeof(s->address.un))
        s->address.un.sun_path[sizeof(s->address.un.sun_path) - 1] = '\0';
    s->origin = record->origin <= BOARD_ORIGIN_FILE ? (enum board_origin)record->origin : BOARD_ORIGIN_NONE;
    s->weight = record->weight;
    s->backup = record->backup != 0;
    s->template_slot = record->template_slot;
}

int board_server_read(struct board *board, unsigned slot, struct board_server *s, char text[BOARD_NAME_MAX])
{
    uint32_t incarnation = board_server_incarnation(board, slot);
    struct board_server_record record;
    struct board_peer peer;

    if (incarnation == 0)
        return -1;
    memcpy(&peer, &board->map->peers[slot], sizeof(peer));
    memcpy(&record, &board->map->servers[slot - BOARD_SERVERS_FROM], sizeof(record));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    /* Written meanwhile: its version is another now, so that it is read again. */
    if (board_server_incarnation(board, slot) != incarnation)
        return -1;
    server_copy(s, &peer, &record, text);
    return server_is_sound(s) ? 0 : -1;
}

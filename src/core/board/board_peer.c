/* board_peer.c: the named slots of upstream servers and the counters that processes keep for them. */
#include <unistd.h>

#include "base/rnd.h"
#include "core/board/board_map.h"
#include "core/board/board_server.h"
#include "core/config/config.h"

/* Counters read at once: 12 KB on the stack. */
#define READ_AT_ONCE 64

static unsigned board_peer_end(const struct board *board)
{
    uint32_t end = __atomic_load_n(&board->map->head.peer_end, __ATOMIC_ACQUIRE);

    return end < BOARD_SERVERS_FROM ? end : BOARD_SERVERS_FROM;
}

static unsigned board_part_end(const struct board *board)
{
    unsigned end = board_process_end(board);

    return end < BOARD_PARTS ? end : BOARD_PARTS;
}

/* One text for both names; a NUL is in neither.  STR_NONE: too long. */
static struct str board_peer_key(struct str upstream, struct str server, char key[BOARD_NAME_MAX + 1])
{
    if (upstream.len > UINT8_MAX || server.len > UINT8_MAX || upstream.len + server.len > BOARD_NAME_MAX)
        return STR_NONE;
    if (upstream.len)
        memcpy(key, upstream.s, upstream.len);
    key[upstream.len] = '\0';
    if (server.len)
        memcpy(key + upstream.len + 1, server.s, server.len);
    return (struct str){key, upstream.len + server.len + 1};
}

static void board_peer_remember(struct board *board, struct str key, unsigned slot)
{
    hash_table_set(board->index, pool_str(board->pool, key), (void *)(uintptr_t)(slot + 1));
}

/* The index from the records, each of which is copied before it is looked at. */
static void board_peer_make_index(struct board *board)
{
    uint8_t seed[16];
    unsigned end = board_peer_end(board);

    pool_free(board->pool);
    board->pool = pool_new(16384);
    rnd_bytes(seed, sizeof(seed));
    board->index = hash_table_new(board->pool, hash_key_of(seed), 1024);
    for (unsigned slot = 0; slot < end; slot++) {
        struct board_peer peer = board->map->peers[slot];
        char text[BOARD_NAME_MAX + 1];
        struct str key;

        if (!peer.is_used)
            continue;
        key = board_peer_key((struct str){peer.name, peer.upstream_len},
                             (struct str){peer.name + peer.upstream_len, peer.server_len}, text);
        if (key.s && !hash_table_get(board->index, key))
            board_peer_remember(board, key, slot);
    }
}

void board_peer_zero(struct board *board, unsigned slot)
{
    unsigned parts = board_part_end(board);

    for (unsigned part = 0; part < parts; part++) {
        struct board_counters *counters = &board->map->parts[part].peers[slot];
        struct board_counters there;
        const char *bytes = (const char *)&there;
        off_t at = (off_t)((const char *)counters - (const char *)board->map);

        if (pread(board->fd, &there, sizeof(there), at) != (ssize_t)sizeof(there))
            continue;
        /* Only what was written to: zeroing a hole would fill it. */
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, sizeof(there) - 1) != 0)
            memset(counters, 0, sizeof(*counters));
    }
}

static int board_peer_make(struct board *board, struct str upstream, struct str server)
{
    unsigned end = board_peer_end(board);
    unsigned slot = board->free_from;
    struct board_peer *peer;

    while (slot < end && board->map->peers[slot].is_used)
        slot++;
    board->free_from = slot;
    if (slot == BOARD_SERVERS_FROM)
        return -1;
    peer = &board->map->peers[slot];
    peer->upstream_len = (uint8_t)upstream.len;
    peer->server_len = (uint8_t)server.len;
    if (upstream.len)
        memcpy(peer->name, upstream.s, upstream.len);
    if (server.len)
        memcpy(peer->name + upstream.len, server.s, server.len);
    memset(&board->map->shared[slot], 0, sizeof(board->map->shared[slot]));
    __atomic_store_n(&peer->incarnation, peer->incarnation + 1 ? peer->incarnation + 1 : 1, __ATOMIC_RELEASE);
    peer->is_used = 1;
    if (slot == end)
        __atomic_store_n(&board->map->head.peer_end, slot + 1, __ATOMIC_RELEASE);
    return (int)slot;
}

/* The serving configuration does not have the server, another one had: what was changed of it then is over. */
static void board_peer_renew(struct board *board, unsigned slot)
{
    struct peer_shared *shared = &board->map->shared[slot];

    if (board->map->peers[slot].generation >= board_serve_from(board))
        return;
    __atomic_store_n(&shared->override, (uint32_t)PEER_OVERRIDE_NONE, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->override_weight, 0, __ATOMIC_RELAXED);
    shared->remove_at_ms = 0;
}

static int board_peer_name(struct board *board, struct str upstream, struct str server, bool *made)
{
    char text[BOARD_NAME_MAX + 1];
    struct str key = board_peer_key(upstream, server, text);
    uintptr_t found;
    int slot;

    if (!key.s)
        return -1;
    if (!board->index)
        board_peer_make_index(board);
    found = (uintptr_t)hash_table_get(board->index, key);
    slot = found ? (int)(found - 1) : board_peer_make(board, upstream, server);
    if (slot < 0)
        return -1;
    *made = !found;
    if (found)
        board_peer_renew(board, (unsigned)slot);
    else
        board_peer_remember(board, key, (unsigned)slot);
    board->map->peers[slot].generation = board_last_generation(board);
    return slot;
}

int board_peer_slot(struct board *board, struct str upstream, struct str server)
{
    bool made;

    return board_peer_name(board, upstream, server, &made);
}

/* A server that never had traffic gets none before its first pass, where that is wanted. */
static void board_name_peer(struct board *board, const struct upstream *upstream, struct peer_conf *peer)
{
    bool made = false;

    peer->board_slot = board_peer_name(board, upstream->name, peer->name, &made);
    if (made && upstream->check && upstream->check->initially_checking)
        __atomic_store_n(&board_peer_shared(board, (unsigned)peer->board_slot)->health, PEER_HEALTH_CHECKING,
                         __ATOMIC_RELEASE);
}

static size_t board_name_upstream(struct board *board, struct upstream *upstream)
{
    size_t without = 0;

    for (size_t i = 0; i < upstream->peer_count; i++) {
        board_name_peer(board, upstream, &upstream->peers[i]);
        without += upstream->peers[i].board_slot < 0;
    }
    /* No server is called so: names do not begin with a space. */
    if (upstream->servers_file.len)
        upstream->servers_file_slot = board_peer_slot(board, upstream->name, STR(" servers_file"));
    return without;
}

size_t board_name_config(struct board *board, struct config *config)
{
    size_t without = 0;

    for (size_t i = 0; i < config->upstream_count; i++)
        without += board_name_upstream(board, config->upstreams[i]);
    return without;
}

unsigned board_peer_collect(struct board *board, uint64_t oldest)
{
    unsigned end = board_peer_end(board);
    unsigned freed = 0;

    for (unsigned slot = 0; slot < end; slot++) {
        struct board_peer *peer = &board->map->peers[slot];

        if (!peer->is_used || peer->generation >= oldest)
            continue;
        board_peer_zero(board, slot);
        peer->is_used = 0;
        freed++;
    }
    if (freed) {
        board->free_from = 0;
        board_peer_make_index(board);
    }
    return freed;
}

struct peer_stats *board_peer_stats(struct board *board, unsigned process_slot, unsigned peer_slot)
{
    if (process_slot >= BOARD_PARTS || peer_slot >= BOARD_PEERS)
        return &board->scrap;
    return &board->map->parts[process_slot].peers[peer_slot].stats;
}

struct peer_shared *board_peer_shared(struct board *board, unsigned peer_slot)
{
    return peer_slot < BOARD_PEERS ? &board->map->shared[peer_slot] : &board->scrap_shared;
}

uint32_t board_peers_version(const struct board *board)
{
    return __atomic_load_n(&board->map->head.peers_version, __ATOMIC_ACQUIRE);
}

void board_peers_changed(struct board *board)
{
    (void)__atomic_add_fetch(&board->map->head.peers_version, 1, __ATOMIC_RELEASE);
}

/* The counters of `count` peers from `first` on, without touching the mapping; 0, or -1. */
static int board_part_read(const struct board *board, unsigned part, unsigned first, size_t count,
                           struct board_counters *counters)
{
    size_t at = offsetof(struct board_map, parts) + part * sizeof(struct board_part) +
                first * sizeof(struct board_counters);
    size_t bytes = count * sizeof(*counters);

    return pread(board->fd, counters, bytes, (off_t)at) == (ssize_t)bytes ? 0 : -1;
}

/* The gauges of the slots from `first` to `end`. */
static void board_part_zero_range(struct board *board, unsigned slot, unsigned first, unsigned end)
{
    struct board_counters there[READ_AT_ONCE];

    for (; first < end; first += READ_AT_ONCE) {
        unsigned count = end - first < READ_AT_ONCE ? end - first : READ_AT_ONCE;

        if (board_part_read(board, slot, first, count, there) < 0)
            continue;
        for (unsigned i = 0; i < count; i++)
            if (there[i].stats.active || there[i].stats.queued) {
                board->map->parts[slot].peers[first + i].stats.active = 0;
                board->map->parts[slot].peers[first + i].stats.queued = 0;
            }
    }
}

void board_part_zero_gauges(struct board *board, unsigned slot)
{
    if (slot >= BOARD_PARTS)
        return;
    board_part_zero_range(board, slot, 0, board_peer_end(board));
    board_part_zero_range(board, slot, BOARD_SERVERS_FROM, board_server_end(board));
}

static void waiter_clear_range(struct board *board, uint64_t bit, unsigned first, unsigned end)
{
    for (; first < end; first++) {
        uint64_t *word = &board->map->shared[first].waiters;

        if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
            (void)__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
    }
}

void board_waiter_clear(struct board *board, unsigned index)
{
    waiter_clear_range(board, board_waiter_bit(index), 0, board_peer_end(board));
    waiter_clear_range(board, board_waiter_bit(index), BOARD_SERVERS_FROM, board_server_end(board));
}

/* Calls `add` with the counters that each process has of each of the servers, the i-th from `first` on. */
static void board_run_each(const struct board *board, unsigned first, size_t count, void *sums,
                            void (*add)(void *sums, size_t i, const struct peer_stats *))
{
    unsigned parts = board_part_end(board);
    struct board_counters there[READ_AT_ONCE];

    if (first >= BOARD_PEERS)
        return;
    if (count > BOARD_PEERS - first)
        count = BOARD_PEERS - first;
    for (unsigned part = 0; part < parts; part++)
        for (size_t done = 0; done < count; done += READ_AT_ONCE) {
            size_t now = count - done < READ_AT_ONCE ? count - done : READ_AT_ONCE;

            if (board_part_read(board, part, first + (unsigned)done, now, there) < 0)
                continue;
            for (size_t i = 0; i < now; i++)
                add(sums, done + i, &there[i].stats);
        }
}

/* The same of any slots; `size` bytes of `sums` are those of one. */
static void board_peer_each(const struct board *board, const int *slots, size_t count, void *sums, size_t size,
                            void (*add)(void *sums, size_t i, const struct peer_stats *))
{
    memset(sums, 0, count * size);
    for (size_t i = 0, n; i < count; i += n) {
        n = 1;
        while (slots[i] >= 0 && i + n < count && slots[i + n] == slots[i] + (int)n)
            n++;
        if (slots[i] >= 0)
            board_run_each(board, (unsigned)slots[i], n, (char *)sums + i * size, add);
    }
}

static void peer_stats_add(void *sums, size_t at, const struct peer_stats *more)
{
    struct peer_stats *sum = (struct peer_stats *)sums + at;

    sum->active += more->active;
    sum->queued += more->queued;
    sum->requests += more->requests;
    sum->failures += more->failures;
    sum->retries += more->retries;
    for (size_t i = 0; i < STATS_BUCKETS; i++)
        sum->latency.bucket[i] += more->latency.bucket[i];
    sum->latency.sum_ms += more->latency.sum_ms;
}

void board_peer_sums(struct board *board, const int *slots, size_t count, struct peer_stats *sums)
{
    board_peer_each(board, slots, count, sums, sizeof(*sums), peer_stats_add);
}

static void active_add(void *sums, size_t at, const struct peer_stats *more)
{
    ((uint64_t *)sums)[at] += more->active;
}

void board_peer_actives(struct board *board, const int *slots, size_t count, uint64_t *sums)
{
    board_peer_each(board, slots, count, sums, sizeof(*sums), active_add);
}

uint64_t board_peer_active(const struct board *board, unsigned peer_slot)
{
    unsigned parts = board_part_end(board);
    uint64_t sum = 0;

    for (unsigned part = 0; part < parts && peer_slot < BOARD_PEERS; part++)
        sum += __atomic_load_n(&board->map->parts[part].peers[peer_slot].stats.active, __ATOMIC_RELAXED);
    return sum;
}

/* board.c: the shared memory itself and the slots of processes; names of peers are board_peer.c. */
#include "core/board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rnd.h"
#include "core/board/board_map.h"

#define AT(type, member) (uint32_t)offsetof(struct type, member)

/* What makes the layout: two binaries that differ in one of these do not share a board. */
static const uint32_t layout_numbers[] = {
    sizeof(struct board_head),
    sizeof(struct board_process_slot),
    sizeof(struct board_peer),
    sizeof(struct board_counters),
    BOARD_PROCESSES,
    BOARD_PARTS,
    BOARD_PEERS,
    BOARD_SERVERS,
    sizeof(struct board_server_record),
    sizeof(struct peer_shared),
    STATS_BUCKETS,
    AT(board_head, started_s),
    AT(board_head, last_generation),
    AT(board_head, end_before),
    AT(board_head, restarts),
    AT(board_head, process_end),
    AT(board_head, peer_end),
    AT(board_head, server_end),
    AT(board_head, peers_version),
    AT(board_head, servers_version),
    AT(board_head, changes_read),
    AT(board_head, master_pid),
    AT(board_head, tickets),
    AT(board_tickets, newest),
    AT(board_tickets, ring),
    sizeof(struct board_ticket_key),
    sizeof(struct board_staple_place),
    BOARD_STAPLES,
    AT(board_head, challenges),
    BOARD_CHALLENGES,
    sizeof(struct board_challenge),
    BOARD_LEARNT,
    BOARD_CACHES,
    BOARD_CACHE_PURGE_BITS,
    BOARD_CACHE_SKETCH_WORDS,
    sizeof(struct board_cache),
    sizeof(struct board_cache_part),
    AT(board_cache, name),
    AT(board_cache, size),
    AT(board_cache_part, stats),
    AT(cache_stats, hot),
    AT(cache_stats, stored),
    LIMIT_ENTRIES,
    sizeof(struct limit_entry),
    AT(board_process, pid),
    AT(board_process, incarnation),
    AT(board_process, generation),
    AT(board_process, requests_before),
    AT(board_process, stats),
    AT(process_stats, responses),
    AT(process_stats, bytes_received),
    AT(process_stats, accepted),
    AT(process_stats, connections),
    AT(process_stats, h2_connections),
    AT(process_stats, tls_handshakes),
    AT(process_stats, tls_failures),
    AT(process_stats, upstream_connects),
    AT(process_stats, upstream_handshakes),
    AT(process_stats, breaker_refused),
    AT(process_stats, shed),
    AT(process_stats, sticky),
    AT(process_stats, heartbeat_ms),
    AT(process_stats, duration),
    AT(peer_stats, queued),
    AT(peer_stats, requests),
    AT(peer_stats, failures),
    AT(peer_stats, retries),
    AT(peer_stats, latency),
    AT(board_peer, incarnation),
    AT(board_peer, name),
    AT(board_server_record, origin),
    AT(board_server_record, weight),
    AT(board_server_record, template_slot),
    AT(board_server_record, backup),
    AT(board_server_record, removed_ms),
    AT(board_server_record, revision),
    AT(peer_shared, override),
    AT(peer_shared, override_weight),
    AT(peer_shared, checked_s),
    AT(peer_shared, up_since_ms),
    AT(peer_shared, remove_at_ms),
    AT(peer_shared, reason),
    AT(peer_shared, looks_failed),
    AT(peer_shared, found),
    AT(peer_shared, ejected_until_ms),
    AT(peer_shared, errors),
    AT(peer_shared, ejections),
    AT(peer_shared, ejected_why),
    AT(peer_shared, waiters),
};

/* FNV-1a over constants, with a whole number instead of a byte: the compiler folds it. */
static uint64_t board_layout(void)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < ARRAY_SIZE(layout_numbers); i++)
        hash = (hash ^ layout_numbers[i]) * 0x100000001b3ULL;
    return hash;
}

static struct board *board_map(int fd)
{
    struct board *board = calloc(1, sizeof(*board));

    if (!board)
        return NULL;
    board->fd = fd;
    board->map = mmap(NULL, sizeof(struct board_map), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                      fd, 0);
    if (board->map == MAP_FAILED) {
        free(board);
        return NULL;
    }
    /* Whoever dumps core leaves 4 GB of mostly nothing out. */
    (void)madvise(board->map, sizeof(struct board_map), MADV_DONTDUMP);
    return board;
}

struct board *board_new(void)
{
    int fd = memfd_create("weir-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct board *board;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, (off_t)sizeof(struct board_map)) < 0 || fcntl(fd, F_ADD_SEALS, BOARD_SEALS) < 0 ||
        !(board = board_map(fd))) {
        int error = errno;

        close(fd);
        errno = error;
        return NULL;
    }
    board->map->head.magic = BOARD_MAGIC;
    board->map->head.layout = board_layout();
    board->map->head.started_s = (int64_t)time(NULL);
    rnd_bytes(board->map->head.secret, BOARD_SECRET);
    board_tickets_init(board);
    return board;
}

struct board *board_open(int fd)
{
    struct stat st;
    uint64_t words[2];
    int seals = fcntl(fd, F_GET_SEALS);

    /* Without the seals another could shrink the file under the mapping: SIGBUS. */
    if (seals < 0 || (seals & BOARD_SEALS) != BOARD_SEALS || (seals & F_SEAL_WRITE))
        return NULL;
    if (fstat(fd, &st) < 0 || st.st_size != (off_t)sizeof(struct board_map))
        return NULL;
    if (pread(fd, words, sizeof(words), 0) != (ssize_t)sizeof(words) || words[0] != BOARD_MAGIC ||
        words[1] != board_layout())
        return NULL;
    return board_map(fd);
}

int board_fd(const struct board *board)
{
    return board->fd;
}

void board_close(struct board *board)
{
    if (!board)
        return;
    pool_free(board->pool);
    munmap(board->map, sizeof(struct board_map));
    close(board->fd);
    free(board);
}

unsigned board_process_end(const struct board *board)
{
    uint32_t end = __atomic_load_n(&board->map->head.process_end, __ATOMIC_ACQUIRE);

    return end < BOARD_PROCESSES ? end : BOARD_PROCESSES;
}

struct board_process *board_process(struct board *board, unsigned slot)
{
    return slot < BOARD_PROCESSES ? &board->map->processes[slot].process : NULL;
}

int board_process_take(struct board *board, enum board_role role, unsigned index, uint64_t generation)
{
    unsigned end = board_process_end(board);
    unsigned slot = 0;
    struct board_process *process;

    for (; slot < end; slot++) {
        process = &board->map->processes[slot].process;
        if (__atomic_load_n(&process->role, __ATOMIC_ACQUIRE) == BOARD_FREE)
            break;
    }
    if (slot == BOARD_PROCESSES)
        return -1;
    process = &board->map->processes[slot].process;
    process->index = index;
    process->pid = 0;
    process->incarnation++;
    process->generation = generation;
    process->start_s = (int64_t)time(NULL);
    process->requests_before = process->stats.requests;
    __atomic_store_n(&process->role, (uint32_t)role, __ATOMIC_RELEASE);
    if (slot == end)
        __atomic_store_n(&board->map->head.process_end, slot + 1, __ATOMIC_RELEASE);
    return (int)slot;
}

void board_process_set_pid(struct board *board, unsigned slot, pid_t pid)
{
    if (slot < BOARD_PROCESSES)
        __atomic_store_n(&board->map->processes[slot].process.pid, (int32_t)pid, __ATOMIC_RELEASE);
}

void board_process_free(struct board *board, unsigned slot)
{
    struct board_process *process = board_process(board, slot);

    if (!process)
        return;
    board_part_zero_gauges(board, slot);
    board_cache_ended(board, slot);
    /* With a hole in their place they cost no memory again. */
    if (slot < BOARD_PARTS)
        (void)madvise(board->map->limits[slot], sizeof(board->map->limits[slot]), MADV_REMOVE);
    if (process->role == BOARD_WORKER)
        board_waiter_clear(board, process->index);
    process->stats.connections = process->stats.h2_connections = 0;
    process->stats.heartbeat_ms = 0;
    process->pid = 0;
    __atomic_store_n(&process->role, (uint32_t)BOARD_FREE, __ATOMIC_RELEASE);
}

void board_process_sum(struct board *board, struct process_stats *sum)
{
    unsigned end = board_process_end(board);
    uint64_t *total = (uint64_t *)(void *)sum;

    /* All members are 64-bit words, which is checked in board_map.h. */
    memset(sum, 0, sizeof(*sum));
    for (unsigned slot = 0; slot < end; slot++) {
        const uint64_t *word = (const uint64_t *)(const void *)&board->map->processes[slot].process.stats;

        for (size_t i = 0; i < sizeof(*sum) / sizeof(*word); i++)
            total[i] += __atomic_load_n(&word[i], __ATOMIC_RELAXED);
    }
    sum->heartbeat_ms = 0;
}

uint64_t board_serve_from(const struct board *board)
{
    return __atomic_load_n(&board->map->head.serve_from, __ATOMIC_ACQUIRE);
}

void board_set_serve_from(struct board *board, uint64_t generation)
{
    __atomic_store_n(&board->map->head.serve_from, generation, __ATOMIC_RELEASE);
}

uint64_t board_last_generation(const struct board *board)
{
    return __atomic_load_n(&board->map->head.last_generation, __ATOMIC_ACQUIRE);
}

void board_set_last_generation(struct board *board, uint64_t generation)
{
    __atomic_store_n(&board->map->head.last_generation, generation, __ATOMIC_RELEASE);
}

uint64_t board_end_before(const struct board *board)
{
    return __atomic_load_n(&board->map->head.end_before, __ATOMIC_ACQUIRE);
}

void board_set_end_before(struct board *board, uint64_t generation)
{
    __atomic_store_n(&board->map->head.end_before, generation, __ATOMIC_RELEASE);
}

uint64_t board_oldest_generation(struct board *board)
{
    uint64_t oldest = board_serve_from(board);
    unsigned end = board_process_end(board);

    for (unsigned slot = 0; slot < end; slot++) {
        const struct board_process *process = &board->map->processes[slot].process;

        if (__atomic_load_n(&process->role, __ATOMIC_ACQUIRE) != BOARD_FREE && process->generation < oldest)
            oldest = process->generation;
    }
    return oldest;
}

int64_t board_started_s(const struct board *board)
{
    return board->map->head.started_s;
}

pid_t board_master_pid(const struct board *board)
{
    return (pid_t)__atomic_load_n(&board->map->head.master_pid, __ATOMIC_RELAXED);
}

void board_set_master_pid(struct board *board, pid_t pid)
{
    __atomic_store_n(&board->map->head.master_pid, (int32_t)pid, __ATOMIC_RELAXED);
}

uint64_t board_restarts(const struct board *board)
{
    return __atomic_load_n(&board->map->head.restarts, __ATOMIC_RELAXED);
}

void board_count_restart(struct board *board)
{
    __atomic_fetch_add(&board->map->head.restarts, 1, __ATOMIC_RELAXED);
}

const uint8_t *board_secret(const struct board *board)
{
    return board->map->head.secret;
}

struct learn_entry *board_learnt(struct board *board)
{
    return board->map->learnt;
}

struct limit_entry *board_limits(struct board *board, unsigned process_slot)
{
    return process_slot < BOARD_PARTS ? board->map->limits[process_slot] : NULL;
}

/*
 * board.h: the memory that all processes of an instance share: one sealed, sparse memfd of fixed size,
 * mapped once.  Parts belong to process slots; every word has one writer or is changed atomically.  What is read
 * from it is hostile input: indexes are checked, there are no pointers and no lengths to believe.
 * Layout: a page of header words, BOARD_PROCESSES process slots, BOARD_PEERS named records of 256 bytes, what
 * the keeper knows of BOARD_SERVERS servers that are in no file, for each server the words that all share, what all
 * share about caches (board_cache.h), then for each of the first BOARD_PARTS process slots a part with 192 bytes for
 * each peer: 4.3 GB of addresses, of which only the pages written to exist.  Sums are read with pread(), which costs no
 * memory where nothing was written; reading a hole through the mapping would allocate it.
 */
#ifndef WEIR_CORE_BOARD_BOARD_H
#define WEIR_CORE_BOARD_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"
#include "base/str.h"
#include "core/upstream/peer.h"
#include "core/board/stats.h"

#define BOARD_PROCESSES 1024 /* slots of processes, all generations together */
#define BOARD_PARTS 256 /* of them those with counters of peers: the first, as the lowest free one is taken */
#define BOARD_PEERS 65536 /* named slots of upstream servers */
#define BOARD_SERVERS 16384 /* the last of them: servers that are in no file, named by the keeper */
#define BOARD_SERVERS_FROM (BOARD_PEERS - BOARD_SERVERS)
#define BOARD_NAME_MAX 240 /* bytes of upstream and server name together */

/* Session cookies whose servers are known (core/upstream/sticky_learn.h): 16 MB when all were needed. */
#define BOARD_LEARNT (1 << 20)
#define BOARD_SECRET 32 /* bytes */

struct board;
struct config;
struct learn_entry;
struct limit_entry;

enum board_role { BOARD_FREE, BOARD_WORKER, BOARD_KEEPER, BOARD_JANITOR };

/* The bit of workers of number `index` in peer_shared.waiters. */
static inline uint64_t board_waiter_bit(unsigned index)
{
    return (uint64_t)1 << (index % 64);
}

/* One process as the others see it. */
struct board_process {
    uint32_t role; /* enum board_role; may hold anything: compare with the roles wanted */
    uint32_t index;
    int32_t pid;
    uint32_t incarnation; /* counts the owners of the slot */
    uint64_t generation;
    int64_t start_s;
    uint64_t requests_before; /* stats.requests when the slot was taken: what another owner counted */
    struct process_stats stats;
};

/* Creates and maps a board; NULL with errno.  The descriptor is board_fd(). */
struct board *board_new(void) WEIR_MUST_CHECK;

/*
 * Maps the board of `fd` (handed over), which becomes the board's.  NULL: not one of this layout, or of
 * another size, or not sealed; then `fd` stays the caller's.
 */
struct board *board_open(int fd) WEIR_MUST_CHECK;

int board_fd(const struct board *);

/* Unmaps it and closes the descriptor; the memory lives as long as another process has it.  NULL
 * is allowed. */
void board_close(struct board *);

/* Master: a free process slot, or -1 when all are taken.  Counters go on from the value left. */
int board_process_take(struct board *, enum board_role, unsigned index, uint64_t generation)
    WEIR_MUST_CHECK;

/* In the child, or for it: says which pid has the slot. */
void board_process_set_pid(struct board *, unsigned slot, pid_t);

/* Master, after the process's end was seen: zeroes its gauges (connections, heartbeat, active), frees it. */
void board_process_free(struct board *, unsigned slot);

/* NULL: no such slot. */
struct board_process *board_process(struct board *, unsigned slot);

/* Slots below this number may be in use: the end for who walks them with board_process(). */
unsigned board_process_end(const struct board *);

/* The generation that is to serve; workers of older ones drain.  Read at each tick. */
uint64_t board_serve_from(const struct board *);
void board_set_serve_from(struct board *, uint64_t generation);

/* The last number given to a generation. */
uint64_t board_last_generation(const struct board *);
void board_set_last_generation(struct board *, uint64_t);

/* Generations before this one are too many: they end their tunnels and what they have in hand soon. */
uint64_t board_end_before(const struct board *);
void board_set_end_before(struct board *, uint64_t generation);

/* The oldest generation that has a process, or the serving one. */
uint64_t board_oldest_generation(struct board *);

/* The instance's start, seconds since 1970; set when the board is made. */
int64_t board_started_s(const struct board *);

/* The master's pid, 0 until the master has said it. */
pid_t board_master_pid(const struct board *);
void board_set_master_pid(struct board *, pid_t);

/* Processes that ended without being told to, since the board was made; counted by the master. */
uint64_t board_restarts(const struct board *);
void board_count_restart(struct board *);

/*
 * Master: the named slot of a server, found or made; -1: all are taken or the names are too long.  The slot
 * is marked as named by board_last_generation(), which is therefore set first.  A slot that is made anew has
 * new counters.
 */
int board_peer_slot(struct board *, struct str upstream, struct str server) WEIR_MUST_CHECK;

/*
 * Master, before it forks the processes of `config`: sets board_slot of every peer.  How many have none and
 * are not counted.
 */
size_t board_name_config(struct board *, struct config *);

/*
 * Master, when all processes of generations before `oldest` are gone: frees the slots that no generation
 * from `oldest` on has named, with their counters.  How many.
 */
unsigned board_peer_collect(struct board *, uint64_t oldest);

/*
 * A process's counters of a server; the page appears when first written.  Never NULL: without a place on the
 * board (slots from BOARD_PARTS on, numbers out of range, also -1 made unsigned) it is a scrap of this
 * process's memory, which nobody reads.
 */
struct peer_stats *board_peer_stats(struct board *, unsigned process_slot, unsigned peer_slot);

/* The words about a server that all processes share.  Never NULL, as with board_peer_stats(). */
struct peer_shared *board_peer_shared(struct board *, unsigned peer_slot);

/* Another number after every change of a server's shared words or of the servers there are. */
uint32_t board_peers_version(const struct board *);
void board_peers_changed(struct board *);

/* BOARD_SECRET random bytes, made with the board: where `secret` is not configured. */
const uint8_t *board_secret(const struct board *);

/* BOARD_LEARNT entries. */
struct learn_entry *board_learnt(struct board *);

/* LIMIT_ENTRIES entries of the process (limit_table.h), of which pages appear as they are used; NULL: it has none. */
struct limit_entry *board_limits(struct board *, unsigned process_slot);

/* Sum over all processes, the ended ones too. */
void board_process_sum(struct board *, struct process_stats *sum);

/*
 * Requests under way at the servers of `count` slots, over all processes; 0 where no slot is.  Slots that
 * follow each other are read at once.
 */
void board_peer_actives(struct board *, const int *slots, size_t count, uint64_t *sums);

/*
 * The same of one server at this moment, read through the mapping: pages of processes that never used it come
 * to be, so only for upstreams that need it.
 */
uint64_t board_peer_active(const struct board *, unsigned peer_slot);

/* All their sums, in the same way. */
void board_peer_sums(struct board *, const int *slots, size_t count, struct peer_stats *sums);

#endif

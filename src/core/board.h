/*
 * board.h: the memory that all processes of an instance share: one sealed, sparse memfd of fixed size, mapped once.
 * Parts belong to process slots; every word has one writer or is an atomic.  What is read from it is hostile input:
 * indexes are checked, there are no pointers and no lengths to believe.  DECISIONS: generations, incarnations.
 */
#ifndef WEIR_CORE_BOARD_H
#define WEIR_CORE_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"
#include "base/str.h"
#include "core/stats.h"

#define BOARD_PROCESSES 1024 /* slots of processes, all generations together */
#define BOARD_PEERS 65536 /* named slots of upstream servers */
#define BOARD_NAME_MAX 120

struct board;

enum board_role { BOARD_FREE, BOARD_WORKER, BOARD_KEEPER };

/* One process as the others see it. */
struct board_process {
    uint32_t role; /* enum board_role */
    uint32_t index;
    int32_t pid;
    uint32_t incarnation;
    uint64_t generation;
    int64_t start_s;
    struct process_stats stats;
};

/* Creates and maps a board; NULL with errno.  The descriptor is board_fd(). */
struct board *board_new(void);

/* Maps the board of `fd` (handed over); NULL: not one of this layout. */
struct board *board_open(int fd);

int board_fd(const struct board *);
void board_close(struct board *);

/* Master: a free process slot, or -1 when all are taken.  Counters go on from the value left. */
int board_process_take(struct board *, enum board_role, unsigned index, uint64_t generation);

/* In the child, or for it: says which pid has the slot. */
void board_process_set_pid(struct board *, unsigned slot, pid_t);

/* Master, after the process's end was seen: zeroes its gauges and frees the slot. */
void board_process_free(struct board *, unsigned slot);

struct board_process *board_process(struct board *, unsigned slot);

/* The generation that is to serve; workers of older ones drain.  Read at each tick. */
uint64_t board_serve_from(const struct board *);
void board_set_serve_from(struct board *, uint64_t generation);

/* The last number given to a generation. */
uint64_t board_last_generation(const struct board *);
void board_set_last_generation(struct board *, uint64_t);

/* The instance's start, seconds since 1970; set when the board is made. */
int64_t board_started_s(const struct board *);

/* Master: the named slot of a server ("upstream server"), found or made; -1: full or the name is too long. */
int board_peer_slot(struct board *, struct str upstream, struct str server);

/* A process's counters of a server; the page appears when first written. */
struct peer_stats *board_peer_stats(struct board *, unsigned process_slot, unsigned peer_slot);

/* Sum over all processes; only those in use are walked. */
void board_peer_sum(struct board *, unsigned peer_slot, struct peer_stats *sum);
void board_process_sum(struct board *, struct process_stats *sum);

#endif

/*
 * supervise.h: the master's table of processes: who they are, when they began, when one that died is to
 * be started again.  The rules take the time as an argument; only fork, reap and kill touch the system.
 */
#ifndef WEIR_MAIN_SUPERVISE_H
#define WEIR_MAIN_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"

#define SUPERVISE_SHORT_LIFE_MS 1000
#define SUPERVISE_MAX_WAIT_MS 30000

enum supervise_role { SUPERVISE_WORKER, SUPERVISE_KEEPER, SUPERVISE_JANITOR };

struct supervise_child {
    struct supervise_child *next;
    enum supervise_role role;
    unsigned index; /* among those of its role */
    uint64_t generation;
    pid_t pid;            /* 0: not running */
    int pidfd;            /* -1: not running */
    bool adopted;         /* another master's child: watched by pidfd, not by wait */
    bool retired;         /* is not started again */
    unsigned short_lives; /* one after the other */
    int64_t started_ms;
    int64_t start_at_ms;  /* where it does not run */
    void *arg;            /* the master's, such as the channel */
};

struct supervise {
    struct supervise_child *first;
};

/* A process that is due at once; freed by supervise_remove() or supervise_free().  Never NULL. */
struct supervise_child *supervise_add(struct supervise *, enum supervise_role, unsigned index,
                                      uint64_t generation);

/* Takes the child out of the table and frees it; a process that runs is not touched. */
void supervise_remove(struct supervise *, struct supervise_child *);

/* Removes all. */
void supervise_free(struct supervise *);

/* The child that runs as `pid`, or NULL. */
struct supervise_child *supervise_find(const struct supervise *, pid_t pid);

/* "worker", "keeper" or "janitor". */
const char *supervise_role_name(enum supervise_role);

/* Notes that the child runs; `pidfd` is the table's from now on (-1: none). */
void supervise_started(struct supervise_child *, pid_t pid, int pidfd, int64_t now_ms);

/*
 * Notes its end.  It is due again at once, but when it lived less than a second for the second, third...
 * time running after 1, 2, 4... at most 30 seconds.
 */
void supervise_ended(struct supervise_child *, int64_t now_ms);

/* A child whose start is due, or NULL. */
struct supervise_child *supervise_due(const struct supervise *, int64_t now_ms);

/* How many run, of `generation` or, with 0, of all. */
unsigned supervise_running(const struct supervise *, uint64_t generation);

/*
 * Forks and notes the start.  As fork(): the pid in the master, 0 in the child, -1 with errno (then the
 * failure counts as a short life).
 */
pid_t supervise_fork(struct supervise_child *, int64_t now_ms) WEIR_MUST_CHECK;

/* Watches process `pid` of a former master; 0, or -1 with errno when it is gone. */
int supervise_adopt(struct supervise_child *, pid_t pid, int64_t now_ms) WEIR_MUST_CHECK;

/*
 * Collects all that ended: notes each and calls `on_end`, which may remove the child.  `child` is NULL for
 * a process that is not in the table; `status` is wait's, -1 where it cannot be known (adopted).
 */
void supervise_reap(struct supervise *, int64_t now_ms,
                    void (*on_end)(struct supervise_child *child, pid_t pid, int status, void *arg),
                    void *arg);

/* Sends a signal to exactly that process; 0, or -1 with errno (ESRCH: it does not run). */
int supervise_kill(const struct supervise_child *, int signal_number);

#endif

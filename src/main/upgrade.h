/*
 * upgrade.h: another program file takes the instance over while it serves.  The old master forks and runs the file;
 * sockets and board are inherited, listed in a memfd named by an environment variable.  Over a socketpair
 * the new master says "R" (ready), the old one gives pid_file up and says "K", the new one writes it and says "G"
 * (gone over): the old one drains.  Until then an end of the new one, with "E" and why, changes nothing.
 */
#ifndef WEIR_MAIN_UPGRADE_H
#define WEIR_MAIN_UPGRADE_H

#include <stdbool.h>
#include <sys/types.h>

#include "main/handover.h"
#include "main/outcome.h"

struct event;
struct master;

enum upgrade_state {
    UPGRADE_IDLE,
    UPGRADE_WANTED,  /* forks at the end of the turn */
    UPGRADE_WAITING, /* for the new master to be ready */
    UPGRADE_GRANTED, /* it may write the pid file */
    UPGRADE_DONE
};

struct upgrade {
    enum upgrade_state state;
    pid_t pid;
    int64_t deadline;
    char why[512]; /* what the new master said about its end */
    struct outcome_askers askers;
    /* To the new master or, in the new one, to the former; -1: none. */
    int peer;
    struct event *event;
    bool is_new, said_ready, granted;
};

void upgrade_init(struct upgrade *);

/* The old master's side. */
void upgrade_begin(struct master *, struct process *asker, uint32_t number);
bool upgrade_is_running(const struct upgrade *);
void upgrade_tick(struct master *);
bool upgrade_child_ended(struct master *, pid_t pid);
void upgrade_cancel(struct master *);
void upgrade_forget(struct upgrade *, const struct process *);

/* Whether this process was started by an upgrade; until upgrade_inherit(). */
bool upgrade_is_new(void);

/*
 * The new master's side: whether this process was started by an upgrade, and if so what it inherited.  1, 0, or -1
 * with text in `error`.
 */
int upgrade_inherit(struct upgrade *, struct handover_set *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Listens to the former master. */
int upgrade_listen(struct master *) WEIR_MUST_CHECK;

/* All processes are ready: asks the former master to let go, answers whether it has. */
bool upgrade_may_serve(struct master *);

/* The former one may go, or learns why this one ends. */
void upgrade_tell_done(struct upgrade *);
void upgrade_tell_failed(struct upgrade *, const char *text);

void upgrade_free(struct upgrade *);

#endif

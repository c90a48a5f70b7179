/*
 * reload.h: the way from one configuration to the next.  Checked in a forked child, so that what a bad file does
 * to the loader does not reach the master; then loaded, bound and forked beside the old one, which goes
 * on until all of the new one is ready, and for ever if that fails.  The first start goes the same way from the
 * fork on.
 */
#ifndef WEIR_MAIN_RELOAD_H
#define WEIR_MAIN_RELOAD_H

#include <sys/types.h>

#include "main/channel.h"
#include "main/outcome.h"

struct config;
struct generation;
struct master;

enum reload_state {
    RELOAD_IDLE,
    RELOAD_WANTED,    /* forks at the end of the turn, not inside an event's callback */
    RELOAD_ROOM,      /* the oldest of too many generations end first */
    RELOAD_CHECKING,  /* in the child `pid` */
    RELOAD_STARTING,  /* `generation` is not ready yet */
    RELOAD_REMOVING,  /* listeners that are no more are served to the end by the old generation */
    RELOAD_SWITCHING  /* the old generation has been told and stops accepting */
};

struct reload {
    enum reload_state state;
    pid_t pid;
    int report; /* memfd: what the check has to say */
    int64_t deadline; /* monotonic ms: of the state */
    struct generation *generation;
    char changes[512]; /* of listeners, for the outcome */
    bool again; /* asked for meanwhile */
    struct outcome_askers now, next;
};

void reload_init(struct reload *);

/* Reloads; during a reload once more afterwards.  `asker` NULL: a signal. */
void reload_begin(struct master *, struct process *asker, uint32_t number);

/* Starts processes for a configuration, taking it over; 0, or -1 with text in `error` and the configuration freed. */
int reload_start(struct master *, struct config *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Gives a reload under way up: the instance ends. */
void reload_cancel(struct master *);

/* Once a tick. */
void reload_tick(struct master *);

/* The child `pid` ended: true if it was the check. */
bool reload_child_ended(struct master *, pid_t pid, int status);

/* What the keeper asks for, of every kind. */
void reload_asked(struct master *, struct process *, enum channel_type, uint32_t number);

/* The process waits no more. */
void reload_forget(struct master *, const struct process *);

#endif

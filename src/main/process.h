/*
 * process.h: a forked process as the master sees it: its channel, its slot on the board, whether it is well.
 */
#ifndef WEIR_MAIN_PROCESS_H
#define WEIR_MAIN_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "main/channel.h"
#include "main/supervise.h"

struct event;
struct generation;
struct master;

struct process {
    struct master *master;
    struct supervise_child *child;
    struct generation *generation; /* NULL: adopted */
    int channel;                   /* -1: none */
    struct event *event;
    int slot;      /* on the board; -1: none */
    bool ready;    /* serves, or could */
    bool drains;   /* has said that it no longer accepts */
    uint64_t heartbeat; /* as last seen */
    unsigned stale;     /* ticks since it changed */
};

/* A process of the generation that is due to be started. */
struct process *process_add(struct master *, struct generation *, enum supervise_role, unsigned index);

/* A process of a former master, in slot `slot`. */
struct process *process_adopted(struct master *, struct supervise_child *, unsigned slot);

static inline struct process *process_of(const struct supervise_child *child)
{
    return child->arg;
}

/* Forks it and returns in the master only.  A failure is logged and tried again later. */
void process_start(struct process *);

/* Says something to it; a process that cannot hear is left to the watchdog, and gives false. */
bool process_tell(struct process *, enum channel_type, uint32_t arg, int fd);

/* Notes its end: channel closed, slot given back. */
void process_ended(struct process *);

/* Takes it out of the table. */
void process_remove(struct process *);

/* Once a tick: kills it when its heart has stopped for the time of `watchdog`. */
void process_watch(struct process *);

/* In a forked child: closes the channel. */
void process_leave_in_child(struct process *);

#endif

/*
 * child.h: what every process that the master forks has in common: its user, loop, channel and worker;
 * when it begins to accept, when it drains, when it ends; and what it does once its master is gone: it goes on,
 * and hands the sockets and the board to the next master.
 */
#ifndef WEIR_MAIN_CHILD_H
#define WEIR_MAIN_CHILD_H

#include "base/log.h"
#include "core/board/board.h"
#include "core/worker.h"
#include "main/channel.h"
#include "main/logfiles.h"
#include "main/privdrop.h"
#include "main/sockets.h"
#include "main/supervise.h"
#include "main/wakes.h"

/* Filled in by the master between fork and child_run(). */
struct child {
    enum supervise_role role;
    unsigned index, count; /* among the workers */
    uint64_t generation;
    const struct config *config;
    struct board *board;
    unsigned slot;
    int channel;
    struct sockets *sockets;
    const struct wakes *wakes;
    struct logfiles *logs;
    uid_t master_uid;
    bool drops; /* becomes `user` */
    struct privdrop_user user;
    struct admin *admin; /* keeper */
    struct janitor *janitor; /* janitor */

    struct loop *loop;
    struct worker *worker;
    struct event *channel_event;
    struct event *take_event;
    bool ready, serving, draining, hurries, orphaned;
    unsigned before; /* slot of the worker before this one; BOARD_PROCESSES: not known */
    unsigned ticks;
    int64_t end_at; /* monotonic ms, of a drain: the process ends at last */
    int64_t dry_at; /* the same: it accepts until then, as nobody will after it; 0: it does not */
    int exit_code;

    /* Of keeper and janitor; NULL where there is nothing to do. */
    void (*on_message)(struct child *, const struct channel_message *); /* may take message.fd */
    void (*on_orphaned)(struct child *);
    bool (*may_end)(struct child *); /* nobody waits for an answer any more */
    void (*on_tick)(struct child *);
    bool (*is_busy)(struct child *); /* a drain waits for it */
    void (*on_end)(struct child *); /* before the worker is freed */
    void (*on_prepared)(struct child *); /* before it is ready, and so before its generation serves */
    bool (*is_ready)(struct child *); /* asked every tick until it is */
};

/* Drops privileges, serves, returns the exit code. */
int child_run(struct child *);

#endif

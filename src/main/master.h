/*
 * master.h: the process that starts all others: reads the configuration, owns sockets, board, logs and pid
 * file, forks keeper and workers and keeps them running, and acts on signals.  It reads nothing that came from a
 * network.
 */
#ifndef WEIR_MAIN_MASTER_H
#define WEIR_MAIN_MASTER_H

#include <limits.h>

#include "core/board/board.h"
#include "core/config/config_names.h"
#include "main/cache_dirs.h"
#include "main/certificates.h"
#include "main/generation.h"
#include "main/pidfile.h"
#include "main/reload.h"
#include "main/signals.h"
#include "main/sockets.h"
#include "main/supervise.h"
#include "main/upgrade.h"
#include "main/wakes.h"

struct master_options {
    const char *file; /* of the configuration; NULL: `text` */
    struct str text;
    const char *text_name;
    bool daemonise;
    char **argv; /* of the program, for an upgrade */
};

enum master_state {
    MASTER_STARTING, /* the first generation is not ready */
    MASTER_RUNNING,
    MASTER_DRAINING,
    MASTER_STOPPING
};

struct master {
    const struct master_options *options;
    char exe[PATH_MAX]; /* what an upgrade runs */
    enum master_state state;
    struct loop *loop;
    struct signals signals;
    struct supervise supervise;
    struct sockets sockets;
    struct board *board;
    int former;                  /* another version's board, whose processes are still to drain; -1: none */
    struct wakes wakes;
    struct pidfile pidfile;
    struct log *log;             /* of the serving generation; of standard error before */
    struct log start_log;
    struct generation *generations; /* newest first */
    struct generation *serving;  /* NULL: none yet */
    struct reload reload;
    struct upgrade upgrade;
    struct certificates certificates;
    struct cache_dirs cache_dirs;
    int daemon;                  /* where the waiting parent hears of the start; -1: none */
    bool succeeded;              /* a new master has sockets, board and pid file */
    int64_t end_at;              /* monotonic ms: the next, harder step of draining or stopping */
    unsigned end_step;
    int64_t shut_at;             /* monotonic ms: in a drain, when new clients are refused; 0: they are, or need not be */
    int exit_code;
};

/* Runs the instance in this process (or, as a daemon, in a new one); the exit code of the program. */
int master_run(const struct master_options *);

/* The configuration as the options say; NULL with errors in the report. */
struct config *master_load_config(const struct master_options *, const struct config_names *,
                                  struct conf_report *);

/* Takes the lock of pid_file unless it is held already; -1 with text in `error`: another master has it. */
int master_lock(struct master *, const struct config *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* The first generation serves: writes the pid file, tells who waits for the start. */
void master_started(struct master *);

/* Why the first generation will not serve; ends the master. */
void master_failed(struct master *, const char *text);

/* Graceful end, and at once. */
void master_drain(struct master *);
void master_stop(struct master *);

/* Opens all logs anew and hands them out; false with text in `error` when one could not be opened. */
bool master_reopen(struct master *, char *error, size_t error_size);

/* What is due at the end of a turn of the loop; false: all is over. */
bool master_turn(struct master *);

/* A signal came. */
void master_on_signal(enum signals_action, void *master);

/* In a forked child: parts with the loop, the signals and the channels of the master. */
void master_leave_in_child(struct master *);

#endif

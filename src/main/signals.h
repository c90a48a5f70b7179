/*
 * signals.h: the master's signals as events of its loop.  They are blocked and read from a signalfd: a
 * handler would, in a child just forked, write to the pipe it shares with the master and so make the
 * master act on a signal that was sent to the child.
 */
#ifndef WEIR_MAIN_SIGNALS_H
#define WEIR_MAIN_SIGNALS_H

#include "base/base.h"
#include "io/loop.h"

enum signals_action {
    SIGNALS_RELOAD,  /* HUP */
    SIGNALS_DRAIN,   /* QUIT: end when requests are done */
    SIGNALS_STOP,    /* TERM, INT */
    SIGNALS_REOPEN,  /* USR1: logs */
    SIGNALS_UPGRADE, /* USR2 */
    SIGNALS_CHILD    /* CHLD: one or more processes ended */
};

struct signals {
    struct loop *loop;
    struct event *event;
    int fd;
    void (*on_signal)(enum signals_action, void *arg);
    void *arg;
};

/* Ignores SIGPIPE: every process, first thing. */
void signals_ignore_pipe(void);

/* Takes the signals from now on; 0, or -1 with errno. */
int signals_start(struct signals *, struct loop *,
                  void (*on_signal)(enum signals_action, void *arg), void *arg) WEIR_MUST_CHECK;

/* Stops taking them; they stay blocked, so that none ends a master on its last steps. */
void signals_stop(struct signals *);

/*
 * In a forked child: lets the signals through again and frees all.  The loop is the parent's: the caller
 * has called event_reinit() on its base, as loop_detach_in_child() does.
 */
void signals_leave_in_child(struct signals *);

#endif

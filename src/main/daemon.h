/*
 * daemon.h: the way into the background, and telling who waits for it (a shell, systemd) that all is ready.
 */
#ifndef WEIR_MAIN_DAEMON_H
#define WEIR_MAIN_DAEMON_H

#include "base/base.h"

/*
 * Forks.  In the child: 0 and the descriptor for daemon_ready() in *fd.  In the parent it returns, when the child is
 * ready or has ended, 1 with the exit code in *code.  -1 with errno.
 */
int daemon_fork(int *fd, int *code) WEIR_MUST_CHECK;

/*
 * Closes what the caller left open beyond the standard descriptors, before anything of ours is open: who
 * waits for the end of a pipe must not wait for a daemon.
 */
void daemon_forget_inherited(void);

/* Standard input, output and error become /dev/null; logs that go there have copies of their own. */
void daemon_detach(void);

/* The parent may end with 0; standard input, output and error become /dev/null. */
void daemon_ready(int fd);

/* Tells systemd, if it is there to be told, that this process is the ready master. */
void daemon_notify(void);

#endif

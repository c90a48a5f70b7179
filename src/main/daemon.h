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

/* Before anything is opened: descriptors of the caller (pipes of a shell, of ssh) are not kept open. */
void daemon_close_inherited(void);

/* In a process forked before daemon_ready(): its standard input, output and error become /dev/null. */
void daemon_hush(void);

/* The parent may end with 0; standard input, output and error become /dev/null. */
void daemon_ready(int fd);

/* Tells systemd, if it is there to be told, that this process is the ready master. */
void daemon_notify(void);

#endif

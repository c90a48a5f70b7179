/*
 * pidfile.h: the file that says which process is the master, and the lock on it that lets only one be.
 * The lock is fcntl's: children do not inherit it, and it goes with the process.  For the same reason the
 * master must open that file by no other way: closing any descriptor of it gives the lock up.
 */
#ifndef WEIR_MAIN_PIDFILE_H
#define WEIR_MAIN_PIDFILE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/base.h"

struct pidfile {
    int fd; /* -1: not held */
    char path[PATH_MAX];
};

/* Takes the lock; 0, or -1 with text in `error` (another master's pid, if one holds it). */
int pidfile_lock(struct pidfile *, const char *path, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Writes `pid` into the locked file; 0, or -1 with text in `error`. */
int pidfile_write(struct pidfile *, pid_t pid, char *error, size_t error_size) WEIR_MUST_CHECK;

/* Gives the lock up and leaves the file, for the master that follows. */
void pidfile_release(struct pidfile *);

/* Removes the file, if the path still names the one that is locked, and gives the lock up. */
void pidfile_remove(struct pidfile *);

#endif

/*
 * watch.h: says when something changes in a directory (inotify), also by a rename into it.  Where a change is
 * not told of (network file systems, a queue that ran over), its user's own look every few seconds finds it.
 */
#ifndef WEIR_IO_WATCH_H
#define WEIR_IO_WATCH_H

#include "io/loop.h"

struct watch;

/* `on_change(arg, wd)`: something changed in the directory `wd`; -1: in any.  NULL where the system has no
 * inotify. */
struct watch *watch_new(struct loop *, void (*on_change)(void *arg, int wd), void *arg);

/* NULL is allowed. */
void watch_free(struct watch *);

/*
 * The number of a directory, which is watched from now on; the same directory has the same number.  Called
 * again after the directory was replaced by another of its name it watches that one.  -1: it cannot be
 * watched.
 */
int watch_directory(struct watch *, const char *path);

#endif

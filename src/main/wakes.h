/*
 * wakes.h: the eventfds by which workers tell each other that a place at a server is free: one for the
 * workers of each number, of all generations, made by the master before it forks so that all have it.
 * Those of an older master have others; they look every 10 ms (core/upstream/upstream_wait.h).
 */
#ifndef WEIR_MAIN_WAKES_H
#define WEIR_MAIN_WAKES_H

#include "core/config/config.h"

#define WAKES_MAX 64 /* the bits of peer_shared.waiters */

struct wakes {
    int fds[WAKES_MAX];
    unsigned count;
};

/* As many as the workers of the configuration can use; as many as there are descriptors for. */
void wakes_make(struct wakes *, const struct config *);

void wakes_close(struct wakes *);

#endif

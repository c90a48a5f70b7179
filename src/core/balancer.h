/*
 * balancer.h: how one of an upstream's peers is chosen.  Whether a peer may be used at all is decided once,
 * in upstream_peer_usable().
 */
#ifndef WEIR_CORE_BALANCER_H
#define WEIR_CORE_BALANCER_H

#include "core/config.h"

struct request;
struct upstream_state;

struct balancer {
    const char *name;
    /* The peers or weights changed; `data` of the state is made or made anew.  NULL: nothing to prepare. */
    void (*rebuild)(struct upstream_state *);
    /* The index of a usable peer not in `tried` (a bit for each peer, NULL: none), among those with `backup`
     * as said; -1: none. */
    int (*pick)(struct upstream_state *, struct request *, const uint64_t *tried, bool backup);
    /* The request to peer `index` is over.  May be NULL. */
    void (*done)(struct upstream_state *, int index);
};

#endif

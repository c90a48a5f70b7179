/*
 * balancer.h: how one of an upstream's servers is chosen.  Whether a server may be used at all is decided once,
 * in upstream_peer_usable().
 */
#ifndef WEIR_CORE_UPSTREAM_BALANCER_H
#define WEIR_CORE_UPSTREAM_BALANCER_H

#include "core/upstream/upstream.h"

struct balancer {
    const char *name;
    /*
     * state->tiers, shares or the servers themselves are others than before; called first when the worker
     * starts, then at each change.  What it makes lies in state->balancer_data, which is NULL at first and its
     * own to free (malloc): changes are without number.  NULL: nothing to prepare.
     */
    void (*rebuild)(struct upstream_state *);
    /* The index of a server of tiers[pick->backup] that upstream_peer_usable() allows; -1: none. */
    int (*pick)(struct upstream_state *, const struct pick *);
    /* A request to server `index` begins, and is over.  May be NULL. */
    void (*begin)(struct upstream_state *, int index);
    void (*done)(struct upstream_state *, int index);
    /* The worker ends: frees balancer_data.  NULL: free() does. */
    void (*release)(struct upstream_state *);
};

#endif

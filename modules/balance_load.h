/*
 * balance_load.h: how many requests servers have under way over all processes: this worker's own exactly, the
 * others' as summed at most 20 ms ago, so that a choice reads no line that others write (see core/board/board.h).
 */
#ifndef WEIR_MODULES_BALANCE_LOAD_H
#define WEIR_MODULES_BALANCE_LOAD_H

#include "base/pool.h"
#include "core/upstream/upstream.h"

#define BALANCE_LOAD_MS 20

struct balance_load {
    uint64_t *others; /* by index of the server */
    size_t count;
    uint64_t others_total;
    int64_t due_ms;
};

/* For the servers there are now; nothing summed yet. */
void balance_load_init(struct balance_load *, const struct upstream_state *, struct pool *);

/* Sums again if the sums are too old; whether it did. */
bool balance_load_look(struct balance_load *, const struct upstream_state *);

/* Requests under way at server `index`. */
static inline uint64_t balance_load_of(const struct balance_load *load, const struct upstream_state *state,
                                       size_t index)
{
    return state->peers[index]->active + (index < load->count ? load->others[index] : 0);
}

/* The same, the others' as they are at this moment: a line of each process is read. */
uint64_t balance_load_now(const struct upstream_state *, size_t index);

#endif

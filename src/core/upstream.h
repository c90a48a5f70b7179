/*
 * upstream.h: what one worker knows of the upstreams: for each peer its idle connections, what is under way
 * and the balancer's numbers.  Made once from the configuration; nothing of it is shared with another process
 * but the peers' counters on the board.
 */
#ifndef WEIR_CORE_UPSTREAM_H
#define WEIR_CORE_UPSTREAM_H

#include "base/list.h"
#include "core/config.h"
#include "core/stats.h"

struct worker;

/* One server of an upstream. */
struct peer_state {
    const struct peer_conf *conf;
    struct upstream_state *upstream;
    struct str address; /* as text, for logs */
    struct list idle; /* struct uconn by `link`, the newest first */
    unsigned idle_count;
    unsigned active; /* requests of this worker under way */
    int64_t idle_max; /* milliseconds an idle connection is kept; learnt from Keep-Alive: timeout */
    int64_t current_weight; /* of smooth weighted round robin */
    struct peer_stats *stats; /* never NULL */
    struct peer_stats own_stats; /* where there is no board */
};

struct upstream_state {
    const struct upstream *conf;
    struct worker *worker;
    struct peer_state *peers;
    size_t peer_count;
    void *balancer_data;
};

struct upstreams {
    struct worker *worker;
    struct upstream_state *states; /* by upstream->index */
    size_t count;
    struct list uconns; /* every connection, by `all_link` */
};

/* The states of all upstreams of worker->config, in worker->pool. */
struct upstreams *upstreams_new(struct worker *);

/* Closes every connection; no request may be under way.  NULL is allowed. */
void upstreams_free(struct upstreams *);

struct upstream_state *upstream_state(struct upstreams *, const struct upstream *);

/*
 * Whether peer `index` may get a request now: not down, not drained (weight 0), below its max_connections
 * (each worker has its share), of the tier `backup`, and not in `tried` (a bit for each peer; NULL: none).
 */
bool upstream_peer_usable(const struct upstream_state *, size_t index, const uint64_t *tried, bool backup);

#endif

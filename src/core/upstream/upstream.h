/*
 * upstream.h: what one worker knows of the upstreams: for each server its idle connections, what is under
 * way, and what it is at this moment.  Made from the configuration and from the servers that the board has
 * besides; looked at again when the board says that something of servers changed, or when a time has come
 * (an ejection ends, slow start goes on).  Between two looks a choice reads no shared word.
 */
#ifndef WEIR_CORE_UPSTREAM_UPSTREAM_H
#define WEIR_CORE_UPSTREAM_UPSTREAM_H

#include "base/list.h"
#include "core/health/breaker_state.h"
#include "core/config/config.h"
#include "core/upstream/peer.h"
#include "core/upstream/queue.h"
#include "core/board/stats.h"
#include "io/loop.h"

struct balancer;
struct request;
struct sticky;
struct tls_sessions;
struct worker;

/*
 * One server of an upstream.  Its address in memory and its index stay for the worker's life; once a server
 * that is in no file is gone and nothing is under way, all of it is zeroed for another
 * (core/upstream/upstream_servers.h).
 */
struct peer_state {
    /* One cache line, all that a choice among many looks at. */
    const struct peer_conf *conf;
    struct upstream_state *upstream;
    struct peer_stats *stats; /* never NULL */
    struct peer_shared *shared; /* never NULL */
    enum peer_status status; /* as of the last look */
    unsigned share; /* the weight in units of 1/PEER_SHARE, scaled by slow start: what balancers go by */
    unsigned active; /* requests of this worker under way */
    unsigned pending; /* of them those whose answer has not begun */
    unsigned idle_count;
    unsigned uconn_count; /* its connections that are open */
    bool backup; /* as in `conf` */
    bool limited; /* conf->max_connections is not 0 */
    bool gone; /* the board has it no more: PEER_GONE */

    /* Another, for the one that is chosen. */
    struct list idle; /* struct uconn by `link`, the newest first */
    int64_t idle_max; /* milliseconds an idle connection is kept; learnt from Keep-Alive: timeout */
    double latency; /* milliseconds to the first byte, as this worker sees it: the last ones count most */
    int64_t latency_at_ms; /* when the last one was measured; 0: never */
    int64_t current_weight; /* of smooth weighted round robin */
    struct str address; /* as text, for logs; of a server that is in no file: good while it is active */

    size_t index;
    unsigned lives; /* counts the servers that had this place before: another number, another server */
    unsigned weight; /* in force: of the file or the runtime API */
    struct list shared_uconns; /* struct h2_uconn by `link` */
    uint64_t others; /* of max_connections: what other processes held at the last look, see held.h */
    int64_t others_at_ms; /* when that was; 0: never */
    struct tls_sessions *tls_sessions; /* NULL: none yet */
    struct queue_wish wish; /* of requests that wait for a place at this one */
    struct peer_stats own_stats; /* where there is no board */
    struct peer_shared own_shared;
};

/* The servers that may be asked, by rank. */
struct upstream_tier {
    unsigned *peers; /* indexes of those that are PEER_UP, in their order */
    size_t count;
    uint64_t share; /* the sum of theirs */
    bool equal; /* all have the same */
    size_t next; /* of round robin: so many choices on from the first */
};

struct upstream_state {
    const struct upstream *conf;
    struct worker *worker;
    const struct balancer *balancer;
    struct peer_state **peers;
    size_t peer_count, peer_room;
    struct upstream_tier tiers[2]; /* the servers, the backups */
    uint32_t seen; /* board_peers_version() at the last look */
    int64_t look_at_ms; /* look again then, whatever the board says */
    unsigned active; /* requests of this worker under way */
    struct breaker breaker;
    struct queue queue; /* requests of this worker that wait for a place, see upstream_wait.h */
    /*
     * Whose slot counts them in all workers: the first server of the file; where there is none, what stands
     * for the servers_file, in no list.  Never the place of a server that comes and goes: another may get it.
     */
    struct peer_state *queue_peer;
    struct loop_deferred soon; /* the queue is looked at when the turn is over */
    bool is_soon;
    unsigned turn; /* the worker that was given the last place: others come first now */
    void *balancer_data;
    struct sticky *sticky; /* NULL: clients are not kept with their servers */
};

struct upstreams {
    struct worker *worker;
    struct upstream_state *states; /* by upstream->index */
    size_t count;
    struct list uconns; /* every connection, by `all_link` */
    struct upstream_servers *servers; /* those that come and go */
    size_t waiting; /* requests in all queues */
    struct event *wait_timer, *wait_event; /* NULL until a request waits; upstream_wait.h */
};

/* One choice. */
struct pick {
    struct request *req; /* NULL in tests and where there is none: methods that look at it take any server */
    const int *tried; /* indexes of servers that were asked before */
    size_t tried_count;
    bool backup; /* the tier */
};

/* The states of all upstreams of worker->config. */
struct upstreams *upstreams_new(struct worker *);

/* Closes every connection; no request may be under way.  NULL is allowed. */
void upstreams_free(struct upstreams *);

struct upstream_state *upstream_state(struct upstreams *, const struct upstream *);

/* The slots on the board (-1: none) of the servers from `first` on, at most `most`; how many there were. */
size_t upstream_slots(const struct upstream_state *, size_t first, int *slots, size_t most);

/* For upstream*.c: what a zeroed place needs before a server has it. */
void peer_init(struct peer_state *, struct upstream_state *, const struct peer_conf *, struct str address);

/* To be called every tick: takes in servers that came or went, also where no request asks for them. */
void upstreams_tick(struct upstreams *);

/* Looks at the shared words and times again, if that is due; before each choice. */
void upstream_look(struct upstream_state *);

/*
 * The server for `req`, by the upstream's method: of the first tier, else of the backups; not one of `tried`.
 * The index, or -1: none can be used.
 */
int upstream_pick(struct upstream_state *, struct request *req, const int *tried, size_t tried_count);

/*
 * Whether server `index` may get a request now: PEER_UP, of the tier wanted, below its max_connections, and
 * not tried before.
 */
bool upstream_peer_usable(const struct upstream_state *, size_t index, const struct pick *);

/*
 * Whether a client who was with server `index` before may have it again: it is PEER_UP or PEER_DRAIN and was
 * not tried before.  *full: it would be, but has no place now.
 */
bool upstream_peer_keeps(const struct upstream_state *, size_t index, const struct pick *, bool *full);

/* upstream_pick() and upstream_begin() until both say yes; -1: no server can be had now. */
int upstream_take(struct upstream_state *, struct request *req, const int *tried, size_t tried_count);

/* Whether a server that was not tried is only at its max_connections: one may be had later. */
bool upstream_is_full(const struct upstream_state *, const int *tried, size_t tried_count);

/*
 * A request goes to server `index`, false: another process has taken its last place; and it is over,
 * however it ended.
 */
bool upstream_begin(struct upstream_state *, int index);
void upstream_done(struct upstream_state *, int index);

/*
 * Between them, once: the first byte of the answer came after `latency_ms`; below 0: there will be none.
 */
void upstream_answered(struct upstream_state *, int index, int64_t latency_ms);

/*
 * Instead: it is not known whether there would have been one, as the client left, or something here failed,
 * `waited_ms` after the request was sent.  All that says is that it would have taken longer.
 */
void upstream_not_awaited(struct upstream_state *, int index, int64_t waited_ms);

#endif

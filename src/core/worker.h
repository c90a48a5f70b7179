/*
 * worker.h: what one serving process owns: its loop, its scratch memory, its connections.  Passed
 * explicitly to all that needs it; a worker shares nothing with another but the board.  The keeper is one
 * too, with the control socket and the admin listeners as its listeners.
 */
#ifndef WEIR_CORE_WORKER_H
#define WEIR_CORE_WORKER_H

#include "base/list.h"
#include "base/log.h"
#include "base/rnd.h"
#include "core/config/config.h"
#include "core/handler.h"
#include "core/shed.h"
#include "io/deadline.h"
#include "io/listener.h"
#include "io/loop.h"

/* Large enough for a head and 16 KB of body in one recv; a smaller one costs two more calls. */
#define WORKER_BUFFER_BYTES (64 * 1024)

struct access_logs;
struct admin;
struct balancer;
struct board;
struct caches;
struct conn_limits;
struct file_cache;
struct h2_spares;
struct handshakes;
struct process_stats;
struct regex_scratch;
struct request;
struct spool;
struct splice_pipes;
struct tls_scratch;
struct tls_expiries;
struct tls_server;
struct upstreams;

/* A descriptor to accept from, and what it belongs to; the descriptor is the caller's and is never closed
 * here. */
struct worker_socket {
    int fd;
    const struct listener_conf *conf;
};

/* What main/ gives to a worker; everything lives longer than the worker. */
struct worker_setup {
    struct loop *loop;
    const struct config *config;
    struct log *log;
    unsigned index; /* among the workers of its generation; the keeper's is 0 */
    unsigned count; /* workers of the generation */
    const struct worker_socket *sockets;
    size_t socket_count;
    size_t standby_count; /* the last ones of them: another worker's, for worker_stand_in() */
    const struct handler *const *handlers; /* by enum action_kind */
    const struct balancer *const *balancers; /* by enum balance_method */
    struct board *board; /* NULL: none (tests) */
    unsigned slot; /* of this process on the board */
    const int *wakes; /* an eventfd for the workers of each number, see upstream_wait.h */
    unsigned wake_count;
    const int *access_log_fds; /* by access_log index; -1: not open */
    struct admin *admin; /* keeper only: how to reach the master; else NULL */
    bool is_janitor; /* has nothing to do with requests */
    int64_t process_start_s; /* for request ids */
};

/* Why the worker itself ends connections at this moment: what exchanges that are not over have as $error. */
struct worker_ending {
    const char *error; /* static text */
    enum log_level level; /* of their line in the error log */
};

struct worker {
    struct loop *loop;
    const struct config *config;
    struct log *log;
    unsigned index, count;
    struct rnd rnd;
    struct pool *pool; /* for the worker's life */
    struct regex_scratch *regex;
    const struct handler *const *handlers;
    const struct balancer *const *balancers;
    struct admin *admin;

    char *receive; /* WORKER_BUFFER_BYTES: what was just read; nobody's once the callback returns */
    char *write; /* WORKER_BUFFER_BYTES: a head being written */
    struct deadlines deadlines;

    struct caches *caches; /* see core/cache/cache.h; NULL: the configuration has none */
    struct upstreams *upstreams; /* states by upstream->index, see core/upstream/upstream.h */
    const int *wakes; /* eventfds by number of the worker */
    unsigned wake_count;
    struct tls_expiries *expiries; /* NULL: nobody asks here */
    struct tls_server *tls_server; /* NULL: no listener has tls */
    struct shed shed; /* of this worker; off in the keeper */
    struct file_cache *files; /* see modules/file_cache.h; made by the files handler */
    struct splice_pipes *pipes;
    struct h2_spares *h2; /* see core/client/h2_memory.h; NULL before the first HTTP/2 connection */
    struct tls_scratch *tls_scratch; /* of all TLS sessions, towards clients and servers */
    struct handshakes *handshakes; /* towards clients, see core/client/conn_tls.h */
    struct conn_limits *conn_limits; /* see core/client/conn_limit.h; NULL before the first */
    struct access_logs *access_logs;
    struct board *board; /* may be NULL */
    unsigned slot; /* of this process on the board */
    struct process_stats *stats; /* this process's counters; never NULL */

    struct listener *listeners;
    const struct worker_socket *sockets;
    size_t listener_count;
    size_t standby_count; /* the last ones of them */
    struct list conns; /* client connections */
    struct list fresh_conns; /* those not registered with the loop yet */
    size_t conn_count, conn_max;
    const struct worker_ending *ending; /* NULL: connections end by themselves */
    uint64_t turned_away; /* clients since that was told */
    int64_t full_tell_ms; /* not told again before */
    struct request *spare_requests; /* finished ones, with their pools, to be used again */
    size_t spare_count;
    struct request *spare_streams; /* the same for HTTP/2, whose requests have another size */
    size_t spare_stream_count;
    bool draining;
    int64_t drain_until; /* monotonic milliseconds: tunnels end then */

    char date[32]; /* the Date field's value for `date_s` */
    int64_t date_s;
    char id_prefix[64]; /* of $request_id: address, start and pid of this process */
    uint64_t next_id;
};

/* A worker that does not accept yet, or NULL with a line in the log. */
struct worker *worker_new(const struct worker_setup *);

/* Begins to accept; 0, or -1 with a line in the log. */
int worker_serve(struct worker *) WEIR_MUST_CHECK;

/* Accepts, or no longer accepts, from the sockets of another worker that does not. */
void worker_stand_in(struct worker *, bool on);

/* Tells clients, closes idle ones after their grace; `until`: monotonic ms when tunnels end. */
void worker_drain(struct worker *, int64_t until);

/* Stops accepting. */
void worker_stop_listening(struct worker *);

/* Ends tunnels and idle connections of a draining worker now, and the rest at `until` if that is sooner. */
void worker_hurry(struct worker *, int64_t until);

/* Draining and without connections. */
bool worker_is_done(const struct worker *);

/* To be called every LOOP_TICK_MS by the loop's tick. */
void worker_tick(struct worker *);

/* New descriptor for access log `index` (reopened); the old one stays the caller's to close. */
void worker_set_access_log(struct worker *, size_t index, int fd);

/* New bytes for a certificate of the configuration; 0 and `fresh` empty, or -1 with text in `error`. */
int worker_set_certificate(struct worker *, size_t material, struct tls_material *fresh, char *error,
                           size_t error_size) WEIR_MUST_CHECK;

/* Closes all connections at once and frees everything but the setup. */
void worker_free(struct worker *);

/* The Date field's value of this second. */
struct str worker_date(struct worker *);

#endif

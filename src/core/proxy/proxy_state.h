/*
 * proxy_state.h: one request being forwarded: what proxy.c (the exchange) and proxy_attempt.c (servers and
 * connections) share.  It lies in the request's pool and is over when the answer is passed on whole.
 */
#ifndef WEIR_CORE_PROXY_PROXY_STATE_H
#define WEIR_CORE_PROXY_PROXY_STATE_H

#include "core/upstream/h1_client.h"
#include "core/upstream/h2_client.h"
#include "core/health/breaker.h"
#include "core/upstream/queue.h"
#include "core/reply.h"
#include "core/proxy/retry.h"
#include "core/worker.h"

#define PROXY_RETRY_AFTER_S 1 /* what is said with a 503 for want of a server */

struct proxy {
    union {
        struct uclient client;
        struct h1_client h1;
        struct h2_client h2;
    };
    struct request *req;
    struct upstream_state *state;
    struct peer_state *peer; /* NULL: none picked, or released */
    int index; /* of the peer */
    unsigned tries; /* attempts that failed */
    int *tried; /* indexes of the servers that are not to be asked again */
    size_t tried_count;
    int64_t sent_at;
    int64_t total_timeout;
    const char *total_setting; /* that says how long it is */
    int64_t read_timeout;
    const char *read_setting; /* that says how long it is */
    struct queue_waiter waiter; /* for a place at a server */
    struct deadline patience; /* of a client that waits for room in the spool's memory */
    struct deadline total; /* of the whole exchange; not of a tunnel */
    struct deadline per_try; /* of an attempt, until the head of its answer */
    bool sendable; /* the connection is there and the head was sent */
    bool grpc;
    bool bodyless; /* the request has no body */
    bool repeatable; /* nothing happens twice if it is sent twice */
    bool repeated;
    bool answered; /* the server has begun to answer */
    bool interim_sent; /* the client has seen something of an answer */
    bool judged; /* the server was told well or ill of for this attempt */
    bool retrying; /* counted as such */
    bool probe; /* of a circuit breaker that is open */
    bool left; /* the client did, before the end */
    bool own_fault; /* that of the attempt is ours: no descriptor, no memory */
    bool answer_whole; /* of the answer that is thrown away: its connection can be used again */
    bool credited; /* the client may send, and has not yet */
};

static inline int64_t proxy_now(const struct proxy *p)
{
    return p->req->worker->loop->clock.mono_ms;
}

/* The connection's; 0 stops it. */
static inline void proxy_set_deadline(struct proxy *p, int64_t length)
{
    deadline_start(&p->req->worker->deadlines, p->client.deadline, length, proxy_now(p));
}

/* ---- proxy_attempt.c ---- */

/* Tries the next server; `body` is what of the body is not kept yet. */
void proxy_attempt(struct proxy *, struct str body);

/* Chooses a server, not one of `tried`, and claims it; -1: none can be had now. */
int proxy_take_server(struct proxy *, const int *tried, size_t tried_count);

/* An attempt at server `index`, which was taken. */
void proxy_attempt_at(struct proxy *, int index, struct str body);

/*
 * The server could not be connected to (`error` is errno, or 0: timeouts.connect is over): another one, or
 * the end.  Nothing was sent, so any request may go elsewhere.
 */
void proxy_connect_failed(struct proxy *, int error);

/*
 * Whether what was sent, or not, may be sent again on a new connection to the same server; whether it can be, which is
 * enough where the server has not seen it; and that.
 */
bool proxy_may_repeat(const struct proxy *);
bool proxy_may_resend(const struct proxy *);
void proxy_repeat(struct proxy *, struct str body);

void proxy_count_failure(struct proxy *);

/* Ends the attempt's claim on its server; and on its connection. */
void proxy_leave_peer(struct proxy *);
void proxy_leave(struct proxy *);

/* Nothing of the proxy's time runs any more. */
void proxy_stop(struct proxy *);

/* Gives up all that is held but the request; nothing of the proxy runs any more then. */
void proxy_drop(struct proxy *);

/* The same, and the client is told why, or made to see it where a head went out already. */
void proxy_end(struct proxy *, const struct reply_error *);
void proxy_disk_failed(struct proxy *);

/* Takes a server, if one can be had at once, and goes on with it; false: none, and nothing was done. */
bool proxy_try(struct proxy *, struct str body) WEIR_MUST_CHECK;

/* ---- proxy_retry.c ---- */

/*
 * The attempt failed: another one, or the end, which is answered with `error`.  `body` is what of the body is
 * not kept yet.
 */
void proxy_attempt_failed(struct proxy *, enum retry_reason, struct reply_error *error, struct str body);

/* The end, with the number of attempts. */
void proxy_give_up(struct proxy *, struct reply_error *error);

/* Whether an answer with this status is thrown away and another server asked; `whole`: see transport_user. */
bool proxy_answer_refused(struct proxy *, unsigned status, bool whole);

/* What passive health is to know of the attempt; the first word of it counts. */
void proxy_judge(struct proxy *, bool well, const char *why);

/* The answer is there: the request is not a retry under way any more. */
void proxy_retry_over(struct proxy *);

void proxy_start_per_try(struct proxy *);
void proxy_on_per_try(struct deadline *);

/* ---- proxy_grpc.c ---- */

/* A request of gRPC: its deadline is that of the exchange. */
void proxy_grpc_begin(struct proxy *);

/* The status by which an answer is judged, whose head may be all of it: UNAVAILABLE counts as 503. */
unsigned proxy_grpc_status(struct proxy *, const struct message *head, bool last);

/* The same of its trailers; they are passed on. */
void proxy_grpc_trailers(struct proxy *, struct header_list *trailers);

/* ---- proxy_wait.c ---- */

/* No server can be had: waits for one where that is allowed; else the end. */
void proxy_wait(struct proxy *, struct str body);

/* As `place` and `ended` of a queue_waiter. */
bool proxy_wait_place(struct queue_waiter *);
void proxy_wait_ended(struct queue_waiter *, enum queue_end);

/* Does not wait any more, if it did. */
void proxy_wait_end(struct proxy *);

/* ---- proxy_tls.c ---- */

/* What is told of a connection whose TLS has failed; false: it has none, and nothing was set. */
bool proxy_tls_failed(const struct proxy *, struct reply_error *);

/* ---- proxy_failure.c ---- */

/* The deadline of the connection, and that of the whole exchange. */
void proxy_timed_out(struct proxy *);
void proxy_on_total(struct deadline *);

/* As `failed` of transport_user. */
void proxy_client_failed(struct uclient *, enum uclient_failure, const char *reason, struct str cause);

/* ---- proxy.c ---- */

/* Sends the request on the connection that is there. */
void proxy_send(struct proxy *, struct str body);

/* Lets the client send more of the body, if there is room for it. */
void proxy_give_credit(struct proxy *);
#endif

/*
 * h1_exchange.h: one request and its answer on an HTTP/1 connection: what h1_head.c and h1_body.c (input),
 * h1_answer.c and h1_output.c (output) and h1_server.c (what is next) share.  Exchanges are kept by the worker, with their pools, and used again.
 */
#ifndef WEIR_CORE_CLIENT_H1_EXCHANGE_H
#define WEIR_CORE_CLIENT_H1_EXCHANGE_H

#include "core/client/conn.h"
#include "core/request.h"
#include "http/h1_chunk.h"
#include "http/h1_write.h"
#include "http/ws_track.h"
#include "io/splice.h"

/* Bytes of a body that are read and dropped after an early answer, so that the connection can be kept. */
#define H1_DRAIN_BYTES (256 * 1024)
/* A body must come at this rate once the client has been waited for that long. */
#define H1_BODY_RATE 500
#define H1_BODY_GRACE_MS 10000

/* Bytes of an answer that the client did not take yet. */
struct h1_pending {
    char *bytes; /* malloc; NULL: none */
    size_t at, len, room;
    int fd; /* then this file's bytes; -1: none */
    off_t offset;
    uint64_t left;
};

/*
 * The booleans, as they may stand together:
 * - head_done, ended, broken and in_bad never go back to false.  Without head_done only `scan` counts.
 * - A request that is refused before it runs has head_done, in_done and in_bad at once.
 * - in_done goes back to false in one case: the answer makes a tunnel, whose bytes are the body from then on.
 * - in_bad: there is no next request whatever keep_alive says; no byte that follows is looked at.
 * - continue_due only from a head that came without its whole body until 100 or the answer's end.
 * - ended: no function of the handler is called any more; what is pending still goes out.
 * - paused counts while neither ended nor broken; yielded only while output is pending.
 * - broken: nothing is sent any more; the next step ends the connection.
 * The exchange is over when it is broken, or ended with nothing pending and the body is read or given up.
 */
struct h1_exchange {
    struct request request; /* first: the two have one address */
    struct conn *conn;
    struct h1_scan scan;

    /* Input. */
    struct h1_chunk chunk;
    uint64_t in_left; /* of a body of known length */
    struct str out_trailers; /* with the end of the last chunk, as they go out; empty: none */
    struct splice_pipe *in_pipe; /* that it goes through to a server; NULL: none */
    uint64_t in_dropped; /* bytes drained after an early answer */
    size_t credit; /* bytes that the handler wants */
    int64_t waiting_since, waited; /* for the body, monotonic milliseconds */
    bool in_filled; /* the last piece of the body was as long as the buffer */
    bool head_done; /* the request runs */
    bool in_done; /* its body has been read whole */
    bool in_bad; /* nothing more of this connection can be understood */
    bool continue_due; /* the client awaits 100 (Continue) before it sends the body */

    /* Output. */
    struct h1_pending pending;
    struct splice_pipe *pipe;
    enum h1_length out_kind; /* how the body's end is told to the client */
    bool out_bodiless; /* HEAD, 204, 304: what the handler gives is dropped */
    bool out_until_close;
    bool keep_alive; /* another request may follow */
    bool is_tunnel;
    bool shut; /* our side of the connection ends when all is sent */
    struct ws_track tunnel_out; /* frames sent to the client through a tunnel */
    bool ended; /* the handler has given all */
    bool paused; /* the handler waits for resume() */
    bool yielded; /* the output goes on in the next turn, whatever the socket says */
    bool broken; /* the client cannot be written to */
    const char *broken_reason;
};

static inline struct h1_exchange *h1_exchange_of(struct request *req)
{
    return (struct h1_exchange *)(void *)req;
}

/* ---- h1_exchange.c ---- */

/* The next exchange of a connection that has none; NULL: no memory. */
struct h1_exchange *h1_exchange_new(struct conn *);

/* The exchange is over: counts and logs it; the connection has none then. */
void h1_exchange_finish(struct conn *);

/*
 * Two ends of a connection that come from outside the exchange, neither of them while a handler is on the stack.
 * h1_give_up(): the client is gone, or must go at once: tells the handler, logs, closes; nothing if it is closed.
 * h1_take_leave(): the worker wants it to go: a tunnel's client is told and its connection lingers, others as above.
 * An exchange that was not over is told in the error log when it is worker->ending that ends it.
 * (The end that an answer brings about is decided in h1_server.c.)
 */
void h1_give_up(struct conn *, const char *reason);
void h1_take_leave(struct conn *, const char *reason);

/*
 * When the head of the answer is written, its framing chosen: the one place that decides whether another request
 * may follow.  Before it keep_alive is what the client asked for; after it only what makes the input unusable
 * (h1_refuse(), h1_body_failed()) changes the decision, and never to true.
 */
void h1_decide_keep_alive(struct h1_exchange *);

/* Whether the connection goes on after this exchange. */
bool h1_is_kept(const struct h1_exchange *);

/* ---- h1_head.c ---- */

/* Reads the start or the rest of a head and runs its request.  False: nothing more can be done now. */
bool h1_read_head(struct conn *);

/* Answers what is no request, or none that may be served; nothing after it can be trusted.  `cause`: fault.h. */
void h1_refuse(struct h1_exchange *, unsigned status, const char *reason, struct str cause);

/* ---- h1_body.c ---- */

/* Reads a piece of a body and gives it to the handler, or drops it.  False: nothing more can be done now. */
bool h1_read_body(struct conn *);

/* What came is not what was announced: answers `status` if that can still be said; 0: the client is gone. */
void h1_body_failed(struct h1_exchange *, unsigned status, const char *reason, struct str cause);

/* Whether the rest of a body that nobody wants is short enough to be read, so that the connection can be kept. */
bool h1_may_drain(const struct h1_exchange *);

/* ---- h1_answer.c ---- */

extern const struct request_out h1_answer_out;

/* Puts a close frame into a tunnel that must end, where one may stand. */
void h1_answer_say_goodbye(struct h1_exchange *);

/* Has the connection driven, now if nobody does, else by who does, once the handler is off the stack. */
void h1_drive_later(struct h1_exchange *);

#endif

/*
 * h2_stream.h: a stream of an HTTP/2 connection: one request and its answer, as h1_exchange.h for HTTP/1.  Kept by the
 * worker with its pool when it is over, and used again.
 */
#ifndef WEIR_CORE_CLIENT_H2_STREAM_H
#define WEIR_CORE_CLIENT_H2_STREAM_H

#include "core/client/h2_head.h"
#include "core/client/h2_session.h"
#include "core/request.h"
#include "http/ws_track.h"

/* Bytes that wait. */
struct h2_kept {
    char *bytes; /* malloc; NULL: none */
    size_t at, len, room;
};

/*
 * The booleans, as they may stand together:
 * - head_done: the block of the head is over; started: the request runs, or was answered without that.
 * - in_ended: the client has ended its side; in_done: the handler was told so, or wants nothing more.
 * - ended: the handler has given all; out_done: the last frame of the answer is made.
 * - broken: we reset it; closed follows.
 * - closed: nghttp2 has let go of the stream; error says why.  Before `started` it is the end at once.
 * The stream is over when it is closed and ended.
 */
struct h2_stream {
    struct request request; /* first: the two have one address */
    struct h2_session *session;
    struct list link; /* in session->streams */
    struct list due; /* in session->due */
    struct deadline deadline; /* for the body, or a tunnel */
    struct deadline stall; /* for what is held back of the answer; may run on when nothing is */
    int32_t id;
    struct h2_head head;

    /* Input. */
    struct h2_kept in; /* of the body: nobody has asked for it yet */
    size_t list_bytes; /* of its fields, and of its trailers */
    size_t credit; /* bytes that the handler wants */
    int64_t waiting_since, waited; /* for the body, monotonic milliseconds */
    uint64_t dropped; /* bytes that nobody wanted */
    bool head_done, started;
    bool in_ended, in_done;
    bool continue_due; /* the client awaits 100 (Continue) before it sends the body */

    /* Output. */
    struct str now; /* what a handler gives at this moment, behind `out` */
    struct h2_kept out;
    int fd; /* then this file's bytes; -1: none */
    off_t offset;
    uint64_t left;
    nghttp2_nv *trailers; /* behind the body; NULL: none */
    size_t trailer_count;
    struct ws_track tunnel_out; /* frames sent to the client through a tunnel */
    uint64_t taken; /* request.bytes_sent when `stall` began anew */
    int64_t blocked_ms; /* of the connection, then: that time is not the stream's */
    bool bodiless; /* HEAD, 204, 304: what the handler gives is dropped */
    bool is_tunnel;
    bool deferred; /* nghttp2 was told that there is nothing for now */
    bool held; /* flow control or a slow client holds bytes back: counted in the session */
    bool paused; /* the handler waits for resume() */
    bool ended, out_done;
    bool closed;
    bool broken; /* it is being reset: nothing more goes out */
    uint32_t error;
};

static inline struct h2_stream *h2_stream_of(struct request *req)
{
    return (struct h2_stream *)(void *)req;
}

static inline const struct timeouts *h2_stream_timeouts(const struct h2_stream *s)
{
    return s->request.route ? &s->request.route->timeouts : &s->request.listener->timeouts;
}

/* ---- h2_stream.c ---- */

/* NULL: no memory. */
struct h2_stream *h2_stream_new(struct h2_session *, int32_t id);

/* The stream is over: counts and logs the request, and keeps the rest for the next one. */
void h2_stream_finish(struct h2_stream *);

/* The handler is told that there is no client any more, and the stream is over. */
void h2_stream_abandon(struct h2_stream *, const char *reason);

/* A tunnel that must end: both of its ends are told. */
void h2_stream_leave(struct h2_stream *, const char *reason);

/* It has something to do when nghttp2 is off the stack. */
void h2_stream_wake(struct h2_stream *);

/* Does what there is to do.  The stream may be over then. */
void h2_stream_step(struct h2_stream *);

/* Ends it with an error that the client can see; the handler has nothing to do with it any more. */
void h2_stream_reset(struct h2_stream *, uint32_t error);

/* ---- h2_body.c ---- */

/* A piece of the body has come. */
void h2_body_take(struct h2_stream *, struct str bytes, bool ends);

/* The body has ended. */
void h2_body_end(struct h2_stream *);

/* Gives the handler what was kept. */
void h2_body_deliver(struct h2_stream *);

/* Starts the time for the next piece, or stops it. */
void h2_body_watch(struct h2_stream *);

/* The answer is whole before the body is: the rest is dropped, if it is short, else refused (RFC 9113 8.1). */
void h2_body_drop(struct h2_stream *);

/* What came is not what was announced, or too late: answers `status` if that can be said; 0: resets the stream. */
void h2_body_failed(struct h2_stream *, unsigned status, const char *reason, struct str cause);

/* Appends; -1: no memory. */
int h2_kept_add(struct h2_kept *, struct str bytes) WEIR_MUST_CHECK;
void h2_kept_free(struct h2_kept *);

/* ---- h2_answer.c ---- */

extern const struct request_out h2_answer_out;

/* Copies the next `n` bytes of the answer, of those that nghttp2 was told of; -1: a file became shorter. */
int h2_answer_copy(struct h2_stream *, char *to, size_t n) WEIR_MUST_CHECK;

/* Bytes of the answer are held back, or no longer: then the client's time to take some of them begins. */
void h2_answer_hold(struct h2_stream *, bool held);

/* The `stall` of a stream has passed. */
void h2_answer_stalled(struct deadline *);

/* Bytes of the answer that wait. */
static inline uint64_t h2_answer_pending(const struct h2_stream *s)
{
    return s->out.len - s->out.at + s->now.len + s->left;
}

/* Puts a close frame into a tunnel that must end, where one may stand, and ends its side. */
void h2_answer_say_goodbye(struct h2_stream *);

#endif

/*
 * h2_session.h: HTTP/2 towards a client: what h2_session.c (the connection), h2_input.c (what nghttp2 tells of it),
 * h2_stream.c (requests), h2_answer.c (their answers) and h2_output.c (what is sent) share.  nghttp2 knows frames,
 * HPACK and the states of streams; who may send how much, and what a client may do, is decided here.
 *
 * No handler runs while nghttp2 reads, but for pieces of bodies that it is given: a stream that has something to do is
 * put on `due`, and has its turn when nghttp2 is off the stack.  Frames are made at once, from the bytes that a
 * handler gives, and gathered; they are sent when the loop's turn is over, or when the buffer is full.  What flow
 * control or a slow client holds back is copied, for each stream as much as one call was given, and its producer stops.
 */
#ifndef WEIR_CORE_CLIENT_H2_SESSION_H
#define WEIR_CORE_CLIENT_H2_SESSION_H

#include <nghttp2/nghttp2.h>

#include "core/client/conn.h"
#include "core/client/h2_guard.h"
#include "http/h2_limits.h"
#include "core/client/h2_memory.h"

struct h2_stream;

/* Frames on their way. */
struct h2_output {
    char *bytes; /* H2_OUTPUT_BYTES; NULL: nothing waits */
    size_t at, len;
    size_t turn; /* bytes sent in this turn of the connection */
    bool blocked; /* the client takes no more: an event will tell */
    bool yielded; /* others have their turn first */
};

/*
 * - receiving: nghttp2 reads, and must not be made to write.
 * - dead: nghttp2 has failed for good and is not called again; the connection ends as soon as it may.
 * - refused: the client broke the rules, and was told so; leaving.
 * - noticed, then leaving: the client was told that the connection ends; then that no new stream is served.
 */
struct h2_session {
    struct conn *conn;
    nghttp2_session *ng;
    struct h2_memory memory;
    struct list streams; /* all */
    struct list due; /* those with something to do */
    unsigned stream_count, tunnel_count;
    unsigned held_count; /* streams with bytes that cannot be framed now */
    int64_t stall_ms; /* how long the client may take nothing on the connection while they wait */
    int64_t blocked_ms; /* of that, what has passed before the connection was blocked the last time */
    int64_t blocked_all_ms; /* how long it was blocked, ever, before that */
    int64_t blocked_since; /* monotonic; 0: it is not */
    uint64_t taken; /* bytes of answers since its time for that began anew */
    unsigned head_count; /* streams whose head is not complete */
    struct h2_output out;
    struct h2_guard guard;
    struct h2_limits limits;
    unsigned reset_glitches; /* of resets that will be sent, and were counted */
    struct deadline head; /* for the one head that is not complete */
    int32_t head_id; /* of that stream */
    struct deadline drain;
    bool receiving;
    bool dead;
    const char *dead_reason;
    bool noticed, leaving;
    bool refused; /* what comes is not looked at any more */
};

extern const struct conn_protocol h2_protocol;

/* Looks at the first bytes of a connection in the clear: HTTP/2 with prior knowledge (RFC 9113 3.3), or HTTP/1. */
extern const struct conn_protocol h2_detect_protocol;

/* ---- h2_session.c ---- */

/* The connection is of no use any more; it ends when nobody is on the stack. */
void h2_session_broken(struct h2_session *, const char *reason);

/* Has the connection driven, once whoever calls now is off the stack. */
void h2_session_go_on(struct h2_session *);

/* The client breaks the rules: says so with `error`, and ends. */
void h2_session_refuse(struct h2_session *, uint32_t error, const char *what);

/* The client does too much of what leads nowhere: says so, and ends. */
void h2_session_calm(struct h2_session *, const char *what);

/* Whether it is the whole connection of which the client takes nothing, by its socket or by the window. */
bool h2_session_is_blocked(const struct h2_session *);

/* How long that has been so while something waited, all in all, in milliseconds. */
int64_t h2_session_blocked_ms(const struct h2_session *);

/* Enough of what waits was taken: the connection's time counts anew. */
void h2_session_renew(struct h2_session *);

static inline int64_t h2_session_now(const struct h2_session *ses)
{
    return ses->conn->worker->loop->clock.mono_ms;
}

/* ---- h2_input.c ---- */

/* A new session of nghttp2 for `ses`; -1: no memory. */
int h2_input_begin(struct h2_session *) WEIR_MUST_CHECK;

/* Bytes of the client. */
void h2_input_take(struct h2_session *, const char *bytes, size_t len);

/* ---- h2_output.c ---- */

/* Makes frames of what waits, as far as flow control and the buffer let it. */
void h2_output_frame(struct h2_session *);

/* A GOAWAY where nghttp2 cannot make one any more; before h2_session_broken(). */
void h2_output_goaway(struct h2_session *, uint32_t error);

/* Sends the frames that are made; true: all are with the kernel. */
bool h2_output_push(struct h2_session *);

static inline bool h2_output_is_pending(const struct h2_session *ses)
{
    return ses->out.len > ses->out.at || ses->out.blocked;
}

/* nghttp2's: a DATA frame goes into the buffer. */
int h2_output_data(nghttp2_session *, nghttp2_frame *, const uint8_t *head, size_t length, nghttp2_data_source *,
                   void *user);

void h2_output_free(struct h2_session *);

#endif

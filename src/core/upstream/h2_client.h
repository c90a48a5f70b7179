/*
 * h2_client.h: one HTTP/2 request at a server: a stream of a connection that it shares with others
 * (h2_uconn.h).  What comes is passed on as it comes; the server may send more only as the client takes it.
 * The connection calls the functions below, from within its session.
 */
#ifndef WEIR_CORE_UPSTREAM_H2_CLIENT_H
#define WEIR_CORE_UPSTREAM_H2_CLIENT_H

#include "base/list.h"
#include "core/upstream/transport.h"

struct h2_uconn;

struct h2_client {
    struct uclient base;
    struct h2_uconn *conn; /* NULL: none */
    struct list link; /* of the connection's requests */
    struct list woken_link; /* of those that something is to be done for */
    struct list fresh_link; /* of those that something is to be passed on for */
    struct deadline deadline;
    int32_t stream; /* 0: not begun */
    int64_t sent_at; /* monotonic milliseconds */
    uint32_t code; /* why the stream was closed */
    bool closed; /* the stream was, the user is to be told */
    bool unseen; /* the head was not sent */
    bool sent_end; /* the end of the body was framed */
    bool drained; /* the last of what waited of the body was framed: the user is to be told */
    bool disk_failed;
    bool in_trailers;
    int disk_error;
    struct str pending; /* of the body, in the worker's buffer, not passed on yet */
    size_t unconsumed; /* bytes the client has not taken: not opened to the server again */
    size_t head_bytes;
    struct header_list *trailers; /* NULL: none */
    const char *bad; /* why the answer is refused; NULL: it is not */
    enum uclient_failure bad_kind;
};

extern const struct transport h2_transport;

/* For a stream that is over on both sides. */
#define H2_CLIENT_OVER UINT32_MAX

/* Leaves the connection; a stream that is not over is reset with `code`. */
void h2_client_part(struct h2_client *, uint32_t code);

/* Which limit the head was over. */
struct str h2_client_limit(const struct h2_client *);

/* The connection is there; or will not be, for `error` (errno; 0: it took too long): the user leaves it. */
void h2_client_connected(struct h2_client *);
void h2_client_unconnected(struct h2_client *, int error);

/* A head, or trailers: fields one after another, -1: refused; then their end. */
void h2_client_begin_fields(struct h2_client *);
int h2_client_field(struct h2_client *, struct str name, struct str value) WEIR_MUST_CHECK;
void h2_client_end_fields(struct h2_client *, bool last);

/* The answer is refused for `reason`, unless it is already. */
void h2_client_refuse(struct h2_client *, enum uclient_failure, const char *reason);

/* Some of the body, in the worker's buffer until h2_client_pass(). */
void h2_client_data(struct h2_client *, struct str bytes);
void h2_client_pass(struct h2_client *);

/* The end of the answer.  The request may be over when it returns. */
void h2_client_end(struct h2_client *);

/* The next of the body to be framed into `buffer`: the bytes, 0: none now; -1: error.  *end: those were all. */
ssize_t h2_client_body(struct h2_client *, char *buffer, size_t room, bool *end);

/* What became of it while the session was at work: closed, or drained.  The request may be over. */
void h2_client_do(struct h2_client *);

/* The connection has ended.  The request is told, and may be over. */
void h2_client_cut(struct h2_client *, enum uclient_failure, const char *reason, int error);

#endif

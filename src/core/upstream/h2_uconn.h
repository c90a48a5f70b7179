/*
 * h2_uconn.h: one HTTP/2 connection to a server, shared by the requests of a worker: streams on nghttp2's
 * session.  What a turn of the loop makes is framed and sent once, at its end.  No user of a stream is called
 * while the session sends, and the connection is never closed from within a callback of the session.
 */
#ifndef WEIR_CORE_UPSTREAM_H2_UCONN_H
#define WEIR_CORE_UPSTREAM_H2_UCONN_H

#include <nghttp2/nghttp2.h>

#include "core/upstream/h2_client.h"
#include "core/upstream/h2_watch.h"
#include "core/upstream/uconn.h"

/* Requests at once on a connection; fewer where the server says so. */
#define H2_UCONN_STREAMS 128
/* The same before the server has said anything. */
#define H2_UCONN_STREAMS_FIRST 100
/* Bytes of answers that may come on streams that we have left. */
#define H2_UCONN_STRAY_MAX ((uint64_t)H2_UCONN_STREAMS * H2_UCONN_WINDOW)
/* The largest head of an answer that is announced; what counts is the listener's limit. */
#define H2_UCONN_HEAD_LIST (64 * 1024)
/* Answers to PING and SETTINGS that may wait: a server that floods is left. */
#define H2_UCONN_ACKS 64
/* Frames that wait for a server that does not read; with more the connection takes no more requests. */
#define H2_UCONN_QUEUE 512
/* A request that waited so long in vain, while nothing came at all, has the connection asked; and so long for a word. */
#define H2_UCONN_SILENT_MS 1000
#define H2_UCONN_PING_MS 2000
/* What a server may send of one answer before the client takes it. */
#define H2_UCONN_WINDOW (128 * 1024)
/* And of all on a connection, which are opened again at once: their streams' windows bound them. */
#define H2_UCONN_WINDOW_ALL (4 * 1024 * 1024)

struct h2_uconn {
    struct uconn *uconn;
    struct peer_state *peer;
    struct worker *worker;
    nghttp2_session *session; /* NULL: not connected yet */
    struct list link; /* of the peer's */
    struct list clients; /* struct h2_client by `link` */
    struct list woken; /* those with something to do, by `woken_link` */
    struct list fresh; /* those with something to pass on, by `fresh_link` */
    struct loop_deferred deferred; /* the end of the turn, or the end */
    unsigned count; /* of clients */
    unsigned limit; /* of them */
    uint64_t begun; /* requests */
    int64_t read_at; /* when something came last */
    int64_t ping_at; /* it was asked whether it is alive, and has said nothing since; 0: it was not */
    int64_t timeout_ms; /* of connecting, and of the server's SETTINGS */
    char *rest; /* framed and not taken by the socket; malloc'ed */
    size_t rest_from, rest_to;
    struct h2_watch watch; /* frames that lead nowhere */
    const char *why; /* what the server did wrong; NULL: not known */
    int error; /* errno of sending; 0: none */
    bool queued; /* `deferred` is */
    bool over; /* the session is not to be used any more */
    bool closed;
    bool sending; /* the session does */
    bool leaving; /* takes no more requests */
    bool settled; /* the server's SETTINGS came */
    bool answered; /* a request was */
    bool idle; /* its deadline runs */
};

/* One that takes another request now, or NULL.  `probe`: looks whether the server has closed it. */
struct h2_uconn *h2_uconn_find(struct peer_state *, bool probe);

/* One on its way that will, or a new one; NULL with errno: it could not be connected. */
struct h2_uconn *h2_uconn_connect(struct peer_state *, int64_t timeout_ms) WEIR_MUST_CHECK;

/* A request joins, and leaves, see h2_client_part(). */
void h2_uconn_join(struct h2_uconn *, struct h2_client *);
void h2_uconn_part(struct h2_uconn *, struct h2_client *, uint32_t code);

/* Something is to be sent, or to be looked at, when the turn is over. */
void h2_uconn_later(struct h2_uconn *);

/* Bytes read last are to be passed on before the next are read. */
static inline void h2_uconn_fresh(struct h2_uconn *h, struct h2_client *c)
{
    if (list_empty(&c->fresh_link))
        list_append(&h->fresh, &c->fresh_link);
}

/* Something is to be done for the request then. */
void h2_uconn_wake(struct h2_uconn *, struct h2_client *);

/* Closes those of the server that serve no request; all, where none may. */
void h2_uconns_close_idle(struct peer_state *);

#endif

/*
 * uconn.h: one connection to a server of an upstream, for its whole life: connecting, serving requests one
 * after another, idle in between.  It is registered once, edge-triggered and for everything, and never again:
 * what an event told is remembered in `readable` and `closed` until a system call says otherwise.  EV_CLOSED
 * that came with data is not told a second time. The user of a connection is told through `on_event`; an idle
 * one has no user, and any event that tells of more than bytes already read closes it.
 */
#ifndef WEIR_CORE_UPSTREAM_UCONN_H
#define WEIR_CORE_UPSTREAM_UCONN_H

#include <event2/event_struct.h>

#include "core/upstream/upstream.h"
#include "io/deadline.h"
#include "io/loop.h"

struct tls;

enum uconn_event {
    UCONN_CONNECTED,
    UCONN_FAILED, /* it could not be connected: `error`, or with EPROTO tls_error(), says why; close it */
    UCONN_READY, /* there may be something to read or room to write */
    UCONN_TIMEOUT /* the deadline passed */
};

enum uconn_state { UCONN_CONNECTING, UCONN_BUSY, UCONN_IDLE, UCONN_CLOSED };

/*
 * Who a connection is for, where its server has `proxy_protocol` or `transparent`: the ends of the client's connection;
 * the destination with `proxy_protocol` only.
 */
struct uconn_client {
    struct addr source, destination;
};

struct uconn {
    struct event event;
    struct deadline deadline;
    struct list link; /* of its peer's idle ones */
    struct list all_link;
    struct loop_deferred deferred; /* frees it, or reads on, later */
    bool queued; /* `deferred` is */
    struct worker *worker;
    struct peer_state *peer;
    void (*on_event)(struct uconn *, enum uconn_event);
    void *user;
    uint64_t requests; /* begun on it */
    struct uconn_client *client; /* whom it is for, alone; malloc'ed; NULL: it is for all */
    char *partial; /* the part of a response head that has come; malloc'ed */
    size_t partial_len;
    struct tls *tls; /* NULL: in the clear.  Bytes go by uconn_io.h */
    int fd;
    int error;
    enum uconn_state state;
    bool reused; /* an earlier request was answered on it */
    bool readable; /* until recv says EAGAIN or is short */
    bool writable; /* set by events only; for the user to clear */
    bool closed; /* the peer has ended its side */
    bool alpn_h2; /* the handshake agreed on HTTP/2 */
};

/*
 * A new connection to `peer`, with the deadline for connecting running, of which a handshake is part.  It is
 * CONNECTING, then on_event follows; or BUSY, then it is connected already and no UCONN_CONNECTED comes.  `client`:
 * NULL unless the peer has `proxy_protocol` or `transparent`.  NULL with errno: it failed at once.
 */
struct uconn *uconn_connect(struct peer_state *peer, int64_t timeout_ms, const struct uconn_client *client, void *user,
                            void (*on_event)(struct uconn *, enum uconn_event)) WEIR_MUST_CHECK;

/*
 * The newest idle connection to `peer`, for the same `client`; BUSY, or NULL; its deadline is to be set anew.  `probe`:
 * looks first whether the peer has closed it, at the cost of a system call: for what cannot be sent twice.
 */
struct uconn *uconn_take(struct peer_state *peer, const struct uconn_client *client, bool probe, void *user,
                         void (*on_event)(struct uconn *, enum uconn_event));

/*
 * Ends the use of a connection whose last response is complete: it becomes idle, or is closed where limits,
 * the drain or its state want that.  `probe`: bytes may lie behind the response unnoticed; look.
 */
void uconn_release(struct uconn *, bool probe);

/* Closes it now; the memory goes at the end of the turn. */
void uconn_close(struct uconn *);

/* Keeps the first bytes of a head, in the place of what was kept before. */
void uconn_keep(struct uconn *, struct str bytes);
void uconn_forget(struct uconn *);

/*
 * Keep-Alive of a response (RFC 2068 19.7.1.1): idle connections to the peer are kept for at most 0.8 of its
 * timeout.
 */
void uconn_learn(struct uconn *, struct str keep_alive);

/* Has UCONN_READY called again in the next turn, as if the socket had become readable. */
void uconn_again(struct uconn *);

#endif

/*
 * conn.h: a client's connection: descriptor, registration, deadline.  While it is idle this struct is all that it
 * costs: parser, pool, request and buffers come with the first byte (h1_exchange.h) and go with the last.
 * One edge-triggered registration serves the descriptor for its whole life, made when something first blocks.
 *
 * What is spoken on it is a table of functions, `protocol`, that may be put in another's place: the PROXY header, then
 * TLS, then HTTP/1, HTTP/2 or bytes passed on as they are (mode "tcp").  conn_next_protocol() goes from one to the next.
 */
#ifndef WEIR_CORE_CLIENT_CONN_H
#define WEIR_CORE_CLIENT_CONN_H

#include <event2/event_struct.h>
#include <netinet/in.h>

#include "core/worker.h"

/* How long a connection is drained after its last answer, so that no reset destroys that answer. */
#define CONN_LINGER_MS 2000
#define CONN_LINGER_BYTES (1024 * 1024)
/* A client that shut its sending side while its answer is awaited may only be half-closed: it is given up when nothing was sent
 * for this long. */
#define CONN_HALF_CLOSED_MS 5000
/* A client that is not registered yet is, once its request is this old, so that its going away is noticed. */
#define CONN_REGISTER_MS 100
/* Idle clients of a draining worker are closed after at most this. */
#define CONN_DRAIN_IDLE_MS 30000

enum conn_phase {
    CONN_IDLE, /* between requests */
    CONN_HEAD, /* a head is being read */
    CONN_BODY, /* waits for the body of a request */
    CONN_WORK, /* waits for the handler */
    CONN_SEND, /* waits until the client takes more */
    CONN_TUNNEL,
    CONN_LINGER /* nothing more will be sent: what comes is dropped */
};

struct conn;
struct h1_exchange;
struct h2_session;
struct handshake;
struct tls;

/* What a protocol does with a connection.  No function of it is called after conn_close(). */
struct conn_protocol {
    const char *name;
    /* The connection is this protocol's from now on; goes on with it. */
    void (*begin)(struct conn *);
    /* The socket has something to say; conn->readable and closed_seen are set. */
    void (*on_event)(struct conn *, bool writable);
    /* The deadline of a phase other than idle and linger has passed. */
    void (*on_deadline)(struct conn *);
    /* Does what can be done, with the worker's loop as the only caller on the stack. */
    void (*go_on)(struct conn *);
    /* Called by the tick for connections that are not registered yet.  NULL: nothing is done. */
    void (*on_tick)(struct conn *);
    /*
     * Two ends that come from outside, neither of them while a handler is on the stack.  give_up(): the client is
     * gone, or must go at once: tells the handlers, logs, closes.  take_leave(): the worker wants it to go: who can be
     * told is told, and the connection lingers; others as above.
     */
    void (*give_up)(struct conn *, const char *reason);
    void (*take_leave)(struct conn *, const char *reason);
    /* The worker has begun to drain.  NULL: idle ones get their grace, others end with their answer. */
    void (*drain)(struct conn *);
    /* An idle connection will be closed: says so, and gives back what it holds.  NULL: nothing is to be done. */
    void (*goodbye)(struct conn *);
};

/*
 * The booleans: freed excludes all else, the struct only waits for the end of the turn; registered, served and
 * closed_seen stay true once set.  Without `readable` a read would find
 * nothing until an event comes.  While `driving` a handler may be on the stack: what would end or free the
 * connection waits (`queued`).  In CONN_IDLE and CONN_LINGER there is no exchange.
 */
struct conn {
    struct event event;
    struct list link; /* in worker->conns */
    struct deadline deadline;
    struct loop_deferred deferred; /* goes on, or frees it, when the turn is over */
    struct worker *worker;
    const struct listener_conf *listener;
    const struct conn_protocol *protocol;
    struct tls *tls; /* NULL: in the clear, or not begun yet */
    union {
        struct h1_exchange *exchange; /* HTTP/1; NULL: idle */
        struct handshake *handshake; /* TLS, see conn_tls.h */
        struct h2_session *h2;
    };
    char *held; /* read, not used yet: the start of a head, pipelined requests; malloc; NULL: none */
    uint32_t held_at, held_len, held_room; /* bytes held[held_at..held_at + held_len) wait */
    uint32_t lingered; /* bytes dropped in CONN_LINGER */
    uint32_t limited; /* its place among those that `connection_limit` counts, from 1; 0: it is not counted */
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer; /* AF_UNSPEC: a unix socket's */
    uint8_t phase; /* enum conn_phase */
    bool registered;
    bool readable; /* the socket may have bytes */
    bool closed_seen; /* the peer has ended its sending side */
    bool driving; /* the protocol's go_on() or what it calls is on the stack */
    bool served; /* has had an answer */
    bool queued; /* `deferred` is */
    bool freed; /* is freed when the turn is over */
};

/* Takes `fd` (non-blocking, connected) over and reads from it at once if `has_data`. */
void conn_accept(struct worker *, const struct listener_conf *, int fd, const struct sockaddr_storage *peer,
                 socklen_t peer_len, bool has_data);

/* What is spoken on a listener's connections once their PROXY header, if they must have one, is read. */
const struct conn_protocol *conn_first_protocol(const struct listener_conf *);

/* The connection is another protocol's from now on. */
void conn_next_protocol(struct conn *, const struct conn_protocol *);

static inline int conn_fd(const struct conn *c)
{
    return c->event.ev_fd;
}

/* The peer's address; `any` false. */
struct addr conn_peer(const struct conn *);

/* From now on the peer is `address`, as a PROXY header says. */
void conn_set_peer(struct conn *, const struct addr *address);

/* Sees to it that events come; harmless when they do.  -1: the kernel refused; the connection is of no use. */
int conn_register(struct conn *) WEIR_MUST_CHECK;

/* Goes on with the connection when the turn is over and whoever calls now is off the stack. */
void conn_go_on_later(struct conn *);

/* Goes on in the next turn: it could do so at once, but others shall have their turn first. */
void conn_go_on_next_turn(struct conn *);

/* Changes the phase and its deadline in milliseconds (0: none). */
void conn_phase(struct conn *, enum conn_phase, int64_t deadline_ms);

/* Closes at once; the memory goes when the turn is over.  The exchange must be finished. */
void conn_close(struct conn *);

/* The same, but TLS says goodbye before: for ends that nothing is missing at. */
void conn_end(struct conn *);

/* Closes so that the client gets all that was sent: ends our side, drops what comes for a while. */
void conn_linger(struct conn *);

/* Keeps `bytes` to be used before anything else is read; what was held before stands in front of it.  -1: no memory. */
int conn_hold(struct conn *, struct str bytes) WEIR_MUST_CHECK;

/* What is held. */
static inline struct str conn_held(const struct conn *c)
{
    return (struct str){c->held + c->held_at, c->held_len};
}

/* Drops the first `n` bytes held; gives the memory back when none is left. */
void conn_unhold(struct conn *, size_t n);

/* Room for `n` more bytes behind those held; NULL: no memory. */
char *conn_hold_room(struct conn *, size_t n);

/* The worker drains: idle connections end soon, others with their answer. */
void conn_drain(struct conn *);

/* As the functions of its protocol; nothing for one that is closed. */
void conn_give_up(struct conn *, const char *reason);
void conn_take_leave(struct conn *, const char *reason);
void conn_on_tick(struct conn *);

/* The worker has no time left for clients that may stay for long: ends it if it is idle or a tunnel. */
void conn_hurry(struct conn *);

#endif

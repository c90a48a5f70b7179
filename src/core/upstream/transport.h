/*
 * transport.h: how one request goes to a server and its answer comes back, whatever the protocol between them
 * is.  A transport is a table of functions over a `struct uclient`, with which the state of each of them
 * begins; the proxy that uses it is told by another table.  What is true of every protocol is kept here: the
 * upload, and how far the answer has come.
 */
#ifndef WEIR_CORE_UPSTREAM_TRANSPORT_H
#define WEIR_CORE_UPSTREAM_TRANSPORT_H

#include "core/proxy/upload.h"

/* Interim responses before the final one; more are an attack. */
#define UCLIENT_INTERIMS 16
/* Fields in the trailers of an answer, and their bytes in all. */
#define UCLIENT_TRAILERS 100
#define UCLIENT_TRAILER_BYTES (16 * 1024)

enum uclient_failure {
    UCLIENT_ENDED, /* the connection ended before the first byte of an answer */
    UCLIENT_UNSEEN, /* the server has said that it did nothing with the request */
    UCLIENT_INCOMPLETE, /* within the head, or within a body whose end is known */
    UCLIENT_TOO_LARGE, /* the head is over a limit */
    UCLIENT_MALFORMED
};

struct transport;
struct uclient;

/* What the user of a client is told; from within any of its functions. */
struct transport_user {
    /* After connect() said so: there is a connection; or there will be none, for `error` (errno). */
    void (*connected)(struct uclient *);
    void (*unconnected)(struct uclient *, int error);
    /* What waits of the upload may be flushed. */
    void (*writable)(struct uclient *);
    /* The deadline passed. */
    void (*timed_out)(struct uclient *);
    /* The first byte of an answer is there. */
    void (*begun)(struct uclient *);
    /* An interim head other than 100 and 101. */
    void (*interim)(struct uclient *, struct message *);
    /*
     * The final head; what is changed in it and in `told` is what the client gets.  `whole`: the body is here
     * as well, and the connection can be used again.  False: the user has taken the answer away, and its
     * connection with it; another attempt may be under way.
     */
    bool (*head)(struct uclient *, struct message *, struct frame *told, bool whole);
    /* The head of a 101 went to the client: bytes may flow both ways. */
    void (*tunnel)(struct uclient *);
    /*
     * The answer is complete, its last piece not yet passed on: takes the connection back.  `clean`: another
     * request may follow on it; `probe`: after a look whether something lies behind the answer.  `trailers`:
     * those of the answer, or NULL.
     */
    void (*complete)(struct uclient *, bool clean, bool probe, struct header_list *trailers);
    /* No complete answer will come; the client is to forget it.  `cause`: more than the reason, or empty. */
    void (*failed)(struct uclient *, enum uclient_failure, const char *reason, struct str cause);
};

/* How far the answer has come. */
enum uclient_state {
    UCLIENT_HEAD,
    UCLIENT_NO_BODY,
    UCLIENT_LENGTH,
    UCLIENT_CHUNKED, /* its end will be told */
    UCLIENT_UNTIL_CLOSE,
    UCLIENT_TUNNEL
};

struct uclient {
    const struct transport *transport; /* of the attempt */
    const struct transport_user *user;
    struct request *req;
    struct uconn *uconn; /* NULL: none; it may be others' as well */
    struct deadline *deadline; /* of the attempt, while there is a connection */
    struct upload upload;

    enum uclient_state state;
    unsigned interims;
    int error; /* errno of the connection's end; 0: it was closed */
    bool connecting; /* there is no connection yet */
    bool reused; /* the connection had answered requests before */
    bool begun; /* a byte of an answer was seen */
    bool upgrading; /* the request is a websocket handshake */
    bool head_waits; /* the final head is here, and waits for the first bytes of its body */
    bool blocked; /* the client can take no more until resume() */
    uint64_t left; /* of a body of known length */
    /* Set when they are known. */
    struct message head; /* of the final response */
    struct frame frame; /* of its body on the connection */
    struct frame told; /* as the client is told */
};

struct transport {
    /* For an attempt: forgets the last one's answer; not the upload.  Not the first thing in uclient_init(). */
    void (*again)(struct uclient *);
    /* A connection to the server that is there already; false: there is none.  `probe`: see uconn_take(). */
    bool (*take)(struct uclient *, struct peer_state *, bool probe);
    /*
     * A new one, if none is on its way that will do: 0 and `connecting` says whether `connected` follows; or
     * -1 with errno.  `timeout_ms`: until `timed_out`.
     */
    int (*connect)(struct uclient *, struct peer_state *, int64_t timeout_ms);
    /* The head, then what was kept of the body, or `body`: both are the caller's again. */
    enum upload_result (*send)(struct uclient *, const struct message *head, struct str body);
    /* More of the body; and what waits. */
    enum upload_result (*body)(struct uclient *, struct str bytes, bool last);
    enum upload_result (*flush)(struct uclient *);
    /* The client takes more of the answer.  The request may be over when it returns. */
    void (*resume)(struct uclient *);
    /* Looks for an answer in the next turn: the upload has failed. */
    void (*read_later)(struct uclient *);
    /* Ends the attempt, whatever of it is under way. */
    void (*leave)(struct uclient *);
    /* The answer is complete, as `complete` of the user; or is not wanted, but whole. */
    void (*release)(struct uclient *, bool probe);
};

/* Before the first attempt. */
static inline void uclient_init(struct uclient *c, struct request *req, const struct transport_user *user)
{
    memset(c, 0, offsetof(struct uclient, head));
    c->req = req;
    c->user = user;
    upload_init(&c->upload, req);
}

/* What every transport does in again(). */
static inline void uclient_again(struct uclient *c)
{
    c->state = UCLIENT_HEAD;
    c->interims = 0;
    c->error = 0;
    c->connecting = false;
    c->begun = false;
    c->head_waits = false;
    c->blocked = false;
}

/* Passes a piece of the body on, behind the head if that has not gone yet. */
void uclient_deliver(struct uclient *, struct str bytes, bool last);

/* What the client is told of the body, from `frame`: a length is worth telling where no body is sent. */
void uclient_tell_head(struct uclient *);

#endif

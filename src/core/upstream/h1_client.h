/*
 * h1_client.h: reads the answer to one HTTP/1 request from a server and passes it on: head, interim
 * responses, body in any framing, or what follows a 101.  Bytes are read into the worker's shared buffer and
 * go to the client from there; a head alone is copied.  What a server sends is not trusted more than what a
 * client sends.
 */
#ifndef WEIR_CORE_UPSTREAM_H1_CLIENT_H
#define WEIR_CORE_UPSTREAM_H1_CLIENT_H

#include "core/proxy/upload.h"
#include "http/h1_chunk.h"
#include "http/h1_scan.h"

/* Interim responses before the final one; more are an attack. */
#define H1_CLIENT_INTERIMS 16

enum h1_client_failure {
    H1_CLIENT_ENDED, /* closed or reset before the first byte of an answer */
    H1_CLIENT_INCOMPLETE, /* within the head, or within a body whose end is known */
    H1_CLIENT_TOO_LARGE, /* the head is over a limit */
    H1_CLIENT_MALFORMED
};

struct h1_client;

/* What the user of a client is told; from within any of its functions. */
struct h1_client_user {
    /* The first byte of an answer is there. */
    void (*begun)(struct h1_client *);
    /* An interim head other than 100 and 101. */
    void (*interim)(struct h1_client *, struct message *);
    /*
     * The final head; what is changed in it and in `told` is what the client gets.  `whole`: the body is here
     * as well, and the connection can be used again.  False: the user has taken the answer away, and its
     * connection with it; another attempt may be under way.
     */
    bool (*head)(struct h1_client *, struct message *, struct frame *told, bool whole);
    /* The head of a 101 went to the client: bytes may flow both ways. */
    void (*tunnel)(struct h1_client *);
    /*
     * The answer is complete, its last piece not yet passed on: takes the connection back.  `clean`: another
     * request may follow on it; `probe`: after a look whether something lies behind the answer.
     */
    void (*complete)(struct h1_client *, bool clean, bool probe);
    /* No complete answer will come; the client is to forget it. */
    void (*failed)(struct h1_client *, enum h1_client_failure, const char *reason);
};

enum h1_client_state {
    H1_CLIENT_HEAD,
    H1_CLIENT_NO_BODY,
    H1_CLIENT_LENGTH,
    H1_CLIENT_CHUNKED,
    H1_CLIENT_UNTIL_CLOSE,
    H1_CLIENT_TUNNEL
};

struct h1_client {
    struct request *req;
    const struct h1_client_user *user;
    struct uconn *uconn;
    struct upload upload;

    enum h1_client_state state;
    struct h1_scan scan;
    unsigned interims;
    bool begun; /* a byte of an answer was seen */
    bool upgrading; /* the request is a websocket handshake */
    bool head_waits; /* the final head is here, and waits for the first bytes of its body */
    bool blocked; /* the client can take no more until h1_client_resume() */
    bool splicing; /* the rest of the body goes by out->splice */
    int error; /* errno of the connection's end; 0: it was closed */
    bool unsplicable; /* out->splice does not work for this request */
    uint64_t left; /* of a body of known length */
    struct message head; /* of the final response */
    struct frame frame; /* of its body on the connection */
    struct frame told; /* as the client is told */
    struct h1_chunk chunk;
};

void h1_client_init(struct h1_client *, struct request *, const struct h1_client_user *);

/* Another attempt on another connection: forgets the answer, not the upload. */
void h1_client_again(struct h1_client *);

/* Reads while there is something and the client takes it.  The request may be over when it returns. */
void h1_client_read(struct h1_client *);

/* The client takes more. */
void h1_client_resume(struct h1_client *);

#endif

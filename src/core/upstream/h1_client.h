/*
 * h1_client.h: one HTTP/1 request at a server: sends it, reads the answer and passes it on: head, interim
 * responses, body in any framing, or what follows a 101.  Bytes are read into the worker's shared buffer and
 * go to the client from there; a head alone is copied.  What a server sends is not trusted more than what a
 * client sends.
 */
#ifndef WEIR_CORE_UPSTREAM_H1_CLIENT_H
#define WEIR_CORE_UPSTREAM_H1_CLIENT_H

#include "core/upstream/transport.h"
#include "http/h1_scan.h"

struct h1_client {
    struct uclient base;
    struct h1_scan scan;
    bool splicing; /* the rest of the body goes by out->splice */
    bool ended; /* the server sends no more, but still takes */
    bool unsplicable; /* out->splice does not work for this request */
    struct h1_chunk chunk;
};

/* h1_transport.c: HTTP/1, and bytes as they are in both directions, for listeners of mode "tcp". */
extern const struct transport h1_transport;
extern const struct transport raw_transport;

/* There is no head: bytes flow both ways from now on. */
void h1_client_pass(struct h1_client *);

/* Reads while there is something and the client takes it.  The request may be over when it returns. */
void h1_client_read(struct h1_client *);

#endif

/*
 * h1_server.h: HTTP/1 towards clients: reads heads and bodies from a connection, feeds them to requests, and
 * sends their answers (h1_answer.c).
 */
#ifndef WEIR_CORE_CLIENT_H1_SERVER_H
#define WEIR_CORE_CLIENT_H1_SERVER_H

#include "core/client/conn.h"

/* A connection was accepted. */
void h1_begin(struct conn *);

/* The socket has something to say; conn->readable and closed_seen are set. */
void h1_on_event(struct conn *, bool writable);

/* The deadline of a phase other than idle and linger has passed. */
void h1_on_deadline(struct conn *);

/* Does what can be done. */
void h1_go_on(struct conn *);

/* Called by the tick for connections that are not registered yet. */
void h1_on_tick(struct conn *);

#endif

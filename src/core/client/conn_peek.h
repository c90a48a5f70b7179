/*
 * conn_peek.h: what protocols share that only look at the first bytes of a connection and leave them in the socket, to
 * choose who speaks next: the PROXY header, HTTP/2 with prior knowledge, the name in a ClientHello.  Nobody knows of
 * the connection yet, so that it is closed without a word to anyone.
 */
#ifndef WEIR_CORE_CLIENT_CONN_PEEK_H
#define WEIR_CORE_CLIENT_CONN_PEEK_H

#include "base/log.h"
#include "core/client/conn.h"

/*
 * As `begin` of a protocol: looks at once if something may be there, else waits for it, for timeouts.client_header.
 */
void conn_peek_begin(struct conn *);

/* As the other functions of one. */
void conn_peek_event(struct conn *, bool writable);
void conn_peek_give_up(struct conn *, const char *reason);

/* The first bytes, which stay where they are; 0: there are none yet, or the connection was closed here. */
size_t conn_peek(struct conn *, char *to, size_t room);

/* Closes the connection with a line in the log that says `why`. */
void conn_refuse(struct conn *, enum log_level, const char *why);

#endif

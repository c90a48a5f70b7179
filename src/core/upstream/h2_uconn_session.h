/*
 * h2_uconn_session.h: for h2_uconn*.c alone: nghttp2's session of a connection to a server, what it calls, and how
 * its frames leave.
 */
#ifndef WEIR_CORE_UPSTREAM_H2_UCONN_SESSION_H
#define WEIR_CORE_UPSTREAM_H2_UCONN_SESSION_H

#include "core/upstream/h2_uconn.h"

/* With our preface and SETTINGS queued; never NULL. */
nghttp2_session *h2_uconn_session_new(struct h2_uconn *);

/* The next bytes of the server, before the session has them: NULL, or what it does too much of. */
const char *h2_uconn_look(struct h2_uconn *, struct str bytes);

/* Sends all that the session has to say, as far as the socket takes it: one call for what fits the buffer. */
void h2_uconn_pump(struct h2_uconn *);

#endif

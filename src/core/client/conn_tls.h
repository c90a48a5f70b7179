/*
 * conn_tls.h: the TLS handshake, as the first protocol of a connection whose listener has `tls`.  When it is done the
 * connection goes on with the protocol that was agreed upon; bytes go by conn_io.h from then on.
 *
 * A handshake costs as much as dozens of requests.  So a worker takes a few steps of handshakes in a turn, and those
 * that it has not come to wait in line for the next.
 */
#ifndef WEIR_CORE_CLIENT_CONN_TLS_H
#define WEIR_CORE_CLIENT_CONN_TLS_H

#include "core/client/conn.h"

extern const struct conn_protocol conn_tls_protocol;

/* The line in which a worker's handshakes wait. */
struct handshakes *handshakes_new(struct worker *);

/* No connection is left.  NULL is allowed. */
void handshakes_free(struct handshakes *);

/* Tells a request of the connection, with which it came, what the handshake came to; nothing where there was none. */
void conn_tls_tell(const struct conn *, struct request *);

#endif

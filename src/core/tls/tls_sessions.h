/*
 * tls_sessions.h: what a server gave so that later connections to it can do without the costly part of a handshake;
 * one for each server in each worker.  A ticket of TLS 1.3 is used once (RFC 8446 C.4), a session of TLS 1.2 until
 * the server no longer takes it.
 */
#ifndef WEIR_CORE_TLS_TLS_SESSIONS_H
#define WEIR_CORE_TLS_TLS_SESSIONS_H

#include <openssl/types.h>
#include <stdbool.h>

#include "base/base.h"

struct tls_sessions;

/* Before the first handshake in a context: what servers give goes to the `tls_sessions` of the SSL. */
void tls_sessions_enable(SSL_CTX *);

/* An empty one; NULL: no memory. */
struct tls_sessions *tls_sessions_new(void) WEIR_MUST_CHECK;
void tls_sessions_free(struct tls_sessions *);

/* The SSL goes on with the newest, if there is one, and gives what it gets. */
void tls_sessions_attach(struct tls_sessions *, SSL *);

#endif

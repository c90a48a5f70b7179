/*
 * tls_server.h: what a worker needs to speak TLS with clients: an SSL_CTX for each listener, with which a session begins,
 * and those to which the client's hello leads it: by the name that the client asks for (SNI) a site's settings and its
 * certificates.  They are made when they are first needed; a certificate that was replaced counts for the
 * handshakes that begin after that.
 */
#ifndef WEIR_CORE_TLS_TLS_SERVER_H
#define WEIR_CORE_TLS_TLS_SERVER_H

#include <openssl/types.h>

#include "core/config/config_tls.h"

struct tls_server;
struct tls_tickets;
struct worker;

/* Of the worker's configuration; uses its log, pool and regex scratch.  NULL with a line in the log. */
struct tls_server *tls_server_new(struct worker *) WEIR_MUST_CHECK;

/* Sessions may live on.  NULL is allowed. */
void tls_server_free(struct tls_server *);

/* What a session on this listener, which has tls, begins with; lent until the next call of tls_server_replace(). */
SSL_CTX *tls_server_context(struct tls_server *, const struct listener_conf *);

/* The settings that the handshake came to, of the site that was asked for on the listener; and what of them others
 * must have too to be served on this connection. */
const struct tls_conf *tls_server_conf(const SSL *);
const struct tls_policy *tls_server_policy(const SSL *);

/* The name that the client asked for, as it wrote it but for a dot at the end; empty: none, or not one.  The SSL's. */
struct str tls_server_name(const SSL *);

/* The keys of tickets, and the time in seconds since 1970. */
struct tls_tickets *tls_server_tickets(const SSL *, int64_t *now_s);

/* A certificate's files have changed: takes the bytes of `fresh` over.  0, or -1 with text in `error` and all as it was. */
int tls_server_replace(struct tls_server *, size_t material, struct tls_material *fresh, char *error,
                       size_t error_size) WEIR_MUST_CHECK;

#endif

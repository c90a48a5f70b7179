/*
 * tls_context.h: an SSL_CTX out of a policy and some certificates, and a session that changes from one to another.
 */
#ifndef WEIR_CORE_TLS_TLS_CONTEXT_H
#define WEIR_CORE_TLS_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "core/config/config_tls.h"

/* Defaults.  For TLS 1.2 (RFC 9325 4.2): forward secrecy and authenticated encryption. */
#define TLS_DEFAULT_CIPHERS \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS_DEFAULT_SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* The ciphers of TLS 1.2, or of 1.3, or the groups; 0, or -1 with text in `error`: OpenSSL does not know one. */
int tls_context_set_text(SSL_CTX *, const struct tls_policy *, enum tls_policy_text, char *error, size_t error_size)
    WEIR_MUST_CHECK;

/*
 * Sets versions, ciphers, groups, tickets and the check of clients; the last one only where `store` is given.
 * 0, or -1 with text in `error` that names the setting.
 */
int tls_context_set_policy(SSL_CTX *, const struct tls_policy *, X509_STORE *store, STACK_OF(X509_NAME) *names,
                           char *error, size_t error_size) WEIR_MUST_CHECK;

/* Adds a certificate with its key and chain; 0, or -1 with text in `error`. */
int tls_context_add_pair(SSL_CTX *, const struct tls_material *, char *error, size_t error_size) WEIR_MUST_CHECK;

/*
 * In the client's hello: the session goes on with `ctx`, which has the policy `p`; all that SSL_set_SSL_CTX() leaves as
 * it was is set anew, whatever it was.  0, or -1.
 */
int tls_context_switch(SSL *, SSL_CTX *ctx, const struct tls_policy *p) WEIR_MUST_CHECK;

#endif

/*
 * tls_make.h: keys and certificates that Weir makes itself: what is shown until an authority has given a better one,
 * what answers its question over TLS (RFC 8737), and the request that asks for one.
 */
#ifndef WEIR_CORE_TLS_TLS_MAKE_H
#define WEIR_CORE_TLS_TLS_MAKE_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/str.h"

#define TLS_DIGEST_BYTES 32

/* On the curve P-256; NULL: OpenSSL has no memory. */
EVP_PKEY *tls_make_key(void) WEIR_MUST_CHECK;

/*
 * One that `key` has signed itself, for `host`; with the extension acmeIdentifier where `digest` is given.  NULL: it
 * cannot be made.
 */
X509 *tls_make_cert(EVP_PKEY *key, struct str host, const uint8_t *digest) WEIR_MUST_CHECK;

/* A request for a certificate for `host` (RFC 2986), in DER, in the pool; empty: it cannot be made. */
struct str tls_make_request(struct pool *, EVP_PKEY *key, struct str host);

/* The key in PEM, behind `cert` where that is given; malloc, `*len` bytes without the NUL.  NULL: no memory. */
char *tls_make_pem(EVP_PKEY *key, X509 *cert, size_t *len) WEIR_MUST_CHECK;

#endif

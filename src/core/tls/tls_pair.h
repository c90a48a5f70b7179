/*
 * tls_pair.h: a certificate with its key and chain, parsed.  Only workers and checkers do that: what is in the
 * files may have come from anywhere.
 */
#ifndef WEIR_CORE_TLS_TLS_PAIR_H
#define WEIR_CORE_TLS_TLS_PAIR_H

#include <openssl/types.h>
#include <openssl/x509.h>

#include "core/tls/tls_material.h"

struct tls_pair {
    X509 *cert;
    EVP_PKEY *key;
    STACK_OF(X509) *chain; /* what is sent after `cert`; may be empty */
};

/* What is worth keeping when many are parsed: finding OpenSSL's decoder takes longer than decoding. */
struct tls_parser;

struct tls_parser *tls_parser_new(void);
void tls_parser_free(struct tls_parser *);

/*
 * 0, or -1 with text in `error`: "FILE: what is wrong with it; what would be right".  The parser is NULL for one that
 * comes alone.
 */
int tls_pair_parse(struct tls_parser *, const struct tls_material *, struct tls_pair *, char *error,
                   size_t error_size) WEIR_MUST_CHECK;
void tls_pair_free(struct tls_pair *);

/* The first certificate alone, or NULL. */
X509 *tls_pair_cert(const struct tls_material *);

/* Calls `fn` for each name that the certificate has (RFC 6125 6.4.4: the subject's only when there is no other). */
void tls_cert_names(const X509 *, void (*fn)(struct str name, void *arg), void *arg);

/* Whether it is for `host`, which may begin with "*.". */
bool tls_cert_has(const X509 *, struct str host);

/* Seconds since 1970; 0: none, or not a time. */
int64_t tls_seconds(const ASN1_TIME *);

/* When its time ends, in seconds since 1970. */
int64_t tls_cert_not_after(const X509 *);

/* All certificates of the file; NULL with text in `error`. */
STACK_OF(X509) *tls_authorities(const struct tls_material *, char *error, size_t error_size);

/* What OpenSSL said last, without its numbers; empties its queue.  Valid until the next call of OpenSSL. */
const char *tls_reason(void);

#endif

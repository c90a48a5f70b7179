/*
 * tls_fact.h: what is known of a client by its TLS connection, as text for variables, logs and fields of requests.
 */
#ifndef WEIR_CORE_TLS_TLS_FACT_H
#define WEIR_CORE_TLS_TLS_FACT_H

#include <openssl/types.h>

#include "base/pool.h"
#include "base/str.h"

enum tls_fact {
    TLS_FACT_PROTOCOL, /* "TLSv1.3" */
    TLS_FACT_CIPHER, /* as OpenSSL names it */
    TLS_FACT_CLIENT_VERIFY, /* "SUCCESS"; "NONE": it has shown no certificate */
    TLS_FACT_CLIENT_SUBJECT, /* RFC 2253; what is not ASCII is escaped */
    TLS_FACT_CLIENT_FINGERPRINT /* SHA-256 of its certificate, 64 digits in lower case */
};

/* After the handshake; static or in `pool`; empty: there is none. */
struct str tls_fact(const SSL *, enum tls_fact, struct pool *pool);

#endif

/*
 * acme_jws.h: what an authority is told, signed with the account's key: JSON Web Signatures (RFC 7515) as RFC 8555 6.2
 * has them, by ES256.
 */
#ifndef WEIR_CORE_ACME_ACME_JWS_H
#define WEIR_CORE_ACME_ACME_JWS_H

#include <openssl/types.h>

#include "base/pool.h"
#include "base/str.h"

/* The public key, its members in the order of RFC 7638; empty: it is not one of P-256. */
struct str acme_jwk(struct pool *, const EVP_PKEY *key);

/* Its hash (RFC 7638), 43 characters; empty: it is not one of P-256. */
struct str acme_thumbprint(struct pool *, const EVP_PKEY *key);

/* What shows that a token came to the account's owner (RFC 8555 8.1). */
struct str acme_key_authorization(struct pool *, const EVP_PKEY *key, struct str token);

/*
 * A whole request: `kid` names the account, empty before there is one.  `nonce`, `url` and `kid` have to be such as
 * acme_is_plain() allows.  Empty: it cannot be signed.
 */
struct str acme_jws(struct pool *, EVP_PKEY *key, struct str kid, struct str nonce, struct str url, struct str payload);

/* May stand in JSON and in a request line as it is. */
bool acme_is_plain(struct str);

#endif

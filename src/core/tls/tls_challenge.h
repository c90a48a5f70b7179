/*
 * tls_challenge.h: the answer to an authority that asks over TLS whether a name is ours (tls-alpn-01, RFC 8737): a
 * certificate made for it.  Nothing else is spoken on such a connection.
 */
#ifndef WEIR_CORE_TLS_TLS_CHALLENGE_H
#define WEIR_CORE_TLS_TLS_CHALLENGE_H

#include <openssl/types.h>

#include "base/base.h"
#include "base/str.h"

struct board;

/* In the client's hello: whether it offers acme-tls/1 and nothing else. */
bool tls_challenge_asked(SSL *);

/*
 * Then: the session goes on with a context of its own and without the listener's rules for clients; what the callback of
 * the hello gives back.  `name` is the one that is asked for.  A second hello (RFC 8446 4.1.2) that is not a challenge
 * must not be let in.
 */
int tls_challenge_answer(SSL *, const struct board *, struct str name, int *alert);

/* After the handshake. */
bool tls_challenge_answered(const SSL *);

#endif

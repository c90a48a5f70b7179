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
 * Then: the session goes on with a context of its own, which has `app_data`; what the callback of the hello gives back.
 * `name` is the one that is asked for.
 */
int tls_challenge_answer(SSL *, const struct board *, struct str name, void *app_data, int *alert);

/* After the handshake. */
bool tls_challenge_answered(const SSL *);

#endif

/*
 * tls_tickets.h: session tickets of clients (RFC 5077, RFC 8446 4.6.1): what a session needs to go on later, sealed by a
 * key that all workers have, so that whichever of them is met opens it.  The keys are those of `ticket_keys`; or else
 * come from `secret` and the time, the same on all machines that have the same secret; or else from the board.
 */
#ifndef WEIR_CORE_TLS_TLS_TICKETS_H
#define WEIR_CORE_TLS_TLS_TICKETS_H

#include <openssl/types.h>

#include "core/config/config_tls.h"

#define TLS_TICKET_NAME 16
#define TLS_TICKET_KEYS 4 /* at most, that are not of files */
#define TLS_TICKET_PERIOD_S (12 * 3600) /* a key made from a secret seals so long */
#define TLS_TICKET_LIFE_S (12 * 3600) /* a session is gone on with so long after its tickets were given */

struct board;

struct tls_ticket_key {
    uint8_t name[TLS_TICKET_NAME];
    uint8_t mac[32], cipher[32];
    size_t size; /* of both: 16 or 32 */
};

/* Where a worker has its keys from. */
struct tls_tickets {
    const struct board *board; /* NULL: `secret` */
    struct str secret;
    int64_t period; /* that `made` is for */
    struct tls_ticket_key made[TLS_TICKET_KEYS];
};

/* `board`: NULL when the secret is to count. */
void tls_tickets_init(struct tls_tickets *, const struct board *, struct str secret);

/*
 * The key that seals: number 0, and those that open: the others.  False: there is none of that number.  `now_s`: seconds
 * since 1970.
 */
bool tls_tickets_key(struct tls_tickets *, const struct tls_policy *, size_t number, int64_t now_s,
                     struct tls_ticket_key *);

/* Sessions of this context, which is a tls_server's, give and take tickets. */
void tls_tickets_enable(SSL_CTX *);

#endif

/*
 * tls_session.h: what the parts of io/tls share: the session, the scratch memory of a loop, and the way of records to
 * the socket.  For tls*.c alone; tls.h is for all others.
 *
 * All sessions of a loop read and write by one BIO: `current` says whose socket it stands for during a call.
 */
#ifndef WEIR_IO_TLS_SESSION_H
#define WEIR_IO_TLS_SESSION_H

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "base/list.h"
#include "io/tls.h"

/* What a record holds at most (RFC 8446 5.1). */
#define TLS_RECORD_MAX ((size_t)16 * 1024)
/*
 * Sessions whose buffers (33 KB each) OpenSSL keeps from one record to the next, those used last: to get and give them
 * back for every record costs a tenth of a small request.
 */
#define TLS_WARM_MAX 64
/* Small records, of about a packet, for so much of a connection. */
#define TLS_SMALL_BYTES ((size_t)64 * 1024)

struct tls_scratch {
    const int64_t *mono_ms;
    BIO_METHOD *method;
    BIO *bio;
    struct tls *current;
    struct list warm; /* sessions that may hold buffers, the one used last first */
    size_t warm_count;
    size_t len; /* of `out` */
    bool is_last; /* the record that comes now is the last of this write */
    char out[TLS_KEPT_MAX]; /* records to be sent */
    char gathered[TLS_RECORD_MAX]; /* what goes into one record and lies in pieces */
};

struct tls {
    SSL *ssl;
    struct tls_scratch *scratch;
    struct list warm; /* in the scratch's, or alone */
    char *unsent; /* records that the socket did not take; malloc; NULL: none */
    size_t unsent_at, unsent_len;
    const char *error; /* NULL: none */
    bool alerted; /* tls_was_alerted() */
    int64_t sent_ms; /* when bytes were last sent */
    int64_t messages_ms; /* since when `messages` counts */
    size_t small_left; /* bytes that still go out in small records */
    size_t may_read; /* bytes that may still be read from the socket in this call */
    int fd;
    int error_number; /* errno of the socket; 0: none */
    unsigned messages; /* of the protocol itself, after the handshake, in this second */
    bool begun; /* the first bytes have been looked at */
    bool drained; /* the last recv was short: the socket has no more */
    bool fed; /* a recv of this call gave bytes: behind them there may be an end that no event will tell of */
    bool yielded; /* the socket has more, but that was enough for one call */
    bool ended; /* the other side has ended the connection */
    bool goodbye; /* and said so before */
    bool is_full; /* the last tls_recv() left bytes behind */
    bool is_plain; /* it began with HTTP in the clear */
    bool dead; /* nothing more may be read or written */
};

/* Before anything is asked of the SSL: makes the session the current one, with a clean list of errors, and warm. */
void tls_enter(struct tls *);

/*
 * Gives the records that were just made to the socket, and `tail` behind them; keeps what it does not take.  -1 with
 * errno: the socket failed.
 */
int tls_push(struct tls *, const char *tail, size_t tail_len);

/* Out of the list of warm ones. */
void tls_cool(struct tls *);

/* Nothing more may be read or written. */
void tls_die(struct tls *, const char *error);

/* What OpenSSL's error queue, the socket, and the verdict on the certificate say; notes whether it was an alert. */
const char *tls_why(struct tls *);

#endif

/*
 * tls.h: TLS on one non-blocking socket, towards a client or a server: handshake, and bytes in the clear on one side,
 * records on the other.  It reads and writes the socket by a BIO of its own: one recv for what is there, one send for
 * all records of a flush, and it knows whether the last recv was short, so that none is made only to hear EAGAIN.
 * A session that has nothing under way holds no buffer, but for the few that were used last.
 *
 * SSL_CTX and everything about certificates is its makers' business (core/tls).
 */
#ifndef WEIR_IO_TLS_H
#define WEIR_IO_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/base.h"

struct tls;

/* Buffers and the BIO that all sessions of one loop share; nobody's between two calls. */
struct tls_scratch;

/* `mono_ms` is the loop's clock, read as time goes on.  NULL: no memory.  Freed after the last session. */
struct tls_scratch *tls_scratch_new(const int64_t *mono_ms) WEIR_MUST_CHECK;
void tls_scratch_free(struct tls_scratch *);

/*
 * A session on `fd`, which stays the caller's and open as long as it.  The caller may set its SSL up (tls_ssl())
 * before the first handshake step.  NULL: no memory.
 */
struct tls *tls_new(SSL_CTX *, int fd, bool is_server, struct tls_scratch *) WEIR_MUST_CHECK;

/* Frees it, without a word to the other side.  NULL is allowed. */
void tls_free(struct tls *);

SSL *tls_ssl(const struct tls *);

enum tls_step {
    TLS_DONE,
    TLS_WAIT, /* the socket must be read; what could not be written goes out by tls_flush() */
    TLS_FAILED /* tls_error() says why */
};

/* Goes on with the handshake, which may not be larger than 64 KB. */
enum tls_step tls_handshake(struct tls *);

/* After a server's TLS_FAILED: what came first is a request of HTTP/1 in the clear, and nothing was sent. */
bool tls_is_plain_http(const struct tls *);

/* What went wrong last, in plain words; static or the session's. */
const char *tls_error(const struct tls *);

/* Whether that is an alert of the other side: it has refused something. */
bool tls_was_alerted(const struct tls *);

/*
 * As recv(): the bytes read, until `room` is full or the socket has no more; 0: the other side has said goodbye, or
 * ended without it; -1 with errno, EAGAIN when the socket must be waited for, EPROTO for what is no TLS.
 */
ssize_t tls_recv(struct tls *, void *to, size_t room);

/* After tls_recv() gave 0: the other side did not say goodbye, so what came may have been cut short on its way. */
bool tls_was_cut(const struct tls *);

/* Whether bytes are here that no event of the socket will tell of. */
bool tls_has_pending(const struct tls *);

/*
 * As sendmsg(): all of it is taken, in as few records and writes as can be, unless the socket blocks first; then it is
 * the number of bytes taken, tls_is_blocked() is true, and at most TLS_KEPT_MAX bytes of records are kept.  -1 with
 * errno; EAGAIN, and nothing was taken, while it is blocked.
 */
#define TLS_KEPT_MAX ((size_t)80 * 1024)
ssize_t tls_send(struct tls *, const struct iovec *, int count);

/* Records wait for the socket to take them. */
bool tls_is_blocked(const struct tls *);

/* Sends those.  0: none wait any more; -1 with errno, EAGAIN when the socket must be waited for. */
int tls_flush(struct tls *) WEIR_MUST_CHECK;

/* Says goodbye (close_notify) as far as the socket takes it at once. */
void tls_goodbye(struct tls *);

#endif

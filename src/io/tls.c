/* tls.c: see tls.h. */
#include "io/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What a record holds at most (RFC 8446 5.1), and while the path is not known yet: about a packet. */
#define RECORD_MAX ((size_t)16 * 1024)
#define RECORD_SMALL ((size_t)1300)
/* Small ones for so much of a connection, and again after it was silent for so long. */
#define SMALL_BYTES ((size_t)64 * 1024)
#define SMALL_AGAIN_MS 1000
/* In the clear, between two writes to the socket; with the records' own bytes it stays below TLS_KEPT_MAX. */
#define TURN_BYTES ((size_t)64 * 1024)

struct tls_scratch {
    const int64_t *mono_ms;
    BIO_METHOD *method;
    size_t len; /* of `out` */
    char out[TLS_KEPT_MAX]; /* records to be sent */
    char gathered[RECORD_MAX]; /* what goes into one record and lies in pieces */
};

struct tls {
    SSL *ssl;
    struct tls_scratch *scratch;
    char *unsent; /* records that the socket did not take; malloc; NULL: none */
    size_t unsent_at, unsent_len;
    const char *error;
    int64_t sent_ms; /* when bytes were last sent */
    size_t small_left; /* bytes that still go out in small records */
    int fd;
    int error_number; /* errno of the socket; 0: none */
    bool drained; /* the last recv was short: the socket has no more */
    bool ended; /* the other side has ended the connection */
    bool goodbye; /* and said so before */
    bool is_full; /* the last tls_recv() stopped for want of room */
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *to, int room)
{
    struct tls *t = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (t->drained) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do
        n = recv(t->fd, to, (size_t)room, 0);
    while (n < 0 && errno == EINTR);
    t->drained = n != room;
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    else if (n < 0)
        t->error_number = errno;
    else if (n == 0)
        t->ended = true;
    return (int)n;
}

static int bio_write(BIO *bio, const char *from, int len)
{
    struct tls *t = BIO_get_data(bio);
    struct tls_scratch *s = t->scratch;

    BIO_clear_retry_flags(bio);
    if ((size_t)len > sizeof(s->out) - s->len)
        return -1;
    memcpy(s->out + s->len, from, (size_t)len);
    s->len += (size_t)len;
    return len;
}

static long bio_ctrl(BIO *bio WEIR_UNUSED, int command, long number WEIR_UNUSED, void *pointer WEIR_UNUSED)
{
    return command == BIO_CTRL_FLUSH;
}

struct tls_scratch *tls_scratch_new(const int64_t *mono_ms)
{
    struct tls_scratch *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->mono_ms = mono_ms;
    s->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "weir");
    if (!s->method || BIO_meth_set_read(s->method, bio_read) != 1 || BIO_meth_set_write(s->method, bio_write) != 1 ||
        BIO_meth_set_ctrl(s->method, bio_ctrl) != 1) {
        tls_scratch_free(s);
        return NULL;
    }
    return s;
}

void tls_scratch_free(struct tls_scratch *s)
{
    if (!s)
        return;
    BIO_meth_free(s->method);
    free(s);
}

struct tls *tls_new(SSL_CTX *ctx, int fd, bool is_server, struct tls_scratch *scratch)
{
    struct tls *t = calloc(1, sizeof(*t));
    BIO *bio = t ? BIO_new(scratch->method) : NULL;

    if (bio)
        t->ssl = SSL_new(ctx);
    if (!bio || !t->ssl) {
        BIO_free(bio);
        free(t);
        return NULL;
    }
    t->scratch = scratch;
    t->fd = fd;
    t->small_left = SMALL_BYTES;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_read_ahead(t->ssl, 1);
    (void)SSL_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* What ended without goodbye is told by tls_was_cut(). */
    (void)SSL_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (is_server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    free(t->unsent);
    free(t);
}

SSL *tls_ssl(const struct tls *t)
{
    return t->ssl;
}

const char *tls_error(const struct tls *t)
{
    return t->error ? t->error : "no error";
}

/* ---- output ---- */

/* Keeps what the socket does not take. */
static int keep(struct tls *t, const char *bytes, size_t len)
{
    size_t old = t->unsent_len - t->unsent_at;
    char *room;

    if (old + len > 2 * TLS_KEPT_MAX || !(room = malloc(old + len))) {
        errno = ENOBUFS;
        return -1;
    }
    if (old > 0)
        memcpy(room, t->unsent + t->unsent_at, old);
    memcpy(room + old, bytes, len);
    free(t->unsent);
    t->unsent = room;
    t->unsent_at = 0;
    t->unsent_len = old + len;
    return 0;
}

/* Gives the records that were just made to the socket.  -1 with errno: it failed. */
static int push(struct tls *t)
{
    struct tls_scratch *s = t->scratch;
    size_t len = s->len;
    ssize_t n = 0;

    s->len = 0;
    if (len == 0)
        return 0;
    if (!t->unsent) {
        do
            n = send(t->fd, s->out, len, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != EAGAIN)
            return -1;
        if (n < 0)
            n = 0;
    }
    return (size_t)n == len ? 0 : keep(t, s->out + n, len - (size_t)n);
}

bool tls_is_blocked(const struct tls *t)
{
    return t->unsent != NULL;
}

int tls_flush(struct tls *t)
{
    while (t->unsent) {
        ssize_t n = send(t->fd, t->unsent + t->unsent_at, t->unsent_len - t->unsent_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        t->unsent_at += (size_t)n;
        if (t->unsent_at == t->unsent_len) {
            free(t->unsent);
            t->unsent = NULL;
            t->unsent_at = t->unsent_len = 0;
        }
    }
    return 0;
}

/* Makes one record. */
static int write_record(struct tls *t, const char *bytes, size_t len)
{
    if (SSL_write(t->ssl, bytes, (int)len) == (int)len)
        return 0;
    t->error = "a TLS record could not be made";
    errno = EPROTO;
    return -1;
}

/* Where a sender is in the pieces that it was given. */
struct source {
    const struct iovec *iov;
    size_t at; /* within the first of them */
    size_t left; /* bytes of all */
};

static void skip(struct source *from, size_t n)
{
    from->left -= n;
    from->at += n;
    while (from->left > 0 && from->at >= from->iov->iov_len) {
        from->at -= from->iov->iov_len;
        from->iov++;
    }
}

/* The next `len` bytes, gathered when they lie in pieces. */
static const char *next_bytes(struct tls *t, struct source *from, size_t len)
{
    char *to = t->scratch->gathered;
    const char *in = (const char *)from->iov->iov_base + from->at;

    if (from->iov->iov_len - from->at >= len) {
        skip(from, len);
        return in;
    }
    for (size_t have = 0; have < len;) {
        size_t n = from->iov->iov_len - from->at;

        if (n > len - have)
            n = len - have;
        memcpy(to + have, (const char *)from->iov->iov_base + from->at, n);
        have += n;
        skip(from, n);
    }
    return to;
}

static size_t record_size(struct tls *t)
{
    int64_t now = *t->scratch->mono_ms;

    if (now - t->sent_ms > SMALL_AGAIN_MS)
        t->small_left = SMALL_BYTES;
    t->sent_ms = now;
    return t->small_left > 0 ? RECORD_SMALL : RECORD_MAX;
}

ssize_t tls_send(struct tls *t, const struct iovec *iov, int count)
{
    struct source from = {.iov = iov};
    size_t turn = 0, total = 0;

    if (t->unsent) {
        errno = EAGAIN;
        return -1;
    }
    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    from.left = total;
    ERR_clear_error();
    while (from.left > 0 && !t->unsent) {
        size_t len = record_size(t);

        if (len > from.left)
            len = from.left;
        if (write_record(t, next_bytes(t, &from, len), len) < 0)
            return -1;
        t->small_left -= t->small_left < len ? t->small_left : len;
        turn += len;
        if (turn >= TURN_BYTES - RECORD_MAX || from.left == 0) {
            turn = 0;
            if (push(t) < 0)
                return -1;
        }
    }
    return (ssize_t)(total - from.left);
}

void tls_goodbye(struct tls *t)
{
    ERR_clear_error();
    if (!SSL_is_init_finished(t->ssl) || t->unsent)
        return;
    (void)SSL_shutdown(t->ssl);
    (void)!push(t);
    ERR_clear_error();
}

/* ---- input ---- */

static const char *why_not(struct tls *t)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verdict = SSL_get_verify_result(t->ssl);

    if (verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    if (reason)
        return reason;
    if (t->error_number)
        return strerror(t->error_number);
    return t->ended ? "the connection was closed" : "TLS failed";
}

enum tls_step tls_handshake(struct tls *t)
{
    int rc, error;

    ERR_clear_error();
    t->drained = false;
    rc = SSL_do_handshake(t->ssl);
    error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ)
        t->error = why_not(t);
    if (push(t) < 0) {
        t->error = "the connection was closed";
        return TLS_FAILED;
    }
    switch (error) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WAIT;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
    case SSL_ERROR_WANT_X509_LOOKUP:
        return TLS_PAUSED;
    default:
        ERR_clear_error();
        return TLS_FAILED;
    }
}

/* Reads a record, or says by `*error` why none is there. */
static size_t read_record(struct tls *t, char *to, size_t room, int *error)
{
    size_t most = room < INT32_MAX ? room : INT32_MAX;
    int rc = SSL_read(t->ssl, to, (int)most);

    *error = rc > 0 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
    return rc > 0 ? (size_t)rc : 0;
}

/* Nothing was read: 0, or -1 with errno. */
static ssize_t nothing_read(struct tls *t, int error)
{
    if (error == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        t->goodbye = !t->ended;
        return 0;
    }
    if (t->ended)
        return 0;
    t->error = why_not(t);
    errno = t->error_number ? t->error_number : EPROTO;
    ERR_clear_error();
    return -1;
}

ssize_t tls_recv(struct tls *t, void *to, size_t room)
{
    size_t have = 0;
    int error = SSL_ERROR_NONE;

    ERR_clear_error();
    t->drained = false;
    while (have < room) {
        have += read_record(t, (char *)to + have, room - have, &error);
        if (error != SSL_ERROR_NONE || (t->drained && !SSL_has_pending(t->ssl)))
            break;
    }
    /* What the protocol itself answers, as to a new key. */
    if (push(t) < 0 && have == 0)
        return -1;
    t->is_full = have == room || (have > 0 && error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ);
    return have > 0 ? (ssize_t)have : nothing_read(t, error);
}

bool tls_was_cut(const struct tls *t)
{
    return t->ended && !t->goodbye;
}

bool tls_has_pending(const struct tls *t)
{
    return t->is_full;
}

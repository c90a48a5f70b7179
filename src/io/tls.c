/* tls.c: see tls.h: the session's life, its handshake, and records to bytes. */
#include "io/tls_session.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

/* A handshake with long chains of certificates in both directions has 20 KB. */
#define HANDSHAKE_BYTES ((size_t)64 * 1024)
/* Read in one call beyond what the caller has room for. */
#define EXTRA_BYTES ((size_t)64 * 1024)
/* Messages of the protocol itself after the handshake (new keys), in a second: each costs more than a record. */
#define MESSAGES_MAX 64

/* OpenSSL goes from one state to the next. */
static void on_state(const SSL *ssl, int where, int rc WEIR_UNUSED)
{
    struct tls_scratch *s;
    struct tls *t;

    if (!(where & SSL_CB_LOOP))
        return;
    s = BIO_get_data(SSL_get_rbio(ssl));
    t = s->current;
    if (*s->mono_ms - t->messages_ms > 1000) {
        t->messages_ms = *s->mono_ms;
        t->messages = 0;
    }
    if (++t->messages > MESSAGES_MAX)
        tls_die(t, "too many messages that are no data");
}

struct tls *tls_new(SSL_CTX *ctx, int fd, bool is_server, struct tls_scratch *scratch)
{
    struct tls *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    list_init(&t->warm);
    t->scratch = scratch;
    t->ssl = SSL_new(ctx);
    if (!t->ssl || BIO_up_ref(scratch->bio) != 1) {
        tls_free(t);
        return NULL;
    }
    t->fd = fd;
    t->small_left = TLS_SMALL_BYTES;
    t->sent_ms = t->messages_ms = *scratch->mono_ms;
    t->may_read = HANDSHAKE_BYTES;
    SSL_set_bio(t->ssl, scratch->bio, scratch->bio);
    SSL_set_read_ahead(t->ssl, 1);
    (void)SSL_clear_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_set_mode(t->ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
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
    tls_cool(t);
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

bool tls_was_alerted(const struct tls *t)
{
    return t->alerted;
}

bool tls_is_plain_http(const struct tls *t)
{
    return t->is_plain;
}

static enum tls_step handshake_failed(struct tls *t, const char *why)
{
    if (!t->error)
        t->error = t->yielded ? "the handshake is too long" : why;
    ERR_clear_error();
    return TLS_FAILED;
}

enum tls_step tls_handshake(struct tls *t)
{
    const char *why = NULL;
    int rc, error;

    tls_enter(t);
    t->drained = t->fed = false;
    rc = SSL_do_handshake(t->ssl);
    error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
    if (error == SSL_ERROR_WANT_READ && t->fed && !t->yielded) {
        t->drained = false;
        rc = SSL_do_handshake(t->ssl);
        error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
    }
    if (error != SSL_ERROR_NONE)
        why = tls_why(t);
    if (!t->is_plain && tls_push(t, NULL, 0) < 0)
        return handshake_failed(t, why ? why : "the other side closed the connection");
    switch (error) {
    case SSL_ERROR_NONE:
        SSL_set_info_callback(t->ssl, on_state);
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return t->yielded ? handshake_failed(t, why) : TLS_WAIT;
    default:
        return handshake_failed(t, why);
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

/* Until `to` is full or no more is there. */
static size_t read_records(struct tls *t, char *to, size_t room, int *error)
{
    size_t have = 0;

    while (have < room) {
        have += read_record(t, to + have, room - have, error);
        if (*error != SSL_ERROR_NONE || (t->drained && !SSL_has_pending(t->ssl)))
            break;
    }
    return have;
}

static ssize_t failed(struct tls *t, const char *why)
{
    if (!t->error)
        t->error = why;
    errno = t->error_number ? t->error_number : EPROTO;
    ERR_clear_error();
    return -1;
}

/* Nothing was read: 0, or -1 with errno. */
static ssize_t nothing_read(struct tls *t, int error)
{
    if (t->dead)
        return failed(t, NULL);
    if (error == SSL_ERROR_WANT_READ && t->yielded)
        return failed(t, "too many messages that are no data");
    if (error == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    t->goodbye = t->goodbye || error == SSL_ERROR_ZERO_RETURN;
    return t->goodbye || t->ended ? 0 : failed(t, tls_why(t));
}

ssize_t tls_recv(struct tls *t, void *to, size_t room)
{
    size_t have;
    int error = SSL_ERROR_NONE;

    tls_enter(t);
    t->drained = t->yielded = t->fed = false;
    t->may_read = room + EXTRA_BYTES;
    have = read_records(t, to, room, &error);
    if (have == 0 && error == SSL_ERROR_WANT_READ && t->fed && !t->yielded) {
        t->drained = false;
        have = read_records(t, to, room, &error);
    }
    /* What the protocol itself answers, as to a new key. */
    if (tls_push(t, NULL, 0) < 0 && have == 0)
        return -1;
    t->is_full = have == room || (have > 0 && (t->yielded || (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ)));
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

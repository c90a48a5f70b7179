/* tls_send.c: bytes to records; see tls.h. */
#include "io/tls_session.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

/* While the path is not known yet a record is about a packet, so that the other side can use it as it comes. */
#define RECORD_SMALL ((size_t)1300)
/* Again after it was silent for so long: the path is not known any more. */
#define SMALL_AGAIN_MS 1000
/* In the clear, between two writes to the socket; with the records' own bytes it stays below TLS_KEPT_MAX. */
#define TURN_BYTES ((size_t)64 * 1024)

/* Makes one record. */
static int write_record(struct tls *t, const char *bytes, size_t len)
{
    if (SSL_write(t->ssl, bytes, (int)len) == (int)len)
        return 0;
    if (!t->error)
        t->error = t->error_number ? strerror(t->error_number) : "a TLS record could not be made";
    errno = t->error_number ? t->error_number : EPROTO;
    ERR_clear_error();
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

static size_t record_most(const struct tls *t)
{
    return t->small_left > 0 ? RECORD_SMALL : TLS_RECORD_MAX;
}

static size_t records(size_t bytes, size_t most)
{
    return (bytes + most - 1) / most;
}

/* How much goes into the next record: a piece is not cut when that costs no record more, as it is not copied then. */
static size_t record_size(const struct source *from, size_t most)
{
    size_t here = from->iov->iov_len - from->at;

    if (from->left <= most)
        return from->left;
    if (here < most && 1 + records(from->left - here, most) == records(from->left, most))
        return here;
    return most;
}

/* Makes the records of one write, and gives them to the socket. */
static int send_turn(struct tls *t, struct source *from)
{
    for (size_t turn = 0; from->left > 0;) {
        size_t len = record_size(from, record_most(t));

        turn += len;
        t->small_left -= t->small_left < len ? t->small_left : len;
        t->scratch->is_last = len == from->left || turn + record_most(t) > TURN_BYTES;
        if (write_record(t, next_bytes(t, from, len), len) < 0)
            return -1;
        if (t->scratch->is_last)
            return 0;
    }
    return 0;
}

static void note_time(struct tls *t)
{
    int64_t now = *t->scratch->mono_ms;

    if (now - t->sent_ms > SMALL_AGAIN_MS)
        t->small_left = TLS_SMALL_BYTES;
    t->sent_ms = now;
}

ssize_t tls_send(struct tls *t, const struct iovec *iov, int count)
{
    struct source from = {.iov = iov};
    size_t total = 0;

    if (tls_flush(t) < 0)
        return -1;
    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    from.left = total;
    /* Empty pieces in front. */
    skip(&from, 0);
    note_time(t);
    tls_enter(t);
    while (from.left > 0 && !t->unsent) {
        if (send_turn(t, &from) < 0)
            return -1;
    }
    return (ssize_t)(total - from.left);
}

void tls_goodbye(struct tls *t)
{
    if (!SSL_is_init_finished(t->ssl) || t->dead || t->error || tls_flush(t) < 0)
        return;
    tls_enter(t);
    t->scratch->is_last = true;
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

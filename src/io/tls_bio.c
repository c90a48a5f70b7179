/* tls_bio.c: the socket as OpenSSL sees it; see tls_session.h. */
#include "io/tls_session.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void tls_die(struct tls *t, const char *error)
{
    t->dead = true;
    t->error = error;
}

/* A request line, as far as it is here: a method and a space. */
static bool is_http(const char *bytes, size_t len)
{
    size_t n = 0;

    while (n < len && bytes[n] >= 'A' && bytes[n] <= 'Z')
        n++;
    return n > 0 && (n == len || bytes[n] == ' ');
}

/* What a server's session begins with: a record of TLS begins with a byte that no letter is. */
static void look_at_first(struct tls *t, const char *bytes, size_t len)
{
    t->begun = true;
    if (!SSL_is_server(t->ssl) || !is_http(bytes, len))
        return;
    t->is_plain = true;
    tls_die(t, "an HTTP request in the clear where TLS is spoken");
}

static int bio_read(BIO *bio, char *to, int room)
{
    struct tls_scratch *s = BIO_get_data(bio);
    struct tls *t = s->current;
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (t->dead)
        return -1;
    t->yielded = t->may_read == 0;
    if (t->drained || t->yielded) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do
        n = recv(t->fd, to, (size_t)room, 0);
    while (n < 0 && errno == EINTR);
    t->drained = n != room;
    t->fed = t->fed || n > 0;
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    else if (n < 0)
        t->error_number = errno;
    else if (n == 0)
        t->ended = true;
    else
        t->may_read -= (size_t)n < t->may_read ? (size_t)n : t->may_read;
    if (n > 0 && !t->begun)
        look_at_first(t, to, (size_t)n);
    return t->dead ? -1 : (int)n;
}

static int bio_write(BIO *bio, const char *from, int len)
{
    struct tls_scratch *s = BIO_get_data(bio);
    struct tls *t = s->current;

    BIO_clear_retry_flags(bio);
    if (t->dead)
        return -1;
    if (s->is_last)
        return tls_push(t, from, (size_t)len) < 0 ? -1 : len;
    if ((size_t)len > sizeof(s->out) - s->len && tls_push(t, NULL, 0) < 0)
        return -1;
    if ((size_t)len > sizeof(s->out))
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
    list_init(&s->warm);
    s->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "weir");
    if (s->method && BIO_meth_set_read(s->method, bio_read) == 1 &&
        BIO_meth_set_write(s->method, bio_write) == 1 && BIO_meth_set_ctrl(s->method, bio_ctrl) == 1)
        s->bio = BIO_new(s->method);
    if (!s->bio) {
        tls_scratch_free(s);
        return NULL;
    }
    BIO_set_data(s->bio, s);
    BIO_set_init(s->bio, 1);
    return s;
}

void tls_scratch_free(struct tls_scratch *s)
{
    if (!s)
        return;
    BIO_free(s->bio);
    BIO_meth_free(s->method);
    free(s);
}

void tls_cool(struct tls *t)
{
    if (list_empty(&t->warm))
        return;
    list_remove(&t->warm);
    t->scratch->warm_count--;
}

/* Those that are in use get buffers, and the one that was not for the longest time gives its back. */
static void warm_up(struct tls_scratch *s, struct tls *t)
{
    if (s->warm.next == &t->warm)
        return;
    tls_cool(t);
    list_prepend(&s->warm, &t->warm);
    if (++s->warm_count > TLS_WARM_MAX) {
        struct tls *last = container_of(s->warm.prev, struct tls, warm);

        tls_cool(last);
        /* It keeps them if there is something in them. */
        (void)SSL_free_buffers(last->ssl);
    }
}

void tls_enter(struct tls *t)
{
    struct tls_scratch *s = t->scratch;

    /* Clearing is dear, and seldom needed. */
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    s->current = t;
    warm_up(s, t);
    /* What another session could not finish is not this one's. */
    s->len = 0;
    s->is_last = false;
}

/* Keeps what the socket did not take of two pieces, the first `sent` bytes of which it took. */
static int keep(struct tls *t, const struct iovec piece[2], size_t sent)
{
    size_t old = t->unsent_len - t->unsent_at, len = old + piece[0].iov_len + piece[1].iov_len - sent;
    char *room = len <= 2 * TLS_KEPT_MAX ? malloc(len) : NULL;
    size_t at = old;

    if (!room) {
        tls_die(t, "records wait that the other side does not take");
        errno = ENOBUFS;
        return -1;
    }
    if (old > 0)
        memcpy(room, t->unsent + t->unsent_at, old);
    for (int i = 0; i < 2; i++) {
        size_t skip = sent < piece[i].iov_len ? sent : piece[i].iov_len;
        size_t n = piece[i].iov_len - skip;

        if (n > 0)
            memcpy(room + at, (const char *)piece[i].iov_base + skip, n);
        at += n;
        sent -= skip;
    }
    free(t->unsent);
    t->unsent = room;
    t->unsent_at = 0;
    t->unsent_len = len;
    return 0;
}

/* As sendmsg() of both; one that is empty costs nothing. */
static ssize_t send_pieces(int fd, struct iovec piece[2])
{
    struct msghdr message = {.msg_iov = piece, .msg_iovlen = 2};
    int only = piece[0].iov_len == 0 ? 1 : 0;
    ssize_t n;

    do {
        if (piece[1 - only].iov_len == 0)
            n = send(fd, piece[only].iov_base, piece[only].iov_len, MSG_NOSIGNAL);
        else
            n = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

int tls_push(struct tls *t, const char *tail, size_t tail_len)
{
    struct tls_scratch *s = t->scratch;
    struct iovec piece[2] = {{s->out, s->len}, {(void *)(uintptr_t)tail, tail_len}};
    size_t len = s->len + tail_len;
    ssize_t n = 0;

    s->len = 0;
    if (len == 0)
        return 0;
    if (!t->unsent) {
        n = send_pieces(t->fd, piece);
        if (n < 0 && errno != EAGAIN) {
            t->error_number = errno;
            return -1;
        }
    }
    n = n > 0 ? n : 0;
    return (size_t)n == len ? 0 : keep(t, piece, (size_t)n);
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

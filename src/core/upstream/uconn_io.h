/*
 * uconn_io.h: bytes to and from a server, in the clear or by TLS: what speaks on a connection uses these instead of
 * the socket.  Plain connections cost one look at a pointer.  With TLS, bytes count as sent when records of them were
 * made: some may wait in the session (uconn_is_blocked()), and nothing is done before the kernel has them.
 */
#ifndef WEIR_CORE_UPSTREAM_UCONN_IO_H
#define WEIR_CORE_UPSTREAM_UCONN_IO_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/upstream/uconn.h"
#include "io/tls.h"

/* As recv() without flags; never EINTR. */
static inline ssize_t uconn_recv(struct uconn *u, void *to, size_t room)
{
    ssize_t n;

    if (u->tls)
        return tls_recv(u->tls, to, room);
    do
        n = recv(u->fd, to, room, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

/* As send(), never EINTR; `more`: other bytes follow in the same turn. */
static inline ssize_t uconn_send(struct uconn *u, const struct iovec *iov, size_t count, bool more)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
    ssize_t n;

    if (u->tls)
        return tls_send(u->tls, iov, (int)count);
    do
        n = count == 1 ? send(u->fd, iov[0].iov_base, iov[0].iov_len, flags) : sendmsg(u->fd, &message, flags);
    while (n < 0 && errno == EINTR);
    return n;
}

/* The same of one piece. */
static inline ssize_t uconn_send_bytes(struct uconn *u, const char *bytes, size_t len, bool more)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};

    return uconn_send(u, &iov, 1, more);
}

/* What was sent already still waits for the socket: nothing more is taken before uconn_flush(). */
static inline bool uconn_is_blocked(const struct uconn *u)
{
    return u->tls && tls_is_blocked(u->tls);
}

/* 0: nothing waits (any more); -1 with errno, EAGAIN when the socket must be waited for. */
static inline int uconn_flush(struct uconn *u)
{
    return uconn_is_blocked(u) ? tls_flush(u->tls) : 0;
}

/* Bytes are here that no event will tell of. */
static inline bool uconn_has_pending(const struct uconn *u)
{
    return u->tls && tls_has_pending(u->tls);
}

/* After uconn_recv() gave 0: the server may have meant to send more, for it did not say goodbye. */
static inline bool uconn_was_cut(const struct uconn *u)
{
    return u->tls && tls_was_cut(u->tls);
}

/* Whether bytes may go past the process, from socket to socket. */
static inline bool uconn_may_splice(const struct uconn *u)
{
    return !u->tls;
}

/* No more will be sent; the server may go on. */
static inline void uconn_half_close(struct uconn *u)
{
    if (u->tls)
        tls_goodbye(u->tls);
    else
        (void)shutdown(u->fd, SHUT_WR);
}

#endif

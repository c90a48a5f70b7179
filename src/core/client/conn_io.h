/*
 * conn_io.h: bytes to and from a client, in the clear or by TLS: what the protocols on a connection use instead of
 * the socket.  Plain connections cost one look at a pointer.
 */
#ifndef WEIR_CORE_CLIENT_CONN_IO_H
#define WEIR_CORE_CLIENT_CONN_IO_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "core/client/conn.h"
#include "io/tls.h"

/* As recv() without flags. */
static inline ssize_t conn_recv(struct conn *c, void *to, size_t room)
{
    return c->tls ? tls_recv(c->tls, to, room) : recv(conn_fd(c), to, room, 0);
}

/* As send(); `more`: other bytes follow in the same turn. */
static inline ssize_t conn_send(struct conn *c, const struct iovec *iov, int count, bool more)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count};

    if (c->tls)
        return tls_send(c->tls, iov, count);
    return count == 1 ? send(conn_fd(c), iov[0].iov_base, iov[0].iov_len, flags)
                      : sendmsg(conn_fd(c), &message, flags);
}

/*
 * Sends bytes of a file from *offset on, which is moved; at most about `most`.  As sendfile(): 0 is the file's
 * end.
 */
ssize_t conn_send_file(struct conn *, int fd, off_t *offset, size_t most);

/* After conn_recv() or conn_send() failed with anything but EAGAIN: why, static or as long as the connection. */
const char *conn_failure(const struct conn *);

/* What was sent already still waits for the socket: nothing more is taken before conn_flush(). */
static inline bool conn_is_blocked(const struct conn *c)
{
    return c->tls && tls_is_blocked(c->tls);
}

/* 0: nothing waits (any more); -1 with errno, EAGAIN when the socket must be waited for. */
static inline int conn_flush(struct conn *c)
{
    return conn_is_blocked(c) ? tls_flush(c->tls) : 0;
}

/* No more will be sent; what comes is still read. */
void conn_half_close(struct conn *);

/* Bytes are here that no event will tell of. */
static inline bool conn_has_pending(const struct conn *c)
{
    return c->tls && tls_has_pending(c->tls);
}

#endif

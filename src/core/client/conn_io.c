/* conn_io.c: see conn_io.h. */
#include "core/client/conn_io.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* By way of the worker's buffer: nobody has bytes in it while a file is sent. */
static ssize_t send_file_copied(struct conn *c, int fd, off_t *offset, size_t most)
{
    struct worker *w = c->worker;
    struct iovec iov = {.iov_base = w->write, .iov_len = most < WORKER_BUFFER_BYTES ? most : WORKER_BUFFER_BYTES};
    ssize_t n;

    if (conn_is_blocked(c)) {
        errno = EAGAIN;
        return -1;
    }
    n = pread(fd, iov.iov_base, iov.iov_len, *offset);
    if (n <= 0)
        return n;
    iov.iov_len = (size_t)n;
    n = tls_send(c->tls, &iov, 1);
    if (n > 0)
        *offset += n;
    return n;
}

const char *conn_failure(const struct conn *c)
{
    return c->tls && errno == EPROTO ? tls_error(c->tls) : "client reset the connection";
}

ssize_t conn_send_file(struct conn *c, int fd, off_t *offset, size_t most)
{
    return c->tls ? send_file_copied(c, fd, offset, most) : sendfile(conn_fd(c), fd, offset, most);
}

void conn_half_close(struct conn *c)
{
    if (c->tls)
        tls_goodbye(c->tls);
    (void)shutdown(conn_fd(c), SHUT_WR);
}

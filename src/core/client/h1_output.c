/* h1_output.c: see h1_output.h. */
#include "core/client/h1_output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Bytes of a file given to the kernel in one call. */
#define FILE_SEND_BYTES (2 * 1024 * 1024)
/* A client that reads as fast as we send lets others have a turn after so much. */
#define FILE_TURN_BYTES (8 * 1024 * 1024)
#define FILE_TURN_BYTES_TLS (1024 * 1024)

void h1_output_add(struct h1_pieces *p, struct str s)
{
    if (s.len == 0)
        return;
    p->iov[p->count++] = (struct iovec){(void *)(uintptr_t)s.s, s.len};
    p->bytes += s.len;
}

void h1_output_break(struct h1_exchange *ex, const char *reason)
{
    ex->broken = true;
    ex->broken_reason = reason;
    h1_drive_later(ex);
}

void h1_output_wait(struct h1_exchange *ex)
{
    if (conn_register(ex->conn) < 0)
        h1_output_break(ex, "epoll refused the connection");
}

/* Goes on with the output in the next turn although the socket would take more now. */
static void let_others(struct h1_exchange *ex)
{
    ex->yielded = true;
    conn_go_on_next_turn(ex->conn);
}

/* Appends what the kernel did not take, from byte `sent` on. */
static int keep_rest(struct h1_pending *out, const struct h1_pieces *p, size_t sent)
{
    size_t rest = p->bytes - sent;

    /* Taken, but it waits in TLS. */
    if (rest == 0)
        return 0;
    if (out->room - out->len < rest) {
        char *grown;

        if (out->at > 0) {
            memmove(out->bytes, out->bytes + out->at, out->len - out->at);
            out->len -= out->at;
            out->at = 0;
        }
        grown = realloc(out->bytes, out->len + rest);
        if (!grown)
            return -1;
        out->bytes = grown;
        out->room = out->len + rest;
    }
    for (int i = 0; i < p->count; i++) {
        size_t skip = sent < p->iov[i].iov_len ? sent : p->iov[i].iov_len;

        memcpy(out->bytes + out->len, (const char *)p->iov[i].iov_base + skip, p->iov[i].iov_len - skip);
        out->len += p->iov[i].iov_len - skip;
        sent -= skip;
    }
    return 0;
}

bool h1_output_send(struct h1_exchange *ex, struct h1_pieces *p, bool more)
{
    ssize_t n = 0;

    if (p->bytes == 0)
        return !h1_output_is_pending(ex);
    if (ex->broken)
        return false;
    if (!h1_output_is_pending(ex)) {
        n = conn_send(ex->conn, p->iov, p->count, more);
        if (n == (ssize_t)p->bytes && !conn_is_blocked(ex->conn))
            return true;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            h1_output_break(ex, errno == ECONNRESET || errno == EPIPE ? "client is gone" : "sending to the client failed");
            return false;
        }
    }
    if (keep_rest(&ex->pending, p, n > 0 ? (size_t)n : 0) < 0) {
        h1_output_break(ex, "no memory for an answer");
        return false;
    }
    if (n < 0 && errno == EINTR)
        let_others(ex);
    h1_output_wait(ex);
    return false;
}

/* The client takes bytes: its time to do so counts anew. */
static void note_progress(struct h1_exchange *ex)
{
    deadline_renew(&ex->conn->deadline, ex->request.worker->loop->clock.mono_ms);
}

/* What the connection itself still has to send. */
static bool flush_conn(struct h1_exchange *ex)
{
    if (!conn_is_blocked(ex->conn))
        return true;
    if (conn_flush(ex->conn) == 0) {
        note_progress(ex);
        return true;
    }
    if (errno != EAGAIN && errno != EINTR)
        h1_output_break(ex, "client is gone");
    return false;
}

static bool flush_bytes(struct h1_exchange *ex)
{
    struct h1_pending *out = &ex->pending;

    while (out->at < out->len) {
        struct iovec iov = {.iov_base = out->bytes + out->at, .iov_len = out->len - out->at};
        ssize_t n = conn_send(ex->conn, &iov, 1, false);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                h1_output_break(ex, "client is gone");
            return false;
        }
        out->at += (size_t)n;
        note_progress(ex);
    }
    free(out->bytes);
    out->bytes = NULL;
    out->at = out->len = out->room = 0;
    return true;
}

static bool flush_file(struct h1_exchange *ex)
{
    struct h1_pending *out = &ex->pending;
    uint64_t turn = ex->conn->tls ? FILE_TURN_BYTES_TLS : FILE_TURN_BYTES;

    for (uint64_t sent = 0; out->left > 0;) {
        size_t most = out->left < FILE_SEND_BYTES ? (size_t)out->left : FILE_SEND_BYTES;
        ssize_t n = conn_send_file(ex->conn, out->fd, &out->offset, most);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0) {
            h1_output_break(ex, n == 0 ? "the file became shorter while it was sent" : "client is gone");
            return false;
        }
        out->left -= (uint64_t)n;
        ex->request.bytes_sent += (uint64_t)n;
        note_progress(ex);
        sent += (uint64_t)n;
        if (sent >= turn && out->left > 0) {
            let_others(ex);
            return false;
        }
    }
    out->fd = -1;
    return true;
}

bool h1_output_flush(struct h1_exchange *ex)
{
    if (ex->broken || !flush_conn(ex))
        return false;
    if (ex->pending.len > 0 && !flush_bytes(ex))
        return false;
    if (ex->pending.fd >= 0 && !flush_file(ex))
        return false;
    if (conn_is_blocked(ex->conn))
        return false;
    if (ex->shut) {
        ex->shut = false;
        conn_half_close(ex->conn);
    }
    return true;
}

void h1_output_reset(struct h1_exchange *ex)
{
    free(ex->pending.bytes);
    ex->pending.bytes = NULL;
    ex->pending.len = 0;
    ex->pending.fd = -1;
    if (ex->pipe)
        splice_pipe_give(ex->conn->worker->pipes, ex->pipe);
    if (ex->in_pipe)
        splice_pipe_give(ex->conn->worker->pipes, ex->in_pipe);
    ex->pipe = ex->in_pipe = NULL;
}

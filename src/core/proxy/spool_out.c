/* spool_out.c: see spool_out.h. */
#include "core/proxy/spool_out.h"

#include "core/upstream/uconn_io.h"
#include "core/worker.h"

/* Encrypting takes time: others have their turn after so much. */
#define TURN_BYTES ((uint64_t)1024 * 1024)

static enum spool_sent out_copied(struct spool *spool, struct uconn *u, uint64_t most)
{
    uint64_t turn = 0;

    if (uconn_is_blocked(u))
        return SPOOL_BLOCKED;
    while (most > 0 && turn < TURN_BYTES) {
        size_t room = most < WORKER_BUFFER_BYTES ? (size_t)most : WORKER_BUFFER_BYTES;
        struct str piece;
        ssize_t n;

        if (spool_peek(spool, u->worker->write, room, &piece) < 0)
            return SPOOL_DISK_FAILED;
        if (piece.len == 0)
            return SPOOL_EMPTY;
        n = uconn_send_bytes(u, piece.s, piece.len, false);
        if (n < 0)
            return errno == EAGAIN ? SPOOL_BLOCKED : SPOOL_FAILED;
        spool_skip(spool, (uint64_t)n);
        turn += (uint64_t)n;
        most -= (uint64_t)n;
        if (uconn_is_blocked(u))
            return SPOOL_BLOCKED;
    }
    if (most == 0 || spool_length(spool) == 0)
        return SPOOL_EMPTY;
    u->writable = true;
    uconn_again(u);
    return SPOOL_BLOCKED;
}

enum spool_sent spool_out(struct spool *spool, struct uconn *u, uint64_t most)
{
    return u->tls ? out_copied(spool, u, most) : spool_send(spool, u->fd, most);
}

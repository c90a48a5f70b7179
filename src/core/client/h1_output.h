/*
 * h1_output.h: bytes on their way to an HTTP/1 client: sent at once where the kernel takes them, else kept until it
 * does.  What is kept is at most what one call was given: the producer stops meanwhile.
 */
#ifndef WEIR_CORE_CLIENT_H1_OUTPUT_H
#define WEIR_CORE_CLIENT_H1_OUTPUT_H

#include <sys/uio.h>

#include "core/client/conn_io.h"
#include "core/client/h1_exchange.h"

/* head, size line, body, end of chunk, last chunk */
#define H1_PIECES_MAX 5

/* What goes out in one write. */
struct h1_pieces {
    struct iovec iov[H1_PIECES_MAX];
    int count;
    size_t bytes;
};

/* Puts `s` behind the others; empty ones are left out. */
void h1_output_add(struct h1_pieces *, struct str s);

/*
 * Sends the pieces, or keeps them behind what waits already.  True: all of it is with the kernel.  `more`: other bytes
 * follow in the same turn, the kernel may wait for them.
 */
bool h1_output_send(struct h1_exchange *, struct h1_pieces *, bool more);

/* Sends what is pending; true when nothing is left.  False: blocked, or the exchange is broken. */
bool h1_output_flush(struct h1_exchange *);

static inline bool h1_output_is_pending(const struct h1_exchange *ex)
{
    return ex->pending.len > 0 || ex->pending.fd >= 0 || conn_is_blocked(ex->conn);
}

/* The client cannot be written to any more; the connection ends when the handler is off the stack. */
void h1_output_break(struct h1_exchange *, const char *reason);

/* Sees to it that the socket's becoming writable is noticed. */
void h1_output_wait(struct h1_exchange *);

/* Frees what the output holds. */
void h1_output_reset(struct h1_exchange *);

#endif

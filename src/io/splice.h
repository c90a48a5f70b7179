/*
 * splice.h: bytes from one socket to another without copying them, through a pipe.  A pipe counts buffers,
 * not bytes: many short segments fill it early, and splice() then says EAGAIN although the socket still has
 * data.  So EAGAIN is taken for an empty socket only when the pipe was empty before the call; otherwise the
 * pipe is drained and the socket tried again, or edge-triggered events would never tell.
 * Pipes are kept by a worker in a LIFO; one that still holds bytes is closed, never used again.
 */
#ifndef WEIR_IO_SPLICE_H
#define WEIR_IO_SPLICE_H

#include <stdint.h>

#include "base/pool.h"

/* Pipes are asked to hold this much, and are not used when they hold less than the minimum. */
#define SPLICE_PIPE_BYTES (1024 * 1024)
#define SPLICE_PIPE_MIN (64 * 1024)

struct splice_pipes;

struct splice_pipe {
    int read_fd, write_fd; /* -1: not open */
    uint64_t held; /* bytes in it */
    size_t room; /* what it holds when its buffers are full */
    struct splice_pipe *next;
};

enum splice_move_result {
    SPLICE_MOVE_MORE_IN, /* the source is empty for now, the pipe too */
    SPLICE_MOVE_BLOCKED_OUT, /* the sink takes no more; the pipe may hold bytes, the source may be readable */
    SPLICE_MOVE_DONE, /* *left is 0 and the pipe empty */
    SPLICE_MOVE_IN_ENDED, /* the source ended early; all that came was delivered */
    SPLICE_MOVE_IN_FAILED, /* the source failed, errno says how; all that came was delivered */
    SPLICE_MOVE_OUT_FAILED /* the sink failed, errno says how */
};

/* At most `max` pipes at a time; 0: none ever.  Lives in `pool`, which closes the pipes when it ends. */
struct splice_pipes *splice_pipes_new(struct pool *pool, unsigned max);

/* An empty pipe, or NULL: all are in use, or the system gives none of a useful size. */
struct splice_pipe *splice_pipe_take(struct splice_pipes *);

/* Gives a pipe back, whatever it holds.  NULL is allowed. */
void splice_pipe_give(struct splice_pipes *, struct splice_pipe *);

/*
 * Moves up to *left bytes from socket `from` to socket `to`, both non-blocking; *left counts what has not
 * reached `to`, so that it includes pipe->held.  Ends only for one of the reasons above.
 */
enum splice_move_result splice_move(struct splice_pipe *, int from, int to, uint64_t *left);

#endif

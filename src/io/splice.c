/* splice.c: pipes for splice(2), and the loop that keeps a pipe from hiding data. */
#include "io/splice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

struct splice_pipes {
    struct splice_pipe *all; /* `max` of them */
    struct splice_pipe *idle; /* open and empty, newest first */
    struct splice_pipe *closed;
    unsigned max;
    bool refused; /* the system's pipes are too small: not asked again */
};

static void pipe_close(struct splice_pipe *p)
{
    if (p->read_fd < 0)
        return;
    close(p->read_fd);
    close(p->write_fd);
    p->read_fd = p->write_fd = -1;
    p->held = 0;
}

static void pipes_close(void *arg)
{
    struct splice_pipes *pipes = arg;

    for (unsigned i = 0; i < pipes->max; i++)
        pipe_close(&pipes->all[i]);
}

struct splice_pipes *splice_pipes_new(struct pool *pool, unsigned max)
{
    struct splice_pipes *pipes = pool_zalloc(pool, sizeof(*pipes));

    pipes->max = max;
    pipes->all = pool_zalloc(pool, sizeof(*pipes->all) * (max ? max : 1));
    for (unsigned i = 0; i < max; i++) {
        pipes->all[i] = (struct splice_pipe){.read_fd = -1, .write_fd = -1, .next = pipes->closed};
        pipes->closed = &pipes->all[i];
    }
    pool_on_free(pool, pipes_close, pipes);
    return pipes;
}

/* The largest size the system grants: unprivileged users have a common budget for pipes. */
static int pipe_room(int fd)
{
    int room = fcntl(fd, F_SETPIPE_SZ, SPLICE_PIPE_BYTES);

    return room >= 0 ? room : fcntl(fd, F_GETPIPE_SZ);
}

static bool pipe_open(struct splice_pipe *p)
{
    int fds[2];
    int room;

    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
        return false;
    room = pipe_room(fds[1]);
    if (room < SPLICE_PIPE_MIN) {
        close(fds[0]);
        close(fds[1]);
        return false;
    }
    p->read_fd = fds[0];
    p->write_fd = fds[1];
    p->room = (size_t)room;
    p->held = 0;
    return true;
}

struct splice_pipe *splice_pipe_take(struct splice_pipes *pipes)
{
    struct splice_pipe *p = pipes->idle;

    if (p) {
        pipes->idle = p->next;
        return p;
    }
    p = pipes->closed;
    if (!p || pipes->refused)
        return NULL;
    if (!pipe_open(p)) {
        pipes->refused = true;
        return NULL;
    }
    pipes->closed = p->next;
    return p;
}

void splice_pipe_give(struct splice_pipes *pipes, struct splice_pipe *p)
{
    if (!p)
        return;
    if (p->held == 0) {
        p->next = pipes->idle;
        pipes->idle = p;
        return;
    }
    pipe_close(p);
    pipes->refused = false;
    p->next = pipes->closed;
    pipes->closed = p;
}

static ssize_t splice_some(int from, int to, uint64_t n)
{
    ssize_t moved;

    do
        moved = splice(from, NULL, to, NULL, (size_t)n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (moved < 0 && errno == EINTR);
    return moved;
}

enum fill { FILL_MORE, FILL_EMPTY, FILL_ENDED, FILL_FAILED };

/* One splice from the source; *error keeps its errno over the draining that follows. */
static enum fill splice_fill(struct splice_pipe *p, int from, uint64_t left, int *error)
{
    uint64_t want = left - p->held < p->room ? left - p->held : p->room;
    bool was_empty = p->held == 0;
    ssize_t moved;

    if (want == 0)
        return FILL_MORE;
    moved = splice_some(from, p->write_fd, want);
    if (moved > 0) {
        p->held += (uint64_t)moved;
        return FILL_MORE;
    }
    if (moved == 0)
        return FILL_ENDED;
    if (errno == EAGAIN)
        return was_empty ? FILL_EMPTY : FILL_MORE;
    *error = errno;
    return FILL_FAILED;
}

/* True when the pipe is empty; else errno is why. */
static bool splice_drain(struct splice_pipe *p, int to, uint64_t *left)
{
    while (p->held > 0) {
        ssize_t moved = splice_some(p->read_fd, to, p->held);

        if (moved == 0)
            errno = EPIPE;
        if (moved <= 0)
            return false;
        p->held -= (uint64_t)moved;
        *left -= (uint64_t)moved;
    }
    return true;
}

enum splice_move_result splice_move(struct splice_pipe *p, int from, int to, uint64_t *left)
{
    for (;;) {
        int error = 0;
        enum fill fill = *left > 0 ? splice_fill(p, from, *left, &error) : FILL_MORE;

        if (!splice_drain(p, to, left))
            return errno == EAGAIN ? SPLICE_MOVE_BLOCKED_OUT : SPLICE_MOVE_OUT_FAILED;
        if (*left == 0)
            return SPLICE_MOVE_DONE;
        if (fill == FILL_EMPTY)
            return SPLICE_MOVE_MORE_IN;
        if (fill == FILL_ENDED)
            return SPLICE_MOVE_IN_ENDED;
        if (fill == FILL_FAILED) {
            errno = error;
            return SPLICE_MOVE_IN_FAILED;
        }
    }
}

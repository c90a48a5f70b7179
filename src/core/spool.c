/* spool.c: see spool.h. */
#include "core/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES (32 * 1024)
#define SENDFILE_MAX (1024 * 1024)

struct block {
    struct block *next;
    size_t from, to; /* what of `bytes` is held */
    char bytes[BLOCK_BYTES];
};

struct spool {
    struct block *first, *last;
    struct str dir;
    uint64_t memory; /* allowed */
    uint64_t held; /* in memory */
    off_t from, to; /* what of the file is held */
    int fd; /* -1: no file */
    bool disk;
};

static void spool_free(void *arg)
{
    struct spool *spool = arg;

    while (spool->first) {
        struct block *next = spool->first->next;

        free(spool->first);
        spool->first = next;
    }
    if (spool->fd >= 0)
        close(spool->fd);
}

struct spool *spool_new(struct pool *pool, uint64_t memory, struct str dir)
{
    struct spool *spool = pool_zalloc(pool, sizeof(*spool));

    spool->memory = memory;
    spool->dir = pool_str(pool, dir.len > 0 ? dir : STR("/tmp"));
    spool->fd = -1;
    pool_on_free(pool, spool_free, spool);
    return spool;
}

void spool_use_disk(struct spool *spool)
{
    spool->disk = true;
}

bool spool_uses_disk(const struct spool *spool)
{
    return spool->disk;
}

bool spool_is_full(const struct spool *spool)
{
    return spool->held >= spool->memory;
}

uint64_t spool_length(const struct spool *spool)
{
    return spool->held + (uint64_t)(spool->to - spool->from);
}

static int spool_open(const struct spool *spool)
{
    int fd = open(spool->dir.s, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && errno != ENOSPC && errno != EDQUOT && !str_eq(spool->dir, STR("/tmp")))
        fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd;
}

static int append_file(struct spool *spool, struct str bytes)
{
    if (spool->fd < 0)
        spool->fd = spool_open(spool);
    if (spool->fd < 0)
        return -1;
    while (bytes.len > 0) {
        ssize_t n = pwrite(spool->fd, bytes.s, bytes.len, spool->to);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return -1;
        spool->to += n;
        bytes = (struct str){bytes.s + n, bytes.len - (size_t)n};
    }
    return 0;
}

static struct block *block_for_more(struct spool *spool)
{
    struct block *block = spool->last;

    if (spool->first && block->to < BLOCK_BYTES)
        return block;
    block = malloc(sizeof(*block));
    if (!block)
        abort();
    block->next = NULL;
    block->from = block->to = 0;
    if (spool->first)
        spool->last->next = block;
    else
        spool->first = block;
    spool->last = block;
    return block;
}

static void append_memory(struct spool *spool, struct str bytes)
{
    while (bytes.len > 0) {
        struct block *block = block_for_more(spool);
        size_t n = BLOCK_BYTES - block->to < bytes.len ? BLOCK_BYTES - block->to : bytes.len;

        memcpy(block->bytes + block->to, bytes.s, n);
        block->to += n;
        spool->held += n;
        bytes = (struct str){bytes.s + n, bytes.len - n};
    }
}

int spool_append(struct spool *spool, struct str bytes)
{
    /* What the file holds comes later than all in memory, so it must go on in the file. */
    if (spool->to > spool->from || (spool->disk && spool->held + bytes.len > spool->memory))
        return append_file(spool, bytes);
    append_memory(spool, bytes);
    return 0;
}

static enum spool_sent send_memory(struct spool *spool, int fd)
{
    while (spool->first) {
        struct block *block = spool->first;
        ssize_t n = send(fd, block->bytes + block->from, block->to - block->from, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? SPOOL_BLOCKED : SPOOL_FAILED;
        block->from += (size_t)n;
        spool->held -= (uint64_t)n;
        if (block->from == block->to) {
            spool->first = block->next;
            free(block);
        }
    }
    return SPOOL_EMPTY;
}

static enum spool_sent send_file(struct spool *spool, int fd)
{
    while (spool->from < spool->to) {
        off_t left = spool->to - spool->from;
        ssize_t n = sendfile(fd, spool->fd, &spool->from, left < SENDFILE_MAX ? (size_t)left : SENDFILE_MAX);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return SPOOL_BLOCKED;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return errno == EIO ? SPOOL_DISK_FAILED : SPOOL_FAILED;
    }
    /* Gives the space back; a failure only means that it is kept longer. */
    if (spool->to > 0 && ftruncate(spool->fd, 0) == 0)
        spool->from = spool->to = 0;
    return SPOOL_EMPTY;
}

enum spool_sent spool_send(struct spool *spool, int fd)
{
    enum spool_sent sent = send_memory(spool, fd);

    return sent == SPOOL_EMPTY ? send_file(spool, fd) : sent;
}

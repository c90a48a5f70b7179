/* spool.c: see spool.h. */
#include "core/proxy/spool.h"

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
    size_t to; /* bytes in it */
    char bytes[BLOCK_BYTES];
};

struct spool {
    struct block *first, *last;
    struct block *at; /* what is sent next begins here; NULL: nothing of the memory is */
    size_t offset; /* in `at` */
    struct str dir;
    uint64_t memory; /* allowed */
    uint64_t held; /* in memory, not sent */
    uint64_t kept; /* in memory, sent */
    off_t from, to; /* what of the file is not sent */
    int fd; /* -1: no file */
    bool disk;
    bool keep;
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
    return spool->held + spool->kept >= spool->memory;
}

bool spool_would_fill(const struct spool *spool, size_t more)
{
    return spool->held + spool->kept + more > spool->memory;
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
    off_t end = spool->to;

    if (spool->fd < 0)
        spool->fd = spool_open(spool);
    if (spool->fd < 0)
        return -1;
    while (bytes.len > 0) {
        ssize_t n = pwrite(spool->fd, bytes.s, bytes.len, end);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return -1;
        end += n;
        bytes = (struct str){bytes.s + n, bytes.len - (size_t)n};
    }
    spool->to = end;
    return 0;
}

static struct block *block_for_more(struct spool *spool)
{
    struct block *block = spool->last;

    if (!spool->first || block->to == BLOCK_BYTES) {
        block = malloc(sizeof(*block));
        if (!block)
            abort();
        block->next = NULL;
        block->to = 0;
        if (spool->first)
            spool->last->next = block;
        else
            spool->first = block;
        spool->last = block;
    }
    if (!spool->at) {
        spool->at = block;
        spool->offset = block->to;
    }
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

/* What the file holds comes later than all in memory. */
static bool is_in_file(const struct spool *spool)
{
    return spool->keep ? spool->to > 0 : spool->to > spool->from;
}

int spool_append(struct spool *spool, struct str bytes)
{
    if (is_in_file(spool) || (spool->disk && spool->held + spool->kept + bytes.len > spool->memory)) {
        if (append_file(spool, bytes) == 0)
            return 0;
        if (!spool->keep)
            return -1;
        /* Better sent once than not at all. */
        spool_let_go(spool);
        if (is_in_file(spool) || spool->held + bytes.len > spool->memory)
            return append_file(spool, bytes);
    }
    append_memory(spool, bytes);
    return 0;
}

/* `n` bytes of the block at hand were sent. */
static void memory_sent(struct spool *spool, size_t n)
{
    struct block *block = spool->at;

    spool->offset += n;
    spool->held -= n;
    if (spool->keep)
        spool->kept += n;
    if (spool->offset < block->to)
        return;
    spool->at = block->next;
    spool->offset = 0;
    if (spool->keep)
        return;
    spool->first = block->next;
    free(block);
}

static enum spool_sent send_memory(struct spool *spool, int fd, uint64_t *most)
{
    while (spool->at && *most > 0) {
        size_t len = spool->at->to - spool->offset;
        ssize_t n;

        if (len > *most)
            len = (size_t)*most;
        n = send(fd, spool->at->bytes + spool->offset, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? SPOOL_BLOCKED : SPOOL_FAILED;
        *most -= (uint64_t)n;
        memory_sent(spool, (size_t)n);
    }
    return SPOOL_EMPTY;
}

/* Gives the space of the file back; a failure only means that it is kept longer. */
static void empty_file(struct spool *spool)
{
    if (!spool->keep && spool->to > 0 && spool->from == spool->to && ftruncate(spool->fd, 0) == 0)
        spool->from = spool->to = 0;
}

static enum spool_sent send_file(struct spool *spool, int fd, uint64_t most)
{
    while (spool->from < spool->to && most > 0) {
        uint64_t left = (uint64_t)(spool->to - spool->from);
        ssize_t n;

        if (left > most)
            left = most;
        n = sendfile(fd, spool->fd, &spool->from, left < SENDFILE_MAX ? (size_t)left : SENDFILE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return SPOOL_BLOCKED;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return errno == EIO ? SPOOL_DISK_FAILED : SPOOL_FAILED;
        most -= (uint64_t)n;
    }
    empty_file(spool);
    return SPOOL_EMPTY;
}

enum spool_sent spool_send(struct spool *spool, int fd, uint64_t most)
{
    enum spool_sent sent = send_memory(spool, fd, &most);

    return sent == SPOOL_EMPTY ? send_file(spool, fd, most) : sent;
}

void spool_keep(struct spool *spool)
{
    spool->keep = true;
    spool->disk = true;
}

bool spool_keeps(const struct spool *spool)
{
    return spool->keep;
}

void spool_let_go(struct spool *spool)
{
    spool->keep = false;
    spool->kept = 0;
    while (spool->first && spool->first != spool->at) {
        struct block *next = spool->first->next;

        free(spool->first);
        spool->first = next;
    }
    empty_file(spool);
}

void spool_rewind(struct spool *spool)
{
    spool->at = spool->first;
    spool->offset = 0;
    spool->held += spool->kept;
    spool->kept = 0;
    spool->from = 0;
}

int spool_peek(const struct spool *spool, char *buffer, size_t room, struct str *bytes)
{
    size_t left;
    ssize_t n;

    if (spool->at) {
        left = spool->at->to - spool->offset;
        *bytes = (struct str){spool->at->bytes + spool->offset, left < room ? left : room};
        return 0;
    }
    *bytes = STR_NONE;
    if (spool->from == spool->to)
        return 0;
    if ((uint64_t)(spool->to - spool->from) < room)
        room = (size_t)(spool->to - spool->from);
    do
        n = pread(spool->fd, buffer, room, spool->from);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = EIO;
    if (n <= 0)
        return -1;
    *bytes = (struct str){buffer, (size_t)n};
    return 0;
}

void spool_skip(struct spool *spool, uint64_t n)
{
    while (n > 0 && spool->at) {
        size_t len = spool->at->to - spool->offset;

        if (len > n)
            len = (size_t)n;
        memory_sent(spool, len);
        n -= len;
    }
    spool->from += (off_t)n;
    empty_file(spool);
}

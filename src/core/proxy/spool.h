/*
 * spool.h: bytes on their way to a socket that does not take them yet: a queue in memory that goes on in an
 * unlinked temporary file once `memory` bytes are held and the disk is allowed.  First in, first out; when
 * all was sent, memory is used again.  A spool that keeps holds what was sent too, so that it can be sent once
 * more, until it is told to let go.
 */
#ifndef WEIR_CORE_PROXY_SPOOL_H
#define WEIR_CORE_PROXY_SPOOL_H

#include "base/pool.h"

struct spool;

enum spool_sent {
    SPOOL_EMPTY, /* all is sent */
    SPOOL_BLOCKED, /* the socket takes no more */
    SPOOL_FAILED, /* the socket failed, with errno */
    SPOOL_DISK_FAILED /* the file could not be read, with errno */
};

/*
 * Lives in `pool`, whose end frees what it holds.  `dir` is where the file would be made; "/tmp" where it is
 * empty.
 */
struct spool *spool_new(struct pool *pool, uint64_t memory, struct str dir);

/* From now on bytes beyond the memory go to the disk; until then memory takes all that is appended. */
void spool_use_disk(struct spool *);
bool spool_uses_disk(const struct spool *);

/* As much memory is in use as may be. */
bool spool_is_full(const struct spool *);

/* It would be with `more` bytes. */
bool spool_would_fill(const struct spool *, size_t more);

uint64_t spool_length(const struct spool *);

/* A copy of `bytes` behind all others; 0, or -1 with errno when the disk does not take them. */
int spool_append(struct spool *, struct str bytes) WEIR_MUST_CHECK;

/* Sends from the front, from the file without a copy; at most `most` bytes, then SPOOL_EMPTY too. */
enum spool_sent spool_send(struct spool *, int fd, uint64_t most);

/* What is sent from now on is kept: for an empty spool.  Memory that is full sends the rest to the disk. */
void spool_keep(struct spool *);
bool spool_keeps(const struct spool *);

/* Frees what was sent and is kept; what comes is kept no longer. */
void spool_let_go(struct spool *);

/* All that is kept is to be sent again. */
void spool_rewind(struct spool *);

/*
 * The first bytes that wait, at most `room` of them: where they lie, or read from the file to `buffer`; none wait:
 * empty.  0, or -1 with errno when the file cannot be read.
 */
int spool_peek(const struct spool *, char *buffer, size_t room, struct str *bytes) WEIR_MUST_CHECK;

/* The first `n` bytes that wait went to the socket in another way. */
void spool_skip(struct spool *, uint64_t n);

#endif

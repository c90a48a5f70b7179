/*
 * store_write.h: storing an object.
 * A body is held in memory until the file would no longer be small (STORE_BUFFER); then, or at once where its
 * length is known to be more, a temporary file is made beside its final name and filled.  Its name says whose
 * it is: the walk drops those of dead processes.  Readers that follow use store_write_peek, or the
 * descriptor.  Two processes that write one object each make a whole file; the last rename wins.
 * Calls for a small object: openat, writev, renameat2, close where it is new; newfstatat and renameat more
 * where it replaces one.  For a big one: openat, a pwrite for each piece, one for the table of hashes and one
 * for the head, the same rename, close.  Whatever fails (ENOSPC, EROFS, EACCES, EMFILE, EFBIG) leaves no
 * file.
 */
#ifndef WEIR_CORE_CACHE_STORE_WRITE_H
#define WEIR_CORE_CACHE_STORE_WRITE_H

#include "core/cache/store_read.h"

struct store_write;

/*
 * Begins an object with this head, whose texts are copied; `expected`: bytes of the body, or -1 where
 * unknown.  NULL with *fault: E2BIG where the head passes a limit, ENOMEM, or why the file could not be made.
 */
struct store_write *store_write_begin(struct store *, const struct store_head *head, int64_t expected,
    struct store_fault *fault);

/*
 * More of the body.  0; -1 with *fault: the file is gone, what came before can still be read, commit will
 * fail.
 */
int store_write_body(struct store_write *, struct str bytes, struct store_fault *fault) WEIR_MUST_CHECK;

/* Bytes of the body so far. */
uint64_t store_write_length(const struct store_write *);

/* The head as it will be stored; facts may be changed until the commit. */
struct store_head *store_write_head(struct store_write *);

/*
 * At most `n` bytes of the body from `at` on, whether they are in memory still or in the file: how many (0:
 * there are no more yet), or -1 with errno.  After the commit too.
 */
ssize_t store_write_peek(const struct store_write *, uint64_t at, char *to, size_t n);

/* The file that is being written and where the body begins in it, for sendfile; -1 while all is in memory. */
int store_write_fd(const struct store_write *, uint64_t *body_at);

/*
 * Makes it an object that is found.  0; -1 with *fault: there is no such object (EINVAL: the length differs
 * from what was expected; ECANCELED: a purge came while it was fetched).  An older object of its key may be
 * left.
 */
int store_write_commit(struct store_write *, struct store_fault *fault) WEIR_MUST_CHECK;

/* Frees it; what was not committed is gone.  NULL is allowed. */
void store_write_free(struct store_write *);

/* All at once, for a body that is whole in memory. */
int store_put(struct store *, const struct store_head *head, struct str body, struct store_fault *fault)
    WEIR_MUST_CHECK;

/*
 * Gives a stored object a new head (after a 304): the same key, and kind, with other fields, facts, tags or
 * seq.  A small one is written anew with the body that `object` holds; in a big one the older of its two
 * heads is overwritten, and a reader takes the newer that is whole.  0, or -1 with *fault; E2BIG: the new
 * head has no room, ESTALE: another file has taken its place meanwhile (nothing is changed).  `object` stays
 * as it was. Calls for a big one: openat, fstat twice, pread, pwrite, close.
 */
int store_update(struct store *, const struct store_object *object, const struct store_head *head,
    struct store_fault *fault) WEIR_MUST_CHECK;

#endif

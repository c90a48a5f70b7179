/*
 * store_read.h: looking an object up.
 * What is checked, and when: magic, layout, all lengths, the hash of the head, the length of the file and the
 * full key when it is opened; a torn or cut file and one of zeros are found there.  A small file (all of it
 * within STORE_BUFFER) has its body hashed then too: it is in memory anyway, and XXH3 takes about 0.1 us a
 * KB.  The body of a big one is in blocks of 64 KB whose hashes stand behind it: each block is checked before
 * it is first sent, once for each time the object is opened; that reads it (about 10 us a block, and the page
 * cache has it then for sendfile).  So a byte that changed on the disk is not served.  A file that fails is
 * unlinked. Calls for a hit: openat, pread, close of a small object; of a big one openat, pread, fstat, one
 * pread for the table and one for each block, close.  A miss: openat.
 */
#ifndef WEIR_CORE_CACHE_STORE_READ_H
#define WEIR_CORE_CACHE_STORE_READ_H

#include "core/cache/store_head.h"

#define STORE_BLOCK (64 * 1024)

enum store_found {
    STORE_HIT,
    STORE_MISS,
    STORE_PURGED, /* it was there, and a hard purge has hit it: unlinked, a miss */
    STORE_BAD, /* it was damaged or of another layout: unlinked, a miss; *fault says what was wrong (number 0) */
    STORE_FAULT /* it could not be read, with *fault: EMFILE, EIO, EACCES; a miss */
};

struct store_object {
    struct store_head head; /* its texts lie in `bytes` */
    struct str bytes; /* of the file, in the caller's buffer: a small file whole, of a big one what holds the head */
    struct str body; /* of a small file; else empty */
    int fd; /* of a big file, else -1: the body stands at head.body_at */
    uint64_t file_bytes; /* length of the file */
    bool soft; /* a soft purge has hit it: to be validated before use */
    uint64_t checked; /* list of purges: see purge_check; to be kept with a copy in memory */
    uint64_t *blocks; /* of a big file: hashes, read at the first check */
    uint8_t *sound; /* a bit for each block that was checked */
};

/*
 * Looks up `key`.  `buffer`: STORE_BUFFER bytes aligned for uint64_t, in use as long as *object.  After
 * STORE_HIT store_read_close must follow (or the object be moved); else it need not.
 */
enum store_found store_read_open(struct store *, const struct store_key *key, char *buffer,
    struct store_object *object, struct store_fault *fault) WEIR_MUST_CHECK;

/* Closes what is open; the object may be closed again. */
void store_read_close(struct store_object *);

/* Copies the bytes that the object lives on to `to` (object->bytes.len of them): for a hot copy. */
void store_read_move(struct store_object *, char *to);

/*
 * Of a big object: sees to it that the blocks with the bytes `from` to from + len - 1 of the body (cut to its
 * end) were checked, with `scratch` of STORE_BLOCK bytes.  0; -1 with *fault: EBADMSG where bytes are not
 * those that were stored, ENOMEM, or as pread.  The caller then unlinks the object and does not send them.
 */
int store_read_check(struct store_object *, uint64_t from, uint64_t len, char *scratch, struct store_fault *fault)
    WEIR_MUST_CHECK;

/*
 * The block that holds byte `at` of the body, read to `block` (STORE_BLOCK bytes) and checked: for TLS and
 * other copies.  *bytes: from `at` on to the end of the block; empty at or behind the end of the body.  For
 * small objects too, where it points into the object.  0, or -1 as above.
 */
int store_read_block(struct store_object *, uint64_t at, char *block, struct str *bytes, struct store_fault *fault)
    WEIR_MUST_CHECK;

#endif

/*
 * store_file.h: what the parts of the store share: the store itself, names of files, and the way of a
 * temporary file to its final name.
 */
#ifndef WEIR_CORE_CACHE_STORE_FILE_H
#define WEIR_CORE_CACHE_STORE_FILE_H

#include "core/cache/purge.h"
#include "core/cache/store_head.h"

#define STORE_NAME 80 /* bytes for "abc/..." with its NUL */

struct store {
    int directory;
    char *path;
    struct hash_key salt;
    struct purge *purge; /* NULL: none */
    struct store_counts *counts;
    pid_t pid;
    uint64_t start; /* of the process, as store_process_start gives it */
    _Atomic unsigned temporary; /* the next number of a temporary file */
    atomic_bool plain_rename; /* the file system has no RENAME_NOREPLACE */
};

/* The directory has vanished: makes it again, with its salt; 0 or -1 with *fault. */
int store_restore(struct store *, struct store_fault *);

/* "abc/0123...": three digits, a slash, 29 digits. */
void store_name(struct hash_128, char name[STORE_NAME]);

/* The hash of a file of that directory, from its name; false: it is not named like an object. */
bool store_name_parse(unsigned directory, const char *name, struct hash_128 *);

/* When a process began, in clock ticks since boot; 0: there is none with that number. */
uint64_t store_process_start(pid_t pid);

/* The owner of a temporary file by its name; false: it is not named like one. */
bool store_temporary_parse(const char *name, pid_t *pid, uint64_t *start);

/*
 * A new temporary file beside the object's name, which it writes to `name`; makes the directory where it is
 * missing, and that of the store.  The descriptor, or -1 with *fault.
 */
int store_temporary(struct store *, struct hash_128, char name[STORE_NAME], struct store_fault *);

/*
 * Gives the temporary file of `length` bytes its final name and counts it and what it replaces; 0, or -1 with
 * *fault, the temporary file then being gone.
 */
int store_place(struct store *, const char *name, struct hash_128, uint64_t length, struct store_fault *);

/* The temporary file is gone. */
void store_discard(struct store *, const char *name);

/* All bytes at that place of the file; -1 with errno. */
int store_write_at(int fd, const void *bytes, size_t len, uint64_t at);

/* At most `len` bytes from that place, fewer at the end of the file only; -1 with errno. */
ssize_t store_read_at(int fd, void *bytes, size_t len, uint64_t at);

void store_count_removed(struct store *, uint64_t file_bytes);

/* More bytes, or fewer, of temporary files. */
void store_count_writing(struct store *, int64_t bytes);

/* One that was open already, or whose length is known: no newfstatat. */
int store_unlink_known(struct store *, struct hash_128, uint64_t file_bytes);

/* Purges: for a head that is to be stored (false: not any more), and for one that was read. */
bool store_may_store(const struct store *, const struct store_head *);
enum purge_kind store_purged(const struct store *, const struct store_head *, uint64_t *checked);

struct store_object;

/* store_update for an object that stands there already, whatever its seq. */
int store_rewrite(struct store *, const struct store_object *, const struct store_head *, struct store_fault *);

/* A file that is small, head and body in one writev, whatever its seq. */
int store_put_small(struct store *, struct store_head *head, struct str body, struct store_fault *);

/*
 * Reads the head of a file and checks all but the key; in `object`, which is as store_read_clear made it, the
 * file stays open where it is big.  NULL, or what is wrong, with errno 0 unless it could not be read.
 */
const char *store_read_file(int fd, char *buffer, struct store_object *);
void store_read_clear(struct store_object *);

#endif

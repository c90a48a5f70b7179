/*
 * file_cache.h: the files a worker has looked at lately, with descriptor, validators and, when they are
 * small, their bytes; also names under which nothing can be served.  An entry is believed for a second, a
 * missing file for a moment, then looked at anew.  Bounded in entries, descriptors and bytes; an entry in
 * use outlives its place in the cache.  Missing names have a place of their own, so that who guesses names
 * pushes no file out.
 */
#ifndef WEIR_MODULES_FILE_CACHE_H
#define WEIR_MODULES_FILE_CACHE_H

#include "core/request.h"
#include "core/worker.h"
#include "http/date.h"

#define FILE_CACHE_ENTRIES 1024 /* in memory */
#define FILE_CACHE_OPEN 256 /* with a descriptor */
#define FILE_CACHE_MISSES 256
#define FILE_CACHE_BYTES (64 * 1024 * 1024)
/* Files up to this size are kept in memory: one send instead of three calls. */
#define FILE_CACHE_SMALL (64 * 1024)
#define FILE_CACHE_VALID_MS 1000
#define FILE_CACHE_MISS_MS 100
/* A file changed so shortly before it was read may change again with the same time on it. */
#define FILE_CACHE_SETTLED_S 2
#define FILE_ETAG_SIZE 48
#define FILE_CACHE_CONTROL_SIZE 40

enum file_kind {
    FILE_REGULAR,
    FILE_DIRECTORY,
    FILE_MISSING, /* or something that is never served: a FIFO, a link out of the root */
    FILE_DENIED, /* the file system refuses (EACCES) */
    FILE_BUSY /* descriptors or memory are short; not kept */
};

/* Each has a limit and an order of use of its own. */
enum file_class { FILE_IN_MEMORY, FILE_OPEN, FILE_MISS, FILE_CLASSES };

/* Codings for which a precompressed sibling exists. */
enum file_sibling { FILE_BR = 1, FILE_ZSTD = 2, FILE_GZIP = 4 };

struct file_entry {
    const struct files_conf *conf;
    struct str path; /* below the root, decoded, without '/' at the front; ends in NUL */
    uint64_t hash;
    enum file_kind kind;
    enum file_class class;
    struct str refusal; /* of FILE_MISSING: as file_open_refusal() */
    int fd; /* FILE_REGULAR; -1 where `bytes` is all of it */
    uint64_t size;
    int64_t mtime_s;
    long mtime_ns;
    char *bytes; /* all of a small file, or NULL */
    struct str type; /* Content-Type, static or the configuration's; empty: not known */
    unsigned siblings; /* enum file_sibling */
    bool siblings_known;
    bool settled; /* its bytes are those of its time stamp */
    char etag[FILE_ETAG_SIZE];
    char last_modified[DATE_SIZE];
    char cache_control[FILE_CACHE_CONTROL_SIZE]; /* empty without `expires` */
    int64_t checked_ms;
    unsigned refs; /* the cache's own and those of requests */
    struct file_entry *next; /* same bucket */
    struct list lru;
};

/*
 * What `path` below conf->root is now.  The entry is the request's until its pool is reset.  NULL: no memory.
 */
struct file_entry *file_cache_get(struct request *, const struct files_conf *conf, struct str path);

/* Sets entry->siblings, by looking at "PATH.br" and so on; kept with the entry. */
void file_cache_find_siblings(struct request *, struct file_entry *);

/* The entry of a sibling. */
struct file_entry *file_cache_sibling(struct request *, const struct file_entry *, enum file_sibling);

#endif

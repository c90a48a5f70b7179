/*
 * servers_file.h: a file of addresses, one server a line:
 *     ADDRESS [weight=N] [backup] [name=TEXT]     # "127.0.0.1:80", "[::1]:80", "unix:/path"
 * All of it is taken or nothing: a line that cannot be read leaves the caller with what it had before.
 */
#ifndef WEIR_CORE_DISCOVERY_SERVERS_FILE_H
#define WEIR_CORE_DISCOVERY_SERVERS_FILE_H

#include <sys/stat.h>

#include "base/addr.h"
#include "base/pool.h"

#define SERVERS_FILE_BYTES (1024 * 1024)
#define SERVERS_FILE_SERVERS 4096

/* A server that an upstream should have besides the configured ones. */
struct server_want {
    struct str name;
    struct addr address;
    unsigned weight;
    bool backup;
    uint32_t template_slot; /* as struct board_server has it */
};

struct server_set {
    struct server_want *items;
    size_t count;
};

/* Where what is wrong goes: `line` from 1, 0: of the file as a whole; `what` without the place. */
struct servers_file_errors {
    void (*wrong)(struct servers_file_errors *, unsigned line, const char *what);
    size_t count;
};

/* What tells one state of a file from another. */
struct servers_file_mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed, written;
};

struct servers_file_rules {
    unsigned weight; /* of lines that say none */
    size_t name_max; /* bytes of a name */
};

/*
 * The servers of `text`, in memory of `pool`.  0, or -1: something is wrong, or there is no server in it; all
 * that is wrong was told to `errors`.
 */
int servers_file_parse(struct pool *, struct str text, const struct servers_file_rules *,
                       struct servers_file_errors *, struct server_set *) WEIR_MUST_CHECK;

/* The same from `path` (ends in NUL); *mark is set to the state that was read. */
int servers_file_read(struct pool *, const char *path, const struct servers_file_rules *,
                      struct servers_file_errors *, struct server_set *,
                      struct servers_file_mark *mark) WEIR_MUST_CHECK;

/* The state of the file now; 0, or -1 with errno. */
int servers_file_look(const char *path, struct servers_file_mark *) WEIR_MUST_CHECK;

bool servers_file_same(const struct servers_file_mark *, const struct servers_file_mark *);

#endif

/*
 * privdrop.h: turns a forked process for good into one that may do little: another user, no further
 * groups, nothing to be gained by exec, and closed to debuggers of the same user (it holds keys).
 */
#ifndef WEIR_MAIN_PRIVDROP_H
#define WEIR_MAIN_PRIVDROP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/base.h"

struct privdrop_user {
    uid_t uid;
    gid_t gid;
    bool transparent; /* keeps CAP_NET_RAW, for sockets that speak for others (io/transparent.h) */
};

/*
 * Looks up `name` and `group` (NULL or empty: the user's own group), in the master, before any fork.
 * 0, or -1 with text in `error`.
 */
int privdrop_find(const char *name, const char *group, struct privdrop_user *, char *error,
                  size_t error_size) WEIR_MUST_CHECK;

/*
 * Becomes that user.  A process not started as root stays who it is: asking for another user is an
 * error then.  `dumpable`: allow core files and debuggers.  0, or -1 with text in `error`: the process
 * must end, as it may be half-way.
 */
int privdrop_to(const struct privdrop_user *, bool dumpable, char *error, size_t error_size)
    WEIR_MUST_CHECK;

#endif

/*
 * logfiles.h: the logs of one configuration, opened by the master, which may write where workers may not;
 * its processes inherit the descriptors, or get new ones over the channel when the logs are reopened.
 */
#ifndef WEIR_MAIN_LOGFILES_H
#define WEIR_MAIN_LOGFILES_H

#include <stddef.h>

#include "base/log.h"
#include "core/config/config.h"

struct logfiles {
    struct log error;
    int *access; /* by index, malloc */
    size_t count;
};

/* Opens all; `role` as of log_init().  0, or -1 with text in `error` and none left open. */
int logfiles_open(struct logfiles *, const struct config *, const char *role, char *error, size_t error_size)
    WEIR_MUST_CHECK;

/* Replaces log number `n` (0: the error log, then the access logs) by `fd`; false: there is no such log. */
bool logfiles_replace(struct logfiles *, size_t n, int fd);

void logfiles_close(struct logfiles *);

#endif

/*
 * log.h: the error log of one process: a line for each event, with time, level, pid and text, written at once
 * with one write(2).  What strangers sent must go through log_escape() first.  A log is passed explicitly to
 * whoever may have something to say.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stdarg.h>
#include <stdint.h>

#include "base/base.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_CRIT, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_target { LOG_TO_FD, LOG_TO_SYSLOG };

struct log {
    enum log_target target;
    enum log_level level; /* lines above it are not written */
    int fd; /* file or stderr; of LOG_TO_SYSLOG: a connected datagram socket */
    int facility; /* of LOG_TO_SYSLOG */
    const char *role; /* "master", "worker 0" ... */
    uint64_t suppressed; /* lines lost because the target could not take them */
};

/* A log to an open descriptor, which stays the caller's. */
void log_init(struct log *, int fd, enum log_level, const char *role);

/*
 * Writes "2026-11-21T06:48:51.123Z warn worker 0 [PID] TEXT\n"; never blocks for long, never fails loudly.  Lines are cut
 * at 4096 bytes.
 */
void log_write(struct log *, enum log_level, const char *fmt, ...) WEIR_PRINTF(3, 4);
void log_write_v(struct log *, enum log_level, const char *fmt, va_list) WEIR_PRINTF(3, 0);

static inline bool log_is_on(const struct log *log, enum log_level level)
{
    return level <= log->level;
}

/* `text` with control bytes, 8-bit bytes, '"' and '\' as \xNN, cut at 512 bytes of output; in `buf`, ends in NUL. */
struct str log_escape(struct str text, char *buf, size_t size);

/* "debug", "warn" ...; -1 for another name. */
int log_level_of(struct str name);

#endif

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
#include "base/syslog.h"

#define LOG_LINE_MAX 4096 /* bytes of a line with its end: a pipe takes that much whole or not at all */
#define LOG_ESCAPED_MAX 512

enum log_level {
    LOG_LEVEL_CRIT,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

enum log_target { LOG_TO_FD, LOG_TO_SYSLOG };

struct log {
    enum log_target target;
    enum log_level level;        /* lines above it are not written */
    int fd;                      /* file or stderr; of LOG_TO_SYSLOG: a connected datagram socket */
    bool owns_fd;                /* log_close() closes it */
    const char *role;            /* "master", "worker 0" ... */
    uint64_t suppressed;         /* lines lost because the target could not take them, and not told of yet */
    bool torn;                   /* the last one was cut: the next begins on a line of its own */
    struct syslog_target syslog; /* of LOG_TO_SYSLOG */
};

/* A log to an open descriptor, which stays the caller's. */
void log_init(struct log *, int fd, enum log_level, const char *role);

/*
 * A log to `path`: "stderr", "syslog:..." (base/syslog.h) or a file, made with mode 0640 if it is not there;
 * a symbolic link is refused.  0, or -1 with a text in `error`, and the log as it was: so a log can be opened
 * anew into another struct log, and take the old one's place once that worked.
 */
int log_open(struct log *, struct str path, enum log_level, const char *role, char *error,
             size_t error_size) WEIR_MUST_CHECK;

/* Closes what log_open() opened; lines go nowhere then. */
void log_close(struct log *);

/* Opens a file to append lines to, as log_open() does; the descriptor, or -1 with a text in `error`. */
int log_open_file(struct str path, char *error, size_t error_size) WEIR_MUST_CHECK;

/*
 * Writes "2026-11-21T06:48:51.123Z warn worker 0 [PID] TEXT\n" (to syslog: "warn worker 0: TEXT"); never
 * waits, never fails loudly.  Lines are cut at LOG_LINE_MAX; control bytes in TEXT become spaces.  errno is
 * kept.
 */
void log_write(struct log *, enum log_level, const char *fmt, ...) WEIR_PRINTF(3, 4);
void log_write_v(struct log *, enum log_level, const char *fmt, va_list) WEIR_PRINTF(3, 0);

static inline bool log_is_on(const struct log *log, enum log_level level)
{
    return level <= log->level;
}

/*
 * `text` with control bytes, 8-bit bytes, '"' and '\' as \xNN, cut at LOG_ESCAPED_MAX bytes of output and so
 * that `buf` holds it with its NUL.
 */
struct str log_escape(struct str text, char *buf, size_t size);

#endif

/*
 * syslog.h: where and how lines go to a syslog server: one datagram each, in the form of RFC 3164 that every
 * server reads, to the system's own socket or over UDP.  Written as
 *     syslog:[server=ADDRESS][,facility=NAME][,severity=NAME][,tag=NAME]
 * with ADDRESS an IP address with or without port (514), or unix:/path (default unix:/dev/log); facility
 * local7, severity info, tag weir.  ADDRESS and the facility may also stand alone: "syslog:local1".  A datagram
 * that is not taken at once is lost: nothing here blocks.
 */
#ifndef WEIR_BASE_SYSLOG_H
#define WEIR_BASE_SYSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/base.h"
#include "base/str.h"

#define SYSLOG_TAG_MAX 32 /* RFC 3164 4.1.3 */

/* Enough for what syslog_print_prefix writes. */
#define SYSLOG_PREFIX_MAX 96

struct syslog_target {
    struct addr server;
    unsigned facility; /* 0 to 23 */
    unsigned severity; /* 0 to 7: of lines that have none of their own */
    char tag[SYSLOG_TAG_MAX + 1];
};

/* Whether `path` names a syslog target ("syslog:..."). */
bool syslog_is_target(struct str path);

/* Reads `path` as above; 0, or -1 with a text in `error` that says what would be right. */
int syslog_parse(struct str path, struct syslog_target *, char *error, size_t error_size) WEIR_MUST_CHECK;

/* A connected, non-blocking, close-on-exec datagram socket, or -1 with a text in `error`. */
int syslog_open(const struct syslog_target *, char *error, size_t error_size) WEIR_MUST_CHECK;

/*
 * Writes "<PRI>Nov 21 06:48:51 TAG[PID]: " (no NUL) for the time `wall_s`, in local time as RFC 3164 4.1.2
 * has it; returns its length.
 */
size_t syslog_print_prefix(const struct syslog_target *, unsigned severity, int64_t wall_s, long pid,
                           char buf[SYSLOG_PREFIX_MAX]);

/*
 * Sends prefix and line as one datagram; connects anew once if the server had gone.  False: it is lost, with
 * errno.
 */
bool syslog_send(const struct syslog_target *, int fd, struct str prefix, struct str line) WEIR_MUST_CHECK;

#endif

/*
 * access_line.h: the text of one line of an access log.  What strangers sent is escaped and capped here: no
 * request can begin a second line or move a terminal's cursor.  No printf: a line is made for each request.
 */
#ifndef WEIR_CORE_LOG_ACCESS_LINE_H
#define WEIR_CORE_LOG_ACCESS_LINE_H

#include "core/log/access_log.h"
#include "core/request.h"

/* Bytes of a line, its end included. */
#define ACCESS_LINE_MAX (16 * 1024)

/* Room for what access_line_time() writes. */
#define ACCESS_TIME_SIZE 32

/* "[21/Nov/2026:06:48:51 +0000]", UTC; returns its length. */
size_t access_line_time(int64_t wall_s, char buf[ACCESS_TIME_SIZE]);

/*
 * Appends `text` to buf[0..size) with control bytes, 8-bit bytes, '"' and '\' as \xNN; "-" for an empty one,
 * cut where there is no more room.  Returns the bytes written.  For template_print().
 */
size_t access_line_escape(struct str text, char *buf, size_t size);

/*
 * Appends `text` as a JSON string with its quotes; pure ASCII: UTF-8 becomes \uNNNN, a byte that is none the
 * code point of its value.  Returns the bytes written; cut where there is no more room, but always closed
 * (size >= 2).
 */
size_t access_line_json_string(struct str text, char *buf, size_t size);

/* NCSA combined: addr - user [time] "request line" status bytes "referer" "user-agent".  These two write a
 * line without its end and return its length. */
size_t access_line_combined(struct request *, struct str time, char buf[ACCESS_LINE_MAX]);

/*
 * An object of the fields.  What there is nothing of is null; what is of attempts at servers is always an array,
 * with null for an attempt without.
 */
size_t access_line_json(struct request *, const struct access_fields *, char buf[ACCESS_LINE_MAX]);

#endif

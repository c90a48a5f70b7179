/*
 * fault.h: the error log's line about one request: who asked what where, what became of it, and the cause, by
 * which a reader knows the setting to change or the server to look at.
 */
#ifndef WEIR_CORE_LOG_FAULT_H
#define WEIR_CORE_LOG_FAULT_H

#include "base/log.h"
#include "core/request.h"
#include "http/h1_scan.h"

/*
 * "client A listener L "GET /x"OUTCOME upstream U server S: TEXT (request ID)"; the parts that are not known
 * are left out.  `outcome` begins with a space, or is empty.
 */
void fault_log(struct request *, enum log_level, const char *outcome, const char *fmt, ...) WEIR_PRINTF(4, 5);

/* The cause, in the request's pool: "timeouts.read is 2s"; a time of 0 is "none". */
struct str fault_time(struct request *, const char *setting, int64_t ms);

/* "request_body.max_size is 1m" */
struct str fault_size(struct request *, const char *setting, uint64_t bytes);

/* "request_head.max_fields is 100" */
struct str fault_count(struct request *, const char *setting, uint64_t count);

/* The limit of request_head that a head was over when its scan said TOO_LARGE or LINE_TOO_LONG. */
struct str fault_head(struct request *, const struct h1_scan *);

/* "Connection refused (errno 111)" */
struct str fault_errno(struct request *, int error);

#endif

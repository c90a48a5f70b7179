/*
 * h1_parse.h: turns a complete, scanned HTTP/1 head into a struct message.  The fields are where the scan
 * found them; llhttp (strict mode) judges the grammar, and must see as many fields: of a head whose lines are
 * all as usual it reads the start line and the framing, of any other every byte.  What it leaves open is checked here: versions, methods, status codes, the number of fields,
 * Host.  llhttp never sees a body and never decides about framing, upgrade or keep-alive.
 */
#ifndef WEIR_HTTP_H1_PARSE_H
#define WEIR_HTTP_H1_PARSE_H

#include "http/h1_scan.h"
#include "http/message.h"

/* Fields that modules may add to a parsed head beyond limits->fields. */
#define H1_PARSE_SPARE_FIELDS 32

/*
 * `head` is data[start..end) of `scan`, which said H1_SCAN_DONE, and must outlive `message`, which
 * points into it; the field array comes from `pool`.  Returns 0, or the status to answer before
 * closing: 400, 431 (too many fields), 501 (unknown method), 505 (not HTTP/1.0 or 1.1); then
 * *reason is static text and the message must not be used.  RFC 9112 3, 5; RFC 9110 7.2 (Host:
 * one in 1.1, never two).
 */
int h1_parse_request_head(struct str head, const struct h1_scan *scan, struct pool *pool,
                          const struct h1_limits *limits, struct message *message,
                          const char **reason) WEIR_MUST_CHECK;

/* The same for a status line and fields (RFC 9112 4); returns 0 or 502. */
int h1_parse_response_head(struct str head, const struct h1_scan *scan, struct pool *pool,
                           const struct h1_limits *limits, struct message *message,
                           const char **reason) WEIR_MUST_CHECK;

/* Whether a method of a request is one of HTTP or its extensions. */
bool h1_method_is_known(struct str method);

#endif

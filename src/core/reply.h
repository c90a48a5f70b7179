/*
 * reply.h: the answers that Weir makes itself: errors with a reason, as a small HTML page or as JSON where
 * Accept prefers it, with Proxy-Status (RFC 9209) and X-Request-Id.
 */
#ifndef WEIR_CORE_REPLY_H
#define WEIR_CORE_REPLY_H

#include "core/request.h"

struct reply_error {
    unsigned status;
    const char *proxy_error; /* RFC 9209 2.3 type ("connection_refused"); NULL: what fits the status */
    const char *reason; /* static text for the log: what was wrong */
    struct str detail; /* "details" of Proxy-Status; may be empty; safe text only */
    struct str cause; /* for the log: what decided, see fault.h; may be empty */
    bool own_fault; /* the set-up is to blame: logged as an error though the status is below 500 */
    bool quiet; /* is not logged: once for many is enough, and done elsewhere */
    unsigned retry_after_s; /* 0: the field is not sent */
    struct str allow; /* of 405: the methods; empty: none */
};

/*
 * Answers with an error and logs it with listener, request id, upstream, reason and cause: 4xx and the
 * answers to what no server knows, 501 and 505, at level info, other 5xx as errors.  Ends the request.  If a
 * final head went out already, the answer is aborted.
 */
void reply_error(struct request *, const struct reply_error *);

/* The type of RFC 9209 2.3 for an error of which only the status is known. */
const char *reply_error_type(unsigned status);

/* 416, with the unsatisfied form of Content-Range (RFC 9110 15.5.17). */
void reply_unsatisfiable(struct request *, struct str content_range);

/* The common case. */
void reply_status(struct request *, unsigned status, const char *reason);

/* Sends the client to `to`, a URI reference that is encoded already; ends the request. */
void reply_redirect(struct request *, unsigned status, struct str to);

/* A short body of `type`; ends the request. */
void reply_text(struct request *, unsigned status, struct str type, struct str body);

#endif

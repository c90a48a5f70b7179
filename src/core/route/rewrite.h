/*
 * rewrite.h: what a route changes: the path on its way to an upstream or a file, header fields, cookie
 * attributes, Location.
 */
#ifndef WEIR_CORE_ROUTE_REWRITE_H
#define WEIR_CORE_ROUTE_REWRITE_H

#include "core/request.h"

/*
 * Sets req->forward_path and req->forward_query by the route's rewrite, strip_prefix, replace_path,
 * add_prefix, in that order.  0, or 500 with *reason: a result holds a byte that no target may hold, or a
 * regex met its limit.
 */
unsigned rewrite_path(struct request *, const char **reason) WEIR_MUST_CHECK;

/*
 * Does the operations on `headers` (borrowing from the request's pool); values that expand to nothing are not
 * sent, unsafe ones and those of more than 64 KB are left out and logged.  -1: the list is full, or a value
 * of the route's request_headers is longer than 64 KB.
 */
int rewrite_headers(const struct header_ops *, struct request *, struct header_list *headers) WEIR_MUST_CHECK;

/* Set-Cookie attributes by the route's `cookies`. */
void rewrite_cookies(struct request *, struct header_list *headers);

/*
 * Location (and Content-Location, Refresh) of an upstream's reply in the client's terms: undoes what the
 * route did to host and path.
 */
void rewrite_location(struct request *, struct header_list *headers);

#endif

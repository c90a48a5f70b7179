/*
 * asked.h: a request as it would come for a URL, and that never does: for `weir explain`, and for what an operator asks
 * about a URL.  Which listener would take it is found here; which site and route, by request_route() as for any other.
 */
#ifndef WEIR_CORE_ASKED_H
#define WEIR_CORE_ASKED_H

#include "core/request.h"
#include "http/host.h"

struct asked {
    struct str method, url; /* the URL: absolute, or a path */
    struct header_list headers; /* none, or what the client sends besides; Host is made from the URL */
    struct addr from; /* the client */
};

/*
 * Fills *req, with `host` as the URL has it (name empty: none) and *assumed: no listener has the port that is usual for
 * the URL's scheme, and another was taken.  What the request is of lives in `pool`, or is borrowed from `asked`.  0, or -1
 * with what is wrong in `error`.
 */
int asked_init(struct request *req, const struct asked *, const struct config *, struct pool *pool, struct host *host,
               bool *assumed, char *error, size_t error_size) WEIR_MUST_CHECK;

#endif

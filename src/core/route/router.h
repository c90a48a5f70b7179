/*
 * router.h: from the normalised path of a request to a route, in this order: exact, the longest prefix if
 * final, regexes in file order, the longest prefix.
 */
#ifndef WEIR_CORE_ROUTE_ROUTER_H
#define WEIR_CORE_ROUTE_ROUTER_H

#include "base/hash.h"
#include "core/request.h"

struct router;

/* Over the routes of a site, for the life of `pool`; `internal` routes are not in it. */
struct router *router_new(struct pool *pool, struct hash_key key, struct route *routes, size_t count);

enum router_result {
    ROUTER_FOUND,
    ROUTER_NONE,
    ROUTER_METHOD, /* passed over only for its method */
    ROUTER_LIMIT /* a regex was undecided */
};

/* Told why each candidate was taken or passed over; for explain. */
struct router_trace {
    void (*note)(struct router_trace *, const struct route *, bool taken, struct str why);
};

/*
 * Sets req->route and req->captures.  ROUTER_METHOD: *allow is the list for the Allow field, in the request's
 * pool.
 * `trace` is NULL but in explain.
 */
enum router_result router_find(const struct router *, struct request *, struct str *allow,
                               struct router_trace *trace);

/* The route of the site by name, also an internal one; NULL. */
const struct route *router_by_name(const struct site *, struct str name);

/*
 * The site of a request by its host and listener, with req->host_captures; NULL: 404.  *limit: a host regex
 * was undecided.
 */
const struct site *router_site(const struct listener_conf *, struct request *, bool *limit);

#endif

/*
 * cache_invalidate.h: what a request that changes something makes invalid (RFC 9111 4.4): its own target, and
 * those that Location and Content-Location of its answer name, if they are of the same origin, for else
 * anybody could empty another's part of the cache.
 */
#ifndef WEIR_HTTP_CACHE_INVALIDATE_H
#define WEIR_HTTP_CACHE_INVALIDATE_H

#include "http/header.h"

/* Where a request went, in the normal form that keys are made of. */
struct cache_place {
    struct str scheme; /* "http" or "https" */
    struct str authority; /* host, and port unless it is the scheme's own */
    struct str target; /* path, and '?' with the query if there is one */
};

#define CACHE_INVALIDATE_MAX 3

struct cache_invalid {
    unsigned count; /* 0: nothing is to be invalidated */
    struct str targets[CACHE_INVALIDATE_MAX]; /* the request's own first, each once */
};

/* A method that changes nothing (RFC 9110 9.2.1, and those of WebDAV); any other, known or not, invalidates.
 */
bool cache_invalidate_is_safe(struct str method);

/*
 * Resolves a URI reference (RFC 3986 5.2) against where a request went.  True: it is of the same origin, and
 * *target is its path and query, in the pool, not yet in normal form: bring it there as the target of a
 * request is, dot segments too.  A fragment is dropped.
 */
bool cache_invalidate_resolve(const struct cache_place *place, struct str reference, struct pool *pool,
                              struct str *target);

/* What an answer invalidates.  Only a method that is not safe, and a status 2xx or 3xx, do. */
void cache_invalidate_list(const struct cache_place *place, struct str method, unsigned status,
                           const struct header_list *response, struct pool *pool,
                           struct cache_invalid *invalid);

/*
 * Whether the answer to a POST says that it is what a GET of the same target would get (RFC 9110 9.3.3): 2xx,
 * with the target as its Content-Location, fresh for an explicit time.
 */
bool cache_invalidate_is_of_get(const struct cache_place *place, struct str method, unsigned status,
                                const struct header_list *response, struct pool *pool);

#endif

/*
 * cache_status.h: the field Cache-Status (RFC 9211), in which each cache on the way says what it did with a
 * request: "weir; hit; ttl=120", "weir; fwd=uri-miss; fwd-status=200; stored".
 */
#ifndef WEIR_HTTP_CACHE_STATUS_H
#define WEIR_HTTP_CACHE_STATUS_H

#include "http/cache_policy.h"

/* Why a request went on to the upstream (RFC 9211 2.2). */
enum cache_forward {
    CACHE_FORWARD_NONE, /* it did not: a hit */
    CACHE_FORWARD_BYPASS, /* the cache was told not to look */
    CACHE_FORWARD_METHOD,
    CACHE_FORWARD_URI_MISS,
    CACHE_FORWARD_VARY_MISS,
    CACHE_FORWARD_MISS,
    CACHE_FORWARD_REQUEST, /* something is stored that could be used but for the request's own directives */
    CACHE_FORWARD_STALE,
    CACHE_FORWARD_PARTIAL
};

struct cache_status {
    enum cache_forward forward;
    bool has_ttl; /* of hits */
    bool stored, collapsed;
    unsigned forward_status; /* of the upstream's answer; 0: not said */
    int64_t ttl; /* below 0: stale since */
    struct str key; /* empty: not said */
    enum cache_reason detail; /* CACHE_REASON_NONE: not said */
};

/* The value that the field gets, in the pool.  `name` is the cache's own, a token ("weir"). */
struct str cache_status_text(const struct cache_status *, struct str name, struct pool *);

/* How the reason for which something stored was not used is told. */
enum cache_forward cache_status_forward(enum cache_reason);

/* The token after "fwd=", and one word for logs and metrics: "hit" for CACHE_FORWARD_NONE. */
struct str cache_status_forward_text(enum cache_forward);

#endif

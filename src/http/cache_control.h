/*
 * cache_control.h: Cache-Control of requests and responses (RFC 9111 5.2), with stale-while-revalidate and
 * stale-if-error (RFC 5861) and immutable (RFC 8246).  What can be understood in two ways is taken in the way
 * that lets a cache do less: of two values the shorter, and a time that cannot be read is one that is over
 * (4.2.1).
 */
#ifndef WEIR_HTTP_CACHE_CONTROL_H
#define WEIR_HTTP_CACHE_CONTROL_H

#include "http/header.h"

/* What a number of seconds too large to be told is taken for (RFC 9111 1.2.2). */
#define CACHE_DELTA_MAX (INT64_C(1) << 31)

enum cache_directive {
    CACHE_CONTROL_NO_STORE = 1,
    CACHE_CONTROL_NO_CACHE = 2, /* of the whole response; with field names, no_cache_fields is set instead */
    CACHE_CONTROL_PRIVATE = 4, /* the same */
    CACHE_CONTROL_PUBLIC = 8,
    CACHE_CONTROL_MUST_REVALIDATE = 16,
    CACHE_CONTROL_PROXY_REVALIDATE = 32,
    CACHE_CONTROL_MUST_UNDERSTAND = 64,
    CACHE_CONTROL_NO_TRANSFORM = 128,
    CACHE_CONTROL_IMMUTABLE = 256,
    CACHE_CONTROL_ONLY_IF_CACHED = 512,
    CACHE_CONTROL_BROKEN = 1024 /* a quote has no end, and may hide anything */
};

struct cache_control {
    unsigned set; /* of enum cache_directive */
    /* Seconds, at most CACHE_DELTA_MAX; -1: not said. */
    int64_t max_age, s_maxage, stale_while_revalidate, stale_if_error, min_fresh, max_stale;
    /* Names of fields, separated by commas, borrowed; empty: none. */
    struct str no_cache_fields, private_fields;
};

/* Nothing was said. */
void cache_control_init(struct cache_control *);

/* Reads one line of the field into what others have said. */
void cache_control_add(struct cache_control *, struct str line);

/* Reads all lines.  False: the field is not there, and nothing was said. */
bool cache_control_read(const struct header_list *, struct cache_control *);

/* 1*DIGIT as seconds, at most CACHE_DELTA_MAX; -1: something else. */
int64_t cache_control_delta(struct str text);

/* Whether a list as in no_cache_fields names the field. */
bool cache_control_names(struct str fields, struct str name);

#endif

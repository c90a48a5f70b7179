/*
 * cache_fresh.h: how long a response is fresh and how old it came (RFC 9111 4.2): from its fields, from the
 * settings of the cache, or by guess.  All times are seconds since 1970, all spans seconds.
 */
#ifndef WEIR_HTTP_CACHE_FRESH_H
#define WEIR_HTTP_CACHE_FRESH_H

#include "http/cache_control.h"
#include "http/status.h"

/* Where a lifetime is from. */
enum cache_source {
    CACHE_SOURCE_NONE, /* nothing says any, and nothing allows a guess: 0 seconds */
    CACHE_SOURCE_S_MAXAGE,
    CACHE_SOURCE_MAX_AGE,
    CACHE_SOURCE_EXPIRES,
    CACHE_SOURCE_SETTING, /* `ttl` or `default_ttl` */
    CACHE_SOURCE_GUESS /* a tenth of the time since Last-Modified (4.2.2) */
};

struct cache_lifetime {
    int64_t seconds; /* 0 to CACHE_DELTA_MAX */
    enum cache_source source;
};

struct cache_ttl {
    struct status_set statuses;
    int64_t seconds;
};

/* What the settings say of responses that say nothing themselves. */
struct cache_ttls {
    const struct cache_ttl *ttls; /* the first that holds the status decides */
    size_t count;
    int64_t otherwise; /* -1: none; for statuses that allow a guess */
};

/* Reads a date as date_parse() does, without regard to case, as caches should (RFC 9111 4.2). */
int cache_fresh_date(struct str text, int64_t now, int64_t *seconds) WEIR_MUST_CHECK;

/* The Date of a response; when it was received if there is none that can be read (RFC 9110 6.6.1). */
int64_t cache_fresh_date_of(const struct header_list *, int64_t response_time);

/* What Age says: its first number; 0 when it says none (RFC 9111 5.1). */
int64_t cache_fresh_age_field(const struct header_list *);

/* corrected_initial_age of RFC 9111 4.2.3. */
int64_t cache_fresh_initial_age(const struct header_list *, int64_t request_time, int64_t response_time);

/* A cache may guess for this status without leave (RFC 9110 15.1). */
bool cache_fresh_may_guess(unsigned status);

/*
 * The lifetime of a response (RFC 9111 4.2.1).  `cc` is what Cache-Control says or, when `targeted`, the
 * field that stands for it and for Expires.  `ttls` may be NULL.
 */
struct cache_lifetime cache_fresh_lifetime(unsigned status, const struct header_list *,
                                           const struct cache_control *cc, bool targeted,
                                           const struct cache_ttls *ttls, int64_t response_time);

/* In words, for `weir explain`: "s-maxage", "Last-Modified". */
struct str cache_source_text(enum cache_source);

#endif

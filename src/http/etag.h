/*
 * etag.h: entity tags (RFC 9110 8.8.3) and the order in which preconditions are evaluated
 * (13.2.2), as one pure function for file serving and the cache.
 */
#ifndef WEIR_HTTP_ETAG_H
#define WEIR_HTTP_ETAG_H

#include "base/str.h"

/* Both are well-formed entity tags, equal, and neither is weak (RFC 9110 8.8.3.2). */
bool etag_equal_strong(struct str a, struct str b);

/*
 * Whether the list of an If-Match or If-None-Match field holds `tag`; "*" is not looked at here.
 * Reading stops at the first thing that is no entity tag.
 */
bool etag_in_list(struct str list, struct str tag, bool strong);

/* Fields that were not sent have `.s` NULL. */
struct etag_request {
    bool get_or_head;
    struct str if_match, if_none_match, if_modified_since, if_unmodified_since;
    struct str range, if_range;
};

struct etag_resource {
    bool exists;           /* there is a current representation, for "*" */
    struct str tag;        /* its entity tag, or empty */
    int64_t last_modified; /* seconds since 1970, or -1: not known */
};

enum etag_verdict {
    ETAG_PROCEED,       /* answer; a Range field may be honoured */
    ETAG_PROCEED_WHOLE, /* answer, but without regard to Range */
    ETAG_NOT_MODIFIED,  /* 304 */
    ETAG_FAILED         /* 412 */
};

/*
 * RFC 9110 13.2.2.  `now` (seconds) decides whether a date is old enough to be a strong
 * validator.
 */
enum etag_verdict etag_evaluate(const struct etag_request *request,
                                const struct etag_resource *resource, int64_t now);

#endif

/*
 * cache_policy.h: the two questions of a shared cache (RFC 9111 3 and 4): may this response be stored, and
 * may what is stored be used for this request now.  What the second needs is kept as plain numbers, struct
 * cache_facts, so that a hit reads no field of what is stored.  There is no clock here: `now` and all times
 * are seconds since 1970.
 */
#ifndef WEIR_HTTP_CACHE_POLICY_H
#define WEIR_HTTP_CACHE_POLICY_H

#include "http/cache_fresh.h"
#include "http/cache_names.h"
#include "http/cache_reason.h"
#include "http/cache_update.h"
#include "http/message.h"

/* What the settings of a cache say. */
struct cache_rules {
    struct cache_ttls ttls;
    int64_t stale_while_revalidate, stale_if_error; /* where the response does not say it; 0: none */
    enum cache_set_cookie set_cookie;
    const struct cache_names *ignore_vary; /* may be NULL */
};

/* A request and its response's head. */
struct cache_exchange {
    const struct message *request;
    bool request_body; /* the request has one, however long */
    /* The request is no GET, but its answer holds for one: a POST of which cache_invalidate_is_of_get() says
       so, or a HEAD whose fields update what is stored (cache_update_head_matches()). */
    bool is_of_get;
    unsigned status;
    const struct header_list *fields; /* of the response, as received */
    const struct header_list *answer; /* where `fields` are stored ones: those that tell Age; else NULL */
    int64_t request_time, response_time;
};

/* These numbers, and those of enum cache_source, stand in files. */
enum cache_fact {
    CACHE_FACT_NO_CACHE = 1, /* validated at each use, whatever happens */
    CACHE_FACT_MUST_REVALIDATE = 2, /* not used stale because a client or a setting would have it so */
    CACHE_FACT_VALIDATOR = 4 /* has an ETag or Last-Modified to validate it by */
};

/* All that decides over the use of a stored response; written into its file as it stands. */
struct cache_facts {
    int64_t response_time;
    int64_t initial_age; /* at response_time */
    int64_t lifetime;
    int64_t stale_while_revalidate, stale_if_error; /* seconds behind the end of the lifetime */
    uint32_t flags; /* of enum cache_fact */
    uint32_t source; /* enum cache_source */
};

/*
 * Whether a response may be stored (RFC 9111 3): CACHE_REASON_NONE, with *facts and *keep (for
 * cache_update_keep(), which borrows from the response) set, or why not.
 */
enum cache_reason cache_policy_store(const struct cache_exchange *, const struct cache_rules *,
                                     struct cache_facts *facts, struct cache_keep *keep);

/*
 * What a 304 that cache_update_matches() (or a HEAD that matches) makes of a stored response (RFC 9111 3.2,
 * 4.3.4): appends its new fields to `to` and sets *facts.  The exchange has the stored status and the fields
 * of the 304.  CACHE_REASON_NONE, or why it may not be stored any more: where that is for the request's sake
 * (up to CACHE_REASON_AUTHORIZATION), what is stored stays as it was, else it is dropped.  In both cases `to`
 * answers this request; not after CACHE_REASON_FIELDS, when it is full.
 */
enum cache_reason cache_policy_update(const struct cache_exchange *, const struct header_list *stored,
                                      const struct cache_rules *, struct cache_facts *facts,
                                      struct header_list *to);

enum cache_use {
    CACHE_USE_FRESH,
    CACHE_USE_STALE, /* use it; CACHE_REASON_WHILE_REVALIDATE: and ask for it anew behind the client's back */
    CACHE_USE_REVALIDATE, /* ask the upstream first */
    CACHE_USE_TIMEOUT /* 504: the client wants no upstream asked (RFC 9111 5.2.1.7) */
};

struct cache_verdict {
    enum cache_use use;
    enum cache_reason reason;
};

/*
 * Whether a stored response whose key and variant match may be used (RFC 9111 4).  `asked` is the request's
 * Cache-Control, NULL for none or when clients have no say.
 */
struct cache_verdict cache_policy_use(const struct cache_facts *, const struct cache_control *asked,
                                      int64_t now);

/* What to do when nothing is stored: CACHE_USE_REVALIDATE, or CACHE_USE_TIMEOUT. */
struct cache_verdict cache_policy_absent(const struct cache_control *asked);

/*
 * Whether it may be used in place of an error: no connection, a time-out, or an answer 500, 502, 503 or 504
 * (RFC 5861 4, RFC 9111 4.2.4).  To be asked before such an answer is stored, for that would take its place.
 */
bool cache_policy_may_serve_error(const struct cache_facts *, const struct cache_control *asked, int64_t now);

/* Whether an upstream's status is such an error. */
bool cache_policy_is_error(unsigned status);

/* The current age, for the field Age (RFC 9111 4.2.3); 0 to CACHE_DELTA_MAX. */
int64_t cache_policy_age(const struct cache_facts *, int64_t now);

/* The seconds it is still fresh; below 0: stale since. */
static inline int64_t cache_policy_ttl(const struct cache_facts *facts, int64_t now)
{
    return facts->lifetime - cache_policy_age(facts, now);
}

/* Makes it stale from now on, as a soft purge and an outdated HEAD do (RFC 9111 4.3.5). */
static inline void cache_policy_make_stale(struct cache_facts *facts, int64_t now)
{
    int64_t age = cache_policy_age(facts, now);

    if (facts->lifetime > age)
        facts->lifetime = age;
}

/* The last second at which it may be of any use: fresh, stale, or to validate; for eviction. */
int64_t cache_policy_useful_until(const struct cache_facts *);

#endif

/*
 * cache_why.h: what a cache has for a URL and would do with a request for it, for an operator who asks why.  The request
 * is routed, its key made and what is stored looked up by the functions that do it for clients; nothing is sent.  It
 * reads files, a few for each variant: for the keeper.
 */
#ifndef WEIR_CORE_CACHE_CACHE_WHY_H
#define WEIR_CORE_CACHE_CACHE_WHY_H

#include "core/asked.h"
#include "core/cache/cache_visit.h"

enum cache_why_answer {
    CACHE_WHY_NOT_ROUTED, /* no route takes it: `status` and `text` */
    CACHE_WHY_NOT_CACHED, /* its route has no cache */
    CACHE_WHY_UNUSABLE, /* the cache's directory cannot be used */
    CACHE_WHY_BYPASS, /* the cache is not asked: `reason` */
    CACHE_WHY_ABSENT,
    CACHE_WHY_PURGED, /* a purge covers the key, and nothing was stored since */
    CACHE_WHY_VARIANT_ABSENT, /* others are stored */
    CACHE_WHY_FRESH,
    CACHE_WHY_SOFT_PURGED, /* validated before it is used */
    CACHE_WHY_STALE,
    CACHE_WHY_REVALIDATE /* fresh, and not to be used without asking: `reason` */
};

/* One of the variants of the key. */
struct cache_why_variant {
    struct str values; /* that it was chosen for */
    unsigned status;
    int64_t ttl; /* below 0: stale since */
    bool soft; /* purged, to be validated */
};

struct cache_why {
    struct request req;
    struct cache_visit visit; /* `found` and `marker` as for a client */
    enum cache_why_answer answer;
    enum cache_reason reason;
    unsigned status; /* of CACHE_WHY_NOT_ROUTED */
    const char *text; /* likewise */
    const struct cache_usage *use; /* NULL: none */
    struct str key; /* `.s` NULL: none, or too long */
    struct str variant; /* the request's values for the fields that Vary names; `.s` NULL: it names none */
    struct cache_why_variant *variants;
    unsigned variant_count;
    bool is_fetched; /* at this moment */
    bool passes; /* for hit_for_miss the answer is not waited for, as the last one was none to store */
};

/* 0, or -1 with what is wrong with the question in `error`.  `asked` as asked_init() has it; all lives in `pool`. */
int cache_why(struct worker *, const struct asked *, struct pool *, struct cache_why *, char *error,
              size_t error_size) WEIR_MUST_CHECK;

/* One word: "fresh", "variant-absent"; and a sentence, in the pool. */
struct str cache_why_word(enum cache_why_answer);
struct str cache_why_text(const struct cache_why *);

#endif

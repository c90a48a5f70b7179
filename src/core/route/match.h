/*
 * match.h: the conditions of `when`, compiled.  CONFIG.md "Conditions".
 */
#ifndef WEIR_CORE_ROUTE_MATCH_H
#define WEIR_CORE_ROUTE_MATCH_H

#include "base/addr.h"
#include "base/hash.h"
#include "core/route/regex.h"
#include "core/request.h"

struct host_table;
struct match;
struct template;

enum match_subject {
    MATCH_METHOD, MATCH_SOURCE, MATCH_SCHEME, MATCH_LANGUAGE, MATCH_USER_AGENT, MATCH_PERCENT, MATCH_SNI,
    MATCH_HEADER, MATCH_COOKIE, MATCH_QUERY, MATCH_VALUE, MATCH_ANY,
    MATCH_STATUS, MATCH_SENT_HEADER, MATCH_LONGER_THAN
};

struct match_status {
    unsigned first, last;
};

/* One condition; made by the configuration (config_match.c), in whose pool all it points to lies. */
struct match_term {
    enum match_subject subject;
    bool invert;
    struct str name; /* of header, cookie, query, sent_header: may hold '*' */
    const struct template *value; /* of MATCH_VALUE; of MATCH_PERCENT: the key */
    const struct host_table *names; /* of MATCH_SNI: the patterns in `is` */
    struct str *is; /* method, scheme, language, or `is` of the others */
    size_t is_count;
    const struct regex *regex; /* user_agent, or `regex` of the others */
    bool present; /* header, cookie, query, value without `is` and `regex`: whether it must be there */
    struct cidr *sources;
    size_t source_count;
    double percent;
    struct hash_key percent_key;
    struct match_term *any; /* of MATCH_ANY */
    size_t any_count;
    struct match_status *statuses;
    size_t status_count;
    int64_t longer_than_ms;
};

/* All must hold. */
struct match {
    struct match_term *terms;
    size_t count;
};

enum match_result { MATCH_NO, MATCH_YES, MATCH_UNDECIDED /* a regex met its limit */ };

/*
 * Whether all conditions hold.  `failed` (may be NULL) is set to the first that does not.
 */
enum match_result match_holds(const struct match *, struct request *, const struct match_term **failed);

/*
 * Whether a condition on the method is all that does not hold; `method` (may be NULL) is set to it.
 */
bool match_fails_by_method(const struct match *, struct request *, const struct match_term **method);

/* The condition of languages, or NULL: to choose the best q among routes that differ only in it. */
const struct match_term *match_language(const struct match *);

/* Whether a has the same conditions as b but for their language. */
bool match_same_but_language(const struct match *a, const struct match *b);

/* Thousandths: the best q that the request gives one of the term's languages. */
unsigned match_language_weight(const struct match_term *, const struct request *);

/*
 * The worker's memory for regexes; a request without worker has its own.
 */
struct regex_scratch *match_scratch(const struct request *);

/* "method is GET, POST" for explain. */
struct str match_describe(const struct match_term *, struct pool *);

#endif

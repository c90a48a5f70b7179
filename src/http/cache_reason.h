/*
 * cache_reason.h: why a cache stored an answer or did not, used it or asked again.  One list for the detail
 * of Cache-Status (RFC 9211 2.8), for what `weir explain` says and for what `weir ctl cache why` answers: a
 * short token, and words that go on after "stored:", "not stored:", "used:" or "not used:".
 */
#ifndef WEIR_HTTP_CACHE_REASON_H
#define WEIR_HTTP_CACHE_REASON_H

#include "base/str.h"

#define CACHE_REASON_LIST(X) \
    X(NONE, "", "nothing forbids it") \
    /* Of the request. */ \
    X(METHOD, "method", "only what answers a GET is stored") \
    X(HEAD, "head", "the answer to a HEAD has no body to store") \
    X(REQUEST_BODY, "request-body", "the GET has a body, which the key does not tell apart") \
    X(REQUEST_NO_STORE, "request-no-store", "the request says Cache-Control: no-store") \
    X(REQUEST_NO_CACHE, "request-no-cache", "the request says Cache-Control: no-cache") \
    X(REQUEST_MAX_AGE, "request-max-age", "the request's Cache-Control: max-age wants a younger response") \
    X(REQUEST_MIN_FRESH, "request-min-fresh", \
      "the request's Cache-Control: min-fresh wants a fresher response") \
    X(ONLY_IF_CACHED, "only-if-cached", \
      "the request says Cache-Control: only-if-cached, and nothing stored may be used") \
    X(AUTHORIZATION, "authorization", \
      "the request has Authorization, and the response says none of public, s-maxage and must-revalidate") \
    /* Of the response. */ \
    X(STATUS_INTERIM, "interim", "it is no final response") \
    X(STATUS_PARTIAL, "partial", "the response is a part only (206)") \
    X(STATUS_REQUEST, "status", "a response with this status is about this one request") \
    X(STATUS_UNKNOWN, "must-understand", \
      "the response says must-understand, and its status is not a known one") \
    X(STATUS_DEFAULT, "no-freshness", \
      "the response does not say how long it is fresh, and its status allows no guess") \
    X(NO_STORE, "cc-no-store", "the response says Cache-Control: no-store") \
    X(PRIVATE, "cc-private", "the response says Cache-Control: private") \
    X(BROKEN, "cc-broken", \
      "the response's Cache-Control has a quote without end, so nobody knows what it says") \
    X(SET_COOKIE, "set-cookie", "the response has Set-Cookie") \
    X(VARY_STAR, "vary-star", "the response says Vary: *") \
    X(VARY_CLIENT, "vary-client", "the response's Vary names a field that says who the client is") \
    X(VARY_MANY, "vary-many", "the response's Vary names too many fields, or something that is no name") \
    X(NO_FRESHNESS, "no-freshness", \
      "the response says neither how long it is fresh nor anything to validate it by") \
    X(ALREADY_STALE, "already-stale", \
      "the response is stale as it comes, and has nothing to validate it by") \
    X(NO_VALIDATOR, "no-validator", \
      "the response must be validated at each use, and has nothing to validate it by") \
    X(FIELDS, "too-many-fields", "the response has too many fields") \
    X(INCOMPLETE, "incomplete", "the response broke off before its end") \
    /* Of the settings and the store. */ \
    X(SETTING_BYPASS, "bypass", "the setting `bypass` holds") \
    X(SETTING_NO_STORE, "no-store-setting", "the setting `no_store` holds") \
    X(SETTING_METHODS, "method", "the setting `methods` does not have the method") \
    X(MIN_USES, "min-uses", "it was not asked for `min_uses` times") \
    X(TOO_LARGE, "too-large", "it is larger than `max_object`") \
    X(VARIANTS, "max-variants", "the key has `max_variants` variants already") \
    X(ADMISSION, "admission", "the cache is full, and what it holds is asked for more often") \
    X(HIT_FOR_MISS, "hit-for-miss", \
      "the last answer for this key was not storable, `hit_for_miss` ago at most") \
    X(STORE_ERROR, "store-error", "the store could not write it") \
    X(PURGED, "purged", "it was purged") \
    X(TAKES_PART, "partial-miss", "a part that is not stored was asked for") \
    /* Of the use of what is stored. */ \
    X(FRESH, "fresh", "it is fresh") \
    X(STALE, "stale", "it is stale") \
    X(NO_CACHE, "cc-no-cache", "it must be validated at each use") \
    X(MUST_REVALIDATE, "must-revalidate", "it is stale, and the response said that it must not be used so") \
    X(WHILE_REVALIDATE, "stale-while-revalidate", "it is stale, and is asked for again meanwhile") \
    X(IF_ERROR, "stale-if-error", "it is stale, and the upstream failed") \
    X(MAX_STALE, "request-max-stale", "it is stale, and the request's Cache-Control: max-stale allows that") \
    X(ABSENT, "absent", "nothing is stored under the key") \
    X(VARIANT_ABSENT, "variant-absent", \
      "what is stored under the key answers requests with other fields (Vary)")

enum cache_reason {
#define CACHE_REASON_ENUM(id, token, text) CACHE_REASON_##id,
    CACHE_REASON_LIST(CACHE_REASON_ENUM)
#undef CACHE_REASON_ENUM
    CACHE_REASON_COUNT
};

/* A token for Cache-Status' detail; empty for CACHE_REASON_NONE and numbers that are none. */
struct str cache_reason_token(enum cache_reason);

/* The same in plain words, which name a setting as `name`; never empty. */
struct str cache_reason_text(enum cache_reason);

#endif

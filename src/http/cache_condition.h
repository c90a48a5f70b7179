/*
 * cache_condition.h: conditional requests of both kinds: a client's, answered from what is stored (RFC
 * 9111 4.3.2), and those with which a cache validates what it has stored (4.3.1).
 */
#ifndef WEIR_HTTP_CACHE_CONDITION_H
#define WEIR_HTTP_CACHE_CONDITION_H

#include "http/etag.h"
#include "http/header.h"
#include "http/range.h"

/*
 * What a stored response with this status answers to a GET or HEAD with conditions: ETAG_NOT_MODIFIED,
 * ETAG_PROCEED, or ETAG_PROCEED_WHOLE, without regard to Range.  If-Match and If-Unmodified-Since are for the
 * origin server and not looked at; a stored response without Last-Modified is as old as its Date.  Anything
 * but a 200 is not conditional (RFC 9110 13.2.1).
 */
enum etag_verdict cache_condition_evaluate(const struct header_list *request, unsigned status,
                                           const struct header_list *stored, int64_t response_time,
                                           int64_t now);

/* Whether the request has a field that cache_condition_evaluate() looks at; else it need not be called. */
static inline bool cache_condition_is(const struct header_list *request)
{
    return header_may_have(request, HEADER_IF_NONE_MATCH) ||
           header_may_have(request, HEADER_IF_MODIFIED_SINCE) || header_may_have(request, HEADER_RANGE);
}

/*
 * The Range of a GET (RFC 9110 14.2) against a stored 200 of `size` bytes: RANGE_WHOLE where there is none,
 * where it is not to be honoured (by the verdict of cache_condition_evaluate()), or where it is not in bytes.
 */
enum range_result cache_condition_range(const struct header_list *request, unsigned status,
                                        enum etag_verdict verdict, uint64_t size, struct range_set *set);

/* Takes out what makes a request conditional or partial, so that its answer is the whole response. */
void cache_condition_strip(struct header_list *request);

/*
 * Makes a request one that validates the stored response: If-None-Match and If-Modified-Since from its ETag
 * and Last-Modified instead of the client's own.  1: it is conditional; 0: there is nothing to validate by;
 * -1: the list is full.
 */
int cache_condition_validate(struct header_list *request, const struct header_list *stored) WEIR_MUST_CHECK;

/*
 * Appends to `to` the stored fields that go into a 304 (RFC 9110 15.4.5): all but those that describe the
 * body it does not have; Last-Modified only where there is no ETag.  -1: `to` is full.
 */
int cache_condition_not_modified(const struct header_list *stored, struct header_list *to) WEIR_MUST_CHECK;

#endif

/*
 * cache_vary.h: the secondary key of responses with Vary (RFC 9111 4.1).  The names a response's Vary lists
 * become one text in normal form, and with it the fields of a request become another: two requests with the
 * same text are answered by the same stored response.  Fields are brought into a form in which what means the
 * same is the same: lines joined, blanks around commas dropped, languages in the order of their weights,
 * codings as the set that Weir tells apart.
 */
#ifndef WEIR_HTTP_CACHE_VARY_H
#define WEIR_HTTP_CACHE_VARY_H

#include "http/cache_names.h"
#include "http/cache_reason.h"
#include "http/header.h"

/* A Vary with more names than these is not stored. */
#define CACHE_VARY_MAX 16

/*
 * Whether responses with such a Vary may be stored: CACHE_REASON_NONE, or why not.  `ignored` may be NULL.  A
 * field in which a proxy says who its client is, such as X-Forwarded-For, is not in the request as Weir
 * received it, so that a response that varies by it is never stored.
 */
enum cache_reason cache_vary_check(const struct header_list *response, const struct cache_names *ignored);

/*
 * The names of a Vary that passed the check: small letters, sorted, each once, with commas between, in the
 * pool; empty when there are none.  A response with a Content-Encoding varies by Accept-Encoding whether it
 * says so or not, for many servers forget it.
 */
struct str cache_vary_names(const struct header_list *response, const struct cache_names *ignored,
                            struct pool *);

/* The secondary key of a request for such names, in the pool.  Empty names give an empty text. */
struct str cache_vary_key(struct str names, const struct header_list *request, struct pool *);

/*
 * Accept-Encoding in normal form: those of br, gzip and zstd that the request accepts, "br, gzip".  Whoever
 * fetches in order to store sends this on instead of what came (nothing, if it is empty), because what comes
 * back is given to all requests with the same form.  Static text.
 */
struct str cache_vary_encoding(const struct header_list *request);

#endif

/*
 * cache_key.h: the query as part of a cache's key: without the arguments that do not change the response, and
 * with the others in one order, as the settings `ignore_query` and `sort_query` say.
 */
#ifndef WEIR_HTTP_CACHE_KEY_H
#define WEIR_HTTP_CACHE_KEY_H

#include "base/pool.h"
#include "http/cache_names.h"

/*
 * The query (without '?') as it goes into the key.  `ignored` (may be NULL): names of arguments to leave out,
 * compared byte by byte; one that ends in '*' takes in all that begin so, and "*" all.  An argument with a
 * ';' in it stays, for some servers take it for two.  `sort`: by name, those of one name in the order they
 * came.  A query of more than 256 arguments stays as it is, but for "*".  The same text is returned when
 * there is nothing to do, else one in the pool.
 */
struct str cache_key_query(struct str query, const struct cache_names *ignored, bool sort, struct pool *);

#endif

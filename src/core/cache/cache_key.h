/*
 * cache_key.h: the key under which a cache knows what a request asks for: the setting `key`, expanded.
 */
#ifndef WEIR_CORE_CACHE_CACHE_KEY_H
#define WEIR_CORE_CACHE_CACHE_KEY_H

#include "core/config/config_cache.h"
#include "core/request.h"

/*
 * The key, in the request's pool or borrowed from it.  $uri, $query and $arg_NAME are of the query as `ignore_query` and
 * `sort_query` leave it; $host has the port behind it that the client has named, unless it is the scheme's, as servers
 * see it and answer by it.  The request is as it was afterwards.  `.s` is NULL when the key would be longer than 64 KB:
 * the request goes past the cache.
 */
struct str cache_key(const struct cache_usage *, struct request *);

#endif

/*
 * config_cache.h: the caches of a configuration, and how a route uses the one that it names: its settings over those of
 * the cache.  Made by config_cache.c; immutable as all of config.h.  Times are milliseconds, as there, but for those of
 * `rules`; sizes are bytes.
 */
#ifndef WEIR_CORE_CONFIG_CONFIG_CACHE_H
#define WEIR_CORE_CONFIG_CONFIG_CACHE_H

#include "core/config/config.h"
#include "http/cache_names.h"
#include "http/cache_policy.h"

/* Bits of cache_usage.methods: what is answered from the cache. */
enum cache_method { CACHE_GET = 1 << 0, CACHE_HEAD = 1 << 1 };

/* What holds where a cache is used; routes that inherit it share one. */
struct cache_usage {
    const struct cache_conf *cache;
    const struct template *key; /* expanded by core/cache/cache_key.h */
    bool key_is_default;
    struct cache_names ignore_query; /* for cache_key_query() */
    bool sort_query;
    struct cache_rules rules; /* in seconds: the settings ttl, default_ttl, stale_*, set_cookie and ignore_vary */
    bool lock;
    int64_t lock_timeout, hit_for_miss; /* 0: none */
    unsigned max_variants, min_uses; /* at least 1 */
    uint64_t max_object; /* at most cache->size */
    unsigned methods; /* bits of enum cache_method */
    /*
     * NULL, or one term of MATCH_ANY: match_holds() says whether one of the reasons holds.  Those of `no_store` may look
     * at the response (request.response), those of `bypass` are asked before there is one.
     */
    const struct match *bypass, *no_store;
    struct str tags_header; /* name of a field; empty: none */
};

/* One of `caches`: config.caches[index]. */
struct cache_conf {
    struct str name; /* printable, unlike all others */
    size_t index;
    struct str path; /* absolute, without '/' at the end, ends in NUL; "memory": see in_memory */
    struct str directory; /* of one in memory: set by the master before it forks, ends in NUL; empty: none yet */
    uint64_t size; /* of the files, at least 1 MB */
    uint64_t memory; /* of hot objects in all workers together; 0: none */
    struct cache_usage defaults; /* without what routes say */
    struct conf_place at;
    int board_slot; /* set by the master before it forks; -1: none */
    bool in_memory;
};

/* Where its files lie; empty: nowhere yet. */
static inline const char *cache_conf_path(const struct cache_conf *c)
{
    if (!c->in_memory)
        return c->path.s;
    return c->directory.s ? c->directory.s : "";
}

/* "refuse" ... as the file has it. */
const char *config_set_cookie_name(enum cache_set_cookie);

#endif

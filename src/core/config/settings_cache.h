/*
 * settings_cache.h: `caches`, and `cache` of routes, as they are written in the file.
 */
#ifndef WEIR_CORE_CONFIG_SETTINGS_CACHE_H
#define WEIR_CORE_CONFIG_SETTINGS_CACHE_H

#include "conf/load.h"

struct cache_ttl_settings {
    struct conf_head head;
    struct conf_list status; /* struct conf_statuses */
    int64_t ttl;
};

/* Of both groups; path, size and memory are for `caches` alone. */
struct cache_settings {
    struct conf_head head;
    struct str name, path;
    int64_t size, memory;
    struct str key, tags_header;
    struct conf_list ignore_query, ignore_vary; /* struct str */
    struct conf_list ttl; /* struct cache_ttl_settings */
    struct conf_list methods; /* int: indexes of settings_cache_methods */
    struct conf_list bypass, no_store; /* struct condition_settings */
    int64_t default_ttl, stale_while_revalidate, stale_if_error; /* -1: false */
    int64_t lock_timeout, hit_for_miss, max_object, max_variants, min_uses;
    int set_cookie; /* enum cache_set_cookie */
    bool sort_query, lock;
};

extern const struct conf_group settings_cache_group; /* an element of `caches` */
extern const struct conf_group settings_cache_use_group; /* `cache` of a route */
extern const struct conf_group settings_cache_ttl_group;

/* By the bits of enum cache_method, and by enum cache_set_cookie. */
extern const char *const settings_cache_methods[];
extern const char *const settings_set_cookie_names[];

#endif

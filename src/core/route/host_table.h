/*
 * host_table.h: from the host of a request to the value (a site) configured for it.
 * The order is: exact host, longest "*.suffix", longest "prefix.*", then regex hosts as added.
 * Look-ups cost a hash for each label of the host, whatever the number of hosts configured.
 */
#ifndef WEIR_CORE_ROUTE_HOST_TABLE_H
#define WEIR_CORE_ROUTE_HOST_TABLE_H

#include "base/hash.h"
#include "base/pool.h"
#include "base/str.h"
#include "core/route/regex.h"

struct host_table;

/* An empty table that lives as long as `pool`; `key` is random. */
struct host_table *host_table_new(struct pool *pool, struct hash_key key);

/*
 * Adds one host as the configuration has it, in any case: "a.example.com" (exact), "*.example.com"
 * (any depth below, not example.com itself), ".example.com" (both), "www.*" or "www.example.*"
 * (anything in place of the "*"), "~REGEX" (without regard to case).  `value` must not be NULL; for
 * the same host twice the first holds.  0, or -1 with `*error` filled: offset into `host`.
 * Only before host_table_freeze.
 */
int host_table_add(struct host_table *, struct str host, void *value,
                   struct regex_error *error) WEIR_MUST_CHECK;

/* Called once, after the last host_table_add and before the first host_table_find. */
void host_table_freeze(struct host_table *);

/*
 * Finds the value for `host`: lower case, without port.  REGEX_MATCH sets `*value`, and `*captures`
 * (may be NULL) if a regex decided, else to count 0; REGEX_NO_MATCH: no host fits; REGEX_LIMIT: a
 * regex could not be decided, and those after it were not tried.
 */
enum regex_result host_table_find(const struct host_table *, struct str host,
                                  struct regex_scratch *, struct regex_captures *captures,
                                  void **value) WEIR_MUST_CHECK;

#endif

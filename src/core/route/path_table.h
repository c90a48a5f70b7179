/*
 * path_table.h: exact text (a path, a host) to the values configured for it, in one hash look-up.
 * Filled with path_table_add, laid out once by path_table_freeze, then never changed.  The hash is
 * keyed, so that who chooses the texts looked up cannot choose the slots that are read.
 */
#ifndef WEIR_CORE_ROUTE_PATH_TABLE_H
#define WEIR_CORE_ROUTE_PATH_TABLE_H

#include "base/hash.h"
#include "base/pool.h"
#include "base/str.h"

struct path_table;

/* One value; those of the same path are chained in the order of path_table_add. */
struct path_entry {
    struct str path;
    void *value;
    struct path_entry *next; /* same path; NULL: the last */
};

/* An empty table that lives as long as `pool`; `key` is random. */
struct path_table *path_table_new(struct pool *pool, struct hash_key key);

/* Adds `value` for `path`, whose bytes are copied.  Only before path_table_freeze. */
void path_table_add(struct path_table *, struct str path, void *value);

/* Called once, after the last path_table_add and before the first path_table_find. */
void path_table_freeze(struct path_table *);

/* The first entry of `path`, or NULL.  Texts longer than all those added cost nothing. */
const struct path_entry *path_table_find(const struct path_table *, struct str path);

#endif

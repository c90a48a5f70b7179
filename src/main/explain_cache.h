/*
 * explain_cache.h: what `weir explain` tells of a route's cache: the key, and whether it is asked and filled.
 */
#ifndef WEIR_MAIN_EXPLAIN_CACHE_H
#define WEIR_MAIN_EXPLAIN_CACHE_H

#include "main/explain.h"

/* Lines "cache", "cache key" ... of a route that has one, or purges one. */
void explain_print_cache(struct explain *, FILE *to);

/* The member "cache", or "purge", of the object that is open; null, or none, without one. */
void explain_put_cache(struct json *, struct explain *);

#endif

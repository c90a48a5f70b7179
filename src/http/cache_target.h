/*
 * cache_target.h: Cache-Control for one kind of cache (RFC 9213): Weir-Cache-Control, then CDN-Cache-Control.
 * The first of them that is there, not empty and a valid dictionary (RFC 8941 3.2) is what the response says,
 * and neither Cache-Control nor Expires count then.
 */
#ifndef WEIR_HTTP_CACHE_TARGET_H
#define WEIR_HTTP_CACHE_TARGET_H

#include "http/cache_control.h"

/* The name of the field that was read into `cc`; empty: there is none, and nothing was said. */
struct str cache_target_read(const struct header_list *, struct cache_control *cc);

/*
 * Reads one line of such a field; a directive said again replaces what it said.  *members grows by their
 * number. -1: it is no dictionary, or a directive has an argument of another type than it needs.
 */
int cache_target_add(struct cache_control *, struct str line, size_t *members) WEIR_MUST_CHECK;

#endif

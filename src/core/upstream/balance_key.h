/*
 * balance_key.h: what a request is hashed by, for the methods of `balance` that hash: the client's
 * address, the path, a parameter, a field, a cookie or any variables.  The same bytes hash alike in every
 * process, after a reload and on other machines, so several instances of Weir agree on who serves a key.
 */
#ifndef WEIR_CORE_UPSTREAM_BALANCE_KEY_H
#define WEIR_CORE_UPSTREAM_BALANCE_KEY_H

#include "core/request.h"

/* The method chooses by a key. */
bool balance_has_key(enum balance_method);

/* It chooses by what the head of a request of HTTP says. */
bool balance_wants_head(const struct upstream *);

/*
 * The key of `req`, borrowed from it or made in its pool; STR_NONE: it has none (an empty one, too), or the
 * method needs none.
 */
struct str balance_key(const struct upstream *, struct request *req);

/* Evenly distributed, by a key that is the same everywhere and for ever. */
uint64_t balance_hash(struct str text);

/* Another number for each `nth` choice of the same key. */
uint64_t balance_hash_next(uint64_t hash, unsigned nth);

#endif

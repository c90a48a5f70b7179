/*
 * conn_limit.h: `connection_limit`: how many connections of one key, mostly a client's address, are open at once, over
 * all workers; those of a listener are counted apart from those of another, and across reloads.
 */
#ifndef WEIR_CORE_CLIENT_CONN_LIMIT_H
#define WEIR_CORE_CLIENT_CONN_LIMIT_H

#include "core/client/conn.h"

struct conn_limits;

/*
 * Counts the connection under `key` until it is closed.  False: there are `max` already; it is counted as refused and
 * told in the log, now and then, and the caller closes it.  A process that has no place on the board counts for itself
 * its part of `max`.
 */
bool conn_limit_take(struct conn *, uint64_t max, struct str key) WEIR_MUST_CHECK;

/* The key of an address: itself, or of IPv6 the network of 64 bits that it is of, all of which one client may have. */
struct str conn_limit_address(const struct addr *, char text[ADDR_TEXT_MAX]);

/* By conn_close(). */
void conn_limit_give(struct conn *);

/* With the worker; NULL is allowed. */
void conn_limits_free(struct conn_limits *);

#endif

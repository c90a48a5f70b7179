/*
 * forwarded.h: who a request comes from, as the proxies in front say: X-Forwarded-For and Forwarded (RFC 7239).
 */
#ifndef WEIR_HTTP_FORWARDED_H
#define WEIR_HTTP_FORWARDED_H

#include "base/addr.h"

/*
 * Takes the last element off `*list`, a value of X-Forwarded-For: an address, with or without a port.  0 and *address
 * set; -1: it is none ("unknown", nonsense).
 */
int forwarded_last_address(struct str *list, struct addr *address) WEIR_MUST_CHECK;

/* The same for a value of Forwarded: the `for` of its last element (RFC 7239 4, 6). */
int forwarded_last_for(struct str *list, struct addr *address) WEIR_MUST_CHECK;

#endif

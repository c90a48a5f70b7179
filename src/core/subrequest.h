/*
 * subrequest.h: a request of Weir's own, made from a client's: for the same route, with the same head and captures.
 * Its answer goes to the `out` of who made it, and it may outlive the client's, whose pool it holds and shares.  It is
 * in no access log and counts as no request of a client.
 */
#ifndef WEIR_CORE_SUBREQUEST_H
#define WEIR_CORE_SUBREQUEST_H

#include "core/request.h"

/*
 * Makes `sub` from `client`, which has been routed and has no body.  The fields of its head are a list of its own; what
 * has been done for the client's (attempts, sticky choice, answer) is forgotten.
 */
void subrequest_init(struct request *sub, const struct request *client, const struct request_out *out);

/* Gives it to a handler. */
void subrequest_start(struct request *sub, const struct handler *);

/* Ends it: its handler gives up all it holds, unless it has answered whole (`answered`).  Not from within `out`. */
void subrequest_end(struct request *sub, bool answered);

#endif

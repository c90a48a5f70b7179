/*
 * https.h: what holds between the two ways to reach a site, with TLS and without: who is sent to https (`https_only`), who
 * is told to stay there (`hsts`, RFC 6797), and whether the name that TLS asked for goes with the host of the request.
 */
#ifndef WEIR_CORE_HTTPS_H
#define WEIR_CORE_HTTPS_H

#include "core/request.h"

/*
 * Once the route is known.  0: the request may go on.  301 or 308: it is to be answered by https_redirect().  Others: an
 * error.  With *reason.
 */
unsigned https_check(const struct request *, const char **reason);

/* The same address with https; in the pool. */
struct str https_location(struct request *);

/* Answers with it; ends the request. */
void https_redirect(struct request *, unsigned status);

/*
 * Once the site is known: whether its `tls` asks for another handshake than the connection has had, so that the request
 * may not be served on it (421; RFC 9110 7.4, RFC 6066 3).
 */
bool https_is_misdirected(const struct request *);

/* Puts Strict-Transport-Security in the place of what a server has sent; -1: no room. */
int https_add_hsts(const struct request *, struct message *head) WEIR_MUST_CHECK;

#endif

/*
 * hop.h: what a message loses and gains as it passes one hop: the fields that speak of the connection it
 * came on are taken out, those that tell the next hop about this one are set (RFC 9110 7.6).
 */
#ifndef WEIR_HTTP_HOP_H
#define WEIR_HTTP_HOP_H

#include "http/header.h"

/*
 * Takes out of `headers` what belongs to the connection alone: Connection and the fields it nominates,
 * Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, HTTP2-Settings, and the message's
 * length, which whoever sends it on states anew.  A nomination of a field that others rely on (Host,
 * Cookie, Authorization, Cache-Control, the forwarding fields) is ignored (RFC 9110 7.6.1).
 */
void hop_strip(struct header_list *headers);

/*
 * Appends to `to`, which has room for all of `from`, what of a request's fields goes on: as after hop_strip(),
 * without Host and Expect, which each hop says itself, without Proxy, Proxy-Authorization and names with an
 * underscore, which CGI-like servers take for others, and with `forget` without the fields in which a proxy
 * says who its client is.  One pass, for every request takes it.
 */
void hop_copy_request(const struct header_list *from, struct header_list *to, bool forget);

/* What the next hop is told about the client. */
struct hop_client {
    struct str address; /* of the socket's peer, as text, without port */
    struct str scheme; /* "http" or "https" */
    struct str host; /* as the client named it; empty: X-Forwarded-Host is not set */
};

/*
 * Sets X-Forwarded-For, -Proto and -Host: appends the address, lets the others stay where they are present.
 * What a peer claims that is not trusted must be gone, see hop_copy_request().  Text is made in `pool`.
 * -1: the list is full.
 */
int hop_forward(struct header_list *headers, const struct hop_client *client, struct pool *pool)
    WEIR_MUST_CHECK;

/* Appends `hop` ("1.1 weir": the version received, and who) to Via (RFC 9110 7.6.3), in one line.  -1: the list is full. */
int hop_via(struct header_list *headers, struct str hop, struct pool *pool) WEIR_MUST_CHECK;

#endif

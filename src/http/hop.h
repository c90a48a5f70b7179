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
 * Takes out of a request what a server might mistake for something else: Proxy (which CGI turns into
 * HTTP_PROXY), the credentials meant for a forward proxy, and every name with an underscore, which many
 * servers fold onto the name with a dash.
 */
void hop_strip_request(struct header_list *headers);

/*
 * Appends to `to`, which has room for all of `from`, what of a request's fields goes on: as after hop_strip()
 * and hop_strip_request(), without Host and Expect, which each hop says itself, and with `forget` without the
 * forwarding fields that hop_forward() drops from a peer that is not trusted.  One pass, for every request
 * takes it.
 */
void hop_copy_request(const struct header_list *from, struct header_list *to, bool forget);

/* What the next hop is told about the client. */
struct hop_client {
    struct str address; /* of the socket's peer, as text, without port */
    struct str scheme; /* "http" or "https" */
    struct str host; /* as the client named it; empty: X-Forwarded-Host is not set */
    bool trusted; /* the peer is one whose own forwarding fields are believed */
};

/*
 * Sets X-Forwarded-For, -Proto and -Host.  From a peer that is not trusted the fields that came, Forwarded
 * and X-Real-IP among them, are dropped first; from a trusted one the address is appended and the others
 * stay where they are present.  Text is made in `pool`.  -1: the list is full.
 */
int hop_forward(struct header_list *headers, const struct hop_client *client, struct pool *pool)
    WEIR_MUST_CHECK;

/* Appends "1.<minor> weir" to Via (RFC 9110 7.6.3), in one line.  -1: the list is full. */
int hop_via(struct header_list *headers, unsigned minor, struct pool *pool) WEIR_MUST_CHECK;

#endif

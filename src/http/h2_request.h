/*
 * h2_request.h: the head of a request as the fields of HTTP/2 (RFC 9113 8.3): pseudo-fields first, names in
 * lower case, nothing that speaks of a connection.  As with h1_write.h, every byte was seen by a parser or is
 * checked here.
 */
#ifndef WEIR_HTTP_H2_REQUEST_H
#define WEIR_HTTP_H2_REQUEST_H

#include <nghttp2/nghttp2.h>

#include "http/message.h"

/* What the head itself does not say. */
struct h2_request {
    struct str scheme; /* "http" or "https" */
    bool trailers; /* "te: trailers" is sent */
    bool has_length;
    uint64_t length; /* the body's */
    nghttp2_nv *fields; /* made in the pool */
    size_t count;
};

/*
 * Makes `fields`, which borrow the head's texts.  Host becomes ":authority".  0, or -1: a target, name or
 * value holds a byte that must not be sent.
 */
int h2_request_fields(struct h2_request *, const struct message *head, struct pool *pool) WEIR_MUST_CHECK;

#endif

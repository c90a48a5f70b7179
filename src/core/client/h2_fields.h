/*
 * h2_fields.h: the head of an answer, or its trailers, as the fields of HTTP/2 (RFC 9113 8.2, 8.3.2): names in lower
 * case, nothing that speaks of an HTTP/1 connection, and no byte that was not looked at.
 */
#ifndef WEIR_CORE_CLIENT_H2_FIELDS_H
#define WEIR_CORE_CLIENT_H2_FIELDS_H

#include <nghttp2/nghttp2.h>

#include "http/message.h"

/*
 * :status, the fields of `head`, and *length as Content-Length unless it is NULL, in *nv, which is from `pool` and
 * borrows the texts.  How many they are; 0: one of them must not be sent.  An answer that begins a tunnel (200 for the
 * 101 of HTTP/1) says nothing of the handshake of HTTP/1.
 */
size_t h2_fields_make(struct pool *pool, const struct message *head, unsigned status, const uint64_t *length,
                      nghttp2_nv **nv) WEIR_MUST_CHECK;

/* What of `trailers` may be told; how many they are. */
size_t h2_fields_trailers(struct pool *pool, const struct header_list *trailers, nghttp2_nv **nv) WEIR_MUST_CHECK;

#endif

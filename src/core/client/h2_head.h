/*
 * h2_head.h: from the fields of an HTTP/2 request to the head that all of Weir knows, as strict as HTTP/1 is read:
 * what nghttp2 lets pass or leaves open is refused here (RFC 9113 8.2, 8.3), crumbs of Cookie are joined, and limits
 * count each field as it is told, while they are told.  No connection is needed.
 */
#ifndef WEIR_CORE_CLIENT_H2_HEAD_H
#define WEIR_CORE_CLIENT_H2_HEAD_H

#include "http/h1_frame.h"
#include "http/h1_scan.h"
#include "http/message.h"

/* What a field costs beside its name and value (RFC 9113 6.5.2). */
#define H2_HEAD_FIELD_COST 32

struct h2_head {
    struct message *message;
    struct pool *pool;
    const struct h1_limits *limits;
    size_t bytes, fields; /* told so far */
    struct str scheme, authority, protocol;
    char *cookie; /* the crumbs, joined */
    size_t cookie_len, cookie_room;
    bool has_fields; /* one that is no pseudo-field was told */
    bool too_large;
    bool upgrade; /* extended CONNECT for a WebSocket: the message is a GET then (RFC 8441) */
    const char *bad; /* malformed, and why */
};

enum h2_head_verdict {
    H2_HEAD_OK,
    H2_HEAD_REFUSED, /* to be answered: *status */
    H2_HEAD_MALFORMED /* a stream error of type PROTOCOL_ERROR (RFC 9113 8.1.1) */
};

/* `message` is empty, and becomes the head; its memory is from `pool`. */
void h2_head_init(struct h2_head *, struct message *, struct pool *, const struct h1_limits *);

/* The next field, in the order of the block; the texts are copied. */
void h2_head_field(struct h2_head *, struct str name, struct str value);

/*
 * The block is over; `ends`: no body follows.  Fills in *frame: a body without a length counts as chunked, for it
 * goes on in chunks to a server that speaks HTTP/1.  Else *reason is static text, and *status with H2_HEAD_REFUSED.
 */
enum h2_head_verdict h2_head_end(struct h2_head *, bool ends, struct frame *, unsigned *status, const char **reason)
    WEIR_MUST_CHECK;

/* Why a trailer field may not be passed on; NULL: it may. */
const char *h2_head_check_trailer(struct str name, struct str value);

#endif

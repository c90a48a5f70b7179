/*
 * message.h: the head of a request or a response as Weir understands it, in either direction and
 * for every protocol version.  All text is borrowed: from the bytes the head was parsed from, or
 * from the pool of the request.  What goes out is always written anew from this, never copied
 * from what came in.
 */
#ifndef WEIR_HTTP_MESSAGE_H
#define WEIR_HTTP_MESSAGE_H

#include "http/header.h"

struct message {
    struct str method; /* requests: case matters (RFC 9110 9.1) */
    struct str target; /* requests: as it came */
    struct str reason; /* responses: may be empty */
    unsigned status; /* responses: 100..599; 0 in requests */
    unsigned minor; /* of the version HTTP/1.x: 0 or 1 */
    struct header_list headers;
};

#endif

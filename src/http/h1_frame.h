/*
 * h1_frame.h: where the body of an HTTP/1 message ends, and what becomes of the connection after
 * it. The answer comes from the fields as Weir parsed them, never from the parser library.
 * Anything that two readers could count differently is an error, not a guess (RFC 9112 6.1-6.3,
 * 9.3, 11.2).
 */
#ifndef WEIR_HTTP_H1_FRAME_H
#define WEIR_HTTP_H1_FRAME_H

#include "http/message.h"

enum frame_kind {
    FRAME_NONE, /* no body at all */
    FRAME_LENGTH, /* exactly `length` bytes, may be 0 */
    FRAME_CHUNKED,
    FRAME_UNTIL_CLOSE, /* responses only */
    FRAME_TUNNEL /* 101: the connection stops being HTTP */
};

struct frame {
    enum frame_kind kind;
    uint64_t length; /* FRAME_LENGTH: at most 2^63-1 */
    bool keep_alive; /* the peer lets another message follow on this connection */
    bool upgrade; /* request: a valid websocket handshake; else Upgrade is to be stripped */
};

/*
 * Decides for a request.  0 and *frame set; or 400 or 501 (unknown transfer coding) with *reason a
 * static text: answer, close, parse nothing more.
 */
int frame_request(const struct message *, struct frame *, const char **reason) WEIR_MUST_CHECK;

/*
 * Decides for a response to a request sent with `method`; `upgrading`: that request was a
 * websocket handshake.  0 and *frame set, or 502 with *reason: drop the connection.  A response
 * whose 1xx status is not 101 gives FRAME_NONE with keep_alive; the final response is still to
 * come.
 */
int frame_response(const struct message *, struct str method, bool upgrading, struct frame *,
                   const char **reason) WEIR_MUST_CHECK;

#endif

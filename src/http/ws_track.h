/*
 * ws_track.h: where the frames of a WebSocket stream begin (RFC 6455 5.2), followed through a tunnel whose
 * bytes Weir does not touch, so that a close frame can be put between two of them when the tunnel must end.
 */
#ifndef WEIR_HTTP_WS_TRACK_H
#define WEIR_HTTP_WS_TRACK_H

#include "base/str.h"

/* All zero: at the beginning of a stream. */
struct ws_track {
    uint64_t left; /* payload bytes of the current frame still to come */
    uint8_t head[14];
    uint8_t have; /* bytes of `head` seen; 0 with left 0: between frames */
};

/* The next bytes of the stream. */
void ws_track_feed(struct ws_track *, struct str bytes);

static inline bool ws_track_is_between(const struct ws_track *t)
{
    return t->left == 0 && t->have == 0;
}

/* A server's close frame that says 1001, going away (RFC 6455 7.4.1). */
#define WS_CLOSE_GOING_AWAY STR("\x88\x02\x03\xe9")

#endif

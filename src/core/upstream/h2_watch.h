/*
 * h2_watch.h: looks at the heads of a server's frames before nghttp2 does, and counts those that lead nowhere, as
 * http/h2_limits.h counts a client's: pings, settings, window updates, empty frames, frames of unknown types or
 * on streams that are over.  nghttp2 answers or ignores them for ever.  A server that floods is left: its connection
 * ends, and with it what it costs.  No connection is needed.
 */
#ifndef WEIR_CORE_UPSTREAM_H2_WATCH_H
#define WEIR_CORE_UPSTREAM_H2_WATCH_H

#include "base/str.h"
#include "http/h2_limits.h"

/* All zero: a new connection. */
struct h2_watch {
    uint32_t left; /* bytes of the payload that are not looked at */
    uint8_t head[10]; /* of a frame, and how long the padding of DATA is */
    uint8_t have; /* bytes of it */
    struct h2_limits limits;
    uint64_t stray; /* bytes of DATA that may come on streams that we have left */
};

/* A request, or some of a body, was sent: that explains frames that answer it. */
static inline void h2_watch_sent(struct h2_watch *w)
{
    h2_limits_explain(&w->limits);
}

/* We leave a stream: so much may be under way on it, and at most `most` on all. */
static inline void h2_watch_left(struct h2_watch *w, uint64_t window, uint64_t most)
{
    w->stray = w->stray + window < most ? w->stray + window : most;
}

/*
 * The next bytes; `is_ours` says whether a stream is one that we wait for something on.  NULL, or what the server does
 * too much of: static text.
 */
const char *h2_watch_feed(struct h2_watch *, struct str bytes, int64_t now,
                          bool (*is_ours)(void *user, uint32_t stream), void *user);

#endif

/*
 * h2_limits.h: what a client may do that is legal, costs it nothing and leads nowhere: pings, settings, priorities,
 * window updates, empty frames, streams that are reset.  Each is a glitch unless what is sent and received explains it;
 * too many of them within ten seconds end the connection (RFC 9113 10.5).
 */
#ifndef WEIR_CORE_CLIENT_H2_LIMITS_H
#define WEIR_CORE_CLIENT_H2_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define H2_GLITCHES_MAX 500
#define H2_GLITCHES_MS 10000
/* Control frames that are explained by those with content are not saved for ever. */
#define H2_EXPLAINED_MAX 1000

/* All zero: a new connection. */
struct h2_limits {
    int64_t since; /* monotonic ms: when these ten seconds began */
    unsigned glitches; /* in them */
    unsigned explained; /* control frames that may come without being glitches */
};

/* A frame with content was sent or received: it explains `frames` that have none. */
static inline void h2_limits_explain(struct h2_limits *l, unsigned frames)
{
    if (l->explained < H2_EXPLAINED_MAX)
        l->explained += frames;
}

/* A glitch, at `now`.  False: it was one too many. */
bool h2_limits_glitch(struct h2_limits *, int64_t now);

/* A frame without content: a glitch unless one with content explains it.  False: it was one too many. */
bool h2_limits_control(struct h2_limits *, int64_t now);

#endif

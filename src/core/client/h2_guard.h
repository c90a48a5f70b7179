/*
 * h2_guard.h: looks at the heads of a client's frames before nghttp2 does, for what that lets pass: frames on streams
 * that the client has ended or never opened (RFC 9113 5.1, 5.1.1), streams that depend on themselves (RFC 7540 5.3.1),
 * and frames that are ignored, of which nobody is told.  No connection is needed.
 */
#ifndef WEIR_CORE_CLIENT_H2_GUARD_H
#define WEIR_CORE_CLIENT_H2_GUARD_H

#include <stdint.h>

#include "base/str.h"
#include "http/h2_limits.h"

struct h2_guard {
    uint32_t left; /* bytes of the payload, or of the preface, that are not looked at */
    uint8_t head[13]; /* of a frame, with the first bytes of a PRIORITY's payload */
    uint8_t have, want; /* bytes of it */
    uint32_t last; /* the highest stream that the client has opened; 0: none */
    uint64_t opened[H2_GUARD_STREAMS / 64]; /* a bit for each of the streams up to `last`, by number */
    uint64_t ended[H2_GUARD_STREAMS / 64];
    unsigned continuations; /* frames that go on with the last head */
    unsigned ignored; /* frames of which nghttp2 tells nobody; whoever counts them sets it to 0 */
};

/* At the beginning of a connection, before the client's preface. */
void h2_guard_init(struct h2_guard *);

/*
 * The next bytes.  Returns how many of them may be given on: all, and *error is 0 (NGHTTP2_NO_ERROR); or those in front
 * of a frame that ends the connection with *error.
 */
size_t h2_guard_feed(struct h2_guard *, struct str bytes, uint32_t *error);

#endif

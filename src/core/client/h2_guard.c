/* h2_guard.c: see h2_guard.h. */
#include "core/client/h2_guard.h"

#include <nghttp2/nghttp2.h>

#define FRAME_HEAD 9
/* With the stream that a PRIORITY frame depends on. */
#define PRIORITY_HEAD 13
#define PRIORITY_BYTES 5
#define LAST_KNOWN_TYPE NGHTTP2_CONTINUATION

void h2_guard_init(struct h2_guard *g)
{
    *g = (struct h2_guard){.left = NGHTTP2_CLIENT_MAGIC_LEN, .want = FRAME_HEAD};
}

static uint32_t number(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) & 0x7fffffff;
}

static size_t bit_of(uint32_t stream)
{
    return stream / 2 % H2_GUARD_STREAMS;
}

static bool get(const uint64_t *bits, uint32_t stream)
{
    return bits[bit_of(stream) / 64] >> bit_of(stream) % 64 & 1;
}

static void set(uint64_t *bits, uint32_t stream, bool on)
{
    uint64_t mask = (uint64_t)1 << bit_of(stream) % 64;

    if (on)
        bits[bit_of(stream) / 64] |= mask;
    else
        bits[bit_of(stream) / 64] &= ~mask;
}

/* The streams between were passed over: they are closed (RFC 9113 5.1.1). */
static void open_stream(struct h2_guard *g, uint32_t stream)
{
    uint32_t first = g->last ? g->last + 2 : 1;

    if (stream - first > 2 * H2_GUARD_STREAMS)
        first = stream - 2 * H2_GUARD_STREAMS;
    for (uint32_t passed = first | 1; passed < stream; passed += 2) {
        set(g->opened, passed, false);
        set(g->ended, passed, false);
    }
    set(g->opened, stream, true);
    set(g->ended, stream, false);
    g->last = stream;
}

/* A DATA or HEADERS frame: what it says of its stream. */
static uint32_t check_stream(struct h2_guard *g, uint32_t stream, bool is_head, bool ends)
{
    /* What is odd otherwise is for nghttp2 to say. */
    if (stream % 2 == 0 || (stream > g->last && !is_head))
        return NGHTTP2_NO_ERROR;
    if (stream > g->last)
        open_stream(g, stream);
    else if (g->last - stream >= 2 * H2_GUARD_STREAMS)
        return NGHTTP2_NO_ERROR;
    else if (!get(g->opened, stream))
        return NGHTTP2_PROTOCOL_ERROR;
    else if (get(g->ended, stream))
        return NGHTTP2_STREAM_CLOSED;
    if (ends)
        set(g->ended, stream, true);
    return NGHTTP2_NO_ERROR;
}

static uint32_t check_frame(struct h2_guard *g, uint32_t stream, uint32_t length)
{
    uint8_t flags = g->head[4];

    switch (g->head[3]) {
    case NGHTTP2_CONTINUATION:
        return ++g->continuations > H2_CONTINUATIONS_MAX ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_NO_ERROR;
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
        g->continuations = 0;
        return check_stream(g, stream, g->head[3] == NGHTTP2_HEADERS, flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_RST_STREAM:
        if (stream % 2 == 1 && stream <= g->last && g->last - stream < 2 * H2_GUARD_STREAMS && length == 4)
            set(g->ended, stream, true);
        return NGHTTP2_NO_ERROR;
    case NGHTTP2_PRIORITY:
        if (stream == 0)
            return NGHTTP2_PROTOCOL_ERROR;
        g->ignored++;
        return length == PRIORITY_BYTES && number(g->head + FRAME_HEAD) == stream ? NGHTTP2_PROTOCOL_ERROR
                                                                                 : NGHTTP2_NO_ERROR;
    default:
        if (g->head[3] > LAST_KNOWN_TYPE && g->head[3] != NGHTTP2_PRIORITY_UPDATE)
            g->ignored++;
        return NGHTTP2_NO_ERROR;
    }
}

/* As many of the head's bytes as `bytes` has. */
static size_t take_head(struct h2_guard *g, struct str bytes)
{
    size_t n = (size_t)(g->want - g->have) < bytes.len ? (size_t)(g->want - g->have) : bytes.len;

    memcpy(g->head + g->have, bytes.s, n);
    g->have = (uint8_t)(g->have + n);
    return n;
}

size_t h2_guard_feed(struct h2_guard *g, struct str bytes, uint32_t *error)
{
    size_t at = 0;

    *error = NGHTTP2_NO_ERROR;
    while (at < bytes.len) {
        size_t skip = g->left < bytes.len - at ? g->left : bytes.len - at;
        size_t frame = at + skip;
        uint32_t length;

        g->left -= (uint32_t)skip;
        at += skip;
        at += take_head(g, str_from(bytes, at));
        if (g->have < FRAME_HEAD)
            continue;
        length = (uint32_t)g->head[0] << 16 | (uint32_t)g->head[1] << 8 | g->head[2];
        if (g->have == FRAME_HEAD && g->want == FRAME_HEAD && g->head[3] == NGHTTP2_PRIORITY &&
            length == PRIORITY_BYTES)
            g->want = PRIORITY_HEAD;
        if (g->have < g->want)
            continue;
        *error = check_frame(g, number(g->head + 5), length);
        if (*error != NGHTTP2_NO_ERROR)
            return frame;
        g->left = length - (uint32_t)(g->want - FRAME_HEAD);
        g->have = 0;
        g->want = FRAME_HEAD;
    }
    return at;
}

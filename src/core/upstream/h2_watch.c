/* h2_watch.c: see h2_watch.h. */
#include "core/upstream/h2_watch.h"

#include <nghttp2/nghttp2.h>

#define FRAME_HEAD 9

static uint32_t stream_of(const struct h2_watch *w)
{
    const uint8_t *p = w->head + 5;

    return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) & 0x7fffffff;
}

/* The padding of a DATA frame has its length in front. */
static bool is_padded(const struct h2_watch *w, uint32_t length)
{
    return w->head[3] == NGHTTP2_DATA && (w->head[4] & NGHTTP2_FLAG_PADDED) && length > 0;
}

static const char *control(struct h2_watch *w, int64_t now)
{
    return h2_limits_control(&w->limits, now) ? NULL : "upstream sends too many frames without content";
}

static const char *check_data(struct h2_watch *w, uint32_t length, bool ours, int64_t now)
{
    uint32_t content = is_padded(w, length) ? length - 1 - (w->head[9] < length ? w->head[9] : length - 1) : length;

    if (!ours && length > w->stray)
        return "upstream goes on sending on streams that are over";
    if (!ours)
        w->stray -= length;
    if (!ours || (content == 0 && !(w->head[4] & NGHTTP2_FLAG_END_STREAM)))
        return control(w, now);
    h2_limits_explain(&w->limits);
    return NULL;
}

static const char *check_frame(struct h2_watch *w, uint32_t length, bool ours, int64_t now)
{
    if (w->head[3] == NGHTTP2_DATA)
        return check_data(w, length, ours, now);
    if (w->head[3] != NGHTTP2_HEADERS || !ours)
        return control(w, now);
    h2_limits_explain(&w->limits);
    return NULL;
}

const char *h2_watch_feed(struct h2_watch *w, struct str bytes, int64_t now,
                          bool (*is_ours)(void *user, uint32_t stream), void *user)
{
    size_t at = 0;

    while (at < bytes.len) {
        size_t skip = w->left < bytes.len - at ? w->left : bytes.len - at;
        const char *bad;
        uint32_t length;

        w->left -= (uint32_t)skip;
        at += skip;
        while (at < bytes.len && w->have < FRAME_HEAD)
            w->head[w->have++] = (uint8_t)bytes.s[at++];
        if (w->have < FRAME_HEAD)
            break;
        length = (uint32_t)w->head[0] << 16 | (uint32_t)w->head[1] << 8 | w->head[2];
        if (is_padded(w, length) && w->have == FRAME_HEAD) {
            if (at == bytes.len)
                break;
            w->head[w->have++] = (uint8_t)bytes.s[at++];
        }
        bad = check_frame(w, length, is_ours(user, stream_of(w)), now);
        if (bad)
            return bad;
        w->left = length - (uint32_t)(w->have - FRAME_HEAD);
        w->have = 0;
    }
    return NULL;
}

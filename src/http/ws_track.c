/* ws_track.c: see ws_track.h. */
#include "http/ws_track.h"

/* Length of a frame's head, by its first two bytes. */
static uint8_t head_length(const uint8_t *head)
{
    uint8_t length = 2;

    if ((head[1] & 127) == 126)
        length = 4;
    else if ((head[1] & 127) == 127)
        length = 10;
    return (uint8_t)(length + (head[1] & 128 ? 4 : 0));
}

static uint64_t payload_length(const uint8_t *head)
{
    unsigned bytes = (head[1] & 127) == 126 ? 2 : (head[1] & 127) == 127 ? 8 : 0;
    uint64_t length = 0;

    if (bytes == 0)
        return head[1] & 127;
    for (unsigned i = 0; i < bytes; i++)
        length = length << 8 | head[2 + i];
    return length;
}

void ws_track_feed(struct ws_track *t, struct str bytes)
{
    while (bytes.len > 0) {
        if (t->left > 0) {
            size_t skip = t->left < bytes.len ? (size_t)t->left : bytes.len;

            t->left -= skip;
            bytes.s += skip;
            bytes.len -= skip;
            continue;
        }
        t->head[t->have++] = (uint8_t)*bytes.s++;
        bytes.len--;
        if (t->have >= 2 && t->have == head_length(t->head)) {
            t->left = payload_length(t->head);
            t->have = 0;
        }
    }
}

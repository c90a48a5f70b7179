/* test_h2_watch.c: which frames of a server explain others, and which are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>

#include "core/upstream/h2_watch.h"

#define OURS 1
#define OVER 3

struct watch_case {
    const char *what;
    uint8_t type, flags;
    uint32_t stream;
    uint32_t bytes; /* of the payload */
    uint8_t pad; /* its first byte */
    bool floods;
};

static const struct watch_case cases[] = {
    {"DATA", NGHTTP2_DATA, 0, OURS, 5, 0, false},
    {"DATA with padding", NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, OURS, 5, 3, false},
    {"padding only", NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, OURS, 5, 4, true},
    {"padding longer than the frame", NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, OURS, 5, 200, true},
    {"empty DATA", NGHTTP2_DATA, 0, OURS, 0, 0, true},
    {"empty DATA, padded", NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, OURS, 0, 0, true},
    {"the end of a body", NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, OURS, 0, 0, false},
    {"HEADERS", NGHTTP2_HEADERS, 4, OURS, 20, 0, false},
    {"HEADERS on a stream that is over", NGHTTP2_HEADERS, 4, OVER, 20, 0, true},
    {"DATA on a stream that is over", NGHTTP2_DATA, 0, OVER, 1, 0, true},
    {"CONTINUATION", NGHTTP2_CONTINUATION, 0, OURS, 20, 0, true},
    {"PING", NGHTTP2_PING, 0, 0, 8, 0, true},
    {"SETTINGS", NGHTTP2_SETTINGS, 0, 0, 0, 0, true},
    {"WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, 0, 0, 4, 0, true},
    {"RST_STREAM", NGHTTP2_RST_STREAM, 0, OVER, 4, 0, true},
    {"PRIORITY", NGHTTP2_PRIORITY, 0, OURS, 5, 0, true},
    {"unknown", 0xbe, 0, 7, 3, 0, true},
};

static bool is_ours(void *user, uint32_t stream)
{
    (void)user;
    return stream == OURS;
}

static size_t put(char *to, const struct watch_case *c)
{
    memset(to, 0, 9 + c->bytes);
    to[2] = (char)c->bytes;
    to[3] = (char)c->type;
    to[4] = (char)c->flags;
    to[8] = (char)c->stream;
    if (c->bytes > 0)
        to[9] = (char)c->pad;
    return 9 + c->bytes;
}

/* How many of a frame are taken, fed by `piece` bytes; 0: all of 3 * H2_GLITCHES_MAX. */
static unsigned taken(const struct watch_case *c, size_t piece, struct h2_watch *w)
{
    char bytes[64];
    size_t len = put(bytes, c);

    for (unsigned n = 1; n <= 3 * H2_GLITCHES_MAX; n++) {
        for (size_t at = 0; at < len; at += piece) {
            size_t some = len - at < piece ? len - at : piece;

            if (h2_watch_feed(w, (struct str){bytes + at, some}, 100, is_ours, NULL))
                return n;
        }
    }
    return 0;
}

static void counts_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t piece = 1; piece <= 64; piece += piece < 12 ? 1 : 26) {
            struct h2_watch w = {.stray = 1000000};
            unsigned n = taken(&cases[i], piece, &w);

            if (n != (cases[i].floods ? H2_GLITCHES_MAX + 1 : 0))
                fail_msg("%s, by %zu: %u", cases[i].what, piece, n);
        }
    }
}

static void is_explained(void **state)
{
    const struct watch_case ping = {"PING", NGHTTP2_PING, 0, 0, 8, 0, true};
    struct h2_watch w = {0};

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        h2_watch_sent(&w);
    assert_int_equal(taken(&ping, 64, &w), H2_GLITCHES_MAX + 10 * H2_EXPLAINS + 1);
}

static void lets_stray_data_come(void **state)
{
    const struct watch_case data = {"DATA", NGHTTP2_DATA, 0, OVER, 50, 0, true};
    struct h2_watch w = {0};

    (void)state;
    assert_int_equal(taken(&data, 64, &w), 1);
    w = (struct h2_watch){0};
    h2_watch_left(&w, 120, 1000);
    assert_int_equal(taken(&data, 64, &w), 3);
    w = (struct h2_watch){0};
    for (unsigned i = 0; i < 10; i++)
        h2_watch_left(&w, 120, 300);
    assert_int_equal(taken(&data, 64, &w), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_frames),
        cmocka_unit_test(is_explained),
        cmocka_unit_test(lets_stray_data_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

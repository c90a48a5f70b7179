/* test_h2_guard.c: frames on streams that a client has ended or never opened; and how glitches are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>

#include "core/client/h2_guard.h"
#include "http/h2_limits.h"

#define FRAMES_MAX 12

struct frame {
    uint8_t type, flags;
    uint32_t stream;
    uint32_t bytes; /* of the payload */
    uint32_t depends; /* first bytes of it */
};

struct guard_case {
    const char *what;
    struct frame frames[FRAMES_MAX];
    uint32_t error; /* that the last of them gives */
    unsigned ignored;
};

#define HEAD(id) {NGHTTP2_HEADERS, 4, id, 20, 0}
#define WHOLE(id) {NGHTTP2_HEADERS, 5, id, 20, 0}
#define DATA(id) {NGHTTP2_DATA, 0, id, 7, 0}
#define LAST(id) {NGHTTP2_DATA, 1, id, 0, 0}
#define MORE {NGHTTP2_CONTINUATION, 0, 1, 20, 0}
#define RST(id) {NGHTTP2_RST_STREAM, 0, id, 4, 0}

static const struct guard_case cases[] = {
    {"requests", {HEAD(1), DATA(1), LAST(1), WHOLE(3), WHOLE(9), WHOLE(11)}, 0, 0},
    {"trailers", {HEAD(1), DATA(1), WHOLE(1)}, 0, 0},
    {"DATA behind the end", {WHOLE(1), DATA(1)}, NGHTTP2_STREAM_CLOSED, 0},
    {"HEADERS behind the end", {HEAD(1), LAST(1), HEAD(1)}, NGHTTP2_STREAM_CLOSED, 0},
    {"DATA behind a reset", {HEAD(1), RST(1), DATA(1)}, NGHTTP2_STREAM_CLOSED, 0},
    {"HEADERS behind a reset", {HEAD(1), WHOLE(3), RST(1), HEAD(1)}, NGHTTP2_STREAM_CLOSED, 0},
    {"passed over", {HEAD(5), HEAD(3)}, NGHTTP2_PROTOCOL_ERROR, 0},
    {"passed over, long ago", {WHOLE(1), WHOLE(501), HEAD(301)}, NGHTTP2_PROTOCOL_ERROR, 0},
    {"too long ago to be known", {WHOLE(1), WHOLE(100001), DATA(1)}, 0, 0},
    {"at the edge of what is known", {HEAD(1), WHOLE(1023), DATA(1)}, 0, 0},
    {"a place that is used again", {WHOLE(1), HEAD(1025), DATA(1025)}, 0, 0},
    {"idle: nghttp2 says so", {DATA(1)}, 0, 0},
    {"even: nghttp2 says so", {HEAD(2)}, 0, 0},
    {"priority", {{NGHTTP2_PRIORITY, 0, 3, 5, 1}}, 0, 1},
    {"priority of itself", {{NGHTTP2_PRIORITY, 0, 3, 5, 3}}, NGHTTP2_PROTOCOL_ERROR, 1},
    {"priority of itself, exclusive", {{NGHTTP2_PRIORITY, 0, 3, 5, 0x80000003}}, NGHTTP2_PROTOCOL_ERROR, 1},
    {"priority of nothing", {{NGHTTP2_PRIORITY, 0, 0, 5, 1}}, NGHTTP2_PROTOCOL_ERROR, 0},
    {"priority of a wrong length: nghttp2 says so", {{NGHTTP2_PRIORITY, 0, 3, 4, 3}}, 0, 1},
    {"a head that goes on", {{NGHTTP2_HEADERS, 0, 1, 20, 0}, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, WHOLE(3), MORE}, 0, 0},
    {"a head that goes on without end", {{NGHTTP2_HEADERS, 0, 1, 20, 0}, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE},
     NGHTTP2_ENHANCE_YOUR_CALM, 0},
    {"unknown", {{0xbe, 0, 0, 3, 0}, {NGHTTP2_PING, 0, 0, 8, 0}, {0x20, 0, 1, 0, 0}}, 0, 2},
};

static size_t put(uint8_t *to, const struct frame *f)
{
    memset(to, 0, 9 + f->bytes);
    to[1] = (uint8_t)(f->bytes >> 8);
    to[2] = (uint8_t)f->bytes;
    to[3] = f->type;
    to[4] = f->flags;
    for (int i = 0; i < 4; i++)
        to[5 + i] = (uint8_t)(f->stream >> (24 - 8 * i));
    for (int i = 0; i < 4 && f->bytes >= 4; i++)
        to[9 + i] = (uint8_t)(f->depends >> (24 - 8 * i));
    return 9 + f->bytes;
}

/* In pieces of `piece` bytes; *given counts those that may be given on. */
static uint32_t feed(struct h2_guard *g, const uint8_t *bytes, size_t len, size_t piece, size_t *given)
{
    uint32_t error = 0;

    *given = 0;
    for (size_t at = 0; at < len && error == 0; at += piece) {
        struct str in = {(const char *)bytes + at, len - at < piece ? len - at : piece};

        *given += h2_guard_feed(g, in, &error);
    }
    return error;
}

static void judges_frames(void **state)
{
    static const size_t pieces[] = {10000, 1, 2, 7, 13};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(pieces); i++) {
        const struct guard_case *c = &cases[i / ARRAY_SIZE(pieces)];
        size_t piece = pieces[i % ARRAY_SIZE(pieces)], len, last, given;
        uint8_t bytes[1024];
        struct h2_guard g;
        uint32_t error;

        h2_guard_init(&g);
        memcpy(bytes, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
        len = last = NGHTTP2_CLIENT_MAGIC_LEN;
        for (size_t k = 0; k < FRAMES_MAX && (c->frames[k].type || c->frames[k].stream); k++) {
            last = len;
            len += put(bytes + len, &c->frames[k]);
        }
        error = feed(&g, bytes, len, piece, &given);
        if (error != c->error || g.ignored != c->ignored)
            fail_msg("%s, by %zu: %u, %u ignored", c->what, piece, (unsigned)error, g.ignored);
        assert_true(error ? given >= last && given <= last + 13 : given == len);
    }
}

static void counts_glitches(void **state)
{
    struct h2_limits l = {0};

    (void)state;
    for (unsigned i = 0; i < H2_GLITCHES_MAX; i++)
        assert_true(h2_limits_glitch(&l, 100));
    assert_false(h2_limits_glitch(&l, 100));
    assert_false(h2_limits_glitch(&l, H2_GLITCHES_MS - 1));
    assert_true(h2_limits_glitch(&l, H2_GLITCHES_MS + 100));
    h2_limits_explain(&l);
    for (unsigned i = 0; i < H2_GLITCHES_MAX + H2_EXPLAINS - 1; i++)
        assert_true(h2_limits_control(&l, H2_GLITCHES_MS + 100));
    assert_false(h2_limits_control(&l, H2_GLITCHES_MS + 100));
    for (unsigned i = 0; i < 10 * H2_EXPLAINED_MAX; i++)
        h2_limits_explain(&l);
    assert_true(l.explained < H2_EXPLAINED_MAX + H2_EXPLAINS);
    for (unsigned i = 0; i < H2_STALLED_MAX; i++)
        assert_true(h2_limits_stalled(&l, 2 * H2_GLITCHES_MS + 100));
    assert_false(h2_limits_stalled(&l, 2 * H2_GLITCHES_MS + 100));
    assert_true(h2_limits_stalled(&l, 3 * H2_GLITCHES_MS + 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_frames),
        cmocka_unit_test(counts_glitches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

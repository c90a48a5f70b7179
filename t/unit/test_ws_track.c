/* test_ws_track.c: boundaries of WebSocket frames, whatever the pieces the stream comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/ws_track.h"

struct frame_case {
    uint8_t head[14];
    size_t head_len;
    size_t payload;
};

static const struct frame_case cases[] = {
    {{0x81, 0x00}, 2, 0},
    {{0x81, 0x05}, 2, 5},
    {{0x82, 0x7e, 0x01, 0x00}, 4, 256},
    {{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}, 10, 65536},
    {{0x81, 0x83, 1, 2, 3, 4}, 6, 3},
    {{0x82, 0xfe, 0x01, 0x02, 1, 2, 3, 4}, 8, 258},
};

static void test_boundaries_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t len = cases[i].head_len + cases[i].payload;
        char *frame = calloc(1, len);
        struct ws_track whole = {0}, bytewise = {0};

        memcpy(frame, cases[i].head, cases[i].head_len);
        ws_track_feed(&whole, (struct str){frame, len});
        assert_true(ws_track_is_between(&whole));
        for (size_t at = 0; at < len; at++) {
            ws_track_feed(&bytewise, (struct str){frame + at, 1});
            assert_int_equal(ws_track_is_between(&bytewise), at + 1 == len);
        }
        free(frame);
    }
}

static void test_several_frames_in_one_piece(void **state)
{
    struct ws_track t = {0};

    (void)state;
    ws_track_feed(&t, STR("\x81\x01" "a" "\x81\x02" "bc" "\x81\x03" "d"));
    assert_false(ws_track_is_between(&t));
    ws_track_feed(&t, STR("ef"));
    assert_true(ws_track_is_between(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boundaries_at_every_byte),
        cmocka_unit_test(test_several_frames_in_one_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Heads are written anew, and nothing unsafe is written (RFC 9112 3, 4, 11.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/h1_write.h"

static struct message request(struct pool *pool)
{
    struct message head = {.method = STR("POST"), .target = STR("/a?b"), .minor = 1};

    header_list_init(&head.headers, pool, 10);
    assert_int_equal(header_add(&head.headers, STR("Host"), STR("a.test")), 0);
    return head;
}

static void writes_a_request(void **state)
{
    struct message head = request(*state);
    struct h1_framing framing = {H1_LENGTH_KNOWN, UINT64_MAX, STR("")};
    char bytes[200];
    struct h1_buffer b = {bytes, sizeof(bytes), 0};
    const char *want = "POST /a?b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 18446744073709551615\r\n\r\n";

    assert_int_equal(h1_write_request(&b, &head, &framing), H1_WRITTEN);
    assert_int_equal(b.used, strlen(want));
    assert_memory_equal(bytes, want, b.used);
}

static void writes_a_response(void **state)
{
    struct message head = {.status = 503, .reason = STR("Service Unavailable")};
    struct h1_framing framing = {H1_LENGTH_CHUNKED, 0, STR("close")};
    char bytes[200];
    struct h1_buffer b = {bytes, sizeof(bytes), 0};
    const char *want = "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n"
                       "Connection: close\r\n\r\n";

    header_list_init(&head.headers, *state, 10);
    assert_int_equal(h1_write_response(&b, &head, &framing), H1_WRITTEN);
    assert_int_equal(b.used, strlen(want));
    assert_memory_equal(bytes, want, b.used);
}

/* Every size that is one byte or more too small leaves the buffer as it was. */
static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct message head = request(*state);
    struct h1_framing framing = {H1_LENGTH_KNOWN, 3, STR("close")};
    char bytes[200];
    struct h1_buffer b = {bytes, sizeof(bytes), 0};

    assert_int_equal(h1_write_request(&b, &head, &framing), H1_WRITTEN);
    for (size_t room = 0; room < b.used; room++) {
        struct h1_buffer small = {bytes, room, 0};

        assert_int_equal(h1_write_request(&small, &head, &framing), H1_WRITE_FULL);
        assert_int_equal(small.used, 0);
    }
}

static void refuses_what_would_split_a_message(void **state)
{
    static const struct {
        const char *method, *target, *name, *value;
    } bad[] = {
        {"GET", "/a b", "X", "1"},     {"GET", "/a\r\nX: y", "X", "1"}, {"GET", "/a#b", "X", "1"},
        {"GET", "", "X", "1"},         {"GET", "/\x80", "X", "1"},      {"G T", "/", "X", "1"},
        {"", "/", "X", "1"},           {"GET", "/", "X Y", "1"},        {"GET", "/", "", "1"},
        {"GET", "/", "X:", "1"},       {"GET", "/", "X", "1\r\nY: 2"},  {"GET", "/", "X", "1\n"},
        {"GET", "/", "X\r\nY", "1"},   {"GET", "/", "X", "\x7f"},       {"GET", "/", "X", "a\x01"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct message head = {.method = str_of(bad[i].method), .target = str_of(bad[i].target)};
        struct h1_framing framing = {H1_LENGTH_NONE, 0, STR("")};
        char bytes[200];
        struct h1_buffer b = {bytes, sizeof(bytes), 0};

        header_list_init(&head.headers, *state, 10);
        assert_int_equal(header_add(&head.headers, str_of(bad[i].name), str_of(bad[i].value)), 0);
        if (h1_write_request(&b, &head, &framing) != H1_WRITE_UNSAFE)
            fail_msg("case %zu was written", i);
        assert_int_equal(b.used, 0);
    }
}

static int make_pool(void **state)
{
    *state = pool_new(4096);
    return 0;
}

static int drop_pool(void **state)
{
    pool_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_request),
        cmocka_unit_test(writes_a_response),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(refuses_what_would_split_a_message),
    };

    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}

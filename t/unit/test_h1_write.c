/* Heads are written anew, and nothing unsafe is written (RFC 9112 3, 4, 11.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/h1_parse.h"
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

/* The fields of a head that is put together by chance: odd spacing, empty values, long ones. */
static struct message received(struct pool *pool, unsigned chance)
{
    static const char *const spaces[] = {" ", "", "  ", "\t", " "};
    static const char *const values[] = {"a", "", "a value that is longer than a few words", "x y", "b\tc"};
    static const struct h1_limits limits = {1000, 10000, 40};
    struct str head = pool_printf(pool, "HTTP/1.1 200 OK\r\n");
    struct message m;
    struct h1_scan scan;
    const char *reason;

    for (unsigned i = 0; i < 12; i++, chance = chance * 1103515245 + 12345)
        head = pool_printf(pool, "%.*sX-%u:%s%s%s\r\n", STR_ARG(head), i, chance >> 16 & 7 ? " " : spaces[chance >> 20 & 3],
                           values[(chance >> 24) % 5], chance >> 12 & 7 ? "" : " ");
    head = pool_printf(pool, "%.*s\r\n", STR_ARG(head));
    h1_scan_init(&scan, pool);
    assert_int_equal(h1_scan_feed(&scan, H1_RESPONSE, &limits, head.s, head.len), H1_SCAN_DONE);
    assert_int_equal(h1_parse_response_head(head, &scan, pool, &limits, &m, &reason), 0);
    assert_int_equal(m.headers.count, 12);
    return m;
}

/* Fields are changed, added and taken out by chance. */
static void change(struct header_list *list, struct pool *pool, unsigned chance)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++, chance = chance * 1103515245 + 12345) {
        if ((chance >> 16 & 7) == 0)
            continue;
        if ((chance >> 16 & 7) == 1)
            header_set_value(&list->items[i], pool_printf(pool, "changed %u", chance));
        else if ((chance >> 16 & 7) == 2)
            header_set_value(&list->items[i], list->items[i].value);
        list->items[kept++] = list->items[i];
    }
    list->count = kept;
    assert_int_equal(header_add(list, STR("Added"), STR("at the end")), 0);
    if (chance >> 20 & 1) {
        struct header last = list->items[list->count - 1];

        memmove(list->items + 1, list->items, (list->count - 1) * sizeof(last));
        list->items[0] = last;
    }
}

/* Written in runs, a head has the bytes that it has when each field is written for itself, and so it has cut short. */
static void runs_are_written_as_single_fields_are(void **state)
{
    struct h1_framing framing = {H1_LENGTH_NONE, 0, STR("")};
    struct pool *pool = *state;
    size_t in_line = 0;

    for (unsigned round = 0; round < 2000; round++) {
        struct message m = received(pool, round * 2654435761u), single;
        char bytes[2000], want[2000];
        struct h1_buffer b = {bytes, sizeof(bytes), 0}, w = {want, sizeof(want), 0};

        if (round % 4)
            change(&m.headers, pool, round * 40503u);
        single = m;
        header_list_init(&single.headers, pool, 40);
        for (size_t i = 0; i < m.headers.count; i++) {
            in_line += m.headers.items[i].in_line;
            assert_int_equal(header_add(&single.headers, m.headers.items[i].name, m.headers.items[i].value), 0);
        }
        assert_int_equal(h1_write_response(&w, &single, &framing), H1_WRITTEN);
        assert_int_equal(h1_write_response(&b, &m, &framing), H1_WRITTEN);
        assert_int_equal(b.used, w.used);
        assert_memory_equal(bytes, want, w.used);
        b = (struct h1_buffer){bytes, round % w.used, 0};
        assert_int_equal(h1_write_response(&b, &m, &framing), H1_WRITE_FULL);
        assert_int_equal(b.used, 0);
        if (round % 100 == 0)
            pool_reset(pool);
    }
    assert_true(in_line > 2000);
}

/* A changed value is looked at again, though the line it came in was seen to be safe. */
static void a_changed_value_is_checked_again(void **state)
{
    struct message m = received(*state, 1);
    struct h1_framing framing = {H1_LENGTH_NONE, 0, STR("")};
    char bytes[2000];
    struct h1_buffer b = {bytes, sizeof(bytes), 0};

    header_set_value(&m.headers.items[3], STR("a\r\nX: b"));
    assert_int_equal(h1_write_response(&b, &m, &framing), H1_WRITE_UNSAFE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_request),
        cmocka_unit_test(writes_a_response),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(refuses_what_would_split_a_message),
        cmocka_unit_test(runs_are_written_as_single_fields_are),
        cmocka_unit_test(a_changed_value_is_checked_again),
    };

    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}

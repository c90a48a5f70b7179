/* test_h1_chunk.c: the chunked coding, whole and in pieces of one byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "http/h1_chunk.h"

#define T(text) {text, sizeof(text) - 1}

static const struct chunk_case {
    struct str in;
    int status; /* 0: ends well, -1: wants more */
    const char *body;
    size_t left; /* bytes behind the message */
} cases[] = {
    {T("3\r\nabc\r\n0\r\n\r\nGET"), 0, "abc", 3},
    {T("1\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n"), 0, "a0123456789", 0},
    {T("0\r\n\r\n"), 0, "", 0},
    {T("1;a=\"b\";\tc\r\nx\r\n0;e\r\n\r\n"), 0, "x", 0},
    {T("0\r\nA: b\r\nC:\r\n\r\n"), 0, "", 0},
    {T("3\r\nab"), -1, "ab", 0},
    {T("0\r\n"), -1, "", 0},
    {T("7fffffffffffffff\r\n"), -1, "", 0},
    {T("8000000000000000\r\n"), 400, "", 0},
    {T("00000000000000001\r\n"), 400, "", 0},
    {T("\r\n"), 400, "", 0},
    {T("+3\r\n"), 400, "", 0},
    {T("0x3\r\n"), 400, "", 0},
    {T(" 3\r\n"), 400, "", 0},
    {T("3 \r\n"), 400, "", 0},
    {T("3\nabc"), 400, "", 0},
    {T("3\rxabc"), 400, "", 0},
    {T("3\r\nabcd"), 400, "abc", 0},
    {T("3\r\nabc\n"), 400, "abc", 0},
    {T("3\r\nabc\rx"), 400, "abc", 0},
    {T("3;a\nb\r\n"), 400, "", 0},
    {T("3;a\rb\r\n"), 400, "", 0},
    {T("3;a\0b\r\n"), 400, "", 0},
    {T("0\r\n\n"), 400, "", 0},
    {T("0\r\nA: b\n\r\n"), 400, "", 0},
    {T("0\r\n A: b\r\n\r\n"), 400, "", 0},
    {T("0\r\nA : b\r\n\r\n"), 400, "", 0},
    {T("0\r\n: b\r\n\r\n"), 400, "", 0},
    {T("0\r\nA\r\n\r\n"), 400, "", 0},
    {T("0\r\nA: \001\r\n\r\n"), 400, "", 0},
    {T("0\r\nA:1\r\nB:2\r\nC:3\r\n\r\n"), 431, "", 0},
    {T("0\r\nA: 0123456789012345678901234567890123456789\r\n\r\n"), 431, "", 0},
};

/* Feeds `in` in pieces of `step`; collects the body. */
static enum h1_chunk_event feed(struct h1_chunk *chunk, struct str in, size_t step, char *body,
                                size_t *left)
{
    enum h1_chunk_event event = H1_CHUNK_MORE;
    size_t n = 0;

    while (in.len && event == H1_CHUNK_MORE) {
        struct str piece = {in.s, in.len < step ? in.len : step}, data;

        in.s += piece.len;
        in.len -= piece.len;
        while ((event = h1_chunk_next(chunk, &piece, &data)) == H1_CHUNK_DATA) {
            memcpy(body + n, data.s, data.len);
            n += data.len;
        }
        *left = piece.len + in.len;
    }
    body[n] = '\0';
    return event;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
        const struct chunk_case *c = &cases[i / 2];
        enum h1_chunk_event event;
        struct h1_chunk chunk;
        char body[64];
        size_t left = 0;

        h1_chunk_init(&chunk, 2, 30, NULL);
        event = feed(&chunk, c->in, i % 2 ? 1 : c->in.len, body, &left);
        if (chunk.status != (c->status > 0 ? c->status : 0))
            print_error("case %zu: %s\n", i / 2, c->in.s);
        assert_int_equal(chunk.status, c->status > 0 ? c->status : 0);
        assert_int_equal(event, c->status > 0   ? H1_CHUNK_BAD
                                : c->status < 0 ? H1_CHUNK_MORE
                                                : H1_CHUNK_END);
        assert_string_equal(body, c->body);
        if (event == H1_CHUNK_END)
            assert_int_equal(left, c->left);
    }
}

/* The body in one piece, whatever the pieces were. */
static void test_join(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct chunk_case *c = &cases[i];
        enum h1_chunk_event event;
        struct h1_chunk chunk;
        struct str body, rest;
        char bytes[1024];

        assert_true(c->in.len <= sizeof(bytes));
        memcpy(bytes, c->in.s, c->in.len);
        h1_chunk_init(&chunk, 2, 30, NULL);
        event = h1_chunk_join(&chunk, bytes, c->in.len, &body, &rest);
        assert_int_equal(event, c->status > 0 ? H1_CHUNK_BAD : c->status < 0 ? H1_CHUNK_MORE : H1_CHUNK_END);
        assert_int_equal(body.len, strlen(c->body));
        assert_memory_equal(body.len ? body.s : "", c->body, body.len);
        if (event == H1_CHUNK_END) {
            assert_int_equal(rest.len, c->left);
            assert_memory_equal(rest.s, c->in.s + c->in.len - c->left, c->left);
        }
    }
    (void)state;
}

static void test_extension_limits(void **state)
{
    char line[600], body[128];
    struct h1_chunk chunk;
    size_t left;
    int chunks = 0;

    (void)state;
    memset(line, 'e', sizeof(line));
    memcpy(line, "1;", 2);
    h1_chunk_init(&chunk, 2, 30, NULL);
    assert_int_equal(feed(&chunk, (struct str){line, 257}, 1, body, &left), H1_CHUNK_MORE);
    assert_int_equal(feed(&chunk, (struct str){line + 257, 1}, 1, body, &left), H1_CHUNK_BAD);
    assert_int_equal(chunk.status, 413);
    memcpy(line + 257, "\r\nx\r\n", 5);
    h1_chunk_init(&chunk, 2, 30, NULL);
    while (feed(&chunk, (struct str){line, 262}, 262, body, &left) == H1_CHUNK_MORE)
        chunks++;
    assert_int_equal(chunks, 64);
    assert_int_equal(chunk.status, 413);
}

static void test_trailers(void **state)
{
    struct pool *pool = pool_new(1024);
    struct header_list list;
    struct h1_chunk chunk;
    char body[8];
    size_t left;

    (void)state;
    header_list_init(&list, pool, 4);
    h1_chunk_init(&chunk, 4, 100, &list);
    assert_int_equal(feed(&chunk, STR("0\r\nETag:  \"x\" \r\nB:\r\n\r\n"), 1, body, &left),
                     H1_CHUNK_END);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].id, HEADER_ETAG);
    assert_true(str_eq(list.items[0].value, STR("\"x\"")));
    assert_true(str_eq(list.items[1].name, STR("B")));
    assert_int_equal(list.items[1].value.len, 0);
    pool_free(pool);
}

static void test_size_line(void **state)
{
    char out[H1_CHUNK_LINE_MAX];

    (void)state;
    assert_int_equal(h1_chunk_size_line(out, 26), 4);
    assert_string_equal(out, "1a\r\n");
    assert_int_equal(h1_chunk_size_line(out, 0), 3);
    assert_string_equal(out, "0\r\n");
    assert_int_equal(h1_chunk_size_line(out, UINT64_MAX), 18);
    assert_string_equal(out, "ffffffffffffffff\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_extension_limits),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_size_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

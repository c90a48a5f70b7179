/* test_proxy_proto.c: headers of both versions, whole, in pieces, and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/proxy_proto.h"

struct proto_case {
    struct str in;
    enum proxy_proto_result result;
    const char *source; /* NULL: none is named */
};

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static const struct proto_case cases[] = {
    {STR("PROXY TCP4 192.0.2.1 192.0.2.2 5555 80\r\n"), PROXY_PROTO_DONE, "192.0.2.1:5555"},
    {STR("PROXY TCP6 2001:db8::1 2001:db8::2 5555 80\r\n"), PROXY_PROTO_DONE, "[2001:db8::1]:5555"},
    {STR("PROXY UNKNOWN\r\n"), PROXY_PROTO_DONE, NULL},
    {STR("PROXY UNKNOWN ffff::1 x 1 2\r\n"), PROXY_PROTO_DONE, NULL},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.2 5555 80\n"), PROXY_PROTO_BAD, NULL},
    {STR("PROXY TCP4 2001:db8::1 192.0.2.2 5555 80\r\n"), PROXY_PROTO_BAD, NULL},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n"), PROXY_PROTO_BAD, NULL},
    {STR("PROXY TCP4 192.0.2.1 192.0.2.2 5555 80 x\r\n"), PROXY_PROTO_BAD, NULL},
    {STR("PROXY TCP5 192.0.2.1 192.0.2.2 5555 80\r\n"), PROXY_PROTO_BAD, NULL},
    {STR("PROXY  TCP4 192.0.2.1 192.0.2.2 5555 80\r\n"), PROXY_PROTO_BAD, NULL},
    {STR("GET / HTTP/1.1\r\n\r\n"), PROXY_PROTO_BAD, NULL},
    {STR(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x15\xb3\0\x50"), PROXY_PROTO_DONE, "192.0.2.1:5555"},
    {STR(V2 "\x21\x11\0\x0e\xc0\0\2\1\xc0\0\2\2\x15\xb3\0\x50\4\0"), PROXY_PROTO_DONE, "192.0.2.1:5555"},
    {STR(V2 "\x20\0\0\0"), PROXY_PROTO_DONE, NULL},
    {STR(V2 "\x21\x31\0\0"), PROXY_PROTO_DONE, NULL},
    {STR(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc0\0\2\2\x15\xb3\0"), PROXY_PROTO_BAD, NULL},
    {STR(V2 "\x31\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x15\xb3\0\x50"), PROXY_PROTO_BAD, NULL},
    {STR(V2 "\x22\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x15\xb3\0\x50"), PROXY_PROTO_BAD, NULL},
    {STR(V2 "\x21\x11\xff\xff"), PROXY_PROTO_BAD, NULL},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[ADDR_TEXT_MAX];
        struct addr source;
        size_t used;

        if (proxy_proto_parse(cases[i].in, &source, &used) != cases[i].result)
            fail_msg("case %zu: another result", i);
        if (cases[i].result != PROXY_PROTO_DONE)
            continue;
        assert_int_equal(used, cases[i].in.len);
        if (cases[i].source)
            assert_string_equal(addr_print(&source, text).s, cases[i].source);
        else
            assert_int_equal(source.len, 0);
    }
}

static void test_pieces_ask_for_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t n = 0; cases[i].result == PROXY_PROTO_DONE && n < cases[i].in.len; n++) {
            struct addr source;
            size_t used;

            assert_int_equal(proxy_proto_parse((struct str){cases[i].in.s, n}, &source, &used), PROXY_PROTO_MORE);
        }
    }
}

static void test_endless_line(void **state)
{
    char text[200] = "PROXY TCP4 ";
    struct addr source;
    size_t used;

    (void)state;
    memset(text + 11, '1', sizeof(text) - 11);
    assert_int_equal(proxy_proto_parse((struct str){text, sizeof(text)}, &source, &used), PROXY_PROTO_BAD);
}

static struct addr address(const char *text)
{
    struct addr a = {.len = 0};
    char error[200];

    if (text)
        assert_int_equal(addr_parse(str_of(text), &a, error, sizeof(error)), 0);
    return a;
}

static void test_written(void **state)
{
    static const struct {
        const char *source, *destination; /* NULL: the first, it is our own; the second, not known */
        unsigned version;
        struct str want;
    } rows[] = {
        {"192.0.2.1:443", "198.51.100.2:80", 1, STR("PROXY TCP4 192.0.2.1 198.51.100.2 443 80\r\n")},
        {"[2001:db8::1]:1", "[2001:db8::2]:65535", 1, STR("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n")},
        {"[2001:db8::1]:1", "198.51.100.2:80", 1, STR("PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 1 80\r\n")},
        {"192.0.2.1:1", NULL, 1, STR("PROXY UNKNOWN\r\n")},
        {NULL, NULL, 1, STR("PROXY UNKNOWN\r\n")},
        {"192.0.2.1:443", "198.51.100.2:80", 2, STR(V2 "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\xbb\0\x50")},
        {"192.0.2.1:443", "unix:/s", 2, STR(V2 "\x21\0\0\0")},
        {NULL, NULL, 2, STR(V2 "\x20\0\0\0")},
    };
    char to[PROXY_PROTO_WRITTEN_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct addr source = address(rows[i].source), destination = address(rows[i].destination);
        size_t len = proxy_proto_write(rows[i].version, rows[i].source ? &source : NULL, &destination, to);

        assert_int_equal(len, rows[i].want.len);
        assert_memory_equal(to, rows[i].want.s, len);
    }
}

/* The longest there are; what is written is read again. */
static void test_written_and_read(void **state)
{
    static const char longest[] = "[abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd]:65535";
    struct addr source = address(longest), read = {.len = 0};
    char to[PROXY_PROTO_WRITTEN_MAX];
    size_t used;

    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        size_t len = proxy_proto_write(version, &source, &source, to);

        assert_true(len < sizeof(to));
        assert_int_equal(proxy_proto_parse((struct str){to, len}, &read, &used), PROXY_PROTO_DONE);
        assert_int_equal(used, len);
        assert_true(addr_eq(&read, &source));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_pieces_ask_for_more),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_written_and_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_client_hello.c: the name in a ClientHello, from whole, cut and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/client_hello.h"

struct hello {
    char bytes[2048];
    size_t len;
};

static void put(struct hello *h, size_t value, size_t bytes)
{
    while (bytes-- > 0)
        h->bytes[h->len++] = (char)(value >> (8 * bytes));
}

static void put_text(struct hello *h, const char *text)
{
    memcpy(h->bytes + h->len, text, strlen(text));
    h->len += strlen(text);
}

/* A message that asks for `name`; NULL: without the extension. */
static struct hello message(const char *name)
{
    struct hello body = {.len = 0}, h = {.len = 0};
    size_t n = name ? strlen(name) : 0;

    put(&body, 0x0303, 2);
    for (int i = 0; i < 32; i++)
        put(&body, 'r', 1);
    put(&body, 0, 1);
    put(&body, 2, 2);
    put(&body, 0x1301, 2);
    put(&body, 1, 1);
    put(&body, 0, 1);
    put(&body, 6 + (name ? n + 9 : 0), 2);
    put(&body, 10, 2);
    put(&body, 2, 2);
    put(&body, 29, 2);
    if (name) {
        put(&body, 0, 2);
        put(&body, n + 5, 2);
        put(&body, n + 3, 2);
        put(&body, 0, 1);
        put(&body, n, 2);
        put_text(&body, name);
    }
    put(&h, 1, 1);
    put(&h, body.len, 3);
    memcpy(h.bytes + h.len, body.bytes, body.len);
    h.len += body.len;
    return h;
}

/* The message in records of at most `most` bytes. */
static struct hello records(struct hello m, size_t most)
{
    struct hello h = {.len = 0};

    for (size_t at = 0; at < m.len;) {
        size_t n = m.len - at < most ? m.len - at : most;

        put(&h, 22, 1);
        put(&h, 0x0301, 2);
        put(&h, n, 2);
        memcpy(h.bytes + h.len, m.bytes + at, n);
        h.len += n;
        at += n;
    }
    return h;
}

static enum client_hello read_name(const char *bytes, size_t len, char name[CLIENT_HELLO_NAME_MAX])
{
    char *copy = malloc(len + 1); /* so that a sanitizer sees what is read behind its end */
    enum client_hello result;

    memcpy(copy, bytes, len);
    result = client_hello_name((struct str){copy, len}, name);
    free(copy);
    return result;
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *want;
    } names[] = {
        {"example.org", "example.org"}, {"Example.ORG.", "example.org"}, {NULL, ""}, {"", ""}, {"a b", ""},
        {"a/b", ""}, {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    };
    static const size_t sizes[] = {1, 3, 17, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            char name[CLIENT_HELLO_NAME_MAX];
            struct hello h = records(message(names[i].name), sizes[k]);

            for (size_t cut = 0; cut < h.len; cut++)
                assert_int_equal(read_name(h.bytes, cut, name), CLIENT_HELLO_MORE);
            assert_int_equal(read_name(h.bytes, h.len, name), CLIENT_HELLO_DONE);
            assert_string_equal(name, names[i].want);
            put(&h, 23, 1); /* what follows is not looked at */
            assert_int_equal(read_name(h.bytes, h.len, name), CLIENT_HELLO_DONE);
        }
    }
}

static void test_others(void **state)
{
    static const char *const others[] = {"GET / HTTP/1.1\r\n", "\x16\x02", "\x15\x03\x01", "\x16\x03\x01\xff\xff",
                                         "SSH-2.0"};
    char name[CLIENT_HELLO_NAME_MAX];
    struct hello h = records(message("a"), 4096);

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(read_name(others[i], strlen(others[i]), name), CLIENT_HELLO_NONE);
    h.bytes[5] = 2; /* a ServerHello */
    assert_int_equal(read_name(h.bytes, h.len, name), CLIENT_HELLO_NONE);
    h.bytes[5] = 1;
    h.bytes[6] = 1; /* longer than any that is read */
    assert_int_equal(read_name(h.bytes, h.len, name), CLIENT_HELLO_NONE);
}

/* Any byte may be wrong: an answer, and nothing read outside. */
static void test_broken(void **state)
{
    struct hello h = records(message("example.org"), 4096);

    (void)state;
    for (size_t at = 0; at < h.len; at++) {
        char was = h.bytes[at];

        for (int value = 0; value < 256; value++) {
            char name[CLIENT_HELLO_NAME_MAX];

            h.bytes[at] = (char)value;
            (void)read_name(h.bytes, h.len, name);
            assert_true(memchr(name, 0, sizeof(name)) != NULL);
        }
        h.bytes[at] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

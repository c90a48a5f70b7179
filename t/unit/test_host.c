/*
 * test_host.c: what is a host[:port], its canonical form, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/host.h"

static void accepted(void **state)
{
    static const struct {
        const char *text, *name;
        uint16_t port;
    } rows[] = {
        {"a.test", "a.test", 0},
        {"A.TEST.:80", "a.test", 80},
        {"a_b.test:", "a_b.test", 0},
        {"127.0.0.1:65535", "127.0.0.1", 65535},
        {"[::1]", "[::1]", 0},
        {"[0:0:0:0:0:0:0:1]:443", "[::1]", 443},
        {"[2001:DB8::A]:8080", "[2001:db8::a]", 8080},
    };
    struct pool *pool = pool_new(1024);
    struct host host;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        if (host_parse(str_of(rows[i].text), pool, &host) < 0) {
            fail_msg("%s refused", rows[i].text);
        }
        assert_string_equal(host.name.s, rows[i].name);
        assert_int_equal(host.name.len, strlen(rows[i].name));
        assert_int_equal(host.port, rows[i].port);
    }
    pool_free(pool);
}

static void refused(void **state)
{
    static const char *const rows[] = {
        "", ".", "..", "a..", "a..b", ".a", ":80", "a b", "a.test, b.test", "a,b", "a/x", "u@a",
        "a:8o", "a:0", "a:65536", "a:99999999999999999999", "a:1:2", "a?", "a#", "a\\b", "a<", "[]",
        "[::1", "[::1]x", "[::1]:x", "[fe80::1%25eth0]", "[v1.a]", "[1.2.3.4]", "::1", "a%41",
        "caf\xc3\xa9", "a\t", "a]", "a\"",
    };
    struct pool *pool = pool_new(1024);
    struct host host;
    char text[HOST_NAME_MAX_LEN + 1];
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        if (host_parse(str_of(rows[i]), pool, &host) == 0) {
            fail_msg("%s accepted", rows[i]);
        }
    }
    assert_int_equal(host_parse(STR("a\0.test"), pool, &host), -1);
    assert_int_equal(host_parse(STR("[::1\0]"), pool, &host), -1);
    memset(text, 'a', sizeof(text));
    assert_int_equal(host_parse((struct str){text, sizeof(text)}, pool, &host), -1);
    assert_int_equal(host_parse((struct str){text, sizeof(text) - 1}, pool, &host), 0);
    pool_free(pool);
}

static void default_ports(void **state)
{
    struct host host = {.port = 443};

    (void)state;
    assert_int_equal(host_port_unless_default(&host, true), 0);
    assert_int_equal(host_port_unless_default(&host, false), 443);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(default_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

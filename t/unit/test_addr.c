/*
 * test_addr.c: tests of base/addr.c and base/cidr.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/addr.h"

static struct addr addr(const char *text)
{
    char error[256] = "";
    struct addr a = {.len = 0};

    if (addr_parse(str_of(text), &a, error, sizeof(error)) < 0)
        fail_msg("%s", error);
    return a;
}

static struct addr ip(const char *text)
{
    struct addr a = {.len = 0};

    if (addr_parse_ip(str_of(text), 0, &a) < 0)
        fail_msg("\"%s\" refused", text);
    return a;
}

static void test_good(void **state)
{
    static const struct {
        const char *text, *printed, *host;
        int family;
        uint16_t port;
    } rows[] = {
        {"*:80", "*:80", "*", AF_INET6, 80},
        {"127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", AF_INET, 80},
        {"[::]:65535", "[::]:65535", "::", AF_INET6, 65535},
        {"[2001:DB8:0::1]:443", "[2001:db8::1]:443", "2001:db8::1", AF_INET6, 443},
        {"[::ffff:192.0.2.1]:80", "192.0.2.1:80", "192.0.2.1", AF_INET6, 80},
        {"unix:/run/x y.sock", "unix:/run/x y.sock", "unix:/run/x y.sock", AF_UNIX, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct addr a = addr(rows[i].text);
        struct addr copy = addr_of(&a.sa, a.len);
        char buf[ADDR_TEXT_MAX];

        assert_int_equal(a.sa.sa_family, rows[i].family);
        assert_int_equal(addr_port(&a), rows[i].port);
        assert_string_equal(addr_print(&a, buf).s, rows[i].printed);
        assert_string_equal(addr_print_ip(&a, buf).s, rows[i].host);
        assert_int_equal(addr_eq(&a, &copy), !a.any);
    }
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "is not an address"},
        {"80", "is not an address"},
        {"localhost:80", "is not an address"},
        {"256.0.0.1:80", "is not an address"},
        {"127.0.0.01:80", "is not an address"},
        {"2001:db8::1:x", "is not an address"},
        {"127.0.0.1", "write \"127.0.0.1:80\""},
        {"*", "write \"*:80\""},
        {"::1", "write \"[::1]:80\""},
        {"[::1]", "write \"[::1]:80\""},
        {"127.0.0.1:", "from 1 to 65535"},
        {"127.0.0.1:0", "from 1 to 65535"},
        {"127.0.0.1:65536", "from 1 to 65535"},
        {"[::1]:+80", "from 1 to 65535"},
        {"unix:", "absolute path"},
        {"unix:run/x", "absolute path"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char error[256] = "";
        struct addr a = {.len = 77};

        if (addr_parse(str_of(rows[i].text), &a, error, sizeof(error)) == 0)
            fail_msg("\"%s\" accepted", rows[i].text);
        if (!strstr(error, rows[i].error))
            fail_msg("\"%s\": %s", rows[i].text, error);
        assert_int_equal(a.len, 77);
    }
}

static void test_unix_length(void **state)
{
    char text[5 + 109];
    char error[256], buf[ADDR_TEXT_MAX];
    struct addr a;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "unix:/", 6);
    assert_int_equal(addr_parse((struct str){text, 5 + 108}, &a, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "at most 107"));
    assert_int_equal(addr_parse((struct str){text, 5 + 107}, &a, error, sizeof(error)), 0);
    assert_true(str_eq(addr_print(&a, buf), (struct str){text, 5 + 107}));
    text[8] = '\0';
    assert_int_equal(addr_parse((struct str){text, 20}, &a, error, sizeof(error)), -1);
}

static void test_accepted(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = {0, 'a', 'b'}};
    struct sockaddr odd = {.sa_family = AF_APPLETALK};
    char buf[ADDR_TEXT_MAX];
    struct addr a = addr_of((struct sockaddr *)&un, sizeof(un.sun_family));

    (void)state;
    assert_string_equal(addr_print(&a, buf).s, "unix:");
    a = addr_of((struct sockaddr *)&un, sizeof(un.sun_family) + 3);
    assert_string_equal(addr_print(&a, buf).s, "unix:@ab");
    memset(un.sun_path, 'p', sizeof(un.sun_path));
    a = addr_of((struct sockaddr *)&un, sizeof(un));
    assert_int_equal(addr_print(&a, buf).len, 5 + sizeof(un.sun_path));
    a = addr_of(&odd, sizeof(odd));
    assert_int_equal(a.len, 0);
    assert_string_equal(addr_print(&a, buf).s, "-");
}

static void test_equal(void **state)
{
    static const struct {
        const char *a, *b;
        bool eq, same_ip;
    } rows[] = {
        {"127.0.0.1:80", "127.0.0.1:80", true, true},
        {"127.0.0.1:80", "127.0.0.1:81", false, true},
        {"127.0.0.1:80", "127.0.0.2:80", false, false},
        {"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true, true},
        {"[::127.0.0.1]:80", "127.0.0.1:80", false, false},
        {"[::1]:80", "[0:0::1]:80", true, true},
        {"*:80", "*:80", true, true},
        {"*:80", "[::]:80", false, false},
        {"unix:/a", "unix:/a", true, false},
        {"unix:/a", "unix:/ab", false, false},
        {"unix:/a", "127.0.0.1:80", false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct addr a = addr(rows[i].a), b = addr(rows[i].b);

        if (addr_eq(&a, &b) != rows[i].eq || addr_eq(&b, &a) != rows[i].eq ||
            addr_same_ip(&a, &b) != rows[i].same_ip || addr_same_ip(&b, &a) != rows[i].same_ip)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

static void test_parse_ip(void **state)
{
    static const char *const wrong[] = {"", "*", "1.2.3", "[1.2.3.4]", "::g", "[::1", "1.2.3.4:5"};
    struct addr a = ip("[2001:db8::1]"), b = ip("2001:db8::1");

    (void)state;
    assert_true(addr_eq(&a, &b));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(addr_parse_ip(str_of(wrong[i]), 0, &a), -1);
    assert_int_equal(addr_parse_ip(STR("1.2.3.4\0x"), 0, &a), -1);
}

static void test_cidr_match(void **state)
{
    static const struct {
        const char *net, *printed, *ip;
        bool holds;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "10.0.0.0/8", "a00::", false},
        {"192.0.2.128/25", "192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.1", "192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "0.0.0.0/0", "255.1.1.1", true},
        {"0.0.0.0/0", "0.0.0.0/0", "::1", false},
        {"::/0", "::/0", "2001:db8::1", true},
        {"::/0", "::/0", "1.2.3.4", false},
        {"2001:db8::/33", "2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", "::1", true},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8", "10.9.9.9", true},
        {"::ffff:0:0/96", "0.0.0.0/0", "1.2.3.4", true},
        {"all", "all", "1.2.3.4", true},
        {"all", "all", "::1", true},
    };
    struct addr un = addr("unix:/x");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char error[256] = "", buf[ADDR_TEXT_MAX];
        struct addr a = ip(rows[i].ip);
        struct cidr c;

        if (cidr_parse(str_of(rows[i].net), &c, error, sizeof(error)) < 0)
            fail_msg("%s", error);
        assert_string_equal(cidr_print(&c, buf).s, rows[i].printed);
        if (cidr_holds(&c, &a) != rows[i].holds)
            fail_msg("%s and %s", rows[i].net, rows[i].ip);
        assert_int_equal(cidr_holds(&c, &un), strcmp(rows[i].net, "all") == 0);
    }
}

static void test_cidr_bad(void **state)
{
    static const struct {
        const char *net, *error;
    } rows[] = {
        {"10.1.2.3/8", "the network is \"10.0.0.0/8\""},
        {"192.0.2.129/25", "the network is \"192.0.2.128/25\""},
        {"1.0.0.0/0", "the network is \"0.0.0.0/0\""},
        {"2001:db8::1/64", "the network is \"2001:db8::/64\""},
        {"::ffff:10.1.0.0/104", "the network is \"10.0.0.0/8\""},
        {"10.0.0.0/33", "from 0 to 32"},
        {"10.0.0.0/", "from 0 to 32"},
        {"10.0.0.0/-1", "from 0 to 32"},
        {"::/129", "from 0 to 128"},
        {"", "is not a network"},
        {"/8", "is not a network"},
        {"10/8", "is not a network"},
        {"example.org", "is not a network"},
        {"all/0", "is not a network"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char error[256] = "";
        struct cidr c = {.bits = 77};

        if (cidr_parse(str_of(rows[i].net), &c, error, sizeof(error)) == 0)
            fail_msg("\"%s\" accepted", rows[i].net);
        if (!strstr(error, rows[i].error))
            fail_msg("\"%s\": %s", rows[i].net, error);
        assert_int_equal(c.bits, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_unix_length), cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_equal), cmocka_unit_test(test_parse_ip),
        cmocka_unit_test(test_cidr_match), cmocka_unit_test(test_cidr_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

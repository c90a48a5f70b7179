/* test_forwarded.c: the client's address in X-Forwarded-For and Forwarded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/forwarded.h"

struct last_case {
    struct str list;
    const char *address; /* NULL: none */
    struct str rest;
};

static const struct last_case plain[] = {
    {STR("192.0.2.1"), "192.0.2.1", STR("")},
    {STR("192.0.2.1, 192.0.2.2 "), "192.0.2.2", STR("192.0.2.1")},
    {STR("192.0.2.1:8080"), "192.0.2.1", STR("")},
    {STR("2001:db8::1"), "2001:db8::1", STR("")},
    {STR("a, [2001:db8::1]:443"), "2001:db8::1", STR("a")},
    {STR("unknown"), NULL, STR("")},
    {STR("192.0.2.1,"), NULL, STR("192.0.2.1")},
    {STR("unix:/run/x"), NULL, STR("")},
    {STR("*:80"), NULL, STR("")},
    {STR(""), NULL, STR("")},
};

static const struct last_case full[] = {
    {STR("for=192.0.2.1"), "192.0.2.1", STR("")},
    {STR("for=192.0.2.1, FOR=192.0.2.2;proto=https"), "192.0.2.2", STR("for=192.0.2.1")},
    {STR("proto=http; for=\"[2001:db8:cafe::17]:4711\" ;by=203.0.113.43"), "2001:db8:cafe::17", STR("")},
    {STR("for=\"192.0.2.43:47011\""), "192.0.2.43", STR("")},
    {STR("for=_hidden"), NULL, STR("")},
    {STR("by=192.0.2.1"), NULL, STR("")},
    {STR("for="), NULL, STR("")},
};

static void check(const struct last_case *c, int (*asked)(struct str *, struct addr *))
{
    struct str list = c->list;
    char text[ADDR_TEXT_MAX];
    struct addr address;
    int rc = asked(&list, &address);

    assert_int_equal(rc, c->address ? 0 : -1);
    assert_true(str_eq(list, c->rest));
    if (rc == 0)
        assert_string_equal(addr_print_ip(&address, text).s, c->address);
}

static void test_x_forwarded_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        check(&plain[i], forwarded_last_address);
}

static void test_forwarded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(full); i++)
        check(&full[i], forwarded_last_for);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x_forwarded_for),
        cmocka_unit_test(test_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a message loses and gains at one hop (RFC 9110 7.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/hop.h"

static struct header_list fields(struct pool *pool, const char *const *lines)
{
    struct header_list list;

    header_list_init(&list, pool, 100);
    for (size_t i = 0; lines[i]; i += 2)
        assert_int_equal(header_add(&list, str_of(lines[i]), str_of(lines[i + 1])), 0);
    return list;
}

/* The list as "Name: value\n" lines. */
static const char *text_of(const struct header_list *list, struct pool *pool)
{
    struct str text = STR("");

    for (size_t i = 0; i < list->count; i++)
        text = pool_printf(pool, "%.*s%.*s: %.*s\n", STR_ARG(text), STR_ARG(list->items[i].name),
                           STR_ARG(list->items[i].value));
    return text.len ? text.s : "";
}

static void strips_connection_fields(void **state)
{
    struct pool *pool = *state;
    const char *const lines[] = {
        "Host",       "a.test",  "X-Mine",           "1",       "Connection", "close, X-Mine, Host, Cookie",
        "Keep-Alive", "5",       "Proxy-Connection", "x",       "TE",         "trailers",
        "Upgrade",    "h2c",     "HTTP2-Settings",   "AAA",     "Cookie",     "a=b",
        "connection", "X-Other", "X-Other",          "2",       "X-Kept",     "3",
        "Trailer",    "X",       "Content-Length",   "3",       "Transfer-Encoding", "chunked",
        "X-Forwarded-For", "1.2.3.4", NULL,
    };
    struct header_list list = fields(pool, lines);

    hop_strip(&list);
    assert_string_equal(text_of(&list, pool),
                        "Host: a.test\nCookie: a=b\nX-Kept: 3\nX-Forwarded-For: 1.2.3.4\n");
}

static void ignores_nomination_of_forwarding_fields(void **state)
{
    struct pool *pool = *state;
    const char *const lines[] = {"Connection", "X-Forwarded-For, Authorization, X-Gone",
                                 "X-Forwarded-For", "1.2.3.4", "Authorization", "Basic x",
                                 "X-Gone", "1", NULL};
    struct header_list list = fields(pool, lines);

    hop_strip(&list);
    assert_string_equal(text_of(&list, pool), "X-Forwarded-For: 1.2.3.4\nAuthorization: Basic x\n");
}

static void copies_what_goes_on(void **state)
{
    static const struct {
        const char *connection;
        bool forget;
        const char *text;
    } cases[] = {
        {"keep-alive", false, "X-Gone: 1\nX-Forwarded-For: 6.6.6.6\nForwarded: for=x\nX-Kept: 3\n"},
        {"close", true, "X-Gone: 1\nX-Kept: 3\n"},
        {"X-Gone, keep-alive, X-Forwarded-For", false, "X-Forwarded-For: 6.6.6.6\nForwarded: for=x\nX-Kept: 3\n"},
        {"x-gone", true, "X-Kept: 3\n"},
    };
    struct pool *pool = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *const lines[] = {
            "Host",   "a.test", "X-Gone", "1",    "Connection", cases[i].connection, "X-Forwarded-For", "6.6.6.6",
            "Expect", "100-continue", "Forwarded", "for=x", "Content_Length", "3", "TE", "trailers", "Proxy", "evil",
            "Content-Length", "3", "X-Kept", "3", NULL,
        };
        struct header_list from = fields(pool, lines), to;

        header_list_init(&to, pool, 100);
        header_reserve(&to, from.count);
        hop_copy_request(&from, &to, cases[i].forget);
        assert_string_equal(text_of(&to, pool), cases[i].text);
    }
}

static const char *const claims[] = {"X-Forwarded-For",   "1.1.1.1", "x-forwarded-for", "2.2.2.2",
                                     "X-Forwarded-Proto", "https",   "X-Forwarded-Host", "evil.test",
                                     "X-Real-IP",         "3.3.3.3", "Forwarded", "for=4.4.4.4", NULL};

static void appends_to_claims_of_trusted_peers(void **state)
{
    struct pool *pool = *state;
    struct header_list list = fields(pool, claims);
    struct hop_client client = {STR("9.9.9.9"), STR("http"), STR("a.test")};

    assert_int_equal(hop_forward(&list, &client, pool), 0);
    assert_string_equal(text_of(&list, pool),
                        "X-Forwarded-Proto: https\nX-Forwarded-Host: evil.test\nX-Real-IP: 3.3.3.3\n"
                        "Forwarded: for=4.4.4.4\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 9.9.9.9\n");
}

static void via_is_one_line(void **state)
{
    struct pool *pool = *state;
    const char *const lines[] = {"Via", "1.0 fred", "Via", "1.1 p.example", NULL};
    struct header_list list = fields(pool, lines);

    assert_int_equal(hop_via(&list, STR("1.1 weir"), pool), 0);
    assert_string_equal(text_of(&list, pool), "Via: 1.0 fred, 1.1 p.example, 1.1 weir\n");
}

static void says_when_the_list_is_full(void **state)
{
    struct pool *pool = *state;
    struct header_list list;
    struct hop_client client = {STR("9.9.9.9"), STR("http"), STR("a.test")};

    header_list_init(&list, pool, 2);
    assert_int_equal(hop_forward(&list, &client, pool), -1);
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
        cmocka_unit_test_setup_teardown(strips_connection_fields, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(ignores_nomination_of_forwarding_fields, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(copies_what_goes_on, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(appends_to_claims_of_trusted_peers, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(via_is_one_line, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(says_when_the_list_is_full, make_pool, drop_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_h2_head.c: the fields of HTTP/2 requests, good and bad, and what head they become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/client/h2_head.h"

static const struct h1_limits limits = {8192, 4096, 10};

struct head_case {
    const char *fields; /* "name=value|name=value" */
    bool ends;
    enum h2_head_verdict verdict;
    unsigned status; /* of REFUSED */
    enum frame_kind kind;
    const char *head; /* "METHOD TARGET|Name: value|..." */
};

#define P ":scheme=https|:authority=a.test|:path=/x"
#define GET ":method=GET|" P
#define POST ":method=POST|" P
#define BASE "GET /x|"
#define WS ":method=CONNECT|:protocol=websocket|" P
#define BAD H2_HEAD_MALFORMED, 0, FRAME_NONE, NULL

static const struct head_case cases[] = {
    {GET, true, H2_HEAD_OK, 0, FRAME_NONE, BASE "Host: a.test"},
    {GET "|host=A.test", true, H2_HEAD_OK, 0, FRAME_NONE, BASE "Host: A.test"},
    {":method=GET|:scheme=http|:path=/x|host=a.test", true, H2_HEAD_OK, 0, FRAME_NONE, BASE "Host: a.test"},
    {GET "|cookie=a=1|x-a=b|cookie=c=2|cookie=", true, H2_HEAD_OK, 0, FRAME_NONE,
     BASE "x-a: b|Cookie: a=1; c=2; |Host: a.test"},
    {GET "|te=trailers", true, H2_HEAD_OK, 0, FRAME_NONE, BASE "TE: trailers|Host: a.test"},
    {POST, false, H2_HEAD_OK, 0, FRAME_CHUNKED, "POST /x|Host: a.test"},
    {POST "|content-length=5", false, H2_HEAD_OK, 0, FRAME_LENGTH, "POST /x|Content-Length: 5|Host: a.test"},
    {POST "|content-length=0", true, H2_HEAD_OK, 0, FRAME_LENGTH, "POST /x|Content-Length: 0|Host: a.test"},
    {":method=OPTIONS|:scheme=http|:authority=a|:path=*", true, H2_HEAD_OK, 0, FRAME_NONE, "OPTIONS *|Host: a"},
    {WS "|sec-websocket-version=13", false, H2_HEAD_OK, 0, FRAME_NONE, "GET /x|Sec-WebSocket-Version: 13|Host: a.test"},
    {":method=CONNECT|:authority=a:1", false, H2_HEAD_OK, 0, FRAME_CHUNKED, "CONNECT a:1|Host: a:1"},
    {":method=CONNECT|" P, false, BAD},
    {":method=CONNECT", false, BAD},
    {WS, false, H2_HEAD_REFUSED, 400, FRAME_NONE, NULL},
    {WS "|sec-websocket-version=8", false, H2_HEAD_REFUSED, 400, FRAME_NONE, NULL},
    {WS "|sec-websocket-version=13", true, H2_HEAD_REFUSED, 400, FRAME_NONE, NULL},
    {":method=CONNECT|:protocol=ip|" P, false, H2_HEAD_REFUSED, 501, FRAME_NONE, NULL},
    {GET "|:protocol=websocket", true, BAD},
    {GET "|host=b.test", true, H2_HEAD_REFUSED, 400, FRAME_NONE, NULL},
    {GET "|host=a.test|host=a.test", true, H2_HEAD_REFUSED, 400, FRAME_NONE, NULL},
    {":method=GET|:scheme=http|:path=/x", true, H2_HEAD_REFUSED, 400, FRAME_NONE, NULL},
    {":method=GRAB|" P, true, H2_HEAD_REFUSED, 501, FRAME_NONE, NULL},
    {P, true, BAD},
    {":method=G T|" P, true, BAD},
    {":method=|" P, true, BAD},
    {":method=GET|:authority=a|:path=/x", true, BAD},
    {":method=GET|:scheme=ftp|:authority=a|:path=/x", true, BAD},
    {":method=GET|:scheme=http|:authority=a", true, BAD},
    {":method=GET|:scheme=http|:authority=a|:path=", true, BAD},
    {":method=GET|:scheme=http|:authority=a|:path=x", true, BAD},
    {":method=GET|:scheme=http|:authority=a|:path=*", true, BAD},
    {":method=GET|:scheme=http|:authority=a|:path=/a b", true, BAD},
    {":method=GET|:scheme=http|:authority=a|:path=/a#b", true, BAD},
    {":method=GET|:scheme=http|:authority=a|:path=/a\r\nb", true, BAD},
    {GET "|:path=/x", true, BAD},
    {GET "|:status=200", true, BAD},
    {":method=GET|x-a=b|" P, true, BAD},
    {GET "|X-a=b", true, BAD},
    {GET "|=b", true, BAD},
    {GET "|x a=b", true, BAD},
    {GET "|x-a=b\r", true, BAD},
    {GET "|x-a=b\nc", true, BAD},
    {GET "|x-a= b", true, BAD},
    {GET "|x-a=b\t", true, BAD},
    {GET "|connection=close", true, BAD},
    {GET "|keep-alive=1", true, BAD},
    {GET "|proxy-connection=1", true, BAD},
    {GET "|transfer-encoding=chunked", true, BAD},
    {GET "|upgrade=h2c", true, BAD},
    {GET "|te=gzip", true, BAD},
    {GET "|te=trailers, gzip", true, BAD},
    {POST "|content-length=5", true, BAD},
    {POST "|content-length=+5", false, BAD},
    {POST "|content-length=5, 5", false, BAD},
    {POST "|content-length=5|content-length=5", false, BAD},
    {POST "|content-length=9223372036854775808", false, BAD},
    {GET "|a=1|b=1|c=1|d=1|e=1|f=1|g=1|h=1|i=1|j=1", true, H2_HEAD_OK, 0, FRAME_NONE,
     BASE "a: 1|b: 1|c: 1|d: 1|e: 1|f: 1|g: 1|h: 1|i: 1|j: 1|Host: a.test"},
    {GET "|a=1|b=1|c=1|d=1|e=1|f=1|g=1|h=1|i=1|j=1|k=1", true, H2_HEAD_REFUSED, 431, FRAME_NONE, NULL},
    {GET "|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1|cookie=1", true,
     H2_HEAD_REFUSED, 431, FRAME_NONE, NULL},
};

/* "name=value": the name may begin with a colon, the value may hold "=". */
static void tell(struct h2_head *h, const char *fields)
{
    while (*fields) {
        size_t len = strcspn(fields, "|");
        const char *equal = memchr(fields, '=', len);

        assert_non_null(equal);
        h2_head_field(h, (struct str){fields, (size_t)(equal - fields)},
                      (struct str){equal + 1, len - (size_t)(equal - fields) - 1});
        fields += len + (fields[len] == '|');
    }
}

static struct str text_of(const struct message *m, struct pool *pool)
{
    struct str text = pool_printf(pool, "%.*s %.*s", STR_ARG(m->method), STR_ARG(m->target));

    for (size_t i = 0; i < m->headers.count; i++)
        text = pool_printf(pool, "%.*s|%.*s: %.*s", STR_ARG(text), STR_ARG(m->headers.items[i].name),
                           STR_ARG(m->headers.items[i].value));
    return text;
}

static void becomes_a_head_or_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct head_case *c = &cases[i];
        struct pool *pool = pool_new(4096);
        struct message message;
        struct h2_head h;
        struct frame frame;
        unsigned status = 0;
        const char *reason = NULL;

        h2_head_init(&h, &message, pool, &limits);
        tell(&h, c->fields);
        if (h2_head_end(&h, c->ends, &frame, &status, &reason) != c->verdict || status != c->status)
            fail_msg("case %zu \"%s\": status %u, %s", i, c->fields, status, reason ? reason : "accepted");
        if (c->head) {
            assert_string_equal(text_of(&message, pool).s, c->head);
            assert_int_equal(frame.kind, c->kind);
            assert_int_equal(frame.upgrade, h.upgrade);
        } else {
            assert_non_null(reason);
        }
        pool_free(pool);
    }
}

static void counts_bytes_while_they_come(void **state)
{
    struct pool *pool = pool_new(4096);
    static char long_value[3000];
    struct message message;
    struct h2_head h;
    struct frame frame;
    unsigned status = 0;
    const char *reason;

    (void)state;
    memset(long_value, 'x', sizeof(long_value));
    h2_head_init(&h, &message, pool, &limits);
    tell(&h, GET);
    h2_head_field(&h, STR("x-a"), (struct str){long_value, sizeof(long_value)});
    assert_false(h.too_large);
    h2_head_field(&h, STR("x-b"), (struct str){long_value, sizeof(long_value)});
    assert_true(h.too_large);
    assert_int_equal(message.headers.count, 1);
    assert_int_equal(h2_head_end(&h, true, &frame, &status, &reason), H2_HEAD_REFUSED);
    assert_int_equal(status, 431);
    pool_free(pool);
}

static void looks_at_trailers(void **state)
{
    (void)state;
    assert_null(h2_head_check_trailer(STR("x-sum"), STR("1")));
    assert_non_null(h2_head_check_trailer(STR(":path"), STR("/")));
    assert_non_null(h2_head_check_trailer(STR("connection"), STR("close")));
    assert_non_null(h2_head_check_trailer(STR("X-Sum"), STR("1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(becomes_a_head_or_is_refused),
        cmocka_unit_test(counts_bytes_while_they_come),
        cmocka_unit_test(looks_at_trailers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Answers to checks, whole and byte by byte: what is read, what is refused, where the body is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/health/http_answer.h"

#define ROOM (128 * 1024)

struct answer_case {
    const char *method, *bytes;
    enum http_answer_verdict verdict; /* once the server has closed */
    bool at_end;                      /* not before it */
    unsigned status;
    const char *body;
};

static const struct answer_case cases[] = {
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HTTP_ANSWER_DONE, false, 200, "ok"},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokX", HTTP_ANSWER_DONE, false, 200, "ok"},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", HTTP_ANSWER_MORE, true, 200, NULL},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", HTTP_ANSWER_DONE, false, 200, ""},
    {"GET", "HTTP/1.1 204 No Content\r\n\r\n", HTTP_ANSWER_DONE, false, 204, ""},
    {"GET", "HTTP/1.0 503 Busy\r\n\r\nbusy", HTTP_ANSWER_DONE, true, 503, "busy"},
    {"GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
     HTTP_ANSWER_DONE, false, 200, "abcde"},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", HTTP_ANSWER_MORE, true,
     200, NULL},
    {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", HTTP_ANSWER_BAD, false, 200, NULL},
    {"GET",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
     HTTP_ANSWER_DONE, false, 200, "a"},
    {"GET", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", HTTP_ANSWER_BAD, false, 0,
     NULL},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", HTTP_ANSWER_BAD, false, 0,
     NULL},
    {"GET", "HTTP/1.1 200 OK\nContent-Length: 1\n\na", HTTP_ANSWER_BAD, false, 0, NULL},
    {"GET", "SSH-2.0-OpenSSH\r\n", HTTP_ANSWER_MORE, true, 0, NULL},
    {"GET", "garbage\r\n\r\n", HTTP_ANSWER_BAD, false, 0, NULL},
    {"GET", "HTTP/1.1 200", HTTP_ANSWER_MORE, true, 0, NULL},
    {"GET", "", HTTP_ANSWER_MORE, true, 0, NULL},
};

/* Feeds `step` bytes at a time; the verdict, after the end if need be, and whether it was needed. */
static enum http_answer_verdict feed(struct http_answer *a, struct pool *pool, const struct answer_case *c,
                                     size_t step, char *buf, bool *at_end)
{
    size_t given = 0, all = strlen(c->bytes), len = 0;
    enum http_answer_verdict verdict = HTTP_ANSWER_MORE;

    http_answer_init(a, pool, str_of(c->method));
    while (verdict == HTTP_ANSWER_MORE && given < all) {
        size_t n = all - given < step ? all - given : step;

        memcpy(buf + len, c->bytes + given, n);
        len += n;
        given += n;
        verdict = http_answer_read(a, buf, &len, false);
    }
    *at_end = verdict == HTTP_ANSWER_MORE;
    return *at_end ? http_answer_read(a, buf, &len, true) : verdict;
}

static void answers_are_read_in_any_pieces(void **state)
{
    static const size_t steps[] = {1, 2, 3, 7, 1000};
    char *buf = malloc(ROOM);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
            struct pool *pool = pool_new(4096);
            struct http_answer a;
            bool at_end;

            if (feed(&a, pool, &cases[i], steps[k], buf, &at_end) != cases[i].verdict ||
                at_end != cases[i].at_end || (cases[i].status && a.status != cases[i].status))
                fail_msg("case %zu by %zu bytes: status %u, %s", i, steps[k], a.status,
                         a.reason ? a.reason : "");
            if (cases[i].body &&
                (a.body_len != strlen(cases[i].body) || memcmp(buf + a.body, cases[i].body, a.body_len) != 0))
                fail_msg("case %zu by %zu bytes: body %.*s", i, steps[k], (int)a.body_len, buf + a.body);
            pool_free(pool);
        }
    free(buf);
}

static void a_long_body_is_cut(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    struct pool *pool = pool_new(4096);
    char *buf = malloc(ROOM);
    size_t len = sizeof(head) - 1;
    struct http_answer a;

    (void)state;
    memset(buf, 'x', ROOM);
    memcpy(buf, head, len);
    http_answer_init(&a, pool, STR("GET"));
    len += HTTP_ANSWER_BODY - 1;
    assert_int_equal(http_answer_read(&a, buf, &len, false), HTTP_ANSWER_MORE);
    len += 100;
    assert_int_equal(http_answer_read(&a, buf, &len, false), HTTP_ANSWER_DONE);
    assert_int_equal(a.body_len, HTTP_ANSWER_BODY);
    free(buf);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_in_any_pieces),
        cmocka_unit_test(a_long_body_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

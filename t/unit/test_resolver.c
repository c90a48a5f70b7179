/*
 * test_resolver.c: the time to live of an answer, also of bytes that are none; and that a resolver can be
 * given up with questions under way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "io/resolver_work.h"

#define HEAD(questions, answers) 0, 1, 0x81, 0x80, 0, questions, 0, answers, 0, 0, 0, 0
#define QUESTION 1, 'a', 0, 0, 1, 0, 1
#define RECORD(t1, t2, t3, t4) 0xc0, 12, 0, 1, 0, 1, t1, t2, t3, t4, 0, 4, 127, 0, 0, 1

static void test_the_smallest_time_to_live(void **state)
{
    static const struct {
        uint8_t bytes[80];
        int len;
        uint32_t ttl;
    } cases[] = {
        {{HEAD(1, 1), QUESTION, RECORD(0, 0, 1, 44)}, 35, 300},
        {{HEAD(1, 2), QUESTION, RECORD(0, 0, 1, 44), RECORD(0, 0, 0, 9)}, 51, 9},
        {{HEAD(1, 2), QUESTION, RECORD(0, 0, 0, 8), RECORD(0, 0, 0, 9)}, 51, 8},
        {{HEAD(0, 1), 0, 0, 1, 0, 1, 0, 0, 0, 7, 0, 0}, 23, 7},
        /* RFC 2181 8: the highest bit. */
        {{HEAD(1, 1), QUESTION, RECORD(128, 0, 0, 1)}, 35, 0},
        /* Cut, without answers, too short, a name that points at itself, data that is longer than all. */
        {{HEAD(1, 2), QUESTION, RECORD(0, 0, 0, 8), RECORD(0, 0, 0, 9)}, 40, 0},
        {{HEAD(1, 1), QUESTION, RECORD(0, 0, 0, 8)}, 34, 0},
        {{HEAD(1, 0), QUESTION}, 19, 0},
        {{HEAD(1, 1)}, 12, 0},
        {{HEAD(1, 1)}, 11, 0},
        {{HEAD(0, 1), 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 7, 0, 0}, 24, 0},
        {{HEAD(0, 1), 0, 0, 1, 0, 1, 0, 0, 0, 7, 255, 255}, 23, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        /* Of its own length, so that a read behind it is seen. */
        uint8_t *bytes = malloc((size_t)cases[i].len);

        assert_non_null(bytes);
        memcpy(bytes, cases[i].bytes, (size_t)cases[i].len);
        if (resolver_ttl(bytes, cases[i].len) != cases[i].ttl)
            fail_msg("case %zu: %u", i, resolver_ttl(bytes, cases[i].len));
        free(bytes);
    }
}

struct asked {
    struct resolver_question question;
    int answers;
    bool is_loopback;
};

static void on_answer(struct resolver_question *question, const struct resolver_answer *answer)
{
    struct asked *asked = container_of(question, struct asked, question);

    asked->answers++;
    asked->is_loopback = answer->count > 0 && addr_is_loopback(&answer->items[0].address) &&
                         addr_port(&answer->items[0].address) == question->port;
}

static void test_given_up_and_hosts(void **state)
{
    struct loop *loop = loop_new(NULL, NULL);
    const char *error = NULL;
    /* Nobody answers at the discard port. */
    struct resolver *r = resolver_new(loop, "127.0.0.1:9", &error);
    struct asked one = {.question = {"localhost", 80, on_answer}};
    struct asked two = {.question = {"x.test", 80, on_answer}};
    struct asked three = {.question = {"_x._tcp.test", 0, on_answer}};

    (void)state;
    assert_non_null(r);
    resolver_ask(r, &one.question);
    assert_int_equal(one.answers, 1);
    assert_true(one.is_loopback);
    resolver_ask(r, &two.question);
    resolver_ask(r, &three.question);
    resolver_tick(r);
    assert_true(resolver_has_room(r));
    resolver_free(r);
    assert_int_equal(two.answers + three.answers, 0);
    loop_free(loop);
    loop = loop_new(NULL, NULL);
    assert_null(resolver_new(loop, "not an address", &error));
    assert_non_null(error);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_smallest_time_to_live),
        cmocka_unit_test(test_given_up_and_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

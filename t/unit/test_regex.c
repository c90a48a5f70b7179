/*
 * test_regex.c: results, captures, limits and errors of the PCRE2 wrapper; and that the literal
 * test never changes an answer, by comparing with PCRE2 itself on random patterns and subjects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/route/regex.h"

static const struct {
    const char *pattern;
    bool nocase;
    const char *literal; /* expected of regex_literal */
    const char *subject;
    enum regex_result result;
} cases[] = {
    {"^/api/(\\d+)", false, "/api/", "/api/12", REGEX_MATCH},
    {"^/api/(\\d+)", false, "/api/", "/API/12", REGEX_NO_MATCH},
    {"^/Api/(\\d+)", true, "/api/", "/aPI/12", REGEX_MATCH},
    {"\\.(png|jpe?g)$", true, "", "/x.JPG", REGEX_MATCH},
    {"\\.(png|jpe?g)$", false, "", "/x.JPG", REGEX_NO_MATCH},
    {"^/a|/b", false, "", "/x/b", REGEX_MATCH},
    {"^/a(b|c)", false, "/a", "/ac", REGEX_MATCH},
    {"^/ab?", false, "/a", "/a", REGEX_MATCH},
    {"^/ab*c", false, "/a", "/ac", REGEX_MATCH},
    {"^/ab{0}c", false, "/a", "/ac", REGEX_MATCH},
    {"^/ab+", false, "/a", "/abb", REGEX_MATCH},
    {"^/a\\.b", false, "/a.b", "/a.b", REGEX_MATCH},
    {"^/a\\.b", false, "/a.b", "/axb", REGEX_NO_MATCH},
    {"^/a\\.?b", false, "/a", "/ab", REGEX_MATCH},
    {"^/a\\d", false, "/a", "/a1", REGEX_MATCH},
    {"^[(]|x", false, "", "yx", REGEX_MATCH},
    {"^a[[:alpha:](]|x", false, "", "yx", REGEX_MATCH},
    {"^a(?#()|x", false, "", "yx", REGEX_MATCH},
    {"^a\\Q(\\E|x", false, "", "yx", REGEX_MATCH},
    {"^a\\c(|x", false, "", "yx", REGEX_MATCH},
    {"^a[\\](]|x", false, "", "yx", REGEX_MATCH},
    {"^a[](]|x", false, "", "yx", REGEX_MATCH},
    {"^(?i)/a", false, "", "/A", REGEX_MATCH},
    {"^x$", false, "x", "x\n", REGEX_NO_MATCH},
    {"^", false, "", "", REGEX_MATCH},
    {"", false, "", "abc", REGEX_MATCH},
};

static void test_results(void **state)
{
    struct pool *pool = pool_new(4096);
    struct regex_scratch *scratch = regex_scratch_new(pool);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct regex_error error;
        struct regex *regex = regex_new(pool, str_of(cases[i].pattern), cases[i].nocase, &error);

        assert_non_null(regex);
        if (!str_eq(regex_literal(regex), str_of(cases[i].literal)))
            fail_msg("literal of %s is \"%.*s\"", cases[i].pattern, STR_ARG(regex_literal(regex)));
        if (regex_match(regex, scratch, str_of(cases[i].subject), NULL) != cases[i].result)
            fail_msg("%s on %s", cases[i].pattern, cases[i].subject);
    }
    assert_int_equal(
        regex_match(regex_new(pool, STR_NONE, false, NULL), scratch, STR_NONE, NULL), REGEX_MATCH);
    pool_free(pool);
}

static void test_captures(void **state)
{
    struct pool *pool = pool_new(4096);
    struct regex_scratch *scratch = regex_scratch_new(pool);
    struct regex_error error;
    struct regex *regex = regex_new(pool, STR("^/(\\w+)(/x)?/(\\d*)$"), false, &error);
    struct regex *many = regex_new(pool, STR("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)"), false, &error);
    struct str subject = STR("/abc/");
    struct regex_captures captures;
    struct regex_captures other;

    (void)state;
    assert_int_equal(regex_match(regex, scratch, subject, &captures), REGEX_MATCH);
    assert_int_equal(regex_match(many, scratch, STR("0123456789a"), &other), REGEX_MATCH);
    assert_int_equal(captures.count, 4);
    assert_true(str_eq(captures.group[0], subject));
    assert_ptr_equal(captures.group[1].s, subject.s + 1);
    assert_int_equal(captures.group[1].len, 3);
    assert_null(captures.group[2].s);
    assert_non_null(captures.group[3].s);
    assert_int_equal(captures.group[3].len, 0);
    assert_int_equal(other.count, REGEX_CAPTURES);
    assert_true(str_eq(other.group[9], STR("8")));
    assert_int_equal(regex_match(regex, scratch, STR("?"), &captures), REGEX_NO_MATCH);
    assert_int_equal(captures.count, 0);
    pool_free(pool);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Both with JIT and in the interpreter, in steps and in stack. */
static void test_limits(void **state)
{
    static const char *const bombs[] = {"(a+)+$", "(*NO_JIT)(a+)+$", "^(a|a)*$", "^((a)|b)*[0-9]",
                                        "(*NO_JIT)^((a)|b)*[0-9]"};
    struct pool *pool = pool_new(4096);
    struct regex_scratch *scratch = regex_scratch_new(pool);
    size_t len = 200000;
    char *text = pool_text(pool, len);

    (void)state;
    memset(text, 'a', len);
    text[len - 1] = '!';
    for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
        struct regex_error error;
        struct regex *regex = regex_new(pool, str_of(bombs[i]), false, &error);
        struct regex_captures captures;
        double start = seconds();

        assert_non_null(regex);
        assert_int_equal(regex_match(regex, scratch, (struct str){text, len}, &captures),
                         REGEX_LIMIT);
        assert_int_equal(captures.count, 0);
        print_message("regex: %s met its limit in %.2f ms\n", bombs[i], (seconds() - start) * 1e3);
        assert_true(seconds() - start < 0.25);
        start = seconds();
        assert_int_not_equal(
            regex_match(regex, scratch, (struct str){text + len - 40, 40}, NULL), REGEX_MATCH);
        assert_true(seconds() - start < 0.25);
    }
    pool_free(pool);
}

static void test_errors(void **state)
{
    static const struct {
        const char *pattern;
        size_t offset;
    } bad[] = {{"a(b", 3}, {"a[", 2}, {"*a", 0}, {"(*UTF)a", 6}, {"a\\C", 3}, {"a\\", 2}};
    struct pool *pool = pool_new(4096);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct regex_error error = {.offset = 99};

        assert_null(regex_new(pool, str_of(bad[i].pattern), false, &error));
        if (error.offset != bad[i].offset)
            fail_msg("%s: offset %zu", bad[i].pattern, error.offset);
        assert_true(strlen(error.text) > 5);
    }
    pool_free(pool);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static struct str random_text(char *text, uint64_t *state, const char *letters, uint32_t longest)
{
    size_t len = next_random(state) % longest;

    for (size_t i = 0; i < len; i++)
        text[i] = letters[next_random(state) % strlen(letters)];
    return (struct str){text, len};
}

static bool lets(const struct regex *regex, struct str subject)
{
    struct regex_gate gate = regex_gate(regex);

    return regex_gate_lets(&gate, subject, regex_gate_start(subject));
}

static void test_gates(void **state)
{
    static const struct {
        const char *pattern, *subject;
        bool nocase, lets;
    } gates[] = {
        {"^/r/re5/[0-9]+$", "/r/re5/12", false, true},
        {"^/r/re5/[0-9]+$", "/r/re6/12", false, false},
        {"^/r/re5/[0-9]+$", "/r/re5", false, false},
        {"^/a/long/way/to/go/", "/a/long/way/to/go/on", false, true},
        {"^/a/long/way/to/go/", "/a/long/way/to/no/on", false, false},
        {"^/a/long/way/to/go/", "/b/long/way/to/go/on", false, true}, /* only the end of it is looked at */
        {"^/a/long/way/to/go/", "/a/long/way/to/go", false, false},
        {"^/x", "/X", true, true},
        {"^/x", "", false, false},
        {"x$", "", false, true},
    };
    struct pool *pool = pool_new(1024);

    (void)state;
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        struct regex_error error;
        const struct regex *regex = regex_new(pool, str_of(gates[i].pattern), gates[i].nocase, &error);

        assert_non_null(regex);
        if (lets(regex, str_of(gates[i].subject)) != gates[i].lets)
            fail_msg("%s and %s", gates[i].pattern, gates[i].subject);
    }
    pool_free(pool);
}

static void test_literal_is_harmless(void **state)
{
    uint64_t seed = 11;
    size_t with_literal = 0;

    (void)state;
    for (unsigned round = 0; round < 60000; round++) {
        struct pool *pool = pool_new(1024);
        struct regex_scratch *scratch = regex_scratch_new(pool);
        char text[24] = "^";
        char subject_text[8];
        struct str pattern = random_text(text + 1, &seed, "aBb/|()[]\\.*+?:#Q{0}^$-", 12);
        bool nocase = round % 2;
        struct regex_error error;
        struct regex *regex;

        pattern = (struct str){text, pattern.len + 1};
        regex = regex_new(pool, pattern, nocase, &error);
        if (regex) {
            int code;
            size_t offset;
            pcre2_code *plain = pcre2_compile((PCRE2_SPTR)text, pattern.len,
                                              PCRE2_DOLLAR_ENDONLY | (nocase ? PCRE2_CASELESS : 0),
                                              &code, &offset, NULL);
            pcre2_match_data *data = pcre2_match_data_create(1, NULL);

            with_literal += regex_literal(regex).len > 0;
            for (unsigned i = 0; i < 30; i++) {
                struct str subject = random_text(subject_text, &seed, "aAbB/(#Q0]", 6);
                int rc = pcre2_match(plain, (PCRE2_SPTR)subject.s, subject.len, 0, 0, data, NULL);

                if ((regex_match(regex, scratch, subject, NULL) == REGEX_MATCH) != (rc >= 0))
                    fail_msg("%.*s on %.*s", STR_ARG(pattern), STR_ARG(subject));
                if (rc >= 0 && !lets(regex, subject))
                    fail_msg("the gate of %.*s shuts out %.*s", STR_ARG(pattern), STR_ARG(subject));
            }
            pcre2_match_data_free(data);
            pcre2_code_free(plain);
        }
        pool_free(pool);
    }
    assert_true(with_literal > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_literal_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

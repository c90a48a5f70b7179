/*
 * test_accept.c: weights of languages, codings and media types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/accept.h"

struct row {
    const char *field, *what; /* field NULL: not sent */
    unsigned weight;
};

static void run(const struct row *rows, size_t n, unsigned (*weigh)(struct str, struct str))
{
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned weight = weigh(str_of(rows[i].field), str_of(rows[i].what));

        if (weight != rows[i].weight) {
            fail_msg("%s for %s: %u", rows[i].field, rows[i].what, weight);
        }
    }
}

static void languages(void **state)
{
    static const struct row rows[] = {
        {"de", "de-CH", 1000},       {"de-CH", "de", 999},
        {"de-CH, en;q=0.5", "en", 500}, {"de-CH;q=0, *;q=0.2", "de", 200},
        {"de-CH, *;q=0.2", "de", 999}, {"de-CH;q=0.001", "de", 1}, {"deu-CH", "de", 0},
        {"zh-Hant-TW;q=0.5, zh-TW;q=0.7", "zh", 699},  
        {"de", "deu", 0},            {"DE;q=0.5", "de", 500},
        {"de-CH, de;q=0.7", "de", 700}, {"*;q=0.1, de;q=0", "de-AT", 0},
        {"*;q=0.1, de;q=0", "fr", 100}, {"de;q=0.3, de-CH;q=0.9", "de-CH", 900},
        {NULL, "de", 0},             {"", "de", 0},
        {"de;q=1.001", "de", 0},     {"de;q=2", "de", 0},
        {"de;q=0.1234", "de", 0},    {"de ; Q=0.25", "de", 250},
        {"de;q=", "de", 0},          {"de;q=1.000", "de", 1000},
    };

    (void)state;
    run(rows, ARRAY_SIZE(rows), accept_language);
}

static void codings(void **state)
{
    static const struct row rows[] = {
        {"gzip, br;q=0.9", "br", 900},  {"gzip", "zstd", 0},
        {"x-gzip", "gzip", 1000},       {"*", "zstd", 1000},
        {"*;q=0", "identity", 0},       {"identity;q=0", "identity", 0},
        {"gzip;q=0, *", "gzip", 0},     {"gzip", "identity", 1000},
        {"*;q=0, identity;q=0.5", "identity", 500},
        {NULL, "gzip", 0},              {NULL, "identity", 1000},
        {"", "gzip", 0},                {"GZIP", "gzip", 1000},
    };

    (void)state;
    run(rows, ARRAY_SIZE(rows), accept_encoding);
}

static void types(void **state)
{
    static const struct row rows[] = {
        {"application/json", "application/json", 1000},
        {"text/html, application/json;q=0.9", "application/json", 900},
        {"text/*;q=0.3, */*;q=0.1", "text/html", 300},
        {"text/*;q=0.3, */*;q=0.1", "image/png", 100},
        {"text/*;q=0.3, text/html;q=0", "text/html", 0},
        {"text/html;level=1;q=0.4", "text/html", 400},
        {"text/*", "textual/x", 0},
        {"image/png", "text/html", 0},
        {NULL, "text/html", 1000},
    };

    (void)state;
    run(rows, ARRAY_SIZE(rows), accept_type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages),
        cmocka_unit_test(codings),
        cmocka_unit_test(types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

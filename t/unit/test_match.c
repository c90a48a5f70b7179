/*
 * test_match.c: every condition, inverted and in `any`, undecided regexes, and the comparison of conditions.
 */
#include "request_fixture.h"

#include "core/route/host_table.h"
#include "core/route/percent.h"

#define IS(...) .is = (struct str[]){__VA_ARGS__}, .is_count = sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str)

static void fill(struct fixture *f)
{
    fixture_init(f, "GET", "/a?lang=de&empty=&d%65bug=o%6e&n=1&n=2");
    fixture_header(f, "X-Version", "2");
    fixture_header(f, "X-Version", "3");
    fixture_header(f, "User-Agent", "curl/8");
    fixture_header(f, "Accept-Language", "de-CH;q=0.8");
    fixture_header(f, "Accept-Language", "en;q=0.9, fr;q=0");
    fixture_header(f, "Cookie", "canary=yes; s_1=x");
    f->req.response.status = 503;
    assert_int_equal(header_add(&f->req.response.headers, STR("X-Cache"), STR("HIT")), 0);
    f->req.times = (struct request_times){.start = 100, .end = 1100};
}

static enum match_result ask(struct fixture *f, struct match_term *term, const struct match_term **failed)
{
    struct match match = {term, 1};

    return match_holds(&match, &f->req, failed);
}

static void check(struct fixture *f, struct match_term term, bool want, int line)
{
    const struct match_term *failed = NULL;

    if (ask(f, &term, &failed) != (want ? MATCH_YES : MATCH_NO))
        fail_msg("line %d: %.*s", line, STR_ARG(match_describe(&term, f->pool)));
    if (!want)
        assert_ptr_equal(failed, &term);
    term.invert = true;
    if (ask(f, &term, NULL) != (want ? MATCH_NO : MATCH_YES))
        fail_msg("line %d inverted: %.*s", line, STR_ARG(match_describe(&term, f->pool)));
}

#define CHECK(want, ...) check(&f, (struct match_term){__VA_ARGS__}, want, __LINE__)

static const struct host_table *fixture_names(struct fixture *f)
{
    struct host_table *names = host_table_new(f->pool, (struct hash_key){1, 2});
    struct regex_error error;

    assert_int_equal(host_table_add(names, STR("*.example.com"), names, &error), 0);
    assert_int_equal(host_table_add(names, STR("~^b"), names, &error), 0);
    host_table_freeze(names);
    return names;
}

static void plain_subjects(void **state)
{
    struct cidr net[2];
    struct match_status statuses[] = {{404, 404}, {500, 599}};
    struct fixture f;

    (void)state;
    fill(&f);
    assert_int_equal(cidr_parse(STR("10.0.0.0/8"), &net[0], NULL, 0), 0);
    assert_int_equal(cidr_parse(STR("192.0.2.0/24"), &net[1], NULL, 0), 0);
    CHECK(true, .subject = MATCH_METHOD, IS(STR("POST"), STR("GET")));
    CHECK(false, .subject = MATCH_METHOD, IS(STR("get")));
    CHECK(true, .subject = MATCH_SOURCE, .sources = net, .source_count = 2);
    CHECK(false, .subject = MATCH_SOURCE, .sources = net, .source_count = 1);
    CHECK(true, .subject = MATCH_SCHEME, IS(STR("http")));
    CHECK(false, .subject = MATCH_SCHEME, IS(STR("https")));
    CHECK(true, .subject = MATCH_LANGUAGE, IS(STR("de-CH")));
    CHECK(true, .subject = MATCH_LANGUAGE, IS(STR("fr"), STR("en")));
    CHECK(false, .subject = MATCH_LANGUAGE, IS(STR("fr")));
    CHECK(true, .subject = MATCH_LANGUAGE, IS(STR("de")));
    CHECK(false, .subject = MATCH_LANGUAGE, IS(STR("de-AT")));
    CHECK(true, .subject = MATCH_USER_AGENT, .regex = fixture_regex(&f, "^curl/"));
    CHECK(false, .subject = MATCH_USER_AGENT, .regex = fixture_regex(&f, "^$"));
    CHECK(false, .subject = MATCH_SNI, .names = fixture_names(&f));
    f.req.sni = STR("a.Example.com");
    CHECK(true, .subject = MATCH_SNI, .names = fixture_names(&f));
    f.req.sni = STR("example.org");
    CHECK(false, .subject = MATCH_SNI, .names = fixture_names(&f));
    CHECK(true, .subject = MATCH_STATUS, .statuses = statuses, .status_count = 2);
    CHECK(false, .subject = MATCH_STATUS, .statuses = statuses, .status_count = 1);
    CHECK(true, .subject = MATCH_LONGER_THAN, .longer_than_ms = 999);
    CHECK(false, .subject = MATCH_LONGER_THAN, .longer_than_ms = 1000);
    CHECK(true, .subject = MATCH_PERCENT, .percent = 100, .percent_key = percent_key(STR("s")));
    CHECK(false, .subject = MATCH_PERCENT, .percent = 0, .percent_key = percent_key(STR("s")));
    fixture_free(&f);
}

static void named_subjects(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f);
    CHECK(true, .subject = MATCH_HEADER, .name = STR("x-version"), .present = true);
    CHECK(false, .subject = MATCH_HEADER, .name = STR("x-version"), .present = false);
    CHECK(true, .subject = MATCH_HEADER, .name = STR("x-none"), .present = false);
    CHECK(true, .subject = MATCH_HEADER, .name = STR("X-VERSION"), .present = true, IS(STR("3")));
    CHECK(false, .subject = MATCH_HEADER, .name = STR("X-Version"), .present = true, IS(STR("4")));
    CHECK(true, .subject = MATCH_HEADER, .name = STR("x-*"), .present = true, IS(STR("2")));
    CHECK(false, .subject = MATCH_HEADER, .name = STR("y-*"), .present = true);
    CHECK(true, .subject = MATCH_HEADER, .name = STR("*-ver*on"), .present = true,
          .regex = fixture_regex(&f, "^[3-9]$"));
    CHECK(true, .subject = MATCH_COOKIE, .name = STR("canary"), .present = true, IS(STR("yes")));
    CHECK(false, .subject = MATCH_COOKIE, .name = STR("Canary"), .present = true);
    CHECK(true, .subject = MATCH_COOKIE, .name = STR("s_*"), .present = true);
    CHECK(true, .subject = MATCH_QUERY, .name = STR("lang"), .present = true, IS(STR("fr"), STR("de")));
    CHECK(true, .subject = MATCH_QUERY, .name = STR("empty"), .present = true);
    CHECK(true, .subject = MATCH_QUERY, .name = STR("debug"), .present = true, IS(STR("on")));
    CHECK(true, .subject = MATCH_QUERY, .name = STR("n"), .present = true, IS(STR("2")));
    CHECK(false, .subject = MATCH_QUERY, .name = STR("none"), .present = true);
    CHECK(true, .subject = MATCH_VALUE, .value = fixture_template(&f, "$arg_lang-$method"), .present = true,
          IS(STR("de-GET")));
    CHECK(false, .subject = MATCH_VALUE, .value = fixture_template(&f, "$arg_no"), .present = true);
    CHECK(true, .subject = MATCH_VALUE, .value = fixture_template(&f, "$arg_no"), .present = false);
    CHECK(true, .subject = MATCH_SENT_HEADER, .name = STR("x-cache"), .present = true, IS(STR("HIT")));
    fixture_free(&f);
}

static void several(void **state)
{
    struct match_term get = {.subject = MATCH_METHOD, IS(STR("GET"))};
    struct match_term post = {.subject = MATCH_METHOD, IS(STR("POST"))};
    struct match_term tls = {.subject = MATCH_SCHEME, IS(STR("https"))};
    const struct match_term *failed = NULL;
    struct fixture f;

    (void)state;
    fill(&f);
    assert_int_equal(match_holds(NULL, &f.req, NULL), MATCH_YES);
    assert_int_equal(match_holds(&(struct match){(struct match_term[]){get, post}, 2}, &f.req, &failed), MATCH_NO);
    assert_int_equal(failed->is[0].s[0], 'P');
    CHECK(true, .subject = MATCH_ANY, .any = (struct match_term[]){post, get}, .any_count = 2);
    CHECK(false, .subject = MATCH_ANY, .any = (struct match_term[]){post, tls}, .any_count = 2);
    assert_true(match_fails_by_method(&(struct match){(struct match_term[]){post, get}, 2}, &f.req, NULL));
    assert_false(match_fails_by_method(&(struct match){(struct match_term[]){post, tls}, 2}, &f.req, NULL));
    assert_false(match_fails_by_method(&(struct match){(struct match_term[]){get}, 1}, &f.req, NULL));
    fixture_free(&f);
}

static void undecided(void **state)
{
    static char many[4000];
    struct match_term terms[2] = {{.subject = MATCH_HEADER, .name = STR("X-Many"), .present = true},
                                  {.subject = MATCH_METHOD, IS(STR("GET"))}};
    struct match_term any = {.subject = MATCH_ANY, .any = terms, .any_count = 2};
    struct fixture f;

    (void)state;
    fill(&f);
    memset(many, 'a', sizeof(many) - 1);
    many[sizeof(many) - 2] = '!';
    fixture_header(&f, "X-Many", many);
    terms[0].regex = fixture_regex(&f, "^(a+)+$");
    assert_int_equal(ask(&f, &terms[0], NULL), MATCH_UNDECIDED);
    terms[0].invert = true;
    assert_int_equal(ask(&f, &terms[0], NULL), MATCH_UNDECIDED);
    assert_int_equal(ask(&f, &any, NULL), MATCH_YES);
    any.any_count = 1;
    assert_int_equal(ask(&f, &any, NULL), MATCH_UNDECIDED);
    fixture_free(&f);
}

static void comparing(void **state)
{
    struct match_term de = {.subject = MATCH_LANGUAGE, IS(STR("de"))};
    struct match_term en = {.subject = MATCH_LANGUAGE, IS(STR("en"))};
    struct match_term get = {.subject = MATCH_METHOD, IS(STR("GET"))};
    struct match_term put = {.subject = MATCH_METHOD, IS(STR("PUT"))};
    struct match_term terms[][2] = {{de, get}, {get, en}, {put, de}};
    struct match match[] = {{terms[0], 2}, {terms[1], 2}, {terms[2], 2}};
    struct fixture f;

    (void)state;
    fill(&f);
    assert_true(match_same_but_language(&match[0], &match[1]));
    assert_false(match_same_but_language(&match[0], &match[2]));
    assert_ptr_equal(match_language(&match[1]), &terms[1][1]);
    assert_null(match_language(NULL));
    assert_int_equal(match_language_weight(&en, &f.req), 900);
    assert_int_equal(match_language_weight(&(struct match_term){.subject = MATCH_LANGUAGE, IS(STR("de-CH"))}, &f.req),
                     800);
    fixture_free(&f);
}

static void describing(void **state)
{
    struct match_term method = {.subject = MATCH_METHOD, IS(STR("GET"), STR("POST"))};
    struct match_term cookie = {.subject = MATCH_COOKIE, .name = STR("a*"), .present = true, .invert = true};
    struct fixture f;

    (void)state;
    fill(&f);
    assert_string_equal(match_describe(&method, f.pool).s, "method is GET, POST");
    assert_string_equal(match_describe(&cookie, f.pool).s, "cookie a* is absent");
    assert_string_equal(match_describe(&(struct match_term){.subject = MATCH_HEADER, .name = STR("X"), .present = true,
                                                            .regex = fixture_regex(&f, "^a")}, f.pool).s,
                        "header X does match \"^a\"");
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_subjects), cmocka_unit_test(named_subjects), cmocka_unit_test(several),
        cmocka_unit_test(undecided),      cmocka_unit_test(comparing),      cmocka_unit_test(describing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_conf_load.c: a small table of every type, loaded from good and bad text: exact errors, short
 * forms, defaults, and that what is printed loads again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "conf/load.h"
#include "conf/print.h"

struct times {
    struct conf_head head;
    int64_t read, send;
};

struct limit {
    struct conf_head head;
    struct conf_rate rate;
    int64_t burst;
};

struct pair {
    struct conf_head head;
    struct str from, to;
};

struct top {
    struct conf_head head;
    bool flag;
    int64_t count, size;
    double factor;
    int level;
    struct str path;
    struct conf_address address;
    struct conf_list nets, statuses, words, limits, pairs, params;
    struct times *timeouts;
    struct conf_headers *headers;
};

static const char *const levels[] = {"low", "mid", "high", NULL};
static const char *const logs[] = {"-", "syslog:", NULL};

static const struct conf_row times_rows[] = {
    {.name = "read", .type = CONF_DURATION, .offset = offsetof(struct times, read),
        .fallback = "\"60s\"", .min = 0, .max = 600000},
    {.name = "send", .type = CONF_DURATION, .offset = offsetof(struct times, send),
        .fallback = "30"},
};
static const struct conf_group times_group = {"timeouts", sizeof(struct times), times_rows, 2, "read",
    false};
static const struct conf_row limit_rows[] = {
    {.name = "rate", .type = CONF_RATE, .flags = CONF_REQUIRED, .offset = offsetof(struct limit, rate)},
    {.name = "burst", .type = CONF_INT, .offset = offsetof(struct limit, burst), .fallback = "1"},
};
static const struct conf_group limit_group = {"a rate limit", sizeof(struct limit), limit_rows, 2,
    "rate", false};
static const struct conf_row pair_rows[] = {
    {.name = "from", .type = CONF_STRING, .offset = offsetof(struct pair, from)},
    {.name = "to", .type = CONF_STRING, .offset = offsetof(struct pair, to)},
};
static const struct conf_group pair_group = {"a pair", sizeof(struct pair), pair_rows, 2, NULL, true};

#define AT(member) .offset = offsetof(struct top, member)
static const struct conf_row top_rows[] = {
    {.name = "flag", .type = CONF_BOOL, AT(flag), .fallback = "true", .doc = "A flag."},
    {.name = "count", .type = CONF_INT, AT(count), .min = 1, .max = 256, .scopes = 1},
    {.name = "size", .type = CONF_SIZE, AT(size), .fallback = "\"1m\""},
    {.name = "factor", .type = CONF_RATIO, AT(factor)},
    {.name = "level", .type = CONF_ENUM, AT(level), .choices = levels},
    {.name = "path", .type = CONF_PATH, AT(path), .choices = logs},
    {.name = "address", .type = CONF_ADDRESS, AT(address), .flags = CONF_OWN},
    {.name = "allow", .type = CONF_CIDR, AT(nets), .flags = CONF_LIST},
    {.name = "status", .type = CONF_STATUS, AT(statuses), .flags = CONF_LIST},
    {.name = "try", .type = CONF_TEMPLATE, AT(words), .flags = CONF_LIST | CONF_NUMBERS},
    {.name = "rate_limit", .type = CONF_GROUP, AT(limits), .flags = CONF_LIST, .group = &limit_group},
    {.name = "values", .type = CONF_GROUP, AT(pairs), .flags = CONF_LIST, .group = &pair_group},
    {.name = "params", .type = CONF_MAP, AT(params), .flags = CONF_LIST},
    {.name = "timeouts", .type = CONF_GROUP, AT(timeouts), .group = &times_group},
    {.name = "response_headers", .type = CONF_HEADERS, AT(headers)},
};
static const struct conf_group top_group = {"a route", sizeof(struct top), top_rows,
    ARRAY_SIZE(top_rows), NULL, false};
static const struct conf_scope_name scopes[] = {{1, "a route"}, {2, "'defaults'"}, {0, NULL}};

static struct top *load(struct pool *pool, struct conf_report *report, unsigned scope, const char *s)
{
    struct conf_text text;
    struct top *top = pool_zalloc(pool, sizeof(*top));
    struct conf_load l = {.pool = pool, .report = report, .text = &text, .scopes = scopes};
    int rc = conf_text_from(&text, pool, report, "w.conf", "/etc/weir", str_of(s));
    if (rc == 0) {
        rc = conf_load(&l, &top_group, scope, top);
    }
    assert_int_equal(rc, report->n ? -1 : 0);
    return top;
}

static const struct {
    const char *text, *errors;
} bad[] = {
    {"\nfalg = true;", "w.conf:2: unknown setting 'falg' in a route; did you mean 'flag'?\n"},
    {"zzzzzz = 1;", "w.conf:1: unknown setting 'zzzzzz' in a route; remove it\n"},
    {"flag = 1;", "w.conf:1: 'flag' is an integer; write true or false\n"},
    {"count = 0;\ncount2 = 1;", "w.conf:1: 'count' is out of range; write a value from 1 to 256\n"
                               "w.conf:2: unknown setting 'count2' in a route; did you mean 'count'?\n"},
    {"count = \"5\";", "w.conf:1: 'count' is a string; write an integer\n"},
    {"size = \"5x\";", "w.conf:1: 'size' does not understand \"5x\"; "
                      "write a size such as 4096, \"16k\", \"10m\" or \"2g\"\n"},
    {"size = -1;", "w.conf:1: 'size' is negative; "
                  "write a size such as 4096, \"16k\", \"10m\" or \"2g\"\n"},
    {"level = \"mud\";", "w.conf:1: 'level' cannot be \"mud\"; did you mean \"mid\"?\n"},
    {"level = \"enormous\";",
        "w.conf:1: 'level' cannot be \"enormous\"; write \"low\", \"mid\" or \"high\"\n"},
    {"address = \"[::1:80\";", "w.conf:1: 'address' does not understand \"[::1:80\"; "
                              "write an address such as \"127.0.0.1:80\", \"[::1]:80\" or \"unix:/path\"\n"},
    {"address = \"a:65536\";", "w.conf:1: the port of \"a:65536\" is wrong; write a number from 1 to 65535\n"},
    {"allow = [ \"10.0.0.0/8\",\n \"10.0.0.0/33\" ];",
        "w.conf:2: 'allow' does not understand \"10.0.0.0/33\"; "
        "write a network such as \"10.0.0.0/8\", \"::1\" or \"all\"\n"},
    {"status = 99;", "w.conf:1: 'status' is out of range; write a status from 100 to 599\n"},
    {"status = \"599-500\";", "w.conf:1: 'status' is out of range; write a status from 100 to 599\n"},
    {"rate_limit = (\n { burst = 2; } );", "w.conf:2: a rate limit lacks 'rate'; write rate = ...;\n"},
    {"rate_limit = \"0/s\";", "w.conf:1: 'rate_limit' does not understand \"0/s\"; "
                             "write a rate such as \"10/s\" or \"6/m\"\n"},
    {"timeouts = {\n raed = 1; };",
        "w.conf:2: unknown setting 'raed' in timeouts; did you mean 'read'?\n"},
    {"timeouts = {\n\n read = \"11m\"; };",
        "w.conf:3: 'read' is out of range; write a value from 0 to \"10m\"\n"},
    {"timeouts = ( 1 );", "w.conf:1: 'timeouts' is a list ( ); write a group { }\n"},
    {"values = ( [ \"a\", \"b\", \"c\" ] );", "w.conf:1: a pair has 3 elements; write at most 2\n"},
    {"response_headers = { sett = { A = \"b\"; }; };",
        "w.conf:1: unknown setting 'sett' in 'response_headers'; "
        "write set, add, remove or inherit = false\n"},
    {"params = ( { name = \"x\"; } );",
        "w.conf:1: an element of 'params' is wrong; write { name = \"NAME\"; value = \"VALUE\"; }\n"},
    {"path = \"\";", "w.conf:1: 'path' is empty; write a path\n"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct pool *pool = pool_new(4096);
        struct conf_report report;
        char *out = NULL;
        size_t len;
        conf_report_init(&report, pool);
        load(pool, &report, 1, bad[i].text);
        FILE *f = open_memstream(&out, &len);
        conf_report_print(&report, f);
        fclose(f);
        if (strcmp(out, bad[i].errors) != 0) {
            fail_msg("%s\n gave: %s\n not: %s", bad[i].text, out, bad[i].errors);
        }
        free(out);
        pool_free(pool);
    }
}

static void test_scope(void **state)
{
    (void)state;
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    conf_report_init(&report, pool);
    load(pool, &report, 2, "count = 3;");
    assert_int_equal(report.n, 1);
    assert_string_equal(report.errors[0].what.s,
        "'count' may not stand in 'defaults'; it belongs in a route");
    pool_free(pool);
}

static const char good[] =
    "flag = false; count = 256; size = \"16k\"; factor = 0.5; level = \"high\"; path = \"a/b\";\n"
    "address = \"[::1]:80\"; allow = \"10.1.2.3/8\"; status = ( 404, \"500-599\" );\n"
    "try = ( \"$path\", 404 ); rate_limit = ( \"10/s\", { rate = \"6/m\"; burst = 5; } );\n"
    "values = ( [ \"a\", \"b\" ], { from = \"c\"; to = \"d\"; } ); timeouts = \"500ms\";\n"
    "params = { A = \"1\"; B = [ \"2\", \"3\" ]; };\n"
    "response_headers = { add = { Link = [ \"a\", \"b\" ]; }; set = { X = \"1\"; }; remove = \"Y\"; };\n";

static void check_good(const struct top *t)
{
    assert_false(t->flag);
    assert_int_equal(t->count, 256);
    assert_int_equal(t->size, 16384);
    assert_true(t->factor > 0.49 && t->factor < 0.51);
    assert_int_equal(t->level, 2);
    assert_string_equal(t->path.s, "/etc/weir/a/b");
    assert_string_equal(t->address.host.s, "::1");
    assert_int_equal(t->address.port, 80);
    const struct conf_cidr *net = t->nets.items;
    assert_int_equal(t->nets.n, 1);
    assert_int_equal(net->bits, 8);
    assert_memory_equal(net->addr, "\x0a\0\0\0", 4);
    const struct conf_statuses *st = t->statuses.items;
    assert_int_equal(t->statuses.n, 2);
    assert_int_equal(st[0].last, 404);
    assert_int_equal(st[1].first, 500);
    assert_string_equal(((struct str *)t->words.items)[1].s, "404");
    const struct limit *limits = t->limits.items;
    assert_int_equal(t->limits.n, 2);
    assert_int_equal(limits[0].rate.count, 10);
    assert_int_equal(limits[0].burst, 1);
    assert_int_equal(limits[1].rate.period, 60000);
    assert_int_equal(limits[1].burst, 5);
    assert_string_equal(((struct pair *)t->pairs.items)[0].to.s, "b");
    assert_string_equal(((struct pair *)t->pairs.items)[1].from.s, "c");
    assert_int_equal(t->params.n, 3);
    assert_int_equal(t->timeouts->read, 500);
    assert_int_equal(t->timeouts->send, 30000);
    assert_int_equal(t->headers->n, 4);
    assert_int_equal(t->headers->ops[0].what, CONF_HEADER_REMOVE);
    assert_int_equal(t->headers->ops[1].what, CONF_HEADER_SET);
    assert_string_equal(t->headers->ops[3].value.s, "b");
}

/* What is loaded and filled is right, and so is what loading its print gives. */
static void test_good(void **state)
{
    (void)state;
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    conf_report_init(&report, pool);
    struct conf_load l = {.pool = pool, .report = &report, .scopes = scopes};
    struct conf_text none = {.dir = "/etc/weir"};
    l.text = &none;
    struct top *t = load(pool, &report, 1, good);
    if (report.n) {
        fail_msg("%s", report.errors[0].what.s);
    }
    assert_int_equal(conf_place_of(&top_group, &t->head, "timeouts").line, 4);
    assert_int_equal(conf_fill(&l, &top_group, t), 0);
    check_good(t);
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);
    conf_print(f, &top_group, 0, t, 0);
    fclose(f);
    t = load(pool, &report, 1, out);
    if (report.n) {
        fail_msg("%s in %s", report.errors[0].what.s, out);
    }
    check_good(t);
    free(out);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

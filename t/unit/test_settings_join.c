/*
 * test_settings_join.c: two levels of small tables joined: what the inner one keeps, takes, adds up, and has
 * of its own, and that the outer one stays as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/settings.h"

struct times {
    struct conf_head head;
    int64_t read, send;
};

struct step {
    struct conf_head head;
    struct str to;
    int64_t weight;
};

struct inner {
    struct conf_head head;
    struct conf_headers *headers;
    struct str only_here;
    struct conf_list nets, steps;
    struct times *timeouts;
    int64_t size, name, kind;
    bool flag;
};

/* Other rows in another order: what is shared is found by name. */
struct outer {
    struct conf_head head;
    bool flag;
    int64_t size, name;
    struct str kind;
    struct conf_list nets, steps;
    struct times *timeouts;
    struct conf_headers *headers;
};

static const struct conf_row times_rows[] = {
    {.name = "read", .type = CONF_INT, .offset = offsetof(struct times, read), .fallback = "60"},
    {.name = "send", .type = CONF_INT, .offset = offsetof(struct times, send), .fallback = "30"},
};
static const struct conf_group times_group = {"timeouts", sizeof(struct times), times_rows, 2, "read", false};

static const struct conf_row step_rows[] = {
    {.name = "to", .type = CONF_STRING, .offset = offsetof(struct step, to)},
    {.name = "weight", .type = CONF_INT, .offset = offsetof(struct step, weight), .fallback = "7"},
};
static const struct conf_group step_group = {"a step", sizeof(struct step), step_rows, 2, "to", false};

#define AT(member) .offset = offsetof(struct inner, member)
static const struct conf_row inner_rows[] = {
    {.name = "response_headers", .type = CONF_HEADERS, AT(headers)},
    {.name = "only_here", .type = CONF_STRING, AT(only_here)},
    {.name = "allow", .type = CONF_CIDR, AT(nets), .flags = CONF_LIST},
    {.name = "steps", .type = CONF_GROUP, AT(steps), .flags = CONF_LIST, .group = &step_group},
    {.name = "timeouts", .type = CONF_GROUP, AT(timeouts), .group = &times_group, .fallback = "{ }"},
    {.name = "size", .type = CONF_INT, AT(size), .fallback = "1"},
    {.name = "name", .type = CONF_INT, AT(name), .flags = CONF_OWN, .fallback = "3"},
    {.name = "kind", .type = CONF_INT, AT(kind), .fallback = "4"},
    {.name = "flag", .type = CONF_BOOL, AT(flag), .fallback = "true"},
};
#undef AT
static const struct conf_group inner_group = {"a route", sizeof(struct inner), inner_rows,
    ARRAY_SIZE(inner_rows), NULL, false};

#define AT(member) .offset = offsetof(struct outer, member)
static const struct conf_row outer_rows[] = {
    {.name = "flag", .type = CONF_BOOL, AT(flag), .fallback = "true"},
    {.name = "size", .type = CONF_INT, AT(size), .fallback = "2"},
    {.name = "name", .type = CONF_INT, AT(name), .flags = CONF_OWN},
    {.name = "kind", .type = CONF_STRING, AT(kind)},
    {.name = "allow", .type = CONF_CIDR, AT(nets), .flags = CONF_LIST},
    {.name = "steps", .type = CONF_GROUP, AT(steps), .flags = CONF_LIST, .group = &step_group},
    {.name = "timeouts", .type = CONF_GROUP, AT(timeouts), .group = &times_group, .fallback = "{ }"},
    {.name = "response_headers", .type = CONF_HEADERS, AT(headers)},
};
#undef AT
static const struct conf_group outer_group = {"a site", sizeof(struct outer), outer_rows,
    ARRAY_SIZE(outer_rows), NULL, false};

struct fixture {
    struct conf_report report;
    struct conf_text text;
    struct conf_load load;
    struct outer *outer;
    struct inner *inner;
};

static void *load(struct fixture *f, const struct conf_group *group, const char *text)
{
    static const struct conf_scope_name scopes[] = {{0, NULL}};
    struct pool *pool = f->load.pool;
    void *group_struct = pool_zalloc(pool, group->size);

    f->load = (struct conf_load){.pool = pool, .report = &f->report, .text = &f->text, .scopes = scopes,
                                 .fills = f->load.fills};
    assert_int_equal(conf_text_from(&f->text, pool, &f->report, "w.conf", "/", str_of(text)), 0);
    assert_int_equal(conf_load(&f->load, group, 1, group_struct), 0);
    return group_struct;
}

/* `outer` complete, `inner` joined with it. */
static struct fixture *join(const char *outer, const char *inner)
{
    struct pool *pool = pool_new(4096);
    struct fixture *f = pool_zalloc(pool, sizeof(*f));

    f->load.pool = pool;
    conf_report_init(&f->report, pool);
    f->outer = load(f, &outer_group, outer);
    assert_int_equal(conf_fill(&f->load, &outer_group, f->outer), 0);
    f->inner = load(f, &inner_group, inner);
    assert_int_equal(settings_join(&f->load, &inner_group, f->inner, &outer_group, f->outer), 0);
    assert_int_equal(f->report.n, 0);
    return f;
}

static void done(struct fixture *f)
{
    pool_free(f->load.pool);
}

static void test_values(void **state)
{
    struct fixture *f = join("size = 5; flag = false; allow = \"all\"; name = 9; kind = \"k\";", "size = 6;");

    (void)state;
    assert_int_equal(f->inner->size, 6);
    assert_false(f->inner->flag);
    assert_int_equal(f->inner->nets.n, 1);
    assert_ptr_equal(f->inner->nets.items, f->outer->nets.items);
    assert_true(settings_has(&inner_group, &f->inner->head, "allow"));
    assert_int_equal(f->inner->name, 0); /* CONF_OWN: not the outer one's */
    assert_int_equal(f->inner->kind, 0); /* of another type there */
    assert_false(settings_has(&inner_group, &f->inner->head, "name"));
    assert_ptr_equal(f->inner->head.outer, &f->outer->head);
    done(f);
    f = join("", "only_here = \"x\"; name = 5;");
    assert_int_equal(f->inner->size, 2); /* the default is the outer level's */
    assert_false(settings_has(&inner_group, &f->inner->head, "size"));
    assert_string_equal(f->inner->only_here.s, "x");
    assert_int_equal(f->inner->name, 5);
    done(f);
}

static void test_groups(void **state)
{
    static const struct {
        const char *outer, *inner;
        int64_t read, send; /* read -1: there is none */
    } rows[] = {
        {"timeouts = { read = 1; send = 2; };", "", 1, 2},
        {"timeouts = { read = 1; send = 2; };", "timeouts = { read = 3; };", 3, 2},
        {"timeouts = { send = 2; };", "timeouts = { read = 3; };", 3, 2},
        {"timeouts = { send = 2; };", "timeouts = { };", 60, 2},
        {"timeouts = 9;", "timeouts = { send = 3; };", 9, 3},
        {"", "timeouts = { read = 3; };", 3, 30},
        {"timeouts = false;", "timeouts = { read = 3; };", 3, 30},
        {"timeouts = { read = 1; };", "timeouts = false;", -1, 0},
        {"timeouts = false;", "", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct fixture *f = join(rows[i].outer, rows[i].inner);
        const struct times *t = f->inner->timeouts;

        if (rows[i].read < 0 ? t != NULL : !t || t->read != rows[i].read || t->send != rows[i].send)
            fail_msg("row %zu: read %d, send %d", i, t ? (int)t->read : -1, t ? (int)t->send : 0);
        done(f);
    }
}

/* A list of groups is one value: it replaces the outer one, and its elements get their own defaults. */
static void test_lists(void **state)
{
    struct fixture *f = join("steps = ( \"a\", \"b\" );", "steps = ( { to = \"c\"; } );");
    const struct step *steps = f->inner->steps.items;

    (void)state;
    assert_int_equal(f->inner->steps.n, 1);
    assert_string_equal(steps[0].to.s, "c");
    assert_int_equal(steps[0].weight, 7);
    assert_int_equal(f->outer->steps.n, 2);
    done(f);
    f = join("steps = ( \"a\", { to = \"b\"; weight = 1; } );", "");
    steps = f->inner->steps.items;
    assert_int_equal(f->inner->steps.n, 2);
    assert_int_equal(steps[0].weight, 7);
    assert_int_equal(steps[1].weight, 1);
    done(f);
    f = join("steps = ( \"a\" ); allow = \"all\";", "steps = false; allow = false;");
    assert_int_equal(f->inner->steps.n, 0);
    assert_int_equal(f->inner->nets.n, 0);
    done(f);
}

/* "-A " a removed field, "=A 1" a set one, "+A 1" an added one. */
static void assert_headers(const struct conf_headers *h, const char *want, size_t row)
{
    char got[256] = "";
    size_t len = 0;

    for (size_t i = 0; h && i < h->n; i++)
        len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%c%.*s %.*s", i ? ", " : "",
                                "-=+"[h->ops[i].what], STR_ARG(h->ops[i].name),
                                STR_ARG(h->ops[i].value));
    if (strcmp(got, want) != 0)
        fail_msg("row %zu: \"%s\" is not \"%s\"", row, got, want);
}

static void test_headers(void **state)
{
    static const struct {
        const char *outer, *inner, *want;
    } rows[] = {
        {"set = { A = \"1\"; };", "set = { B = \"2\"; };", "=A 1, =B 2"},
        {"set = { A = \"1\"; };", "set = { a = \"2\"; };", "=a 2"},
        {"add = { A = \"1\"; };", "add = { A = \"2\"; };", "+A 1, +A 2"},
        {"add = { A = [ \"1\", \"2\" ]; }; set = { B = \"1\"; };", "remove = \"A\";", "=B 1, -A "},
        {"remove = \"A\";", "set = { A = \"1\"; };", "=A 1"},
        {"set = { A = \"1\"; };", "inherit = false; set = { B = \"2\"; };", "=B 2"},
        {"set = { A = \"1\"; };", "inherit = false;", ""},
        {"", "add = { A = \"1\"; };", "+A 1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char outer[256], inner[256];
        struct fixture *f;
        size_t n;

        (void)snprintf(outer, sizeof(outer), "response_headers = { %s };", rows[i].outer);
        (void)snprintf(inner, sizeof(inner), "response_headers = { %s };", rows[i].inner);
        f = join(*rows[i].outer ? outer : "", inner);
        n = f->outer->headers ? f->outer->headers->n : 0;
        assert_headers(f->inner->headers, rows[i].want, i);
        /* Another level joined with the same outer one gets the same. */
        f->inner = load(f, &inner_group, inner);
        assert_int_equal(settings_join(&f->load, &inner_group, f->inner, &outer_group, f->outer), 0);
        assert_headers(f->inner->headers, rows[i].want, i);
        assert_int_equal(f->outer->headers ? f->outer->headers->n : 0, n);
        done(f);
    }
}

/* A second level has what the first took and its own: what it was given is not changed by it. */
static void test_levels(void **state)
{
    struct fixture *f = join("size = 5; timeouts = { read = 1; };", "timeouts = { send = 2; };");
    struct inner *deeper = load(f, &inner_group, "timeouts = { read = 8; }; only_here = \"d\";");

    (void)state;
    assert_int_equal(settings_join(&f->load, &inner_group, deeper, &inner_group, f->inner), 0);
    assert_int_equal(deeper->size, 5);
    assert_int_equal(deeper->timeouts->read, 8);
    assert_int_equal(deeper->timeouts->send, 2);
    assert_int_equal(f->inner->timeouts->read, 1);
    assert_null(f->inner->only_here.s);
    assert_int_equal(f->outer->timeouts->read, 1);
    assert_int_equal(f->outer->timeouts->send, 30);
    done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_groups),  cmocka_unit_test(test_lists),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

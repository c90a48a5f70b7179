/*
 * test_router.c: the order in which routes are chosen, conditions, languages, 405, limits and sites.
 */
#include "request_fixture.h"

#include "core/route/host_table.h"

#define MOST 16

static const struct hash_key key = {1, 2};

static struct str word_get[] = {{"GET", 3}}, word_post[] = {{"POST", 4}, {"PUT", 3}}, word_delete[] = {{"DELETE", 6}};
static struct str word_de[] = {{"de", 2}}, word_en[] = {{"en", 2}};
static struct match_term only_get[] = {{.subject = MATCH_METHOD, .is = word_get, .is_count = 1}};
static struct match_term only_post[] = {{.subject = MATCH_METHOD, .is = word_post, .is_count = 2}};
static struct match_term only_de[] = {{.subject = MATCH_LANGUAGE, .is = word_de, .is_count = 1}};
static struct match_term only_en[] = {{.subject = MATCH_LANGUAGE, .is = word_en, .is_count = 1}};
static struct match_term only_x[] = {{.subject = MATCH_HEADER, .name = {"X", 1}, .present = true}};
static struct match_term not_delete[] = {{.subject = MATCH_METHOD, .invert = true, .is = word_delete, .is_count = 1}};
static const struct match get = {only_get, 1}, post = {only_post, 1}, de = {only_de, 1}, en = {only_en, 1},
                          x = {only_x, 1}, no_delete = {not_delete, 1};

/* "=/exact", "/prefix", "^/final-prefix", "~regex", "@internal". */
struct row {
    const char *matcher;
    const struct match *when;
};

static struct router *make(struct fixture *f, const struct row *rows, struct route *routes)
{
    size_t count = 0;

    for (; rows[count].matcher; count++) {
        const char *m = rows[count].matcher;
        struct route *route = &routes[count];

        *route = (struct route){.index = count, .site = &f->site, .when = rows[count].when, .name = str_of(m)};
        route->matcher = *m == '=' ? ROUTE_EXACT : *m == '~' ? ROUTE_REGEX : ROUTE_PREFIX;
        route->final = *m == '^';
        route->internal = *m == '@';
        route->path = str_of(*m == '/' ? m : m + 1);
        if (*m == '~')
            route->regex = fixture_regex(f, m + 1);
    }
    f->site.routes = routes;
    f->site.route_count = count;
    f->site.router = router_new(f->pool, key, routes, count);
    return f->site.router;
}

static int find(struct fixture *f, const struct row *rows, const char *path)
{
    static struct route routes[MOST];
    const struct router *router = make(f, rows, routes);
    struct str allow;
    enum router_result result;

    fixture_target(f, path);
    result = router_find(router, &f->req, &allow, NULL);
    if (result != ROUTER_FOUND)
        return -1;
    return (int)f->req.route->index;
}

static void order(void **state)
{
    static const struct row rows[] = {
        {"/", NULL}, {"=/a", NULL}, {"/a", NULL}, {"~\\.png$", NULL}, {"~^/a/(.+)\\.(png|gif)$", NULL},
        {"^/static/", NULL}, {"/static/deep/", NULL}, {"@/internal", NULL}, {"~^/in", &x}, {NULL, NULL},
    };
    static const struct {
        const char *path;
        int want;
    } cases[] = {
        {"/", 0}, {"/b", 0}, {"/a", 1}, {"/ab", 2}, {"/a/b", 2}, {"/a/b.png", 3}, {"/a/b.gif", 4}, {"/b.png", 3},
        {"/static/b.png", 5}, {"/static/deep/b.png", 3}, {"/static/deep/b", 6}, {"/internal", 0}, {"/static", 0},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int got;

        fixture_init(&f, "GET", "/");
        got = find(&f, rows, cases[i].path);
        if (got != cases[i].want)
            fail_msg("%s: route %d", cases[i].path, got);
        assert_int_equal(f.req.captures.count, got == 3 ? 1 : got == 4 ? 3 : 0);
        fixture_free(&f);
    }
}

static void captures(void **state)
{
    static const struct row rows[] = {{"~^/a/(.+)\\.(png|gif)$", NULL}, {NULL, NULL}};
    struct fixture f;

    (void)state;
    fixture_init(&f, "GET", "/");
    assert_int_equal(find(&f, rows, "/a/b.gif"), 0);
    assert_true(str_eq(f.req.captures.group[1], STR("b")));
    assert_true(str_eq(f.req.captures.group[2], STR("gif")));
    fixture_free(&f);
}

/* What does not hold is as if it were not there, `final` too. */
static void conditions(void **state)
{
    static const struct row rows[] = {
        {"/", NULL}, {"=/a", &x}, {"=/a", &post}, {"=/a", NULL}, {"^/b", &x}, {"~^/b/c", NULL}, {"/b", NULL},
        {"~^/d", &x}, {"~^/d", NULL}, {NULL, NULL},
    };
    static const struct {
        const char *method, *path;
        bool x;
        int want;
    } cases[] = {
        {"GET", "/a", false, 3}, {"GET", "/a", true, 1}, {"POST", "/a", false, 2}, {"POST", "/a", true, 1},
        {"GET", "/b/c", false, 5}, {"GET", "/b/c", true, 4}, {"GET", "/b/d", false, 6}, {"GET", "/d", true, 7},
        {"GET", "/d", false, 8},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int got;

        fixture_init(&f, cases[i].method, "/");
        if (cases[i].x)
            fixture_header(&f, "X", "1");
        got = find(&f, rows, cases[i].path);
        if (got != cases[i].want)
            fail_msg("%s %s: route %d", cases[i].method, cases[i].path, got);
        fixture_free(&f);
    }
}

static void languages(void **state)
{
    static const struct row rows[] = {
        {"/", &de}, {"/", &en}, {"/", NULL}, {"~^/r", &de}, {"~^/r", &en}, {"=/e", &en}, {"=/e", &de}, {NULL, NULL},
    };
    static const struct {
        const char *field, *path;
        int want;
    } cases[] = {
        {"de, en;q=0.9", "/", 0}, {"de;q=0.5, en", "/", 1}, {"de, en", "/", 0}, {"fr", "/", 2}, {NULL, "/", 2},
        {"de;q=0.5, en", "/r", 4}, {"de", "/r", 3}, {"fr", "/r", 2}, {"de, en;q=0.9", "/e", 6}, {"en", "/e", 5},
        {"de;q=0, *;q=0.1", "/", 1},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int got;

        fixture_init(&f, "GET", "/");
        if (cases[i].field)
            fixture_header(&f, "Accept-Language", cases[i].field);
        got = find(&f, rows, cases[i].path);
        if (got != cases[i].want)
            fail_msg("%s %s: route %d", cases[i].field ? cases[i].field : "-", cases[i].path, got);
        fixture_free(&f);
    }
}

static void methods(void **state)
{
    static const struct row rows[] = {
        {"=/a", &get}, {"/a", &post}, {"~^/r", &post}, {"/x", &x}, {"/n", &no_delete}, {NULL, NULL},
    };
    static const struct {
        const char *method, *path;
        enum router_result want;
        const char *allow;
    } cases[] = {
        {"GET", "/a", ROUTER_FOUND, ""}, {"DELETE", "/a", ROUTER_METHOD, "GET, POST, PUT"},
        {"GET", "/a/", ROUTER_METHOD, "POST, PUT"}, {"GET", "/r", ROUTER_METHOD, "POST, PUT"},
        {"GET", "/n", ROUTER_FOUND, ""}, {"GET", "/x", ROUTER_NONE, ""}, {"GET", "/", ROUTER_NONE, ""},
        {"DELETE", "/n", ROUTER_METHOD, "GET, HEAD, POST, PUT, PATCH, OPTIONS"},
    };
    static struct route routes[MOST];
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str allow = STR("");
        enum router_result result;

        fixture_init(&f, cases[i].method, cases[i].path);
        result = router_find(make(&f, rows, routes), &f.req, &allow, NULL);
        if (result != cases[i].want || !str_eq(allow, str_of(cases[i].allow)))
            fail_msg("%s %s: %d \"%.*s\"", cases[i].method, cases[i].path, (int)result, STR_ARG(allow));
        fixture_free(&f);
    }
}

static void limit(void **state)
{
    static const struct row rows[] = {{"/", NULL}, {"~(a+)+$", NULL}, {NULL, NULL}};
    static struct route routes[MOST];
    static char path[4000];
    struct str allow;
    struct fixture f;

    (void)state;
    memset(path, 'a', sizeof(path) - 2);
    path[0] = '/';
    path[sizeof(path) - 2] = '!';
    fixture_init(&f, "GET", path);
    assert_int_equal(router_find(make(&f, rows, routes), &f.req, &allow, NULL), ROUTER_LIMIT);
    assert_null(f.req.route);
    fixture_free(&f);
}

static void names(void **state)
{
    static const struct row rows[] = {{"/", NULL}, {"@/hidden", NULL}, {NULL, NULL}};
    static struct route routes[MOST];
    struct fixture f;

    (void)state;
    fixture_init(&f, "GET", "/");
    make(&f, rows, routes);
    assert_ptr_equal(router_by_name(&f.site, STR("@/hidden")), &routes[1]);
    assert_null(router_by_name(&f.site, STR("none")));
    fixture_free(&f);
}

static void sites(void **state)
{
    static struct site exact, wild, numbered, other;
    struct regex_error error;
    struct fixture f;
    bool undecided;
    static const struct {
        const char *host;
        const struct site *want;
    } cases[] = {
        {"example.com", &exact}, {"a.example.com", &wild}, {"www12.test", &numbered}, {"none.test", &other}, {"", &other},
    };

    (void)state;
    fixture_init(&f, "GET", "/");
    assert_ptr_equal(router_site(&f.listener, &f.req, &undecided), NULL);
    f.listener.hosts = host_table_new(f.pool, key);
    f.listener.default_site = &other;
    assert_int_equal(host_table_add(f.listener.hosts, STR("example.com"), &exact, &error), 0);
    assert_int_equal(host_table_add(f.listener.hosts, STR("*.example.com"), &wild, &error), 0);
    assert_int_equal(host_table_add(f.listener.hosts, STR("~^www(\\d+)\\.test$"), &numbered, &error), 0);
    host_table_freeze(f.listener.hosts);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        f.req.host = str_of(cases[i].host);
        assert_ptr_equal(router_site(&f.listener, &f.req, &undecided), cases[i].want);
        assert_false(undecided);
        assert_int_equal(f.req.host_captures.count, cases[i].want == &numbered ? 2 : 0);
    }
    fixture_free(&f);
}

struct notes {
    struct router_trace trace;
    size_t count;
    char text[256];
};

static void note(struct router_trace *trace, const struct route *route, bool taken, struct str why)
{
    struct notes *notes = container_of(trace, struct notes, trace);
    size_t len = strlen(notes->text);

    snprintf(notes->text + len, sizeof(notes->text) - len, "%zu%s %.*s;", route->index, taken ? "+" : "-",
             STR_ARG(why));
}

static void tracing(void **state)
{
    static const struct row rows[] = {{"=/a", &post}, {"~^/b", NULL}, {"/", NULL}, {NULL, NULL}};
    static struct route routes[MOST];
    struct notes notes = {.trace = {note}};
    struct str allow;
    struct fixture f;

    (void)state;
    fixture_init(&f, "GET", "/a");
    assert_int_equal(router_find(make(&f, rows, routes), &f.req, &allow, &notes.trace), ROUTER_FOUND);
    assert_string_equal(notes.text, "0- does not hold: method is POST, PUT;1- the regex does not match;2+ ;");
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),   cmocka_unit_test(captures), cmocka_unit_test(conditions),
        cmocka_unit_test(languages), cmocka_unit_test(methods),  cmocka_unit_test(limit),
        cmocka_unit_test(names),   cmocka_unit_test(sites),    cmocka_unit_test(tracing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

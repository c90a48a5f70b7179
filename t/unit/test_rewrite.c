/*
 * test_rewrite.c: the path through every rule, what is refused, header operations and cookies.
 */
#include "request_fixture.h"

#include "http/cookie.h"

/* A rule is "regex to", "regex to!" for the last. */
struct row {
    const char *target;
    const char *rules[3];
    const char *strip, *replace, *add;
    const char *want; /* NULL: 500 */
};

static void set_rules(struct fixture *f, struct route *route, struct rewrite_rule *rules, const char *const *texts)
{
    route->rewrites = rules;
    for (; route->rewrite_count < 3 && texts[route->rewrite_count]; route->rewrite_count++) {
        const char *text = texts[route->rewrite_count];
        const char *to = strchr(text, ' ') + 1;
        struct rewrite_rule *rule = &rules[route->rewrite_count];

        rule->last = text[strlen(text) - 1] == '!';
        rule->regex = fixture_regex(f, pool_printf(f->pool, "%.*s", (int)(to - text - 1), text).s);
        rule->to = fixture_template(f, pool_printf(f->pool, "%.*s", (int)strlen(to) - rule->last, to).s);
    }
}

static void paths(void **state)
{
    static const struct row rows[] = {
        {.target = "/a?q=1", .want = "/a?q=1"},
        {.target = "/a", .want = "/a"},
        {.target = "/a?", .want = "/a?"},
        {.target = "/api/x", .strip = "/api", .want = "/x"},
        {.target = "/api/x", .strip = "/api/", .want = "/x"},
        {.target = "/api", .strip = "/api", .want = "/"},
        {.target = "/api/", .strip = "/api", .want = "/"},
        {.target = "/apix", .strip = "/api", .want = "/apix"},
        {.target = "/a", .strip = "/", .want = "/a"},
        {.target = "/a?x", .add = "/v2", .want = "/v2/a?x"},
        {.target = "/a", .add = "/v2/", .want = "/v2/a"},
        {.target = "/api/a?x", .strip = "/api", .add = "/v2", .want = "/v2/a?x"},
        {.target = "/old/7?x=1", .rules = {"^/old/(\\d+)$ /new/$1"}, .want = "/new/7?x=1"},
        {.target = "/old/7?x=1", .rules = {"^/old/(\\d+)$ /new?id=$1"}, .want = "/new?id=7"},
        {.target = "/old/7?x=1", .rules = {"^/old/(\\d+)$ /new?id=$1&$query"}, .want = "/new?id=7&x=1"},
        {.target = "/old/7?x=1", .rules = {"^/old /new?"}, .want = "/new"},
        {.target = "/a", .rules = {"^/a$ /b", "^/b$ /c"}, .want = "/c"},
        {.target = "/a", .rules = {"^/a$ /b!", "^/b$ /c"}, .want = "/b"},
        {.target = "/b", .rules = {"^/a$ /b!", "^/b$ /c"}, .want = "/c"},
        {.target = "/api/a", .rules = {"^/api/a$ /api/b"}, .strip = "/api", .add = "/v2", .want = "/v2/b"},
        {.target = "/a?k=v", .replace = "/x/$1", .want = "/x/cap?k=v"},
        {.target = "/a?k=v", .replace = "/x?u=$path", .add = "/y", .want = "/y/x?u=/a"},
        {.target = "/a", .rules = {"^/(a) /$1$1"}, .replace = "/$1", .want = "/cap"},
        {.target = "*", .strip = "/a", .add = "/v2", .want = "*"},
        {.target = "/a", .replace = "x", .want = NULL},
        {.target = "/a", .replace = "$arg_none", .want = NULL},
        {.target = "/a", .replace = "/x y", .want = NULL},
        {.target = "/a", .replace = "/x?a b", .want = NULL},
        {.target = "/a../b", .rules = {"^/a(.*) /x/$1"}, .want = NULL},
        {.target = "/a?p=%2e%2E", .replace = "/x/$arg_p/y", .want = NULL},
        {.target = "/a?p=.%2e", .replace = "/x/$arg_p", .want = NULL},
        {.target = "/a?p=..", .replace = "/x/.$arg_p", .want = "/x/...?p=.."},
    };
    struct rewrite_rule rules[3];
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct route route = {.strip_prefix = str_of(rows[i].strip), .add_prefix = str_of(rows[i].add)};
        const char *reason = NULL;
        unsigned status;

        fixture_init(&f, "GET", rows[i].target);
        f.req.captures = (struct regex_captures){2, {STR("/a"), STR("cap")}};
        set_rules(&f, &route, rules, rows[i].rules);
        if (rows[i].replace)
            route.replace_path = fixture_template(&f, rows[i].replace);
        f.req.route = &route;
        status = rewrite_path(&f.req, &reason);
        if (status != (rows[i].want ? 0 : 500) || !reason == !rows[i].want)
            fail_msg("%s: %u %s", rows[i].target, status, reason ? reason : "");
        if (rows[i].want && !str_eq(pool_printf(f.pool, "%.*s%.*s", STR_ARG(f.req.forward_path),
                                                STR_ARG(f.req.forward_query)), str_of(rows[i].want)))
            fail_msg("row %zu %s: %.*s%.*s", i, rows[i].target, STR_ARG(f.req.forward_path),
                     STR_ARG(f.req.forward_query));
        assert_true(str_eq(f.req.captures.group[1], STR("cap")));
        fixture_free(&f);
    }
}

static void regex_limit(void **state)
{
    static char path[4000];
    struct rewrite_rule rules[3];
    struct route route = {.rewrite_count = 0};
    const char *reason = NULL;
    struct fixture f;

    (void)state;
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 2] = '!';
    fixture_init(&f, "GET", path);
    set_rules(&f, &route, rules, (const char *const[]){"^/(a+)+$ /x", NULL});
    f.req.route = &route;
    assert_int_equal(rewrite_path(&f.req, &reason), 500);
    assert_non_null(strstr(reason, "limit"));
    fixture_free(&f);
}

/* Operations "-Name", "=Name: value", "+Name: value". */
static void apply(struct fixture *f, const char *const *texts, struct header_list *list)
{
    struct header_op ops[4];
    struct header_ops all = {ops, 0};

    for (; texts[all.count]; all.count++) {
        const char *text = texts[all.count], *colon = strchr(text, ':');
        struct header_op *op = &ops[all.count];

        op->what = *text == '-' ? HEADER_OP_REMOVE : *text == '=' ? HEADER_OP_SET : HEADER_OP_ADD;
        op->name = (struct str){text + 1, colon ? (size_t)(colon - text - 1) : strlen(text + 1)};
        op->id = header_id_of(op->name);
        op->value = colon ? fixture_template(f, colon + 2) : NULL;
    }
    assert_int_equal(rewrite_headers(&all, &f->req, list), 0);
}

static void headers(void **state)
{
    static const struct {
        const char *ops[4];
        const char *want;
    } rows[] = {
        {{NULL}, "Server: a|X-A: 1|x-a: 2|Accept: *|"},
        {{"-server"}, "X-A: 1|x-a: 2|Accept: *|"},
        {{"-X-a"}, "Server: a|Accept: *|"},
        {{"=X-A: 3"}, "Server: a|Accept: *|X-A: 3|"},
        {{"=X-A: $header_x_a, $method"}, "Server: a|Accept: *|X-A: 1, 2, GET|"},
        {{"=X-A: $arg_none"}, "Server: a|Accept: *|"},
        {{"+X-A: $arg_none"}, "Server: a|X-A: 1|x-a: 2|Accept: *|"},
        {{"+X-A: 3"}, "Server: a|X-A: 1|x-a: 2|Accept: *|X-A: 3|"},
        {{"=Accept: b", "+Accept: c"}, "Server: a|X-A: 1|x-a: 2|Accept: b|Accept: c|"},
        {{"=Server: $cookie_crlf"}, "X-A: 1|x-a: 2|Accept: *|"},
        {{"+Via: a\nb"}, "Server: a|X-A: 1|x-a: 2|Accept: *|"},
        {{"-X-A", "-Accept", "=Server:  tab\tin "}, "Server: tab\tin|"},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str got = STR("");

        fixture_init(&f, "GET", "/");
        fixture_header(&f, "Server", "a");
        fixture_header(&f, "X-A", "1");
        fixture_header(&f, "x-a", "2");
        fixture_header(&f, "Accept", "*");
        apply(&f, rows[i].ops, &f.req.head.headers);
        for (size_t k = 0; k < f.req.head.headers.count; k++)
            got = pool_printf(f.pool, "%.*s%.*s: %.*s|", STR_ARG(got), STR_ARG(f.req.head.headers.items[k].name),
                              STR_ARG(f.req.head.headers.items[k].value));
        if (!str_eq(got, str_of(rows[i].want)))
            fail_msg("row %zu: %.*s", i, STR_ARG(got));
        fixture_free(&f);
    }
}

static void ids_and_room(void **state)
{
    struct header_op op = {.what = HEADER_OP_ADD, .name = STR("via"), .id = HEADER_VIA};
    struct header_list list;
    struct fixture f;

    (void)state;
    fixture_init(&f, "GET", "/");
    op.value = fixture_template(&f, "x");
    header_list_init(&list, f.pool, 1);
    assert_int_equal(rewrite_headers(&(struct header_ops){&op, 1}, &f.req, &list), 0);
    assert_int_equal(list.items[0].id, HEADER_VIA);
    assert_int_equal(rewrite_headers(&(struct header_ops){&op, 1}, &f.req, &list), -1);
    fixture_free(&f);
}

static void cookies(void **state)
{
    const struct cookie_edit edit = {.domain = STR("example.com"), .secure = COOKIE_ON};
    struct route route = {.cookies = &edit};
    struct fixture f;

    (void)state;
    fixture_init(&f, "GET", "/");
    fixture_header(&f, "Set-Cookie", "a=1; Domain=inner; Path=/");
    fixture_header(&f, "X", "a=1; Domain=inner");
    rewrite_cookies(&f.req, &f.req.head.headers);
    f.req.route = &route;
    rewrite_cookies(&f.req, &f.req.head.headers);
    assert_string_equal(f.req.head.headers.items[0].value.s, "a=1; Path=/; Domain=example.com; Secure");
    assert_true(str_eq(f.req.head.headers.items[1].value, STR("a=1; Domain=inner")));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),        cmocka_unit_test(regex_limit), cmocka_unit_test(headers),
        cmocka_unit_test(ids_and_room), cmocka_unit_test(cookies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

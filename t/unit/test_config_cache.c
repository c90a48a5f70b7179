/* test_config_cache.c: caches as the workers get them, what routes make of them, and the keys of requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/cache/cache_key.h"
#include "core/config/config_cache.h"
#include "core/route/match.h"
#include "core/var.h"

#define BEGIN \
    "listeners = ( \"127.0.0.1:80\" ); upstreams = ( { name = \"app\"; servers = \"127.0.0.1:81\"; } );\n" \
    "caches = ( { name = \"a\"; path = \"memory\"; size = \"8m\"; min_uses = 3; ignore_vary = [ \"User-Agent\" ];\n" \
    "    ttl = ( [ 404, \"1m\" ], { status = [ \"500-502\", 301 ]; ttl = \"1500ms\"; } ); },\n" \
    "  { name = \"b\"; path = \"/tmp/\"; size = \"1g\"; memory = 0; key = \"$path\"; } );\n"

static struct config *load(const char *text)
{
    struct pool *pool = pool_new(1024);
    struct conf_report report;
    struct config *config;

    conf_report_init(&report, pool);
    config = config_from_text(str_of(text), "text", &report);
    if (!config) {
        conf_report_print(&report, stderr);
        fail_msg("%s", "the text was refused");
    }
    pool_free(pool);
    return config;
}

static void assert_text(struct str s, const char *want)
{
    if (!str_eq(s, str_of(want)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

static struct request *request_new(struct pool *pool, const char *method, const char *target)
{
    struct request *req = pool_zalloc(pool, sizeof(*req));
    const char *mark = strchr(target, '?');

    req->pool = pool;
    req->head.method = str_of(method);
    req->head.target = str_of(target);
    req->path = mark ? (struct str){target, (size_t)(mark - target)} : str_of(target);
    req->query = mark ? str_of(mark + 1) : STR("");
    req->has_query = mark != NULL;
    header_list_init(&req->head.headers, pool, 100);
    header_list_init(&req->response.headers, pool, 100);
    return req;
}

static void test_defaults(void **state)
{
    struct config *c = load(BEGIN "sites = ( { proxy = \"app\"; cache = \"a\"; } );");
    const struct cache_conf *a = &c->caches[0], *b = &c->caches[1];
    const struct cache_usage *use = &a->defaults;

    (void)state;
    assert_int_equal(c->cache_count, 2);
    assert_text(a->name, "a");
    assert_true(a->in_memory && !b->in_memory);
    assert_text(b->path, "/tmp");
    assert_int_equal(a->index + b->index, 1);
    assert_int_equal(a->size, 8 << 20);
    assert_int_equal(a->memory, 64 << 20);
    assert_int_equal(b->memory, 0);
    assert_ptr_equal(use->cache, a);
    assert_text(template_text(use->key), "$scheme$host$uri");
    assert_true(use->key_is_default && !b->defaults.key_is_default);
    assert_int_equal(use->ignore_query.count, 0);
    assert_int_equal(use->rules.ttls.otherwise, -1);
    assert_int_equal(use->rules.stale_while_revalidate, 0);
    assert_int_equal(use->rules.stale_if_error, 0);
    assert_true(use->lock && !use->sort_query);
    assert_int_equal(use->lock_timeout, 5000);
    assert_int_equal(use->hit_for_miss, 5000);
    assert_int_equal(use->max_variants, 64);
    assert_int_equal(use->min_uses, 3);
    assert_int_equal(use->max_object, 1 << 20);
    assert_int_equal(use->methods, CACHE_GET | CACHE_HEAD);
    assert_null(use->bypass);
    assert_null(use->no_store);
    assert_int_equal(use->rules.set_cookie, CACHE_SET_COOKIE_REFUSE);
    assert_int_equal(use->tags_header.len, 0);
    config_free(c);
}

static void test_rules(void **state)
{
    struct config *c = load(BEGIN "sites = ( { proxy = \"app\"; cache = { name = \"a\"; default_ttl = \"1ms\"; set_cookie = \"strip\";\n"
                                  "stale_while_revalidate = 30; stale_if_error = \"1h\"; }; } );");
    const struct cache_rules *rules = &c->sites[0].routes[0].cache->rules;

    (void)state;
    assert_int_equal(rules->ttls.count, 2);
    assert_int_equal(rules->ttls.otherwise, 1);
    assert_int_equal(rules->ttls.ttls[0].seconds, 60);
    assert_int_equal(rules->ttls.ttls[1].seconds, 2);
    assert_true(status_set_has(&rules->ttls.ttls[0].statuses, 404));
    assert_true(status_set_has(&rules->ttls.ttls[1].statuses, 301) && status_set_has(&rules->ttls.ttls[1].statuses, 502));
    assert_false(status_set_has(&rules->ttls.ttls[1].statuses, 503));
    assert_int_equal(rules->stale_while_revalidate, 30);
    assert_int_equal(rules->stale_if_error, 3600);
    assert_int_equal(rules->set_cookie, CACHE_SET_COOKIE_STRIP);
    assert_true(cache_names_have(rules->ignore_vary, STR("user-agent")));
    config_free(c);
}

/* Levels are joined setting by setting, then completed by the cache; who has all from one place shares it. */
static void test_levels(void **state)
{
    struct config *c = load(BEGIN
        "defaults = { cache = { default_ttl = 5; }; };\n"
        "sites = ( { cache = { name = \"a\"; sort_query = true; }; routes = (\n"
        "  { prefix = \"/1\"; proxy = \"app\"; }, { prefix = \"/2\"; proxy = \"app\"; cache = { name = \"b\"; min_uses = 2; }; },\n"
        "  { prefix = \"/3\"; proxy = \"app\"; cache = false; }, { prefix = \"/4\"; proxy = \"app\"; },\n"
        "  { prefix = \"/5\"; respond = 200; }, { prefix = \"/6\"; proxy = \"app\"; cache = { default_ttl = false; lock = false; }; } ); } );");
    const struct route *r = c->sites[0].routes;

    (void)state;
    assert_ptr_equal(r[0].cache->cache, &c->caches[0]);
    assert_int_equal(r[0].cache->rules.ttls.otherwise, 5);
    assert_true(r[0].cache->sort_query);
    assert_int_equal(r[0].cache->min_uses, 3);
    assert_ptr_equal(r[1].cache->cache, &c->caches[1]);
    assert_int_equal(r[1].cache->rules.ttls.otherwise, 5);
    assert_int_equal(r[1].cache->min_uses, 2);
    assert_text(template_text(r[1].cache->key), "$path");
    assert_int_equal(r[1].cache->max_object, 128 << 20);
    assert_null(r[2].cache);
    assert_ptr_equal(r[3].cache, r[0].cache);
    assert_ptr_equal(r[3].request_headers.ops, r[0].request_headers.ops);
    assert_null(r[4].cache);
    assert_int_equal(r[5].cache->rules.ttls.otherwise, -1);
    assert_false(r[5].cache->lock);
    assert_true(r[5].cache->sort_query);
    config_free(c);
}

static void test_conditions(void **state)
{
    struct config *c = load(BEGIN
        "sites = ( { proxy = \"app\"; cache = { name = \"a\"; bypass = ( { cookie = \"sid\"; }, { query = \"fresh\"; } );\n"
        "  no_store = ( { status = 203; }, { header = \"X-No\"; } ); }; } );");
    const struct cache_usage *use = c->sites[0].routes[0].cache;
    struct pool *pool = pool_new(4096);
    struct request *req = request_new(pool, "GET", "/a?fresh");

    (void)state;
    assert_int_equal(match_holds(use->bypass, req, NULL), MATCH_YES);
    assert_int_equal(match_holds(use->no_store, req, NULL), MATCH_NO);
    req->response.status = 203;
    assert_int_equal(match_holds(use->no_store, req, NULL), MATCH_YES);
    req = request_new(pool, "GET", "/a");
    assert_int_equal(match_holds(use->bypass, req, NULL), MATCH_NO);
    pool_free(pool);
    config_free(c);
}

static void test_purge(void **state)
{
    struct config *c = load(BEGIN "sites = ( { routes = ( { prefix = \"/p\"; purge = \"b\"; when = ( { source = \"all\"; } ); } ); } );");

    (void)state;
    assert_int_equal(c->sites[0].routes[0].action, ACTION_PURGE);
    assert_ptr_equal(c->sites[0].routes[0].purge, &c->caches[1]);
    assert_null(c->sites[0].routes[0].cache);
    config_free(c);
}

static void test_keys(void **state)
{
    static const struct {
        const char *settings, *target;
        unsigned port;
        bool tls;
        const char *want;
    } rows[] = {
        {"", "/a?b=1", 0, false, "httpa.test/a?b=1"},
        {"", "/a", 80, false, "httpa.test/a"},
        {"", "/a", 8080, false, "httpa.test:8080/a"},
        {"", "/a", 443, true, "httpsa.test/a"},
        {"", "/a", 80, true, "httpsa.test:80/a"},
        {"", "/a?", 0, false, "httpa.test/a?"},
        {"ignore_query = \"*\";", "/a?b=1", 0, false, "httpa.test/a"},
        {"ignore_query = \"*\";", "/a?", 0, false, "httpa.test/a?"},
        {"ignore_query = \"b\";", "/a?b=1&c=2", 0, false, "httpa.test/a?c=2"},
        {"ignore_query = \"b*\";", "/a?b1&b2=1", 0, false, "httpa.test/a"},
        {"sort_query = true;", "/a?c=2&b=1", 0, false, "httpa.test/a?b=1&c=2"},
        {"key = \"$path!$query!$arg_c\"; sort_query = true; ignore_query = \"d\";", "/a?d&c=2&b=1", 0, false, "/a!b=1&c=2!2"},
        {"key = \"one\";", "/a?b", 0, false, "one"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pool *pool = pool_new(4096);
        struct str text = pool_printf(pool, BEGIN "sites = ( { proxy = \"app\"; cache = { name = \"a\"; %s }; } );",
                                      rows[i].settings);
        struct config *c = load(text.s);
        struct request *req = request_new(pool, "GET", rows[i].target);
        struct str query;

        req->host = STR("a.test");
        req->host_port = (uint16_t)rows[i].port;
        req->tls = rows[i].tls;
        query = req->query;
        assert_text(cache_key(c->sites[0].routes[0].cache, req), rows[i].want);
        assert_text(req->host, "a.test");
        assert_ptr_equal(req->query.s, query.s);
        assert_int_equal(req->has_query, strchr(rows[i].target, '?') != NULL);
        config_free(c);
        pool_free(pool);
    }
}

static void test_long_key(void **state)
{
    struct config *c = load(BEGIN "sites = ( { proxy = \"app\"; cache = { name = \"a\"; key = \"$path$path\"; }; } );");
    struct pool *pool = pool_new(4096);
    struct request *req = request_new(pool, "GET", "/a");
    char *path = pool_text(pool, 40000);

    (void)state;
    memset(path, '/', 40000);
    req->path = (struct str){path, 40000};
    assert_null(cache_key(c->sites[0].routes[0].cache, req).s);
    pool_free(pool);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_rules), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_conditions), cmocka_unit_test(test_purge), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_long_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

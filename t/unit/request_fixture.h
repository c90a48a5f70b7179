/*
 * request_fixture.h: a request as it stands after parsing, without worker and connection, and the loop clock's
 * place in it; for tests of what comes between a parsed head and its handler.
 */
#ifndef WEIR_UNIT_REQUEST_FIXTURE_H
#define WEIR_UNIT_REQUEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/route/match.h"
#include "core/request.h"
#include "core/route/rewrite.h"
#include "core/route/router.h"
#include "core/var.h"

struct fixture {
    struct pool *pool;
    struct conf_report report;
    struct listener_conf listener;
    struct site site;
    struct request req;
};

/* The library's own asks the worker. */
struct str request_id(struct request *req)
{
    (void)req;
    return STR("id-1");
}

static inline void fixture_header(struct fixture *f, const char *name, const char *value)
{
    assert_int_equal(header_add(&f->req.head.headers, str_of(name), str_of(value)), 0);
}

static inline void fixture_target(struct fixture *f, const char *target)
{
    const char *mark = strchr(target, '?');

    f->req.head.target = str_of(target);
    f->req.path = mark ? (struct str){target, (size_t)(mark - target)} : str_of(target);
    f->req.query = mark ? str_of(mark + 1) : STR("");
    f->req.has_query = mark != NULL;
    f->req.forward_path = f->req.path;
}

static inline void fixture_init(struct fixture *f, const char *method, const char *target)
{
    *f = (struct fixture){.pool = pool_new(4096)};
    conf_report_init(&f->report, f->pool);
    assert_int_equal(addr_parse(STR("127.0.0.1:8080"), &f->listener.address, NULL, 0), 0);
    f->site.name = STR("main");
    f->req = (struct request){.pool = f->pool, .listener = &f->listener, .site = &f->site};
    f->req.head.method = str_of(method);
    f->req.head.minor = 1;
    f->req.host = STR("example.com");
    header_list_init(&f->req.head.headers, f->pool, 100);
    header_list_init(&f->req.response.headers, f->pool, 100);
    assert_int_equal(addr_parse(STR("192.0.2.7:5555"), &f->req.client, NULL, 0), 0);
    f->req.peer = f->req.client;
    fixture_target(f, target);
}

static inline void fixture_free(struct fixture *f)
{
    pool_free(f->pool);
}

static inline const struct template *fixture_template(struct fixture *f, const char *text)
{
    struct conf_place at = {"test.conf", 1};
    const struct template *template = template_new(f->pool, str_of(text), VAR_RESPONSE, at, &f->report);

    if (!template)
        fail_msg("%s: %.*s", text, STR_ARG(f->report.errors[0].what));
    return template;
}

static inline const struct regex *fixture_regex(struct fixture *f, const char *pattern)
{
    struct regex_error error;
    const struct regex *regex = regex_new(f->pool, str_of(pattern), false, &error);

    if (!regex)
        fail_msg("%s: %s", pattern, error.text);
    return regex;
}

#endif

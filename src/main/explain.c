/* explain.c: makes the request and lets the same code choose as in a worker, then asks what it did. */
#include "main/explain.h"

#include "core/route/rewrite.h"
#include "core/var.h"
#include "http/host.h"
#include "main/explain_tls.h"
#include "main/registry.h"

static void explain_note(struct router_trace *trace, const struct route *route, bool taken, struct str why)
{
    struct explain *e = container_of(trace, struct explain, trace);

    if (!e->notes)
        e->notes = pool_zalloc(e->req.pool, (e->req.site->route_count + 1) * sizeof(*e->notes));
    e->notes[route->index] = (struct explain_note){.noted = true, .taken = taken, .why = why};
}

static bool explain_same_matcher(const struct route *a, const struct route *b)
{
    return a->matcher == b->matcher && str_eq(a->path, b->path);
}

/* Of a prefix that fits but of which the router said nothing. */
static struct str explain_why_prefix(const struct route *route, const struct route *found)
{
    if (!found)
        return STR("not reached");
    if (explain_same_matcher(route, found))
        return STR("a route before it with the same matcher is taken");
    switch (found->matcher) {
    case ROUTE_EXACT: return STR("an exact match wins over a prefix");
    case ROUTE_REGEX: return STR("a regex wins over a prefix that is not final");
    default: return STR("a longer prefix is taken");
    }
}

static struct str explain_why_regex(const struct route *found)
{
    if (!found)
        return STR("not reached");
    switch (found->matcher) {
    case ROUTE_EXACT: return STR("not tried: an exact match wins");
    case ROUTE_PREFIX: return STR("not tried: the longest prefix is final");
    default: return STR("not tried: a regex before it matches");
    }
}

bool explain_is_apart(const struct explain *e, const struct route *route)
{
    struct str path = e->req.path;

    if (route->internal || (e->notes && e->notes[route->index].noted) || route->matcher == ROUTE_REGEX)
        return false;
    return route->matcher == ROUTE_PREFIX ? !str_has_prefix(path, route->path) : !str_eq(path, route->path);
}

struct str explain_why(const struct explain *e, const struct route *route)
{
    const struct explain_note *note = e->notes ? &e->notes[route->index] : NULL;

    if (route->internal)
        return STR("internal: reached by its name only");
    if (note && note->noted)
        return note->taken ? STR("taken") : note->why;
    if (route->matcher == ROUTE_REGEX)
        return explain_why_regex(e->req.route);
    if (route->matcher == ROUTE_PREFIX)
        return str_has_prefix(e->req.path, route->path) ? explain_why_prefix(route, e->req.route)
                                                        : STR("the path does not begin with it");
    return str_eq(e->req.path, route->path) ? STR("a route before it with the same matcher is taken")
                                            : STR("the path is another");
}

struct str explain_matcher(const struct route *route, struct pool *pool)
{
    switch (route->matcher) {
    case ROUTE_EXACT: return pool_printf(pool, "exact %.*s", STR_ARG(route->path));
    case ROUTE_REGEX: return pool_printf(pool, "regex \"%.*s\"", STR_ARG(route->path));
    default: return pool_printf(pool, "prefix %.*s%s", STR_ARG(route->path), route->final ? " (final)" : "");
    }
}

struct str explain_place(struct conf_place at, struct pool *pool)
{
    return at.file ? pool_printf(pool, "%s:%u", at.file, at.line) : STR("");
}

const char *explain_action(enum action_kind action)
{
    return registry_handlers[action] ? registry_handlers[action]->name : "other";
}

const char *explain_refusal(const struct explain *e)
{
    struct str method = e->req.head.method;

    if (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")))
        return NULL;
    switch (e->req.route->action) {
    case ACTION_FILES: return "files are only read, with GET and HEAD";
    case ACTION_STATUS: return "its pages are only read, with GET and HEAD";
    default: return NULL;
    }
}

const char *explain_op(const struct header_op *op)
{
    return op->what == HEADER_OP_REMOVE ? "remove" : op->what == HEADER_OP_SET ? "set" : "add";
}

struct str explain_value(const struct header_op *op, struct request *req)
{
    return op->value ? template_expand(op->value, req) : STR_NONE;
}

struct str explain_file(const struct explain *e, struct str path)
{
    const struct route *route = e->req.route;
    const struct files_conf *files = route->files;
    struct str root = files->root;

    if (files->alias && route->matcher == ROUTE_PREFIX && str_has_prefix(path, route->path))
        path = (struct str){path.s + route->path.len, path.len - route->path.len};
    return pool_printf(e->req.pool, "%.*s%s%.*s", STR_ARG(root), path.len && path.s[0] == '/' ? "" : "/",
                       STR_ARG(path));
}

/* The path after the route's first `rules` rewrites and those of the later stages that are asked for. */
static void explain_step(struct explain *e, struct str what, size_t rules, unsigned stages)
{
    const struct route *route = e->req.route;
    struct route part = *route;
    struct str path, last;
    const char *reason = NULL;

    part.rewrite_count = rules;
    if (stages < 1)
        part.strip_prefix = STR("");
    if (stages < 2)
        part.replace_path = NULL;
    if (stages < 3)
        part.add_prefix = STR("");
    e->req.route = &part;
    last = e->step_count ? e->steps[e->step_count - 1].path : var_value(&e->req, STR("uri"));
    if (rewrite_path(&e->req, &reason) != 0)
        path = str_of(reason);
    else
        path = pool_printf(e->req.pool, "%.*s%.*s", STR_ARG(e->req.forward_path),
                           STR_ARG(e->req.forward_query));
    e->req.route = route;
    if (!str_eq(path, last))
        e->steps[e->step_count++] = (struct explain_step){what, path};
}

static void explain_steps(struct explain *e)
{
    const struct route *route = e->req.route;
    struct pool *pool = e->req.pool;

    e->steps = pool_alloc(pool, (route->rewrite_count + 3) * sizeof(*e->steps));
    for (size_t i = 0; i < route->rewrite_count; i++) {
        const struct rewrite_rule *rule = &route->rewrites[i];
        struct str from = regex_text(rule->regex), to = template_text(rule->to);

        explain_step(e, pool_printf(pool, "rewrite \"%.*s\" to \"%.*s\"", STR_ARG(from), STR_ARG(to)), i + 1,
                     0);
    }
    if (route->strip_prefix.len)
        explain_step(e, pool_printf(pool, "strip_prefix \"%.*s\"", STR_ARG(route->strip_prefix)),
                     route->rewrite_count, 1);
    if (route->replace_path) {
        struct str to = template_text(route->replace_path);

        explain_step(e, pool_printf(pool, "replace_path \"%.*s\"", STR_ARG(to)), route->rewrite_count, 2);
    }
    if (route->add_prefix.len)
        explain_step(e, pool_printf(pool, "add_prefix \"%.*s\"", STR_ARG(route->add_prefix)),
                     route->rewrite_count, 3);
}

int explain_run(const struct config *config, const struct asked *question, struct pool *pool,
                struct explain *e, char *error, size_t error_size)
{
    struct request *req = &e->req;
    struct host host;
    bool assumed;

    *e = (struct explain){.config = config, .trace = {explain_note}};
    if (asked_init(req, question, config, pool, &host, &assumed, error, error_size) < 0)
        return -1;
    req->trace = &e->trace;
    e->listener_assumed = assumed;
    if (req->tls && host.name.len && host.name.s[0] != '[' && addr_parse_ip(host.name, 0, &(struct addr){.len = 0}) < 0)
        e->sni = host.name;
    req->sni = e->sni.len ? e->sni : STR("");
    req->host = host.name;
    if (!req->listener->tcp)
        req->tls_policy = explain_tls_policy(e);
    if (explain_tcp(e)) {
        if (req->route && req->route->upstream)
            explain_upstream(e);
        return 0;
    }
    if (explain_wrong_scheme(e))
        return 0;
    e->status = request_route(req, &e->reason);
    if (req->route)
        explain_steps(e);
    if (req->route && e->status == 0 && rewrite_path(req, &e->reason) != 0)
        e->status = 500; /* cannot be: it went well before the steps */
    if (req->route && e->status == 0 && req->route->action == ACTION_PROXY && req->route->upstream)
        explain_upstream(e);
    return 0;
}

/* explain.c: makes the request and lets the same code choose as in a worker, then asks what it did. */
#include "main/explain.h"

#include "core/route/rewrite.h"
#include "core/var.h"
#include "http/host.h"
#include "http/uri.h"
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

static bool explain_is_better(const struct listener_conf *a, const struct listener_conf *b,
                              const struct addr *wanted)
{
    if (!b)
        return true;
    if (addr_eq(&a->address, wanted) != addr_eq(&b->address, wanted))
        return addr_eq(&a->address, wanted);
    return a->address.any && !b->address.any && !addr_eq(&b->address, wanted);
}

/* For a URL without a port where no listener has the usual one: the first that speaks what it says, or the first. */
static const struct listener_conf *explain_assumed(const struct config *config, bool https)
{
    const struct listener_conf *first = NULL;

    for (size_t i = 0; i < config->listener_count; i++) {
        const struct listener_conf *l = &config->listeners[i];

        if (l->admin)
            continue;
        if ((l->tls != NULL) == https)
            return l;
        if (!first)
            first = l;
    }
    return first;
}

/* By the URL's port, and by its host where that is an address; without a port the first listener must do. */
static const struct listener_conf *explain_listener(struct explain *e, const struct host *host, bool https)
{
    uint16_t port = host->port ? host->port : https ? 443 : 80;
    const struct listener_conf *best = NULL;
    struct addr wanted = {.len = 0};

    if (addr_parse_ip(host->name, port, &wanted) < 0)
        wanted.len = 0;
    for (size_t i = 0; i < e->config->listener_count; i++) {
        const struct listener_conf *l = &e->config->listeners[i];

        if (addr_port(&l->address) == port && explain_is_better(l, best, &wanted))
            best = l;
    }
    if (best || host->port)
        return best;
    e->listener_assumed = true;
    return explain_assumed(e->config, https);
}

static int explain_fail(char *error, size_t size, const char *text, struct str what)
{
    snprintf(error, size, "%s: %.*s", text, STR_ARG(what));
    return -1;
}

/* "http://host:port/path?query" into Host and a target, as a client sends them; it keeps the fragment. */
static int explain_read_url(struct explain *e, struct str url, struct host *host, char *error, size_t size)
{
    const char *hash = url.len ? memchr(url.s, '#', url.len) : NULL;
    struct header_list *headers = &e->req.head.headers;
    struct uri_target target;
    enum uri_error wrong;

    if (hash)
        url.len = (size_t)(hash - url.s);
    *host = (struct host){.name = STR("")};
    wrong = uri_parse_target(STR("GET"), url, &target);
    if (wrong != URI_OK)
        return explain_fail(error, size, uri_error_text(wrong), url);
    if (target.form == URI_ABSOLUTE && host_parse(target.authority, e->req.pool, host) < 0)
        return explain_fail(error, size, "no host with an optional port", target.authority);
    if (target.form == URI_ABSOLUTE && !header_find(headers, HEADER_HOST) &&
        header_add(headers, STR("Host"), target.authority) < 0)
        return explain_fail(error, size, "too many fields", url);
    e->req.tls = target.form == URI_ABSOLUTE && target.https;
    e->req.head.target = target.path;
    if (target.has_query)
        e->req.head.target =
            pool_printf(e->req.pool, "%.*s?%.*s", STR_ARG(target.path), STR_ARG(target.query));
    return 0;
}

int explain_run(const struct config *config, const struct explain_question *question, struct pool *pool,
                struct explain *e, char *error, size_t error_size)
{
    struct request *req = &e->req;
    struct host host;

    *e = (struct explain){.config = config, .trace = {explain_note}};
    *req = (struct request){.pool = pool, .config = config, .is_explain = true, .trace = &e->trace,
                            .regex = regex_scratch_new(pool),
                            .peer = question->from, .client = question->from};
    req->head.method = question->method;
    req->head.minor = 1;
    req->head.headers = question->headers;
    header_list_init(&req->response.headers, pool, 1);
    if (explain_read_url(e, question->url, &host, error, error_size) < 0)
        return -1;
    req->listener = explain_listener(e, &host, req->tls);
    if (!req->listener) {
        snprintf(error, error_size, "no listener has port %u; write a URL with the port of one",
                 (unsigned)(host.port ? host.port : req->tls ? 443 : 80));
        return -1;
    }
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

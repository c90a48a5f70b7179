/* request.c: see request.h. */
#include "core/request.h"

#include "core/acme/acme_answer.h"
#include "core/cache/cache.h"
#include "core/log/fault.h"
#include "core/client/listener_trust.h"
#include "core/https.h"
#include "core/reply.h"
#include "core/route/rewrite.h"
#include "core/board/stats.h"
#include "core/route/router.h"
#include "core/upstream/sticky.h"
#include "core/worker.h"
#include "http/forwarded.h"
#include "http/host.h"
#include "http/uri.h"

/* Jumps from route to route ("@NAME") in one request. */
#define REQUEST_JUMPS_MAX 5

struct str request_id(struct request *req)
{
    if (req->id.len > 0)
        return req->id;
    if (!req->worker) {
        req->id = STR("-");
        return req->id;
    }
    req->id =
        pool_printf(req->pool, "%s-%llx", req->worker->id_prefix, (unsigned long long)++req->worker->next_id);
    return req->id;
}

/* ---- the phases before the handler ---- */

/* Host, from the request line where it names one (RFC 9112 3.2.2), else from the field. */
static unsigned find_host(struct request *req, const struct uri_target *target, const char **reason)
{
    struct header *field = (struct header *)(uintptr_t)header_find(&req->head.headers, HEADER_HOST);
    struct host host;
    struct str text;

    if (target->form == URI_ABSOLUTE) {
        text = target->authority;
        if (field)
            header_set_value(field, text);
        else if (header_add(&req->head.headers, STR("Host"), text) < 0) {
            *reason = "too many fields";
            return 431;
        }
    } else if (field) {
        text = field->value;
    } else {
        req->host = STR("");
        return 0;
    }
    if (text.len == 0 && target->form != URI_ABSOLUTE && req->head.minor == 0) {
        req->host = STR("");
        return 0;
    }
    if (host_parse(text, req->pool, &host) < 0) {
        *reason = "Host is not a name or address with an optional port";
        return 400;
    }
    req->host = host.name;
    req->host_port = host.port;
    return 0;
}

/* A path that normalising would not change needs no copy. */
static bool is_normal(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.s[i] == '%')
            return false;
        if (path.s[i] == '/' && i + 1 < path.len && (path.s[i + 1] == '/' || path.s[i + 1] == '.'))
            return false;
    }
    return true;
}

static unsigned find_path(struct request *req, const struct uri_target *target, const char **reason)
{
    enum uri_error error = URI_OK;

    req->query = target->query;
    req->has_query = target->has_query;
    req->path = target->path;
    if (target->form != URI_ASTERISK && !is_normal(target->path))
        error = uri_normalise(target->path, 0, req->pool, &req->path);
    if (error == URI_OK)
        return 0;
    *reason = uri_error_text(error);
    return 400;
}

/* Goes through one value from its end; true when the client is found, or nothing more can be believed. */
static bool find_client_in(struct request *req, struct str list, int (*take_last)(struct str *, struct addr *))
{
    while (list.len > 0) {
        struct addr address;

        if (take_last(&list, &address) < 0)
            return true;
        req->client = address;
        if (!listener_trusts(req->listener, &address))
            return true;
    }
    return false;
}

/* All lines of one field, the last one first: a balancer may append a line of its own (RFC 9110 5.3). */
static void find_client_by(struct request *req, enum header_id id, int (*take_last)(struct str *, struct addr *))
{
    const struct header_list *headers = &req->head.headers;

    for (size_t i = headers->count; i-- > 0;) {
        if (headers->items[i].id == id && find_client_in(req, headers->items[i].value, take_last))
            return;
    }
}

/* Who speaks, where a trusted peer says so: the rightmost address that is not trusted itself. */
static void find_client(struct request *req)
{
    req->trusted = listener_trusts(req->listener, &req->peer);
    if (!req->trusted)
        return;
    if (header_find(&req->head.headers, HEADER_X_FORWARDED_FOR))
        find_client_by(req, HEADER_X_FORWARDED_FOR, forwarded_last_address);
    else
        find_client_by(req, HEADER_FORWARDED, forwarded_last_for);
}

static bool is_tunnel_method(const struct request *req)
{
    return str_eq(req->head.method, STR("CONNECT"));
}

static unsigned check_method(const struct request *req, const char **reason)
{
    if (is_tunnel_method(req) || str_eq(req->head.method, STR("TRACE"))) {
        *reason = "CONNECT and TRACE are not served";
        return 405;
    }
    return 0;
}

/* The site and the route.  `allow` is set for 405. */
static unsigned find_route(struct request *req, struct str *allow, const char **reason)
{
    bool limit = false;

    req->site = router_site(req->listener, req, &limit);
    if (!req->site) {
        *reason = limit ? "a regex of `hosts` met its limit" : "no site for this host";
        return limit ? 500 : 404;
    }
    if (https_is_misdirected(req)) {
        *reason = "the name that TLS asked for is of a site with other TLS settings than the host's";
        return 421;
    }
    switch (router_find(req->site->router, req, allow, req->trace)) {
    case ROUTER_FOUND:
        return 0;
    case ROUTER_METHOD:
        *reason = "no route of this path takes the method";
        return 405;
    case ROUTER_LIMIT:
        *reason = "a regex of a route met its limit";
        return 500;
    case ROUTER_NONE:
        break;
    }
    *reason = "no route for this path";
    return 404;
}

static unsigned route_request(struct request *req, struct str *allow, const char **reason)
{
    struct uri_target target;
    unsigned status = check_method(req, reason);
    enum uri_error error;

    if (status != 0)
        return status;
    error = uri_parse_target(req->head.method, req->head.target, &target);
    if (error != URI_OK) {
        *reason = uri_error_text(error);
        return 400;
    }
    if ((status = find_host(req, &target, reason)) != 0 || (status = find_path(req, &target, reason)) != 0)
        return status;
    if (req->listener->trusted_count > 0)
        find_client(req);
    if ((status = find_route(req, allow, reason)) != 0 || (status = https_check(req, reason)) != 0)
        return status;
    return rewrite_path(req, reason);
}

unsigned request_route(struct request *req, const char **reason)
{
    struct str allow = STR_NONE;

    return route_request(req, &allow, reason);
}

/* What is known of the body's length, or came with the head: no server gets more than is taken. */
static void check_length(struct request *req, struct str body, struct reply_error *failure)
{
    uint64_t length = req->frame.kind == FRAME_LENGTH ? req->frame.length : body.len;

    if (req->route->body_max == 0 || length <= req->route->body_max)
        return;
    failure->status = 413;
    failure->reason = "the body is too long";
    failure->cause = fault_size(req, "request_body.max_size", req->route->body_max);
}

static void start_handler(struct request *req, struct str body, bool last)
{
    req->first_body = body;
    req->first_last = last;
    req->handler = req->route->cache ? &handler_cache : req->worker->handlers[req->route->action];
    req->handler->start(req, body, last);
}

/* Too much to do: turned away before any work is done for it.  Who looks after Weir is always let in. */
static void check_load(struct request *req, struct reply_error *failure)
{
    struct worker *w = req->worker;

    if (!shed_refuses(&w->shed, req->route->priority) || req->route->action == ACTION_STATUS)
        return;
    w->shed.count++;
    w->stats->shed[req->route->priority]++;
    failure->status = 503;
    failure->reason = "the worker is overloaded";
    failure->proxy_error = "connection_limit_reached";
    failure->retry_after_s = 1;
    failure->quiet = true;
}

void request_run(struct request *req, struct str body, bool last)
{
    struct reply_error failure = {.reason = NULL};

    if (acme_answer(req))
        return;
    failure.status = route_request(req, &failure.allow, &failure.reason);
    if (failure.status == 0)
        check_length(req, body, &failure);
    if (failure.status == 0)
        check_load(req, &failure);
    /* What was misread once may be misread again; behind CONNECT other rules would hold. */
    req->must_close = failure.status == 400 || is_tunnel_method(req);
    /* No site or no route: there is nowhere to send it (RFC 9209 2.3.2). */
    if (failure.status == 404)
        failure.proxy_error = "destination_not_found";
    if (failure.status == 301 || failure.status == 308)
        https_redirect(req, failure.status);
    else if (failure.status != 0)
        reply_error(req, &failure);
    else
        start_handler(req, body, last);
}

bool request_jump(struct request *req, struct str route_name)
{
    const struct route *route = router_by_name(req->site, route_name);
    struct reply_error failure = {.reason = NULL};

    if (!route || ++req->jumps > REQUEST_JUMPS_MAX)
        return false;
    req->route = route;
    failure.status = rewrite_path(req, &failure.reason);
    if (failure.status == 0)
        check_length(req, req->first_body, &failure);
    if (failure.status != 0)
        reply_error(req, &failure);
    else
        start_handler(req, req->first_body, req->first_last);
    return true;
}

/* ---- the answer ---- */

bool request_send_head(struct request *req, struct message *head, const struct frame *frame, struct str body,
                       bool last)
{
    const struct route *route = req->route;

    /* What is made of it is the business of those who are answered with it. */
    if (req->is_own)
        return req->out->head(req, head, frame, body, last);
    if (req->watch && !req->own_reply)
        req->watch(req, head);
    if (route) {
        if (route->cookies && !req->own_reply)
            rewrite_cookies(req, &head->headers);
        if (route->rewrite_location && route->action == ACTION_PROXY && !req->own_reply)
            rewrite_location(req, &head->headers);
    }
    if (req->sticky && !req->own_reply)
        sticky_answer(req, head);
    if (https_add_hsts(req, head) < 0)
        log_write(req->worker->log, LOG_LEVEL_WARN, "an answer has no room for Strict-Transport-Security");
    req->response = *head;
    if (route && route->response_headers.count > 0 &&
        rewrite_headers(&route->response_headers, req, &head->headers) < 0)
        log_write(req->worker->log, LOG_LEVEL_WARN, "an answer has no room for all of response_headers");
    if (!header_find(&head->headers, HEADER_DATE) &&
        header_add_known(&head->headers, HEADER_DATE, worker_date(req->worker)) < 0)
        log_write(req->worker->log, LOG_LEVEL_INFO, "an answer has no room for Date");
    req->response = *head;
    return req->out->head(req, head, frame, body, last);
}

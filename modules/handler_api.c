/*
 * handler_api.c: the runtime API and its read-only part, `status = true`: which page is asked for, and by
 * whom.
 */
#include "http/host.h"
#include "modules/api.h"
#include "modules/modules.h"

#define API STR("/api/v1/")

/* ---- who may ask ---- */

/*
 * On a loopback listener only its own names: a page of a stranger whose name was made to point at 127.0.0.1
 * sends that name.  No Host at all is no browser.
 */
static bool host_is_allowed(const struct request *req)
{
    struct addr address;

    if (!addr_is_loopback(&req->listener->address) || req->host.len == 0 || str_eq(req->host, STR("localhost")) ||
        str_has_suffix(req->host, STR(".localhost")))
        return true;
    return addr_parse_ip(req->host, 1, &address) == 0 && addr_is_loopback(&address);
}

/* A change that a page of another origin asks for carries one of these. */
static bool is_cross_site(const struct request *req)
{
    const struct header *site = header_find_name(&req->head.headers, STR("Sec-Fetch-Site"));

    if (header_find(&req->head.headers, HEADER_ORIGIN))
        return true;
    return site && !str_ieq(site->value, STR("none")) && !str_ieq(site->value, STR("same-origin"));
}

static bool is_change(const struct request *req)
{
    return !str_eq(req->head.method, STR("GET")) && !str_eq(req->head.method, STR("HEAD"));
}

/* ---- what is asked for ---- */

/* The path behind the prefix of the route; it begins with '/'. */
static struct str rest_of_path(const struct request *req)
{
    static const struct str pages[] = {
        {"/metrics", 8}, {"/api/v1/status", 14}, {"/api/v1/upstreams", 17}};
    const struct route *route = req->route;
    struct str path = req->path;
    struct str rest = STR("/");

    if (!route)
        return path;
    if (route->matcher == ROUTE_PREFIX && str_has_prefix(path, route->path)) {
        size_t skip = route->path.len;

        if (skip && route->path.s[skip - 1] == '/')
            skip--;
        if (skip < path.len && path.s[skip] == '/')
            rest = (struct str){path.s + skip, path.len - skip};
    }
    /* A route that is itself named as a page is that page: "= /metrics". */
    for (size_t i = 0; rest.len == 1 && i < ARRAY_SIZE(pages); i++)
        if (str_has_suffix(path, pages[i]))
            return pages[i];
    return rest;
}

static bool wants_read(struct request *req)
{
    if (str_eq(req->head.method, STR("GET")) || str_eq(req->head.method, STR("HEAD")))
        return true;
    api_reply_error(req, 405, STR("This page is only read: use GET."), STR("GET, HEAD"));
    return false;
}

/* The name in "upstreams/NAME". */
static void start_upstream(struct request *req, struct str segment)
{
    struct str name;

    if (api_name(req, segment, &name))
        api_upstream(req, name);
    else
        api_reply_error(req, 404, STR("There is no upstream of that name."), STR_NONE);
}

/* Answers if `path` is a page that is read; false: it is not. */
static bool start_page(struct request *req, struct str path)
{
    static const struct {
        struct str path;
        void (*answer)(struct request *);
    } pages[] = {
        {{"/", 1}, api_dashboard},
        {{"/metrics", 8}, api_metrics},
        {{"/api/v1/status", 14}, api_status},
        {{"/api/v1/caches", 14}, api_caches},
        {{"/api/v1/upstreams", 17}, api_upstreams},
    };
    const struct str upstream = STR("/api/v1/upstreams/");

    for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
        if (str_eq(path, pages[i].path)) {
            if (wants_read(req))
                pages[i].answer(req);
            return true;
        }
    if (path.len <= upstream.len || !str_has_prefix(path, upstream))
        return false;
    if (wants_read(req))
        start_upstream(req, (struct str){path.s + upstream.len, path.len - upstream.len});
    return true;
}

/* The calls to caches; false: it is none. */
static bool start_cache(struct request *req, struct str path, struct str body, bool last)
{
    const struct str cache = STR("/api/v1/cache/"), purge = STR("/purge");
    struct str name;

    if (str_eq(path, STR("/api/v1/cache/why"))) {
        if (wants_read(req))
            api_cache_why(req);
        return true;
    }
    if (!str_has_prefix(path, cache) || !str_has_suffix(path, purge) || path.len <= cache.len + purge.len)
        return false;
    if (!api_name(req, (struct str){path.s + cache.len, path.len - cache.len - purge.len}, &name))
        return false;
    api_cache_purge(req, name, body, last);
    return true;
}

static void answer_unknown(struct request *req)
{
    api_reply_error(req, 404, STR("There is no such page."), STR_NONE);
}

static int command_of(struct str path)
{
    if (!str_has_prefix(path, API))
        return -1;
    return api_command_of((struct str){path.s + API.len, path.len - API.len});
}

static void status_start(struct request *req, struct str body WEIR_UNUSED, bool last WEIR_UNUSED)
{
    if (!start_page(req, rest_of_path(req)))
        answer_unknown(req);
}

static void api_start(struct request *req, struct str body, bool last)
{
    int command = command_of(req->path);

    if (!host_is_allowed(req))
        api_reply_error(req, 403, STR("Host is not a name of this machine's loopback."), STR_NONE);
    else if (is_change(req) && is_cross_site(req))
        api_reply_error(req, 403, STR("Commands are not taken from pages of other origins."), STR_NONE);
    else if (api_servers(req, req->path, body, last) || start_cache(req, req->path, body, last) ||
             start_page(req, req->path))
        return;
    else if (command < 0)
        answer_unknown(req);
    else if (!str_eq(req->head.method, STR("POST")))
        api_reply_error(req, 405, STR("This is a command: use POST."), STR("POST"));
    else
        api_command(req, (enum admin_command)command);
}

static void api_body(struct request *req, struct str bytes, bool last)
{
    struct api_pending *pending = req->handler_data;

    if (pending && pending->body)
        pending->body(req, bytes, last);
}

static void api_abort(struct request *req, const char *reason WEIR_UNUSED)
{
    struct api_pending *pending = req->handler_data;

    if (pending && pending->abort)
        pending->abort(req);
    req->handler_data = NULL;
}

const struct handler handler_api = {
    .name = "api", .start = api_start, .body = api_body, .abort = api_abort};
const struct handler handler_status = {.name = "status", .start = status_start};

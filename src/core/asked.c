/* asked.c: see asked.h. */
#include "core/asked.h"

#include <stdio.h>

#include "core/config/config.h"
#include "http/uri.h"

static bool is_better(const struct listener_conf *a, const struct listener_conf *b, const struct addr *wanted)
{
    if (!b)
        return true;
    if (addr_eq(&a->address, wanted) != addr_eq(&b->address, wanted))
        return addr_eq(&a->address, wanted);
    return a->address.any && !b->address.any && !addr_eq(&b->address, wanted);
}

/* For a URL without a port where no listener has the usual one: the first that speaks what it says, or the first. */
static const struct listener_conf *assumed_listener(const struct config *config, bool https)
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
static const struct listener_conf *find_listener(const struct config *config, const struct host *host, bool https,
                                                 bool *assumed)
{
    uint16_t port = host->port ? host->port : https ? 443 : 80;
    const struct listener_conf *best = NULL;
    struct addr wanted = {.len = 0};

    if (addr_parse_ip(host->name, port, &wanted) < 0)
        wanted.len = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct listener_conf *l = &config->listeners[i];

        if (addr_port(&l->address) == port && is_better(l, best, &wanted))
            best = l;
    }
    if (best || host->port)
        return best;
    *assumed = true;
    return assumed_listener(config, https);
}

static int fail(char *error, size_t size, const char *text, struct str what)
{
    snprintf(error, size, "%s: %.*s", text, STR_ARG(what));
    return -1;
}

/* "http://host:port/path?query" into Host and a target, as a client sends them; it keeps the fragment. */
static int read_url(struct request *req, struct str url, struct host *host, char *error, size_t size)
{
    const char *hash = url.len ? memchr(url.s, '#', url.len) : NULL;
    struct header_list *headers = &req->head.headers;
    struct uri_target target;
    enum uri_error wrong;

    if (hash)
        url.len = (size_t)(hash - url.s);
    *host = (struct host){.name = STR("")};
    wrong = uri_parse_target(STR("GET"), url, &target);
    if (wrong != URI_OK)
        return fail(error, size, uri_error_text(wrong), url);
    if (target.form == URI_ABSOLUTE && host_parse(target.authority, req->pool, host) < 0)
        return fail(error, size, "no host with an optional port", target.authority);
    if (target.form == URI_ABSOLUTE && !header_find(headers, HEADER_HOST) &&
        header_add(headers, STR("Host"), target.authority) < 0)
        return fail(error, size, "too many fields", url);
    req->tls = target.form == URI_ABSOLUTE && target.https;
    req->head.target = target.path;
    if (target.has_query)
        req->head.target = pool_printf(req->pool, "%.*s?%.*s", STR_ARG(target.path), STR_ARG(target.query));
    return 0;
}

int asked_init(struct request *req, const struct asked *asked, const struct config *config, struct pool *pool,
               struct host *host, bool *assumed, char *error, size_t error_size)
{
    *req = (struct request){.pool = pool, .config = config, .is_explain = true, .regex = regex_scratch_new(pool),
                            .peer = asked->from, .client = asked->from};
    req->head.method = asked->method;
    req->head.minor = 1;
    req->head.headers = asked->headers;
    req->sni = STR("");
    header_list_init(&req->response.headers, pool, 1);
    *assumed = false;
    if (read_url(req, asked->url, host, error, error_size) < 0)
        return -1;
    req->listener = find_listener(config, host, req->tls, assumed);
    if (req->listener)
        return 0;
    snprintf(error, error_size, "no listener has port %u; write a URL with the port of one",
             (unsigned)(host->port ? host->port : req->tls ? 443 : 80));
    return -1;
}

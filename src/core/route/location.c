/*
 * location.c: where an upstream sends the client to, said in the client's terms.  An upstream knows the host
 * and path that were forwarded, not those that were asked for; a target of its own host is turned back, one
 * elsewhere is left.
 */
#include "core/route/match.h"
#include "core/route/rewrite.h"
#include "core/var.h"
#include "http/host.h"
#include "http/uri.h"

/* A reference cut up: `authority` is STR_NONE where there is none; `rest` is the query and the fragment. */
struct location {
    bool has_scheme, https;
    struct str authority;
    struct str path;
    struct str rest;
};

static bool location_skip(struct str *text, struct str prefix)
{
    if (text->len < prefix.len || !str_ieq((struct str){text->s, prefix.len}, prefix))
        return false;
    *text = str_from(*text, prefix.len);
    return true;
}

static size_t location_until(struct str text, const char *ends)
{
    size_t len = 0;

    while (len < text.len && !strchr(ends, text.s[len] ? text.s[len] : '?'))
        len++;
    return len;
}

/* False: neither absolute with http or https, nor "//host...", nor "/path". */
static bool location_cut(struct str text, struct location *l)
{
    size_t len;

    *l = (struct location){.authority = STR_NONE};
    if (location_skip(&text, STR("https:")))
        l->has_scheme = l->https = true;
    else if (location_skip(&text, STR("http:")))
        l->has_scheme = true;
    if (location_skip(&text, STR("//"))) {
        len = location_until(text, "/?#\\");
        l->authority = (struct str){text.s, len};
        text = str_from(text, len);
    } else if (l->has_scheme) {
        return false;
    }
    len = location_until(text, "?#");
    l->path = (struct str){text.s, len};
    l->rest = str_from(text, len);
    return str_has_prefix(text, STR("/")) || (l->authority.s && len == 0);
}

/* Same name and port, where no port is the scheme's. */
static bool location_same(const struct host *a, bool https, struct str text, struct pool *pool)
{
    struct host b;

    return text.len && host_parse(text, pool, &b) == 0 && str_eq(a->name, b.name) &&
           host_port_unless_default(a, https) == host_port_unless_default(&b, https);
}

/* The Host field that was forwarded. */
static struct str location_forwarded(struct request *req)
{
    const struct header *host = header_find(&req->head.headers, HEADER_HOST);

    if (req->route->proxy_host)
        return template_expand(req->route->proxy_host, req);
    return host ? host->value : STR_NONE;
}

static bool location_is_peer(const struct request *req, const struct host *host)
{
    const struct upstream *upstream = req->upstream ? req->upstream : req->route->upstream;

    for (size_t i = 0; upstream && i < upstream->peer_count; i++) {
        const struct peer_conf *peer = &upstream->peers[i];
        uint16_t port = addr_port(&peer->address);
        struct host named;

        if ((host->port ? host->port : 80) == port && peer->host.len &&
            host_parse(peer->host, req->pool, &named) == 0 && str_eq(named.name, host->name))
            return true;
    }
    return false;
}

/* Whether the reference is to what was forwarded to. */
static bool location_is_ours(struct request *req, const struct location *l)
{
    struct host host;

    if (!l->authority.s)
        return true;
    if (host_parse(l->authority, req->pool, &host) < 0)
        return false;
    if (location_same(&host, l->https, location_forwarded(req), req->pool))
        return true;
    return !l->https &&
           (location_same(&host, false, req->upstream_addr, req->pool) || location_is_peer(req, &host));
}

/* `prefix` without a "/" at its end. */
static struct str location_prefix(struct str prefix)
{
    if (prefix.len && prefix.s[prefix.len - 1] == '/')
        prefix.len--;
    return prefix;
}

static bool location_is_below(struct str path, struct str prefix)
{
    return str_has_prefix(path, prefix) && (path.len == prefix.len || path.s[prefix.len] == '/');
}

/* A replaced path can be turned back only where the reference begins with what it was replaced by. */
static bool location_undo_replaced(const struct request *req, struct str *path)
{
    struct str forward = req->forward_path;

    if (str_eq(*path, forward)) {
        *path = req->path;
        return true;
    }
    if (forward.len < 2 || forward.s[forward.len - 1] == '/' || !location_is_below(*path, forward))
        return false;
    *path = pool_printf(req->pool, "%.*s%.*s", STR_ARG(req->path), STR_ARG(str_from(*path, forward.len)));
    return true;
}

/* Whether strip_prefix and add_prefix alone explain the path that was forwarded. */
static bool location_is_prefixed(const struct request *req, struct str strip, struct str add)
{
    struct str path = req->path, forward = req->forward_path;

    if (location_is_below(path, strip))
        path = path.len == strip.len ? STR("/") : str_from(path, strip.len);
    return forward.len == add.len + path.len && str_has_prefix(forward, add) &&
           str_has_suffix(forward, path);
}

/* False: there is no path of the client's that leads there; the path stays as it is. */
static bool location_undo_path(const struct request *req, struct str *path)
{
    const struct route *route = req->route;
    struct str strip = location_prefix(route->strip_prefix), add = location_prefix(route->add_prefix);

    if (str_eq(req->path, req->forward_path))
        return true;
    if (!location_is_prefixed(req, strip, add))
        return location_undo_replaced(req, path);
    if (add.len && !location_is_below(*path, add))
        return false;
    *path = path->len == add.len ? STR("/") : str_from(*path, add.len);
    if (strip.len && location_is_below(req->path, strip))
        *path = pool_printf(req->pool, "%.*s%.*s", STR_ARG(strip), STR_ARG(*path));
    return true;
}

/* "https://client-host:port"; a port that the client named belongs to its own scheme. */
static struct str location_client(const struct request *req, const struct location *l)
{
    bool https = l->https || req->tls;
    struct str scheme = !l->has_scheme ? STR("") : https ? STR("https:") : STR("http:");

    if (req->host_port && (https == req->tls || !l->has_scheme))
        return pool_printf(req->pool, "%.*s//%.*s:%u", STR_ARG(scheme), STR_ARG(req->host),
                           (unsigned)req->host_port);
    return pool_printf(req->pool, "%.*s//%.*s", STR_ARG(scheme), STR_ARG(req->host));
}

static struct str location_rewrite(struct request *req, struct str value)
{
    struct location l;
    struct str base = STR("");

    if (!location_cut(value, &l) || !location_is_ours(req, &l))
        return value;
    if (!l.path.len)
        l.path = STR("/");
    if (!location_undo_path(req, &l.path) && !l.authority.s)
        return value;
    if (l.authority.s && req->host.len)
        base = location_client(req, &l);
    return uri_encode(pool_printf(req->pool, "%.*s%.*s%.*s", STR_ARG(base), STR_ARG(l.path), STR_ARG(l.rest)),
                      req->pool);
}

/* "5; url=/path", the URL maybe in quotes. */
static struct str location_refresh(struct request *req, struct str value)
{
    const char *mark = value.len ? memchr(value.s, ';', value.len) : NULL;
    size_t at = mark ? (size_t)(mark - value.s) + 1 : value.len;
    struct str url, turned;
    const char *quote = "";

    while (at < value.len && (value.s[at] == ' ' || value.s[at] == '\t'))
        at++;
    url = str_from(value, at);
    if (!location_skip(&url, STR("url=")))
        return value;
    if (url.len >= 2 && (url.s[0] == '"' || url.s[0] == '\'') && url.s[url.len - 1] == url.s[0]) {
        quote = url.s[0] == '"' ? "\"" : "'";
        url = (struct str){url.s + 1, url.len - 2};
    }
    turned = location_rewrite(req, url);
    if (turned.s == url.s)
        return value;
    return pool_printf(req->pool, "%.*surl=%s%.*s%s", (int)at, value.s, quote, STR_ARG(turned), quote);
}

void rewrite_location(struct request *req, struct header_list *headers)
{
    if (!req->route || !req->route->rewrite_location)
        return;
    for (size_t i = 0; i < headers->count; i++) {
        struct header *h = &headers->items[i];

        if (h->id == HEADER_LOCATION || h->id == HEADER_CONTENT_LOCATION)
            header_set_value(h, location_rewrite(req, h->value));
        else if (h->id == HEADER_OTHER && str_ieq(h->name, STR("Refresh")))
            header_set_value(h, location_refresh(req, h->value));
    }
}

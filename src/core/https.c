/* https.c: see https.h. */
#include "core/https.h"

#include "core/config/config_tls.h"
#include "core/reply.h"
#include "core/var.h"
#include "http/uri.h"

/* Who terminates TLS in front of Weir says so; others are not believed. */
static bool came_by_tls(const struct request *req)
{
    const struct header *field;
    struct str value, https = STR("https");

    if (req->tls)
        return true;
    if (!req->trusted || !(field = header_find(&req->head.headers, HEADER_X_FORWARDED_PROTO)))
        return false;
    value = field->value;
    if (value.len < https.len)
        return false;
    /* The last of a list is what the nearest has seen. */
    return str_ieq(str_from(value, value.len - https.len), https) &&
           (value.len == https.len || strchr(" ,\t", value.s[value.len - https.len - 1]));
}

unsigned https_check(const struct request *req, const char **reason)
{
    struct str method = req->head.method;

    if (req->route->https_port == 0 || came_by_tls(req) ||
        str_has_prefix(req->path, STR("/.well-known/acme-challenge/")))
        return 0;
    if (req->host.len == 0) {
        *reason = "https_only: the request names no host that it could be sent to";
        return 400;
    }
    *reason = "https_only: the request came without TLS";
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) ? 301 : 308;
}

struct str https_location(struct request *req)
{
    struct str path = str_eq(req->path, STR("*")) ? STR("/") : req->path;
    struct str query = var_query_mark(req);
    unsigned port = req->route->https_port;
    struct str text;

    if (port == 443)
        text = pool_printf(req->pool, "https://%.*s%.*s%.*s", STR_ARG(req->host), STR_ARG(path), STR_ARG(query));
    else
        text = pool_printf(req->pool, "https://%.*s:%u%.*s%.*s", STR_ARG(req->host), port, STR_ARG(path),
                           STR_ARG(query));
    return uri_encode(text, req->pool);
}

void https_redirect(struct request *req, unsigned status)
{
    reply_redirect(req, status, https_location(req));
}

bool https_is_misdirected(const struct request *req)
{
    /* Without a site's own there is but one. */
    if (!req->tls_policy || !req->listener->site_tls)
        return false;
    return !tls_policy_same(req->tls_policy, tls_conf_of(req->listener, req->site)->policy);
}

int https_add_hsts(const struct request *req, struct message *head)
{
    const struct tls_conf *conf = req->tls && req->listener->tls ? tls_conf_of(req->listener, req->site) : NULL;

    if (!conf || !conf->hsts)
        return 0;
    (void)header_remove(&head->headers, HEADER_STRICT_TRANSPORT_SECURITY);
    return header_add_known(&head->headers, HEADER_STRICT_TRANSPORT_SECURITY, conf->hsts->value);
}

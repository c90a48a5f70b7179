/* explain_site.c: why a site took the request, and why no other did. */
#include "core/route/host_table.h"
#include "main/explain.h"

static bool explain_serves(const struct listener_conf *listener, const struct site *site)
{
    for (size_t i = 0; i < listener->site_count; i++)
        if (listener->sites[i] == site)
            return true;
    return listener->default_site == site;
}

/* Whether a host of the site, were it the only one, would fit. */
static bool explain_fits(const struct explain *e, const struct site *site)
{
    const struct request *req = &e->req;
    struct host_table *table = host_table_new(req->pool, (struct hash_key){.k0 = 0});
    struct regex_error error;
    void *value;

    if (!req->host.len)
        return false;
    for (size_t i = 0; i < site->host_count; i++)
        if (host_table_add(table, site->hosts[i], table, &error) < 0)
            return false; /* cannot be: it was checked when it was loaded */
    host_table_freeze(table);
    return host_table_find(table, req->host, req->regex, NULL, &value) == REGEX_MATCH;
}

struct str explain_why_site(const struct explain *e, const struct site *site)
{
    const struct request *req = &e->req;
    struct pool *pool = req->pool;
    bool fits = explain_fits(e, site);

    if (site == req->site && fits)
        return pool_printf(pool, "taken: one of its hosts is \"%.*s\"", STR_ARG(req->host));
    if (site == req->site)
        return STR("taken: no other has the host, and it is the listener's default");
    if (!explain_serves(req->listener, site))
        return STR("the listener does not serve it");
    if (fits)
        return STR("another site's host is closer, or written before it");
    if (site->host_count == 0)
        return STR("it has no hosts, and is not the listener's default");
    if (req->host.len == 0)
        return STR("the request names no host");
    return pool_printf(pool, "none of its hosts is \"%.*s\"", STR_ARG(req->host));
}

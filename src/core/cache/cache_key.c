/* cache_key.c: see cache_key.h. */
#include "core/cache/cache_key.h"

#include "core/var.h"
#include "http/cache_key.h"

static struct str host_and_port(const struct request *req)
{
    uint16_t usual = req->tls ? 443 : 80;
    char digits[STR_U64_MAX], *text;
    struct str port;

    if (req->host_port == 0 || req->host_port == usual)
        return req->host;
    /* Without printf, as every request comes here. */
    text = pool_text(req->pool, req->host.len + 1 + STR_U64_MAX);
    port = str_of_u64(req->host_port, digits);
    memcpy(text, req->host.s, req->host.len);
    text[req->host.len] = ':';
    memcpy(text + req->host.len + 1, port.s, port.len);
    return (struct str){text, req->host.len + 1 + port.len};
}

struct str cache_key(const struct cache_usage *use, struct request *req)
{
    struct str host = req->host, query = req->query, key;
    bool has_query = req->has_query;

    req->host = host_and_port(req);
    if (use->ignore_query.count || use->sort_query)
        req->query = cache_key_query(query, &use->ignore_query, use->sort_query, req->pool);
    /* The "?" goes with the last of its arguments; one that had none stays, as that is another URI. */
    if (query.len > 0 && req->query.len == 0)
        req->has_query = false;
    key = template_expand(use->key, req);
    req->host = host;
    req->query = query;
    req->has_query = has_query;
    return key;
}

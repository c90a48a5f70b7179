/* proxy_head.c: see proxy_head.h. */
#include "core/proxy/proxy_head.h"

#include "core/route/rewrite.h"
#include "core/var.h"
#include "http/h1_parse.h"
#include "http/hop.h"

/* Room for Host and what is told about the client; more is allocated where more is added. */
#define FIELDS_ADDED 8

static struct str target_of(struct request *req)
{
    struct str path = req->forward_path, query = req->forward_query;
    char *text;

    if (query.len == 0)
        return path;
    if (path.s + path.len == query.s)
        return (struct str){path.s, path.len + query.len};
    text = pool_text(req->pool, path.len + query.len);
    memcpy(text, path.s, path.len);
    memcpy(text + path.len, query.s, query.len);
    return (struct str){text, path.len + query.len};
}

/* As the client wrote it. */
static struct str host_as_it_came(const struct request *req)
{
    const struct header *host = header_find(&req->head.headers, HEADER_HOST);

    return host ? host->value : STR_NONE;
}

static struct str host_of(struct request *req, const struct peer_conf *peer)
{
    struct str host = STR_NONE;

    if (req->route->proxy_host)
        host = template_expand(req->route->proxy_host, req);
    if (host.len == 0 && !peer->names_host)
        host = host_as_it_came(req);
    return host.len > 0 ? host : peer->host;
}

/* Host, and all fields but those that end here or are set anew. */
static int copy_fields(struct request *req, const struct peer_conf *peer, struct header_list *to)
{
    const struct header_list *from = &req->head.headers;
    size_t cap = req->listener->limits.fields + H1_PARSE_SPARE_FIELDS;

    header_list_init(to, req->pool, cap);
    if (from->count + 1 > cap)
        return -1;
    header_reserve(to, from->count + FIELDS_ADDED);
    header_put(to, &(struct header){.name = STR("Host"), .value = host_of(req, peer), .id = HEADER_HOST});
    hop_copy_request(from, to, req->route->forwarded && !req->trusted);
    return 0;
}

static int add_forwarding(struct request *req, struct header_list *headers)
{
    char text[ADDR_TEXT_MAX];
    /* The claims of one who is not trusted were not copied: what is there may stay. */
    struct hop_client client = {.scheme = req->tls ? STR("https") : STR("http")};

    if (req->route->forwarded) {
        client.address = pool_str(req->pool, addr_print_ip(&req->peer, text));
        client.host = host_as_it_came(req);
        if (hop_forward(headers, &client, req->pool) < 0)
            return -1;
    }
    if (!req->route->via)
        return 0;
    return hop_via(headers,
                   req->is_h2           ? STR("2.0 weir")
                   : req->head.minor > 0 ? STR("1.1 weir")
                                         : STR("1.0 weir"),
                   req->pool);
}

int proxy_head_make(struct request *req, const struct peer_conf *peer, bool upgrade, struct message *head)
{
    struct header_list *headers = &head->headers;

    *head = (struct message){.method = req->head.method, .target = target_of(req), .minor = 1};
    if (copy_fields(req, peer, headers) < 0 || add_forwarding(req, headers) < 0)
        return -1;
    if (upgrade && header_add(headers, STR("Upgrade"), STR("websocket")) < 0)
        return -1;
    if (req->route->request_headers.count == 0)
        return 0;
    return rewrite_headers(&req->route->request_headers, req, headers);
}

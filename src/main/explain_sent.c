/* explain_sent.c: the fields that a server is sent beside those of the client and of request_headers. */
#include "core/proxy/proxy_head.h"
#include "main/explain.h"

static bool explain_is_default(enum header_id id)
{
    return id == HEADER_X_FORWARDED_FOR || id == HEADER_X_FORWARDED_PROTO || id == HEADER_X_FORWARDED_HOST ||
           id == HEADER_VIA;
}

/* One that only a servers_file names has no Host of its own before Weir runs: the client's counts all the same. */
static const struct peer_conf *explain_any_peer(const struct upstream *upstream)
{
    static const struct peer_conf unknown;

    return upstream->peer_count > 0 ? &upstream->peers[0] : &unknown;
}

/* The head is made by the code that makes it in a worker, without the route's own operations. */
void explain_defaults(struct explain *e, struct header_list *fields)
{
    const struct route *route = e->req.route;
    const struct upstream *upstream = e->upstream;
    struct route part = *route;
    struct message head;

    header_list_init(fields, e->req.pool, 8);
    if (!upstream)
        return;
    part.request_headers.count = 0;
    e->req.route = &part;
    if (proxy_head_make(&e->req, explain_any_peer(upstream), false, &head) < 0)
        head.headers.count = 0;
    e->req.route = route;
    for (size_t i = 0; i < head.headers.count; i++) {
        const struct header *h = &head.headers.items[i];

        if ((i == 0 ? h->value.len > 0 : explain_is_default(h->id)) && header_add(fields, h->name, h->value) < 0)
            return;
    }
}

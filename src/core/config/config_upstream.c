/* config_upstream.c: upstreams and their servers, named ones and those made from a URL in `proxy`. */
#include "core/config/config_balance.h"
#include "http/status.h"

static void upstream_add(struct build *b, struct upstream *u)
{
    struct config *c = b->config;

    if (c->upstream_count == b->upstream_room) {
        size_t room = b->upstream_room ? b->upstream_room * 2 : 16;
        struct upstream **more = pool_zalloc(b->pool, room * sizeof(struct upstream *));
        if (c->upstream_count)
            memcpy(more, c->upstreams, c->upstream_count * sizeof(struct upstream *));
        c->upstreams = more;
        b->upstream_room = room;
    }
    u->index = c->upstream_count;
    c->upstreams[c->upstream_count++] = u;
}

struct status_set *config_statuses(struct build *b, const struct conf_list *list)
{
    const struct conf_statuses *from = list->items;
    struct status_range *ranges = pool_zalloc(b->pool, (list->n + 1) * sizeof(*ranges));
    struct status_set *set = pool_zalloc(b->pool, sizeof(*set));

    for (size_t i = 0; i < list->n; i++)
        ranges[i] = (struct status_range){(unsigned)from[i].first, (unsigned)from[i].last};
    *set = (struct status_set){ranges, list->n};
    return list->n > 0 ? set : NULL;
}

/* `proxy_protocol`: -1 is false. */
static uint8_t version_of(int64_t version)
{
    return (uint8_t)(version > 0 ? version : 0);
}

/* Connections that clients share are nobody's. */
static void check_sharing(struct build *b, const struct peer_conf *p, struct conf_place at)
{
    if (p->http2 && p->proxy_protocol)
        conf_report_add(b->report, at,
                        "requests of many clients share a connection of HTTP/2, so that 'proxy_protocol' cannot say whose "
                        "it is; write proxy_protocol = false, or protocol = \"http1\"");
    if (p->http2 && p->transparent)
        conf_report_add(b->report, at,
                        "requests of many clients share a connection of HTTP/2, so that it cannot come from the address of "
                        "one; write transparent = false, or protocol = \"http1\"");
}

static void peer_build(struct build *b, struct server_settings *s, const struct check_conf *check,
                       struct peer_conf *p)
{
    struct conf_place at = conf_place_of(&settings_server_group, &s->head, "address");

    p->at = s->head.at;
    if (!s->address.text.s)
        return;
    if (!config_server_resolve(b, s, at, p))
        (void)!config_server_address(b, &s->address, at, &p->address);
    p->name = s->name.s ? s->name : s->address.text;
    p->host = p->resolve && !p->port  ? p->host
              : s->address.is_unix    ? STR("localhost")
              : s->address.port == 80 ? s->address.host
                                      : s->address.text;
    p->weight = (unsigned)s->weight;
    p->max_connections = (unsigned)s->max_connections;
    p->slow_start = s->slow_start;
    p->tls = config_server_tls(b, s->tls, p->resolve && !p->port ? p->host : s->address.host, s->address.is_unix);
    p->check_tls = config_check_tls_of(b, check, p->tls, s->address.is_unix ? STR_NONE : s->address.host);
    p->proxy_protocol = version_of(s->proxy_protocol);
    p->http2 = s->protocol == 1;
    p->transparent = s->transparent;
    check_sharing(b, p, p->at);
    p->backup = s->backup;
    p->down = s->down;
}

bool config_is_transparent(const struct config *c)
{
    for (size_t i = 0; i < c->upstream_count; i++) {
        const struct upstream *u = c->upstreams[i];

        if (u->server_defaults.transparent)
            return true;
        for (size_t k = 0; k < u->peer_count; k++)
            if (u->peers[k].transparent)
                return true;
    }
    return false;
}

static void upstream_keepalive(struct upstream *u, const struct keepalive_settings *k)
{
    if (!k)
        return;
    u->keepalive_idle = (unsigned)k->idle;
    u->keepalive_timeout = k->timeout;
    u->keepalive_requests = (uint64_t)k->requests;
}

static void upstream_peers(struct build *b, struct upstream_settings *s, struct upstream *u)
{
    struct hash_table *names = hash_table_new(b->pool, b->key, s->servers.n);
    struct server_settings *servers = s->servers.items;

    u->peer_count = s->servers.n;
    u->peers = pool_zalloc(b->pool, (s->servers.n + 1) * sizeof(*u->peers));
    for (size_t i = 0; i < s->servers.n; i++) {
        struct peer_conf *p = &u->peers[i];
        (void)!settings_join(&b->load, &settings_server_group, &servers[i], &settings_upstream_group, s);
        peer_build(b, &servers[i], u->check, p);
        u->http2 = u->http2 || p->http2;
        struct peer_conf *first = p->name.s ? hash_table_set(names, p->name, p) : NULL;
        if (first)
            conf_report_add(b->report, p->at,
                            "the server \"%.*s\" is in this upstream twice, first at %s:%u; keep one of them",
                            STR_ARG(p->name), first->at.file, first->at.line);
    }
    if (s->servers.n == 0 && !s->servers_file.len && !s->head.broken)
        conf_report_add(b->report, u->at, "the upstream \"%.*s\" has no servers; write servers = ( ... );",
                        STR_ARG(u->name));
}

const char *config_balance_name(enum balance_method method)
{
    return method < BALANCE_METHODS ? settings_balance_names[method] : "unknown";
}

static void upstream_build(struct build *b, struct upstream_settings *s, struct upstream *u)
{
    u->at = s->head.at;
    (void)!settings_join(&b->load, &settings_upstream_group, s, &settings_defaults_group,
                         b->settings->defaults);
    u->name = s->name;
    config_build_balance(b, s, u);
    upstream_keepalive(u, s->keepalive);
    config_build_passive(b, s->passive, s->circuit_breaker, u);
    config_health(b, s->health, s->alert, u);
    u->server_defaults.weight = (unsigned)s->weight;
    u->server_defaults.max_connections = (unsigned)s->max_connections;
    config_overload_upstream(u, s->queue);
    u->server_defaults.slow_start = s->slow_start;
    u->server_defaults.tls = config_server_tls(b, s->tls, STR_NONE, false);
    u->server_defaults.check_tls = config_check_tls_of(b, u->check, u->server_defaults.tls, STR_NONE);
    u->server_defaults.proxy_protocol = version_of(s->proxy_protocol);
    u->server_defaults.http2 = u->http2 = s->protocol == 1;
    u->server_defaults.transparent = s->transparent;
    if (s->servers.n == 0)
        check_sharing(b, &u->server_defaults, u->at);
    config_build_sticky(b, u, s->sticky);
    upstream_peers(b, s, u);
    config_build_servers_file(b, s, u);
    if (!s->name.s)
        return;
    struct upstream *first = hash_table_set(b->upstreams, u->name, u);
    if (first)
        conf_report_add(b->report, u->at,
                        "the upstream \"%.*s\" is defined twice, first at %s:%u; keep one of them",
                        STR_ARG(u->name), first->at.file, first->at.line);
}

void config_build_upstreams(struct build *b)
{
    const struct conf_list *list = &b->settings->upstreams;
    struct upstream_settings *s = list->items;
    struct upstream *u = pool_zalloc(b->pool, (list->n + 1) * sizeof(*u));

    for (size_t i = 0; i < list->n; i++) {
        upstream_build(b, &s[i], &u[i]);
        upstream_add(b, &u[i]);
    }
    for (size_t i = 0; i < list->n; i++)
        config_build_diverts(b, &s[i], &u[i]);
    config_check_diverts(b);
}

static bool is_https(struct str url)
{
    return str_has_prefix(url, STR("https://"));
}

static bool is_http2(struct str url)
{
    return str_has_prefix(url, STR("h2://")) || str_has_prefix(url, STR("grpc://"));
}

/* The host and port behind "http://" and the like. */
static int inline_address(struct build *b, struct str url, struct str rest, struct conf_place at,
                          struct conf_address *a)
{
    const char *slash = memchr(rest.s, '/', rest.len);
    const char *colon;

    if (slash) {
        conf_report_add(b->report, at,
                        "\"%.*s\" has a path; write \"%.*sHOST:PORT\" and add_prefix = \"%.*s\"", STR_ARG(url),
                        (int)(rest.s - url.s), url.s, (int)(rest.s + rest.len - slash), slash);
        return -1;
    }
    *a = (struct conf_address){.text = rest, .host = rest, .port = is_https(url) ? 443 : 80};
    colon = memrchr(rest.s, ':', rest.len);
    if (colon && !memchr(colon, ']', (size_t)(rest.s + rest.len - colon))) {
        uint64_t port;
        if (str_to_u64((struct str){colon + 1, (size_t)(rest.s + rest.len - colon - 1)}, 65535, &port) != 0)
            port = 0;
        a->port = (int)port;
        a->host.len = (size_t)(colon - rest.s);
    }
    if (a->host.len > 2 && a->host.s[0] == '[')
        a->host = pool_str(b->pool, (struct str){a->host.s + 1, a->host.len - 2});
    return 0;
}

/* Host and SNI are the name that the URL has. */
static void inline_tls(struct build *b, struct peer_conf *p, const struct conf_address *address)
{
    p->tls = config_default_tls(b, address->host);
    p->names_host = true;
    if (address->port == 443 && str_has_suffix(p->host, STR(":443")))
        p->host.len -= sizeof(":443") - 1;
}

static struct upstream *inline_upstream(struct build *b, struct str url, struct str rest,
                                        struct conf_place at)
{
    struct upstream *u = hash_table_get(b->inlines, url);
    struct conf_address address;

    if (u)
        return u;
    u = pool_zalloc(b->pool, sizeof(*u));
    *u = (struct upstream){.name = url, .peer_count = 1, .is_inline = true, .at = at};
    u->peers = pool_zalloc(b->pool, sizeof(*u->peers));
    u->peers[0] = (struct peer_conf){
        .name = rest,
        .host = rest,
        .weight = 1,
        .max_connections = (unsigned)b->settings->defaults->max_connections,
        .slow_start = b->settings->defaults->slow_start,
        .proxy_protocol = version_of(b->settings->defaults->proxy_protocol),
        .transparent = b->settings->defaults->transparent,
        .at = at,
    };
    if (inline_address(b, url, rest, at, &address) != 0 ||
        config_server_address(b, &address, at, &u->peers[0].address) != 0)
        return NULL;
    if (is_https(url))
        inline_tls(b, &u->peers[0], &address);
    u->http2 = u->peers[0].http2 = is_http2(url);
    check_sharing(b, &u->peers[0], at);
    u->server_defaults.weight = 1;
    upstream_keepalive(u, b->settings->defaults->keepalive);
    config_build_passive(b, b->settings->defaults->passive, b->settings->defaults->circuit_breaker, u);
    config_health(b, b->settings->defaults->health, b->settings->defaults->alert, u);
    u->peers[0].check_tls = config_check_tls_of(b, u->check, u->peers[0].tls, address.host);
    config_overload_upstream(u, b->settings->defaults->queue);
    hash_table_set(b->inlines, url, u);
    upstream_add(b, u);
    return u;
}

struct upstream *config_proxy_target(struct build *b, struct str text, struct conf_place at)
{
    static const char *const schemes[] = {"http://", "https://", "h2://", "grpc://"};
    static const char *const others[] = {"h2c://", "h2s://", "grpcs://"};
    struct upstream *u;

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (str_has_prefix(text, str_of(schemes[i])))
            return inline_upstream(b, text, str_from(text, strlen(schemes[i])), at);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (str_has_prefix(text, str_of(others[i]))) {
            conf_report_add(b->report, at,
                            "\"%s\" is not a scheme of `proxy`; write \"h2://HOST:PORT\" or \"grpc://HOST:PORT\", or an "
                            "upstream with protocol = \"h2\" and tls = true", others[i]);
            return NULL;
        }
    }
    u = hash_table_get(b->upstreams, text);
    if (!u)
        config_unknown(b, at, "upstream", text, b->upstreams);
    return u;
}

/* config_warn.c: settings of listeners, upstreams and servers that do nothing where they stand. */
#include "core/config/config_build.h"
#include "core/upstream/balance_key.h"

static void warn(struct build *b, const struct conf_group *g, const struct conf_head *head, const char *name,
                 const char *text)
{
    if (settings_is_written(g, head, name))
        conf_report_warn(b->report, conf_place_of(g, head, name), "'%s' does nothing %s", name, text);
}

/* ---- upstreams ---- */

static bool is_limited(const struct upstream *u)
{
    for (size_t i = 0; i < u->peer_count; i++)
        if (u->peers[i].max_connections > 0)
            return true;
    return u->server_defaults.max_connections > 0;
}

static bool is_resolved(const struct config *c)
{
    for (size_t i = 0; i < c->upstream_count; i++)
        for (size_t k = 0; k < c->upstreams[i]->peer_count; k++)
            if (c->upstreams[i]->peers[k].resolve)
                return true;
    return false;
}

static void warn_queue(struct build *b, const struct upstream_settings *s, const struct upstream *u)
{
    if (s->queue && s->queue->size == 0)
        warn(b, &settings_queue_group, &s->queue->head, "timeout", "with size = 0; remove it");
    if (settings_is_written(&settings_upstream_group, &s->head, "circuit_breaker") && s->circuit_breaker &&
        s->circuit_breaker->max_pending > 0 && (u->queue.size == 0 || !is_limited(u)))
        warn(b, &settings_circuit_breaker_group, &s->circuit_breaker->head, "max_pending",
             "where no request waits; write max_connections = N; for the servers");
    if (u->queue.size > 0 && !is_limited(u))
        warn(b, &settings_upstream_group, &s->head, "queue",
             "where no server has max_connections, so that none is ever full; write max_connections = N;");
}

static void warn_health(struct build *b, const struct health_settings *s)
{
    if (s->fast_interval > s->interval)
        conf_report_warn(b->report, conf_place_of(&settings_health_group, &s->head, "fast_interval"),
                         "'fast_interval' is longer than 'interval', so that changes are seen later; write a shorter one");
}

static void warn_alert(struct build *b, const struct upstream_settings *s, const struct upstream *u)
{
    if (u->alert && !u->check)
        warn(b, &settings_upstream_group, &s->head, "alert",
             "without checks, whose results it tells of; write health = { ... };");
}

static void warn_sticky(struct build *b, const struct sticky_settings *s)
{
    if (s->mode == STICKY_LEARN)
        warn(b, &settings_sticky_group, &s->head, "secret", "with \"learn\", which makes no values; remove it");
}

static void warn_keepalive(struct build *b, const struct keepalive_settings *s)
{
    static const char *const names[] = {"timeout", "requests"};

    for (size_t i = 0; i < ARRAY_SIZE(names) && s->idle == 0; i++)
        warn(b, &settings_keepalive_group, &s->head, names[i], "with idle = 0; remove it");
}

static bool goes_by_weight(const struct upstream *u)
{
    return u->balance != BALANCE_FIRST && u->balance != BALANCE_LEAST_PENDING;
}

static bool goes_by_slow_start(const struct upstream *u)
{
    return goes_by_weight(u) && u->balance != BALANCE_STATIC_RR &&
           (!balance_has_key(u->balance) || u->balance_conf.consistent);
}

/* A weight of 0 or 1 may stand anywhere: the one drains, the other is the default. */
static void warn_share(struct build *b, const struct conf_group *g, const struct conf_head *head, const struct upstream *u,
                       int64_t weight, int64_t slow_start)
{
    const char *method = pool_printf(b->pool, "with balance = \"%s\"%s, which does not go by it; remove it",
                                     config_balance_name(u->balance),
                                     balance_has_key(u->balance) ? " and hash_method = \"map\"" : "").s;

    if (weight > 1 && !goes_by_weight(u))
        warn(b, g, head, "weight", method);
    if (slow_start > 0 && !goes_by_slow_start(u))
        warn(b, g, head, "slow_start", method);
}

static void warn_servers(struct build *b, const struct upstream_settings *s, const struct upstream *u)
{
    const struct server_settings *servers = s->servers.items;

    warn_share(b, &settings_upstream_group, &s->head, u, s->weight, s->slow_start);
    for (size_t i = 0; i < s->servers.n && i < u->peer_count; i++) {
        if (servers[i].resolve && !u->peers[i].resolve)
            warn(b, &settings_server_group, &servers[i].head, "resolve", "with an address that is no name; remove it");
        if (servers[i].transparent && servers[i].address.is_unix)
            warn(b, &settings_server_group, &servers[i].head, "transparent", "with a unix socket; remove it");
        warn_share(b, &settings_server_group, &servers[i].head, u, servers[i].weight, servers[i].slow_start);
    }
}

static void warn_upstream(struct build *b, const struct upstream_settings *s, const struct upstream *u)
{
    warn_queue(b, s, u);
    if (s->health)
        warn_health(b, s->health);
    warn_alert(b, s, u);
    if (s->sticky)
        warn_sticky(b, s->sticky);
    if (s->keepalive)
        warn_keepalive(b, s->keepalive);
    warn_servers(b, s, u);
}

/* ---- listeners ---- */

static void warn_listener(struct build *b, const struct listener_settings *s)
{
    if (s->address.is_unix)
        warn(b, &settings_listener_group, &s->head, "defer_accept", "on a unix socket; remove it");
}

void config_warn(struct build *b)
{
    const struct settings *s = b->settings;
    const struct upstream_settings *upstreams = s->upstreams.items;
    const struct listener_settings *listeners = s->listeners.items;

    /* Those of the file come first, in its order. */
    for (size_t i = 0; i < s->upstreams.n; i++)
        warn_upstream(b, &upstreams[i], b->config->upstreams[i]);
    for (size_t i = 0; i < s->listeners.n; i++)
        warn_listener(b, &listeners[i]);
    if (!is_resolved(b->config))
        warn(b, &settings_group, &s->head, "resolver",
             "where no server has resolve = true; names are looked up once, by the system");
    config_warn_sites(b);
    config_warn_routes(b);
    config_warn_caches(b);
}

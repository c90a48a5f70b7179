/* config_warn_route.c: settings of sites and routes that do nothing where they stand. */
#include "core/config/config_build.h"

/* What only some actions look at. */
static const struct {
    const char *name;
    enum action_kind action;
} rows[] = {
    {"index", ACTION_FILES},    {"try", ACTION_FILES},          {"listing", ACTION_FILES},
    {"symlinks", ACTION_FILES}, {"dotfiles", ACTION_FILES},     {"expires", ACTION_FILES},
    {"types", ACTION_FILES},    {"default_type", ACTION_FILES}, {"request_headers", ACTION_PROXY},
    {"retry", ACTION_PROXY},    {"proxy_headers", ACTION_PROXY},
    {"cache", ACTION_PROXY},
};

/* Turned off, which does no harm anywhere. */
static bool is_off(const struct conf_row *row, const struct level_settings *s)
{
    const char *member = (const char *)s + row->offset;

    if (row->flags & CONF_LIST)
        return ((const struct conf_list *)(const void *)member)->n == 0;
    if (row->flags & CONF_OFF)
        return *(const int64_t *)(const void *)member < 0;
    if (row->type == CONF_BOOL)
        return !*(const bool *)(const void *)member;
    return row->type == CONF_GROUP && !*(void *const *)(const void *)member;
}

static void warn_of(struct build *b, const struct level_settings *s, const char *what, bool files, bool proxy)
{
    const struct conf_group *g = &settings_route_group;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool is_files = rows[i].action == ACTION_FILES;

        if ((is_files ? files : proxy) || !settings_is_written(g, &s->head, rows[i].name) ||
            is_off(conf_row_find(g, str_of(rows[i].name)), s))
            continue;
        conf_report_warn(b->report, conf_place_of(g, &s->head, rows[i].name),
                         "'%s' does nothing here, as it is for routes that %s, and %s; remove it", rows[i].name,
                         is_files ? "serve files" : "forward", what);
    }
}

static void warn_body(struct build *b, const struct request_body_settings *s)
{
    const struct conf_group *g = &settings_request_body_group;

    if (s->buffer != 0 && settings_is_written(g, &s->head, "memory"))
        conf_report_warn(b->report, conf_place_of(g, &s->head, "memory"),
                         "'memory' does nothing with buffer = \"stream\"; remove it");
}

/* The first attempt is the last. */
static void warn_retry(struct build *b, const struct retry_settings *s)
{
    static const char *const names[] = {"on", "replay", "budget"};
    const struct conf_group *g = &settings_retry_group;

    for (size_t i = 0; i < ARRAY_SIZE(names) && s->tries == 1; i++)
        if (settings_is_written(g, &s->head, names[i]))
            conf_report_warn(b->report, conf_place_of(g, &s->head, names[i]),
                             "'%s' does nothing with tries = 1; remove it", names[i]);
}

/* Those of the server's side. */
static void warn_timeouts(struct build *b, const struct timeouts_settings *s)
{
    static const char *const names[] = {"connect", "send", "read", "tunnel"};
    const struct conf_group *g = &settings_timeouts_group;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (settings_is_written(g, &s->head, names[i]))
            conf_report_warn(b->report, conf_place_of(g, &s->head, names[i]),
                             "'%s' does nothing here, as it is for routes that forward, and this one does not; remove it",
                             names[i]);
}

static void warn_logs(struct build *b, const struct conf_list *logs)
{
    const struct conf_group *g = &settings_access_log_group;

    for (size_t i = 0; i < logs->n; i++) {
        const struct access_log_settings *log = (const struct access_log_settings *)logs->items + i;

        if (str_eq(log->path, STR("stdout")) || str_eq(log->path, STR("stderr")))
            conf_report_warn(b->report, conf_place_of(g, &log->head, "path"),
                             "the access log is a file named \"%.*s\"; write \"-\" for standard output", STR_ARG(log->path));
        if (log->buffer == 0 && settings_is_written(g, &log->head, "flush"))
            conf_report_warn(b->report, conf_place_of(g, &log->head, "flush"),
                             "'flush' does nothing with buffer = 0; remove it");
    }
}

/* Whether some route of the site goes on to this one. */
static bool is_named(const struct site *site, const struct route *route)
{
    for (size_t i = 0; i < site->route_count; i++) {
        const struct files_conf *f = site->routes[i].files;

        if (f && f->try_count && f->tries[f->try_count - 1].what == TRY_ROUTE && f->tries[f->try_count - 1].route == route)
            return true;
    }
    return false;
}

/* What is of an outer level is spoken of there. */
static bool is_own(const struct level_settings *s, const char *name)
{
    return settings_is_written(&settings_route_group, &s->head, name);
}

/* Before a listener that believes others may stand who speaks TLS. */
static bool is_https_spoken(const struct config *c, int64_t port)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener_conf *l = &c->listeners[i];

        if (l->tls ? addr_port(&l->address) == port : l->trusted_count > 0)
            return true;
    }
    return false;
}

static void warn_https(struct build *b, const struct conf_group *g, const struct level_settings *s)
{
    int64_t port = s->https_only ? s->https_only->port : 0;

    if (port && settings_is_written(g, &s->head, "https_only") && !is_https_spoken(b->config, port))
        conf_report_warn(b->report, conf_place_of(g, &s->head, "https_only"),
                         "no listener has tls at port %lld, where 'https_only' sends clients; write https_only = PORT, "
                         "if that is not where they reach one from outside", (long long)port);
}

/* What sites and routes have alike. */
static void warn_shared(struct build *b, const struct level_settings *s)
{
    if (s->request_body && is_own(s, "request_body"))
        warn_body(b, s->request_body);
    if (s->retry && is_own(s, "retry"))
        warn_retry(b, s->retry);
    if (is_own(s, "access_log"))
        warn_logs(b, &s->access_log);
    warn_https(b, &settings_route_group, s);
}

static void warn_route(struct build *b, const struct site *site, const struct route *r, const struct level_settings *s)
{
    warn_of(b, s, "this one does not", r->action == ACTION_FILES, r->action == ACTION_PROXY);
    warn_shared(b, s);
    if (s->timeouts && r->action != ACTION_PROXY && is_own(s, "timeouts"))
        warn_timeouts(b, s->timeouts);
    if (r->internal && !is_named(site, r))
        conf_report_warn(b->report, r->at,
                         "no 'try' of the site goes on to \"@%.*s\", so that this internal route is never reached",
                         STR_ARG(r->name));
}

void config_warn_routes(struct build *b)
{
    const struct level_settings *sites = b->settings->sites.items;

    if (b->settings->defaults)
        warn_https(b, &settings_defaults_group, b->settings->defaults);
    for (size_t i = 0; i < b->settings->sites.n; i++) {
        const struct site *site = &b->config->sites[i];
        bool files = false, proxy = false;

        for (size_t k = 0; k < site->route_count; k++) {
            const struct route *r = &site->routes[k];

            files = files || r->action == ACTION_FILES;
            proxy = proxy || r->action == ACTION_PROXY;
            if (k < sites[i].routes.n)
                warn_route(b, site, r, (const struct level_settings *)sites[i].routes.items + k);
        }
        warn_of(b, &sites[i], "none of the site does", files, proxy);
        warn_shared(b, &sites[i]);
    }
}

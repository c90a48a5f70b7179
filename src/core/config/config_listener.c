/* config_listener.c: listeners, the sites that each serves by host, and the control socket. */
#include "core/config/config_build.h"
#include "core/route/host_table.h"

static struct conf_place listener_place(const struct listener_settings *s, const char *name)
{
    return conf_place_of(&settings_listener_group, &s->head, name);
}

static struct conf_place hosts_place(const struct build *b, const struct site *site)
{
    const struct level_settings *levels = b->settings->sites.items;

    return conf_place_of(&settings_site_group, &levels[site - b->config->sites].head, "hosts");
}

static bool host_is_new(struct build *b, struct hash_table *seen, struct str host, struct site *site)
{
    char *lower = pool_text(b->pool, host.len);
    const struct site *first;

    for (size_t i = 0; i < host.len; i++)
        lower[i] = host.len && host.s[0] == '~' ? host.s[i] : ascii_lower(host.s[i]);
    host.s = lower;
    first = hash_table_get(seen, host);
    if (!first) {
        hash_table_set(seen, host, site);
        return true;
    }
    conf_report_add(
        b->report, hosts_place(b, site),
        "the host \"%.*s\" is on one listener twice, first in the site at %s:%u; keep one of them",
        STR_ARG(host), first->at.file, first->at.line);
    return false;
}

static void hosts_add(struct build *b, struct host_table *table, struct hash_table *seen, struct site *site)
{
    struct regex_error error;

    for (size_t i = 0; i < site->host_count; i++) {
        struct str host = site->hosts[i];
        bool is_new = true;
        if (host.len > 1 && host.s[0] == '.') {
            /* ".example.com" is the name and all below it. */
            is_new = host_is_new(b, seen, (struct str){host.s + 1, host.len - 1}, site) &&
                     host_is_new(b, seen, pool_printf(b->pool, "*%.*s", STR_ARG(host)), site);
        } else {
            is_new = host_is_new(b, seen, host, site);
        }
        if (is_new && host_table_add(table, host, site, &error) != 0)
            conf_report_add(b->report, hosts_place(b, site), "the host \"%.*s\" is wrong at byte %zu: %s",
                            STR_ARG(host), error.offset, error.text);
    }
}

static struct host_table *hosts_build(struct build *b, struct site **sites, size_t n)
{
    struct host_table *table = host_table_new(b->pool, b->key);
    struct hash_table *seen = hash_table_new(b->pool, b->key, n);

    for (size_t i = 0; i < n; i++)
        hosts_add(b, table, seen, sites[i]);
    host_table_freeze(table);
    return table;
}

struct host_table *config_no_hosts(struct build *b)
{
    return hosts_build(b, NULL, 0);
}

/* All sites, for listeners that name none. */
static void listener_all_sites(struct build *b, struct listener_conf *l)
{
    struct config *c = b->config;

    l->site_count = c->site_count;
    l->sites = pool_zalloc(b->pool, (c->site_count + 1) * sizeof(struct site *));
    for (size_t i = 0; i < c->site_count; i++)
        l->sites[i] = &c->sites[i];
    if (!b->all_hosts)
        b->all_hosts = hosts_build(b, l->sites, l->site_count);
    l->hosts = b->all_hosts;
    l->default_site = b->hostless;
}

static void listener_named_sites(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    const struct str *names = s->sites.items;

    l->sites = pool_zalloc(b->pool, (s->sites.n + 1) * sizeof(struct site *));
    for (size_t i = 0; i < s->sites.n; i++) {
        struct site *site = hash_table_get(b->sites, names[i]);
        if (!site)
            config_unknown(b, listener_place(s, "sites"), "site", names[i], b->sites);
        else
            l->sites[l->site_count++] = site;
        if (site && !l->default_site && site->host_count == 0)
            l->default_site = site;
    }
    l->hosts = hosts_build(b, l->sites, l->site_count);
}

static void listener_default_site(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    struct site *site;

    if (!s->default_site.s)
        return;
    site = hash_table_get(b->sites, s->default_site);
    if (!site) {
        config_unknown(b, listener_place(s, "default_site"), "site", s->default_site, b->sites);
        return;
    }
    l->default_site = site;
    for (size_t i = 0; i < l->site_count; i++)
        if (l->sites[i] == site)
            return;
    conf_report_add(b->report, listener_place(s, "default_site"),
                    "the site \"%.*s\" is not one of this listener's 'sites'; add it there",
                    STR_ARG(s->default_site));
}

/* A site of one route that is the runtime API. */
static void listener_admin_site(struct build *b, struct listener_conf *l)
{
    struct site *site = pool_zalloc(b->pool, sizeof(*site));
    struct level_settings *level = pool_zalloc(b->pool, sizeof(*level));

    site->name = STR("admin");
    site->at = level->head.at = l->at;
    site->routes = pool_zalloc(b->pool, sizeof(*site->routes));
    site->route_count = 1;
    level->status = true;
    config_build_route(b, site, &site->routes[0], level, b->settings->defaults, &settings_defaults_group);
    site->routes[0].action = ACTION_API;
    /* Those of `defaults` are of what visitors ask for. */
    site->routes[0].access_logs = NULL;
    site->routes[0].access_log_count = 0;
    site->router = router_new(b->pool, b->key, site->routes, 1);
    l->default_site = site;
    l->hosts = config_no_hosts(b);
}

/* A unix socket, or an address that only this machine reaches. */
static bool address_is_local(const struct addr *a)
{
    return a->sa.sa_family == AF_UNIX || addr_is_loopback(a);
}

static void listener_admin(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    static const char *const others[] = {"sites", "default_site"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (settings_has(&settings_listener_group, &s->head, others[i]))
            conf_report_add(b->report, listener_place(s, others[i]),
                            "an admin listener serves no sites; remove '%s' or 'admin'", others[i]);
    if (l->address.len && !address_is_local(&l->address))
        conf_report_add(
            b->report, listener_place(s, "address"),
            "an admin listener on \"%.*s\" would be open to all; write a loopback address such as "
            "\"127.0.0.1:8900\" or a unix socket",
            STR_ARG(l->text));
    listener_admin_site(b, l);
}

static void listener_trusted(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    l->trusted = config_networks(b, &s->trusted, &l->trusted_count);
    if (s->proxy_protocol && s->trusted.n == 0)
        conf_report_add(b->report, listener_place(s, "proxy_protocol"),
                        "'proxy_protocol' is believed from nobody; write trusted = [ ... ];");
}

static void listener_limits(struct listener_conf *l, const struct request_head_settings *s)
{
    if (!s)
        return;
    l->limits = (struct h1_limits){(size_t)s->max_size, (size_t)s->max_size, (size_t)s->max_fields};
}

static void listener_build(struct build *b, struct listener_settings *s, struct listener_conf *l)
{
    l->at = s->head.at;
    (void)!settings_join(&b->load, &settings_listener_group, s, &settings_defaults_group,
                         b->settings->defaults);
    (void)!conf_fill(&b->load, &settings_listener_group, s);
    if (s->address.text.s &&
        config_listen_address(b, &s->address, listener_place(s, "address"), &l->address) != 0)
        l->address.len = 0;
    l->text = s->address.text;
    l->admin = s->admin;
    l->proxy_protocol = s->proxy_protocol;
    l->backlog = (int)s->backlog;
    l->defer_accept_s = s->defer_accept < 0 || s->address.is_unix ? 0 : (int)((s->defer_accept + 999) / 1000);
    l->timeouts = config_timeouts(s->timeouts);
    listener_limits(l, s->request_head);
    listener_trusted(b, s, l);
    if (config_build_listener_tcp(b, s, l)) {
        config_build_listener_tls(b, s, l);
        return;
    }
    if (s->admin) {
        listener_admin(b, s, l);
        config_build_listener_tls(b, s, l);
        return;
    }
    if (s->sites.n)
        listener_named_sites(b, s, l);
    else
        listener_all_sites(b, l);
    listener_default_site(b, s, l);
    config_build_listener_tls(b, s, l);
}

static void check_text(struct build *b, struct hash_table *seen, struct listener_conf *l, struct str text)
{
    struct listener_conf *first = hash_table_set(seen, pool_str(b->pool, text), l);

    if (!first)
        return;
    if (l->is_control)
        conf_report_add(b->report, first->at, "the address \"%.*s\" is that of 'control'; write another",
                        STR_ARG(first->text));
    else
        conf_report_add(b->report, l->at,
                        "the address \"%.*s\" is listened on twice, first at %s:%u; keep one of them",
                        STR_ARG(l->text), first->at.file, first->at.line);
}

/* "*" is all addresses of either family, as those may also be written; single ones may stand beside it. */
static void check_address(struct build *b, struct hash_table *seen, struct listener_conf *l)
{
    char buf[ADDR_TEXT_MAX];

    if (!l->address.len)
        return;
    if (l->address.any) {
        check_text(b, seen, l, pool_printf(b->pool, "0.0.0.0:%u", addr_port(&l->address)));
        check_text(b, seen, l, pool_printf(b->pool, "[::]:%u", addr_port(&l->address)));
    } else {
        check_text(b, seen, l, addr_print(&l->address, buf));
    }
}

static void control_build(struct build *b, struct listener_conf *l)
{
    const struct settings *s = b->settings;
    char error[256];

    l->at = conf_place_of(&settings_group, &s->head, "control");
    l->text = b->config->control;
    l->admin = l->is_control = true;
    l->backlog = 64;
    l->timeouts = config_timeouts(s->defaults->timeouts);
    listener_limits(l, s->defaults->request_head);
    if (addr_parse(l->text, &l->address, error, sizeof(error)) != 0) {
        l->address.len = 0;
        conf_report_add(b->report, l->at, "'control' cannot be \"%.*s\": %s", STR_ARG(l->text), error);
    }
    listener_admin_site(b, l);
    b->config->control_listener = l;
}

void config_build_listeners(struct build *b)
{
    const struct conf_list *list = &b->settings->listeners;
    struct config *c = b->config;
    struct hash_table *seen = hash_table_new(b->pool, b->key, list->n);

    c->listener_count = list->n;
    c->listeners = pool_zalloc(b->pool, (list->n + 1) * sizeof(*c->listeners));
    for (size_t i = 0; i < list->n; i++) {
        c->listeners[i].index = i;
        listener_build(b, (struct listener_settings *)list->items + i, &c->listeners[i]);
        check_address(b, seen, &c->listeners[i]);
    }
    if (c->control.s) {
        c->listeners[list->n].index = list->n;
        control_build(b, &c->listeners[list->n]);
        check_address(b, seen, &c->listeners[list->n]);
    }
    if (list->n == 0 && b->loaded)
        conf_report_add(b->report, (struct conf_place){c->file.s, 0},
                        "there are no listeners; write listeners = ( { address = \"*:80\"; } );");
}

/* config_discovery.c: names resolved at run time, name servers, and what a servers_file says at load. */
#include "core/board/board.h"
#include "core/config/config_build.h"
#include "core/discovery/servers_file.h"

#define NAME_MAX_BYTES 253 /* RFC 1035 2.3.4, as text */
#define NAME_SERVER_PORT 53

/* The host that stands behind the service and the protocol: "_http._tcp.example.org". */
static struct str srv_host(struct str name)
{
    for (int i = 0; i < 2 && name.len > 0 && name.s[0] == '_'; i++) {
        const char *dot = memchr(name.s, '.', name.len);

        if (!dot || dot + 1 == name.s + name.len)
            break;
        name = str_from(name, (size_t)(dot + 1 - name.s));
    }
    return name;
}

bool config_server_resolve(struct build *b, const struct server_settings *s, struct conf_place at,
                           struct peer_conf *p)
{
    const struct conf_address *a = &s->address;
    bool is_srv = a->port < 0 && a->host.len > 0 && a->host.s[0] == '_';
    struct addr ip;

    if (!s->resolve || a->is_unix || addr_parse_ip(a->host, 1, &ip) == 0)
        return false;
    if (a->port == 0 || (a->port < 0 && !is_srv) || str_eq(a->host, STR("*")) ||
        a->host.len > NAME_MAX_BYTES) {
        conf_report_add(
            b->report, at,
            "\"%.*s\" cannot be resolved; write NAME:PORT, or _SERVICE._PROTOCOL.NAME without a port for SRV",
            STR_ARG(a->text));
        return true;
    }
    p->resolve = true;
    p->port = is_srv ? 0 : (uint16_t)a->port;
    p->resolve_name = pool_str(b->pool, a->host);
    if (is_srv)
        p->host = srv_host(p->resolve_name);
    return true;
}

/* ---- name servers ---- */

static void resolver_add(struct build *b, const struct conf_address *a, struct conf_place at)
{
    struct config *c = b->config;
    char text[ADDR_TEXT_MAX];
    struct addr address;

    if (!a->text.s)
        return;
    if (a->is_unix || a->port == 0 ||
        addr_parse_ip(a->host, (uint16_t)(a->port < 0 ? NAME_SERVER_PORT : a->port), &address) != 0) {
        conf_report_add(b->report, at,
                        "\"%.*s\" is not the address of a name server; write its IP address, or \"IP:PORT\"",
                        STR_ARG(a->text));
        return;
    }
    c->resolver = pool_printf(b->pool, "%.*s%s%s", STR_ARG(c->resolver), c->resolver.len ? "," : "",
                              addr_print(&address, text).s);
}

void config_build_resolver(struct build *b)
{
    const struct conf_list *list = &b->settings->resolver;
    const struct conf_address *addresses = list->items;

    for (size_t i = 0; i < list->n; i++)
        resolver_add(b, &addresses[i], conf_place_of(&settings_group, &b->settings->head, "resolver"));
}

/* ---- servers_file ---- */

struct load_errors {
    struct servers_file_errors errors;
    struct build *build;
    const char *path;
    struct conf_place at; /* of the setting */
};

static void on_wrong(struct servers_file_errors *errors, unsigned line, const char *what)
{
    struct load_errors *e = container_of(errors, struct load_errors, errors);

    if (line)
        conf_report_add(e->build->report, (struct conf_place){e->path, line}, "%s", what);
    else
        conf_report_add(
            e->build->report, e->at,
            "the servers_file %s cannot be used: %s; write a file of lines such as \"10.0.0.1:80\"", e->path,
            what);
}

/* One server that `servers` has too, by name or address, is the one there. */
static void warn_of_doubles(struct build *b, const struct upstream *u, const struct server_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct server_want *want = &set->items[i];

        for (size_t k = 0; k < u->peer_count; k++) {
            const struct peer_conf *peer = &u->peers[k];

            if (!str_eq(want->name, peer->name) && !(peer->address.len && addr_eq(&want->address, &peer->address)))
                continue;
            conf_report_warn(b->report, peer->at,
                             "the server \"%.*s\" is in %s too, as \"%.*s\", which is not used; keep it in one place",
                             STR_ARG(peer->name), u->servers_file.s, STR_ARG(want->name));
            break;
        }
    }
}

void config_build_servers_file(struct build *b, const struct upstream_settings *s, struct upstream *u)
{
    struct conf_place at = conf_place_of(&settings_upstream_group, &s->head, "servers_file");
    struct servers_file_rules rules = {(unsigned)s->weight, 0};
    struct server_set *set = pool_zalloc(b->pool, sizeof(*set));
    struct servers_file_mark mark;
    struct load_errors e = {.errors = {on_wrong, 0}, .build = b, .at = at};

    u->servers_file_slot = -1;
    if (!s->servers_file.len)
        return;
    u->servers_file = pool_str(b->pool, s->servers_file);
    e.path = u->servers_file.s;
    if (u->name.len >= BOARD_NAME_MAX) {
        conf_report_add(b->report, u->at,
                        "the name of an upstream with servers_file is too long; write a shorter one");
        return;
    }
    rules.name_max = BOARD_NAME_MAX - u->name.len;
    if (servers_file_read(b->pool, e.path, &rules, &e.errors, set, &mark) != 0)
        return;
    warn_of_doubles(b, u, set);
    u->servers_file_set = set;
    if (!config_user_may_read(b, e.path))
        conf_report_add(
            b->report, at,
            "the user \"%s\" may not read the servers_file %s; write `chmod o+r` for it or another user",
            b->settings->user.s, e.path);
}

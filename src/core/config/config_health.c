/* config_health.c: active checks and alerts, checked and built. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config/config_build.h"
#include "http/bytes.h"

#define HEADERS_MAX 64
#define FAST_LEAST 100  /* milliseconds */
#define SERVICE_MAX 100 /* bytes; as modules/check_grpc.c takes */

static struct conf_place place(const struct health_settings *s, const char *name)
{
    return conf_place_of(&settings_health_group, &s->head, name);
}

static bool is_http(const struct check_conf *c)
{
    return c->type == CHECK_HTTP || c->type == CHECK_HTTPS;
}

/* A setting that the type has no use for was meant for another type; an outer level's checks may be of one. */
static void health_fits(struct build *b, const struct health_settings *s, const struct check_conf *c)
{
    enum { HTTP = 1 << CHECK_HTTP | 1 << CHECK_HTTPS, GRPC = 1 << CHECK_GRPC, TCP = 1 << CHECK_TCP };
    static const struct {
        const char *name;
        unsigned types;
        const char *right;
    } rows[] = {
        {"uri", HTTP | GRPC, "\"http\""},
        {"method", HTTP, "\"http\""},
        {"host", HTTP | GRPC, "\"http\""},
        {"headers", HTTP, "\"http\""},
        {"send", TCP, "\"tcp\""},
        {"user", 1 << CHECK_MYSQL, "\"mysql\""},
        {"role", 1 << CHECK_REDIS, "\"redis\""},
        {"expect", HTTP | TCP, "\"http\" or \"tcp\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (settings_is_written(&settings_health_group, &s->head, rows[i].name) && !(rows[i].types >> c->type & 1))
            conf_report_add(b->report, place(s, rows[i].name),
                            "'%s' means nothing to checks of type \"%s\"; remove it, or write type = %s",
                            rows[i].name, settings_health_types[c->type], rows[i].right);
}

static void health_request(struct build *b, const struct health_settings *s, struct check_conf *c)
{
    if (c->uri.len == 0 || c->uri.s[0] != '/' || !bytes_are_target(c->uri))
        conf_report_add(
            b->report, place(s, "uri"),
            "'uri' is \"%.*s\"; write a path that begins with \"/\" and holds visible ASCII but no \"#\"",
            STR_ARG(c->uri));
    if (c->type == CHECK_GRPC && c->uri.len > SERVICE_MAX + 1)
        conf_report_add(b->report, place(s, "uri"),
                        "the name of the service in 'uri' is longer than %d bytes; "
                        "write \"/PACKAGE.SERVICE\"",
                        SERVICE_MAX);
    if (!bytes_are_token(c->method) || str_eq(c->method, STR("CONNECT")))
        conf_report_add(b->report, place(s, "method"),
                        "'method' is \"%.*s\"; write \"GET\", \"HEAD\" or such", STR_ARG(c->method));
    if (c->host.len && (memchr(c->host.s, ' ', c->host.len) || !bytes_are_target(c->host)))
        conf_report_add(b->report, place(s, "host"), "'host' is \"%.*s\"; write NAME or NAME:PORT",
                        STR_ARG(c->host));
}

static void health_headers(struct build *b, const struct health_settings *s, struct check_conf *c)
{
    const struct conf_pair *pairs = s->headers.items;

    header_list_init(&c->headers, b->pool, HEADERS_MAX);
    for (size_t i = 0; i < s->headers.n; i++) {
        enum header_id id = header_id_of(pairs[i].name);

        if (!bytes_are_token(pairs[i].name))
            conf_report_add(b->report, pairs[i].at,
                            "\"%.*s\" is not the name of a header field; write letters, digits and \"-\"",
                            STR_ARG(pairs[i].name));
        else if (id == HEADER_HOST)
            conf_report_add(b->report, pairs[i].at,
                            "the Host of checks has a setting of its own; write host = ...;");
        else if (id == HEADER_CONNECTION || id == HEADER_CONTENT_LENGTH || id == HEADER_TRANSFER_ENCODING ||
                 id == HEADER_UPGRADE || id == HEADER_EXPECT || id == HEADER_TE)
            conf_report_add(b->report, pairs[i].at,
                            "\"%.*s\" is Weir's own business, as it says where messages end; remove it",
                            STR_ARG(pairs[i].name));
        config_check_field(b, pairs[i].value, pairs[i].name.s, pairs[i].at);
        if (header_add(&c->headers, pairs[i].name, pairs[i].value) != 0) {
            conf_report_add(b->report, pairs[i].at, "'headers' has more than %d fields; remove some",
                            HEADERS_MAX);
            return;
        }
    }
}

static void health_expect(struct build *b, const struct health_settings *s, struct check_conf *c)
{
    if (!s->expect)
        return;
    if (is_http(c))
        c->statuses = config_statuses(b, &s->expect->status);
    if (s->expect->body.s)
        c->body = config_regex(b, s->expect->body, false, s->expect->head.at);
}

static void health_names(struct build *b, const struct health_settings *s, struct check_conf *c)
{
    if (str_eq(c->role, STR("replica")))
        c->role = STR("slave");
    if (c->role.len && !str_eq(c->role, STR("master")) && !str_eq(c->role, STR("slave")) &&
        !str_eq(c->role, STR("sentinel")))
        conf_report_add(b->report, place(s, "role"), "'role' is \"%.*s\"; write \"master\" or \"slave\"",
                        STR_ARG(c->role));
    if (c->user.len > 80)
        conf_report_add(b->report, place(s, "user"),
                        "'user' is longer than 80 bytes; write the name of a user");
}

static struct check_conf *health_build(struct build *b, const struct health_settings *s)
{
    struct check_conf *c = config_made(b, s);

    if (c || s->type == CHECK_TYPES)
        return c;
    c = pool_zalloc(b->pool, sizeof(*c));
    *c = (struct check_conf){
        .type = (enum check_type)s->type,
        .uri = s->uri,
        .method = s->method,
        .host = s->host,
        .send = s->send,
        .user = s->user,
        .role = s->role,
        .interval = s->interval,
        .fast_interval = s->fast_interval,
        .timeout = s->timeout,
        .fall = (unsigned)s->fall,
        .rise = (unsigned)s->rise,
        .port = (uint16_t)s->port,
        .jitter = (unsigned)s->jitter,
        .initially_checking = s->initial == 1,
    };
    if (c->fast_interval > 0 && c->fast_interval < FAST_LEAST)
        conf_report_add(b->report, place(s, "fast_interval"),
                        "'fast_interval' is less than 100ms; write \"100ms\" or more");
    health_fits(b, s, c);
    health_request(b, s, c);
    health_headers(b, s, c);
    health_expect(b, s, c);
    health_names(b, s, c);
    config_keep(b, s, c);
    return c;
}

/* ---- alert ---- */

static void alert_command(struct build *b, const struct alert_settings *s, struct alert_conf *a)
{
    struct conf_place at = conf_place_of(&settings_alert_group, &s->head, "command");
    struct stat st;

    a->command = s->command;
    if (stat(s->command.s, &st) < 0)
        conf_report_add(b->report, at, "cannot run %s: %s; write the path of a program", s->command.s,
                        strerror(errno));
    else if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
        conf_report_add(b->report, at,
                        "cannot run %s: not a program; write the path of one, or make it executable",
                        s->command.s);
}

/* "http://HOST[:PORT][/PATH]" in its parts. */
static void alert_webhook(struct build *b, const struct alert_settings *s, struct alert_conf *a)
{
    struct conf_place at = conf_place_of(&settings_alert_group, &s->head, "webhook");
    struct str http = STR("http://"), rest;
    const char *slash, *colon;
    struct conf_address address;
    uint64_t port = 80;

    a->webhook = s->webhook;
    if (!str_has_prefix(s->webhook, http) || !bytes_are_target(s->webhook)) {
        conf_report_add(b->report, at, "'webhook' is \"%.*s\"; write \"http://HOST:PORT/PATH\"",
                        STR_ARG(s->webhook));
        return;
    }
    rest = str_from(s->webhook, http.len);
    slash = memchr(rest.s, '/', rest.len);
    a->webhook_target = slash ? str_from(rest, (size_t)(slash - rest.s)) : STR("/");
    a->webhook_host = slash ? (struct str){rest.s, (size_t)(slash - rest.s)} : rest;
    address = (struct conf_address){.text = a->webhook_host, .host = a->webhook_host};
    colon = memrchr(a->webhook_host.s, ':', a->webhook_host.len);
    if (colon && !memchr(colon, ']', (size_t)(a->webhook_host.s + a->webhook_host.len - colon))) {
        address.host.len = (size_t)(colon - a->webhook_host.s);
        if (str_to_u64(str_from(a->webhook_host, address.host.len + 1), 65535, &port) != 0)
            port = 0;
    }
    if (address.host.len > 2 && address.host.s[0] == '[')
        address.host = (struct str){address.host.s + 1, address.host.len - 2};
    address.port = (int)port;
    (void)!config_server_address(b, &address, at, &a->webhook_address);
}

static struct alert_conf *alert_build(struct build *b, const struct alert_settings *s)
{
    struct alert_conf *a = config_made(b, s);

    if (a)
        return a;
    a = pool_zalloc(b->pool, sizeof(*a));
    if (s->command.s)
        alert_command(b, s, a);
    if (s->webhook.s)
        alert_webhook(b, s, a);
    if (!s->command.s && !s->webhook.s && !s->head.broken)
        conf_report_add(b->report, s->head.at,
                        "'alert' tells nobody; write command = \"/PATH\"; or webhook = \"http://...\";");
    config_keep(b, s, a);
    return a;
}

void config_health(struct build *b, const struct health_settings *health, const struct alert_settings *alert,
                   struct upstream *u)
{
    u->check = health ? health_build(b, health) : NULL;
    u->alert = alert ? alert_build(b, alert) : NULL;
}

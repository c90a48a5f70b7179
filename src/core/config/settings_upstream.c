/* settings_upstream.c: the tables of upstreams and their servers. */
#include "core/config/config.h"
#include "core/config/settings.h"

#define AT(member) .offset = offsetof(struct keepalive_settings, member)
static const struct conf_row keepalive_rows[] = {
    {.name = "idle", .type = CONF_INT, AT(idle), .fallback = "32", .min = 0, .max = 65535,
     .doc = "Idle connections to a server that each worker keeps."},
    {.name = "timeout", .type = CONF_DURATION, AT(timeout), .fallback = "\"60s\"",
     .doc = "How long an idle connection is kept."},
    {.name = "requests", .type = CONF_INT, AT(requests), .fallback = "0", .min = 0, .max = INT64_MAX,
     .doc = "Requests on one connection; 0 is without limit."},
};
#undef AT
const struct conf_group settings_keepalive_group = {"'keepalive'", sizeof(struct keepalive_settings),
    keepalive_rows, ARRAY_SIZE(keepalive_rows), NULL, false};

/* What an upstream says for all of its servers, and a server for itself. */
#define WEIGHT_ROW(text) \
    {.name = "weight", .type = CONF_INT, AT(weight), .fallback = "1", .min = 0, .max = 256, .doc = (text)}
#define MAX_CONNECTIONS_ROW(text) \
    {.name = "max_connections", .type = CONF_INT, AT(max_connections), .fallback = "0", .min = 0, \
     .max = INT32_MAX, .doc = (text)}
#define SLOW_START_ROW(text) \
    {.name = "slow_start", .type = CONF_DURATION, AT(slow_start), .fallback = "0", .doc = (text)}

static const char *const protocol_names[] = {"http1", "h2", NULL};

#define PROTOCOL_ROW(text) \
    {.name = "protocol", .type = CONF_ENUM, AT(protocol), .choices = protocol_names, .fallback = "\"http1\"", \
     .doc = (text)}

#define TLS_ROW(text) \
    {.name = "tls", .type = CONF_GROUP, AT(tls), .group = &settings_server_tls_group, .doc = (text)}
#define PROXY_PROTOCOL_ROW(text) \
    {.name = "proxy_protocol", .type = CONF_INT, AT(proxy_protocol), .flags = CONF_OFF, .fallback = "false", \
     .min = 1, .max = 2, .doc = (text)}

#define TRANSPARENT_ROW(text) \
    {.name = "transparent", .type = CONF_BOOL, AT(transparent), .fallback = "false", .doc = (text)}

#define RESOLVE_ROW(text) \
    {.name = "resolve", .type = CONF_BOOL, AT(resolve), .fallback = "false", .doc = (text)}

#define AT(member) .offset = offsetof(struct server_settings, member)
static const struct conf_row server_rows[] = {
    {.name = "address", .type = CONF_ADDRESS, AT(address), .flags = CONF_REQUIRED | CONF_OWN,
     .doc = "Name or IP address with a port, or \"unix:/path\"."},
    {.name = "name", .type = CONF_STRING, AT(name), .flags = CONF_OWN,
     .doc = "What it is called in logs and reports; the address when not set."},
    WEIGHT_ROW("Its share of the requests; 0 drains."),
    MAX_CONNECTIONS_ROW("Concurrent requests over all workers, draining ones too; 0 is without limit."
                        "  Idle connections are not counted."),
    {.name = "backup", .type = CONF_BOOL, AT(backup), .flags = CONF_OWN, .fallback = "false",
     .doc = "Used only when all others are down, or full and `queue` has no room at all (size 0)."},
    {.name = "down", .type = CONF_BOOL, AT(down), .flags = CONF_OWN, .fallback = "false",
     .doc = "Not used at all."},
    SLOW_START_ROW("How long its share grows from a tenth to the whole when it comes back; 0 is none."),
    RESOLVE_ROW("The name is looked up while Weir runs, again and again by its time to live, and each of its "
                "addresses is a server; a name that begins with '_' and has no port is looked up as SRV."),
    TLS_ROW("Connections to it are encrypted; `true` for the usual settings."),
    PROXY_PROTOCOL_ROW("Version of the PROXY protocol header with which each connection to it begins: it says the "
                       "address of the client, and no other client's requests go on that connection."),
    TRANSPARENT_ROW("Connections to it come from the client's address ($remote_addr) instead of this machine's, and are "
                    "used on for this address only. A client that has no address of the server's family (IPv4, IPv6) is "
                    "seen with this machine's; so are checks. Workers keep CAP_NET_RAW for it, so Weir is started as root "
                    "or with that capability. The server's answers must come through this machine (as its default "
                    "gateway, or by a route for the clients), which must take them in: ip route add local default dev lo "
                    "table 100; ip rule add iif eth1 ipproto tcp from SERVER sport PORT lookup 100; and the same with ip "
                    "-6. Where clients may go to the same port past Weir: nft rules with \"socket transparent 1 meta mark "
                    "set 1\" in a prerouting chain (type filter, priority mangle), and ip rule add fwmark 1 lookup 100."),
    PROTOCOL_ROW("What is spoken with it: HTTP/1.1, or HTTP/2 (also for gRPC), on connections that many requests "
                 "share; with `tls` agreed on in the handshake (ALPN), in the clear by prior knowledge."),
};
#undef AT
const struct conf_group settings_server_group = {"a server", sizeof(struct server_settings), server_rows,
    ARRAY_SIZE(server_rows), "address", false};

#define AT(member) .offset = offsetof(struct upstream_settings, member)
static const struct conf_row rows[] = {
    {.name = "name", .type = CONF_STRING, AT(name), .flags = CONF_REQUIRED | CONF_OWN,
     .doc = "What `proxy` of a route calls it."},
    {.name = "balance", .type = CONF_GROUP, AT(balance), .group = &settings_balance_group, .fallback = "{ }",
     .doc = "How a server is chosen."},
    {.name = "servers", .type = CONF_GROUP, AT(servers), .flags = CONF_LIST | CONF_OWN | CONF_LEVEL,
     .group = &settings_server_group, .enters = SCOPE_SERVER,
     .doc = "Those that requests are forwarded to."},
    {.name = "keepalive", .type = CONF_GROUP, AT(keepalive), .group = &settings_keepalive_group,
     .fallback = "{ }", .doc = "Idle connections that are kept for the next request."},
    WEIGHT_ROW("For each server."),
    MAX_CONNECTIONS_ROW("For each server."),
    {.name = "hash_method", .type = CONF_ENUM, AT(hash_method), .choices = settings_hash_method_names,
     .fallback = "\"map\"", .doc = SETTINGS_HASH_METHOD_DOC},
    {.name = "hash_balance_factor", .type = CONF_INT, AT(hash_balance_factor), .flags = CONF_OFF,
     .fallback = "false", .min = 101, .max = 100000, .unit = "percent", .doc = SETTINGS_HASH_FACTOR_DOC},
    {.name = "divert", .type = CONF_GROUP, AT(divert), .flags = CONF_LIST | CONF_OWN,
     .group = &settings_divert_group,
     .doc = "Upstreams that take a request first: the first whose conditions hold, unless it has no usable "
            "server."},
    {.name = "servers_file", .type = CONF_PATH, AT(servers_file), .flags = CONF_OWN,
     .doc = "A watched file of further servers: a line for each, ADDRESS [weight=N] [backup] [name=TEXT]; "
            "what follows '#' is a comment.  A server that `servers` has too, by name or address, is the one there."},
    RESOLVE_ROW("For each server whose address is a name."),
    {.name = "health",
     .type = CONF_GROUP,
     AT(health),
     .group = &settings_health_group,
     .doc = "Active checks of each server, made once for the whole instance; absent, there are none."},
    {.name = "alert",
     .type = CONF_GROUP,
     AT(alert),
     .group = &settings_alert_group,
     .doc = "Who is told when checks find that a server is down, or up again."},
    {.name = "sticky", .type = CONF_GROUP, AT(sticky), .group = &settings_sticky_group,
     .doc = "How clients stay with their server; without it each request is balanced."},
    {.name = "passive", .type = CONF_GROUP, AT(passive), .group = &settings_passive_group,
     .doc = "Servers that fail get no requests for a while."},
    {.name = "circuit_breaker", .type = CONF_GROUP, AT(circuit_breaker),
     .group = &settings_circuit_breaker_group,
     .doc = "What is too much for the servers is answered with 503 at once."},
    {.name = "queue", .type = CONF_GROUP, AT(queue), .group = &settings_queue_group, .fallback = "{ }",
     .doc = "Requests that wait while every server is at its max_connections, by `priority` of their "
            "routes."},
    SLOW_START_ROW("For each server."),
    TLS_ROW("For each server."),
    PROXY_PROTOCOL_ROW("For each server."),
    TRANSPARENT_ROW("For each server."),
    PROTOCOL_ROW("For each server."),
};
#undef AT
const struct conf_group settings_upstream_group = {"an upstream", sizeof(struct upstream_settings), rows,
    ARRAY_SIZE(rows), NULL, false};

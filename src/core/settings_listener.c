/* settings_listener.c: the table of a listener. */
#include "core/settings.h"

static const char *const modes[] = {"http", "tcp", NULL};

#define AT(member) .offset = offsetof(struct listener_settings, member)
static const struct conf_row rows[] = {
    {.name = "address", .type = CONF_ADDRESS, AT(address), .flags = CONF_REQUIRED | CONF_OWN,
     .doc = "\"*:80\", \"127.0.0.1:80\", \"[::]:80\" or \"unix:/path\"."},
    {.name = "mode", .type = CONF_ENUM, AT(mode), .flags = CONF_OWN, .choices = modes, .fallback = "\"http\"",
     .doc = "What is spoken there."},
    {.name = "sites", .type = CONF_STRING, AT(sites), .flags = CONF_LIST | CONF_OWN,
     .doc = "Names of the sites served there; all when not set."},
    {.name = "default_site", .type = CONF_STRING, AT(default_site), .flags = CONF_OWN,
     .doc = "The site for hosts that no site names."},
    {.name = "admin", .type = CONF_BOOL, AT(admin), .flags = CONF_OWN, .fallback = "false",
     .doc = "Serve the runtime API and the dashboard there and nothing else."},
    {.name = "proxy_protocol", .type = CONF_BOOL, AT(proxy_protocol), .flags = CONF_OWN, .fallback = "false",
     .doc = "Demand a PROXY protocol header; it is believed from `trusted` only."},
    {.name = "trusted", .type = CONF_CIDR, AT(trusted), .flags = CONF_LIST | CONF_OWN,
     .doc = "Networks whose X-Forwarded-For, Forwarded and PROXY headers are believed."},
    {.name = "backlog", .type = CONF_INT, AT(backlog), .flags = CONF_OWN, .fallback = "4096", .min = 1,
     .max = 65535, .doc = "Connections the kernel holds until they are accepted."},
    {.name = "defer_accept", .type = CONF_DURATION, AT(defer_accept), .flags = CONF_OWN | CONF_OFF,
     .fallback = "\"5s\"", .doc = "How long the kernel waits for the first bytes before a connection is given on."},
    {.name = "timeouts", .type = CONF_GROUP, AT(timeouts), .group = &settings_timeouts_group, .fallback = "{ }",
     .doc = "Times that matter before a route is known."},
    {.name = "request_head", .type = CONF_GROUP, AT(request_head), .group = &settings_request_head_group,
     .fallback = "{ }",
     .doc = "Limits of the head of a request."},
    SETTINGS_LATER("limits", 0),
    SETTINGS_LATER("tls", 0),
    SETTINGS_LATER("http2", 0),
    SETTINGS_LATER("proxy", 0),
    SETTINGS_LATER("routes", 0),
    SETTINGS_LATER("allow", 0),
    SETTINGS_LATER("deny", 0),
    SETTINGS_LATER("auth", 0),
    SETTINGS_LATER("connection_limit", 0),
    SETTINGS_LATER("bandwidth", 0),
    SETTINGS_LATER("retry", 0),
    SETTINGS_LATER("access_log", 0),
    SETTINGS_LATER("https_only", 0),
};
#undef AT

const struct conf_group settings_listener_group = {"a listener", sizeof(struct listener_settings), rows,
    ARRAY_SIZE(rows), "address", false};

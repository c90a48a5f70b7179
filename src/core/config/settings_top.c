/* settings_top.c: the table of the file itself. */
#include "core/config/settings.h"

#ifndef WEIR_LOCALSTATEDIR
#define WEIR_LOCALSTATEDIR "/var"
#endif

const struct conf_scope_name settings_scopes[] = {
    {SCOPE_FILE, "the main file"}, {SCOPE_ROUTE, "a route"}, {SCOPE_SITE, "a site"},
    {SCOPE_LISTENER, "a listener"}, {SCOPE_SERVER, "a server"}, {SCOPE_UPSTREAM, "an upstream"},
    {SCOPE_DEFAULTS, "'defaults'"}, {SCOPE_INCLUDED, "an included file"},
    {SCOPE_LOG, "the conditions of an access log or of 'no_store'"}, {SCOPE_CACHE, "an element of 'caches'"}, {0, NULL},
};

static const char *const log_paths[] = {"stderr", "syslog:", NULL};
static const char *const log_levels[] = {"crit", "error", "warn", "notice", "info", "debug", NULL};

#define AT(member) .offset = offsetof(struct error_log_settings, member)
static const struct conf_row error_log_rows[] = {
    {.name = "path", .type = CONF_PATH, AT(path), .choices = log_paths, .fallback = "\"stderr\"",
     .doc = "File that lines are appended to, \"stderr\", or \"syslog:\" with a facility."},
    {.name = "level", .type = CONF_ENUM, AT(level), .choices = log_levels, .fallback = "\"warn\"",
     .doc = "The least important lines that are still written."},
};
#undef AT
static const struct conf_group error_log_group = {"'error_log'", sizeof(struct error_log_settings),
    error_log_rows, ARRAY_SIZE(error_log_rows), "path", false};

#define AT(member) .offset = offsetof(struct limits_settings, member)
static const struct conf_row limits_rows[] = {
    {.name = "connections", .type = CONF_INT, AT(connections), .fallback = "0", .min = 0, .max = INT32_MAX,
     .doc = "Connections of the whole instance; 0 is derived from RLIMIT_NOFILE."},
    {.name = "shed", .type = CONF_DURATION, AT(shed), .flags = CONF_OFF, .fallback = "false", .min = 1,
     .max = 60000,
     .doc = "How late a worker may be for half a second before it turns requests away with 503, those of low "
            "`priority` first, then the normal ones; false is for ever."},
};
#undef AT
static const struct conf_group limits_group = {"'limits'", sizeof(struct limits_settings), limits_rows,
    ARRAY_SIZE(limits_rows), NULL, false};

#define AT(member) .offset = offsetof(struct settings, member)
static const struct conf_row rows[] = {
    {.name = "user", .type = CONF_STRING, AT(user), .scopes = SCOPE_FILE, .fallback = "\"nobody\"",
     .doc = "The user that workers become when Weir is started as root."},
    {.name = "workers", .type = CONF_INT, AT(workers), .scopes = SCOPE_FILE, .fallback = "0", .min = 0,
     .max = 1024, .doc = "Worker processes; 0 is one for each processor this process may use."},
    {.name = "pid_file", .type = CONF_PATH, AT(pid_file), .scopes = SCOPE_FILE,
     .doc = "File that holds the pid of the master."},
    {.name = "control", .type = CONF_STRING, AT(control), .scopes = SCOPE_FILE,
     .doc = "The control socket, \"unix:PATH\"."},
    {.name = "state_dir", .type = CONF_PATH, AT(state_dir), .scopes = SCOPE_FILE,
     .fallback = "\"" WEIR_LOCALSTATEDIR "/lib/weir\"", 
     .doc = "Directory of what is kept between runs: changes made over the runtime API. The workers' user writes to it; "
            "one that is missing, or empty and root's, is made its own. Each instance has one of its own."},
    {.name = "secret", .type = CONF_STRING, AT(secret), .scopes = SCOPE_FILE,
     .doc = "Text, or \"file:PATH\", that keys are made of; the same on every machine of a fleet."},
    {.name = "resolver", .type = CONF_ADDRESS, AT(resolver), .scopes = SCOPE_FILE, .flags = CONF_LIST,
     .doc = "Name servers for `resolve`, \"IP\" or \"IP:PORT\"; when not set, those that /etc/resolv.conf has "
            "at start or reload."},
    {.name = "include", .type = CONF_PATH, AT(include), .scopes = SCOPE_FILE, .flags = CONF_LIST,
     .doc = "Patterns of files whose listeners, upstreams and sites are added."},
    {.name = "error_log", .type = CONF_GROUP, AT(error_log), .scopes = SCOPE_FILE, .group = &error_log_group,
     .fallback = "{ }", .doc = "Where errors are reported."},
    {.name = "limits", .type = CONF_GROUP, AT(limits), .scopes = SCOPE_FILE, .group = &limits_group,
     .fallback = "{ }", .doc = "Limits of the whole instance."},
    {.name = "drain_timeout", .type = CONF_DURATION, AT(drain_timeout), .scopes = SCOPE_FILE,
     .fallback = "\"10m\"", .doc = "How long connections of an old generation may go on.  A kept connection of HTTP/1 may have one "
     "more answer of the old configuration, if its request comes within 30 seconds, or within timeouts.keepalive where that "
     "is shorter, of the reload; then, or with that answer, it is closed."},
    {.name = "watchdog", .type = CONF_DURATION, AT(watchdog), .scopes = SCOPE_FILE, .fallback = "\"10s\"",
     .doc = "How long a worker may be silent before it is replaced; 0 is for ever."},
    {.name = "defaults", .type = CONF_GROUP, AT(defaults), .scopes = SCOPE_FILE,
     .group = &settings_defaults_group, .enters = SCOPE_DEFAULTS, .fallback = "{ }",
     .doc = "Settings for every site, route, upstream and server below."},
    {.name = "listeners", .type = CONF_GROUP, AT(listeners), .flags = CONF_LIST | CONF_APPEND | CONF_LEVEL,
     .scopes = SCOPE_FILE | SCOPE_INCLUDED, .group = &settings_listener_group, .enters = SCOPE_LISTENER,
     .doc = "Addresses to listen on."},
    {.name = "upstreams", .type = CONF_GROUP, AT(upstreams), .flags = CONF_LIST | CONF_APPEND | CONF_LEVEL,
     .scopes = SCOPE_FILE | SCOPE_INCLUDED, .group = &settings_upstream_group, .enters = SCOPE_UPSTREAM,
     .doc = "Groups of servers that requests are forwarded to."},
    {.name = "sites", .type = CONF_GROUP, AT(sites), .flags = CONF_LIST | CONF_APPEND | CONF_LEVEL,
     .scopes = SCOPE_FILE | SCOPE_INCLUDED, .group = &settings_site_group, .enters = SCOPE_SITE,
     .doc = "What is served, by host."},
    {.name = "caches", .type = CONF_GROUP, AT(caches), .flags = CONF_LIST | CONF_APPEND,
     .scopes = SCOPE_FILE | SCOPE_INCLUDED, .group = &settings_cache_group, .enters = SCOPE_CACHE,
     .doc = "Stores of answers of servers, which routes name in `cache`. RFC 9111 says what is kept and for how long, "
            "with RFC 5861, 9211 and 9213; settings that override it say so."},
    SETTINGS_LATER("tables", SCOPE_FILE | SCOPE_INCLUDED),
};
#undef AT

const struct conf_group settings_group = {"the file", sizeof(struct settings), rows, ARRAY_SIZE(rows), NULL,
                                          false};

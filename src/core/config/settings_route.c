/* settings_route.c: the table that `defaults`, sites and routes share. */
#include "core/config/settings.h"

enum {
    ALL = SCOPE_DEFAULTS | SCOPE_SITE | SCOPE_ROUTE,
    OWN = SCOPE_SITE | SCOPE_ROUTE,
    ROUTE = SCOPE_ROUTE,
    DEFAULTS = SCOPE_DEFAULTS
};

#define ROW(row, kind, where) .name = #row, .type = kind, .offset = offsetof(struct level_settings, row), \
    .scopes = (where)
#define GROUP(row, where) ROW(row, CONF_GROUP, where), .group = &settings_##row##_group

static const struct conf_row rows[] = {
    /* Which requests it takes. */
    {ROW(name, CONF_STRING, OWN), .flags = CONF_OWN, .doc = "For references, logs and reports."},
    {ROW(exact, CONF_STRING, ROUTE), .flags = CONF_OWN, .doc = "The path as a whole."},
    {ROW(prefix, CONF_STRING, ROUTE), .flags = CONF_OWN,
     .doc = "What the path begins with; \"/\" when there is no matcher."},
    {ROW(regex, CONF_REGEX, ROUTE), .flags = CONF_OWN, .doc = "What the path matches."},
    {ROW(proxy, CONF_STRING, OWN), .flags = CONF_OWN,
     .doc = "Forward to this upstream, or to \"http://host:port\"."},
    {ROW(root, CONF_PATH, ALL), .flags = CONF_OWN,
     .doc = "Serve files of this directory, the path appended."},
    {ROW(alias, CONF_PATH, OWN), .flags = CONF_OWN,
     .doc = "Serve files of this directory, the matched prefix replaced."},
    {GROUP(redirect, OWN), .flags = CONF_OWN, .doc = "Send the client to another address."},
    {GROUP(respond, OWN), .flags = CONF_OWN, .doc = "Answer from the configuration."},
    {ROW(status, CONF_BOOL, OWN), .flags = CONF_OWN, .doc = "Serve dashboard and metrics."},
    {ROW(purge, CONF_STRING, OWN), .flags = CONF_OWN,
     .doc = "Drop from this cache what GET of the same URL would find, in all variants: 200 when it is done, 404 when "
            "nothing was stored. Needs a condition `source` in `when`. A regex is looked at before all prefixes."},
    {ROW(hosts, CONF_STRING, SCOPE_SITE), .flags = CONF_LIST | CONF_OWN,
     .doc = "Names, \"*.suffix\", \".suffix\", \"prefix.*\" or \"~regex\"; without any, the site of all "
            "other hosts."},
    {ROW(nocase, CONF_BOOL, ROUTE), .flags = CONF_OWN, .doc = "The regex does not regard case."},
    {ROW(final, CONF_BOOL, ROUTE), .flags = CONF_OWN,
     .doc = "No regex is tried when this prefix is the longest."},
    {ROW(internal, CONF_BOOL, ROUTE), .flags = CONF_OWN, .doc = "Reached by \"@NAME\" only."},
    {ROW(when, CONF_GROUP, ROUTE), .flags = CONF_LIST | CONF_OWN, .group = &settings_condition_group,
     .doc = "Conditions that all must hold."},
    {ROW(routes, CONF_GROUP, SCOPE_SITE), .flags = CONF_LIST | CONF_OWN | CONF_LEVEL, .group = &settings_route_group,
     .enters = ROUTE, .doc = "What is done, by path."},

    /* Files. */
    {ROW(index, CONF_STRING, ALL), .flags = CONF_LIST, .fallback = "[ \"index.html\" ]",
     .doc = "Names of the file that stands for a directory."},
    {ROW(try, CONF_TEMPLATE, ALL), .flags = CONF_LIST | CONF_NUMBERS,
     .fallback = "( \"$path\", \"$path/\", 404 )",
     .doc = "What is tried in order: files, directories, at last a status or \"@NAME\"."},
    {ROW(listing, CONF_BOOL, ALL), .fallback = "false",
     .doc = "List directories without an index; at most 10000 names of each."},
    {ROW(symlinks, CONF_BOOL, ALL), .fallback = "false", .doc = "Follow symbolic links below the root."},
    {ROW(dotfiles, CONF_BOOL, ALL), .fallback = "false", .doc = "Serve names that begin with a dot."},
    {ROW(expires, CONF_DURATION, ALL), .flags = CONF_OFF, .fallback = "false",
     .doc = "How long clients may keep a file."},
    {ROW(types, CONF_MAP, ALL), .flags = CONF_LIST,
     .doc = "Media types by extension, before the built-in ones."},
    {ROW(default_type, CONF_STRING, ALL), .fallback = "\"application/octet-stream\"",
     .doc = "The media type of files whose extension is not known."},

    /* What is changed. */
    {ROW(rewrite, CONF_GROUP, ALL), .flags = CONF_LIST, .group = &settings_rewrite_group,
     .doc = "Rules that replace the path."},
    {ROW(strip_prefix, CONF_STRING, ALL), .doc = "Whole segments that are taken off the path."},
    {ROW(replace_path, CONF_TEMPLATE, ALL), .doc = "The path it becomes."},
    {ROW(add_prefix, CONF_STRING, ALL), .doc = "What is put in front of the path."},
    {ROW(location, CONF_BOOL, ALL), .fallback = "true",
     .doc = "Give Location of an upstream back in the client's terms."},
    {ROW(request_headers, CONF_HEADERS, ALL), .doc = "Changes to the fields of the request."},
    {ROW(response_headers, CONF_HEADERS, ALL), .doc = "Changes to the fields of the response."},
    {GROUP(cookies, ALL), .doc = "Attributes of Set-Cookie that are changed."},
    {GROUP(proxy_headers, ALL), .fallback = "{ }", .doc = "The fields that a proxy sets."},

    /* What it may cost. */
    {GROUP(timeouts, ALL), .fallback = "{ }", .doc = "How long anything may take."},
    {GROUP(retry, ALL), .fallback = "{ }", .doc = "When another server is tried."},
    {GROUP(request_body, ALL), .fallback = "{ }", .doc = "Limits of a request's body."},
    {ROW(priority, CONF_ENUM, ALL), .choices = settings_priority_names, .fallback = "\"normal\"",
     .doc = "Who comes first in the queue of an upstream, and who is turned away last when a worker is "
            "overloaded: \"high\" never is."},
    {ROW(cache, CONF_GROUP, ALL), .flags = CONF_SPARSE, .group = &settings_cache_use_group,
     .doc = "Answers of servers are kept in the cache of that name, and given out from it. request_headers come before it "
            "looks, response_headers when it gives out; a response says in Cache-Status what came of it (RFC 9211)."},
    {GROUP(access_log, ALL), .flags = CONF_LIST, .enters = SCOPE_LOG, .doc = "A line for each request."},

    {GROUP(tls, SCOPE_SITE), .flags = CONF_OWN | CONF_SPARSE,
     .doc = "For clients that ask for one of `hosts` on a listener with `tls`; what is not set here is as there."},
    {GROUP(https_only, ALL),
     .doc = "Send clients without TLS to the same address with https: with 301 for GET and HEAD, 308 for others. Not "
            "those below /.well-known/acme-challenge/, nor those of whom a peer in `trusted` says X-Forwarded-Proto: "
            "https."},

    /* For listeners and upstreams. */
    {GROUP(request_head, DEFAULTS), .fallback = "{ }", .doc = "Limits of the head of a request."},
    {GROUP(balance, DEFAULTS), .fallback = "{ }", .doc = "How a server is chosen."},
    {ROW(hash_method, CONF_ENUM, DEFAULTS), .choices = settings_hash_method_names, .fallback = "\"map\"",
     .doc = SETTINGS_HASH_METHOD_DOC},
    {ROW(hash_balance_factor, CONF_INT, DEFAULTS), .flags = CONF_OFF, .min = 101, .max = 100000, .unit = "percent",
     .fallback = "false", .doc = SETTINGS_HASH_FACTOR_DOC},
    {GROUP(keepalive, DEFAULTS), .fallback = "{ }", .doc = "Idle connections that are kept."},
    {GROUP(health, DEFAULTS), .doc = "Active checks of the servers of all upstreams."},
    {GROUP(alert, DEFAULTS), .doc = "Who is told when checks find that a server is down, or up again."},
    {ROW(weight, CONF_INT, DEFAULTS), .fallback = "1", .min = 0, .max = 256, .doc = "Of each server."},
    {ROW(max_connections, CONF_INT, DEFAULTS), .fallback = "0", .min = 0, .max = INT32_MAX,
     .doc = "Concurrent requests to each server; 0 is without limit."},
    {GROUP(queue, DEFAULTS), .fallback = "{ }", .doc = "Requests that wait while all servers are full."},
    {ROW(proxy_protocol, CONF_INT, DEFAULTS), .flags = CONF_OFF, .fallback = "false", .min = 1, .max = 2,
     .doc = "Of upstreams, for each server."},
    {ROW(transparent, CONF_BOOL, DEFAULTS), .fallback = "false", .doc = "Of upstreams, for each server."},
    {ROW(slow_start, CONF_DURATION, DEFAULTS), .fallback = "0",
     .doc = "How long a server that came back has a smaller share; 0 is none."},
    {ROW(resolve, CONF_BOOL, DEFAULTS), .fallback = "false",
     .doc = "Names of servers are looked up while Weir runs."},

    SETTINGS_LATER("fastcgi", OWN),
    SETTINGS_LATER("compress", ALL),
    SETTINGS_LATER("substitute", ALL),
    SETTINGS_LATER("satisfy", ALL),
    SETTINGS_LATER("allow", ALL),
    SETTINGS_LATER("deny", ALL),
    SETTINGS_LATER("auth", ALL),
    SETTINGS_LATER("auth_request", ALL),
    SETTINGS_LATER("cors", ALL),
    SETTINGS_LATER("waf", ALL),
    SETTINGS_LATER("rate_limit", ALL),
    SETTINGS_LATER("connection_limit", ALL),
    SETTINGS_LATER("bandwidth", ALL),
    SETTINGS_LATER("error_pages", ALL),
    SETTINGS_LATER("maintenance", ALL),
    SETTINGS_LATER("mirror", ALL),
    {GROUP(passive, DEFAULTS), .doc = "Servers that fail get no requests for a while."},
    {GROUP(circuit_breaker, DEFAULTS),
     .doc = "What is too much for the servers is answered with 503 at once."},
    {GROUP(sticky, DEFAULTS), .doc = "How clients stay with their server."},
};

#define LEVEL(what) {what, sizeof(struct level_settings), rows, ARRAY_SIZE(rows), NULL, false}
const struct conf_group settings_defaults_group = LEVEL("'defaults'");
const struct conf_group settings_site_group = LEVEL("a site");
const struct conf_group settings_route_group = LEVEL("a route");

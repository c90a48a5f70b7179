/*
 * settings.h: the settings of the core as they are written in the file: a struct for each kind of group, and
 * the tables of directives (conf/directive.h) that fill them.  config_*.c checks them and makes a struct
 * config of them; afterwards only -T looks at them, to print what is in force.
 */
#ifndef WEIR_CORE_CONFIG_SETTINGS_H
#define WEIR_CORE_CONFIG_SETTINGS_H

#include "conf/load.h"
#include "core/config/settings_cache.h"
#include "core/config/settings_health.h"
#include "core/config/settings_server_tls.h"
#include "core/config/settings_tls.h"

/* Where a setting may stand. */
enum settings_scope {
    SCOPE_FILE = 1 << 0,
    SCOPE_INCLUDED = 1 << 1,
    SCOPE_DEFAULTS = 1 << 2,
    SCOPE_LISTENER = 1 << 3,
    SCOPE_UPSTREAM = 1 << 4,
    SCOPE_SERVER = 1 << 5,
    SCOPE_SITE = 1 << 6,
    SCOPE_ROUTE = 1 << 7,
    SCOPE_LOG = 1 << 8, /* conditions where the response is known */
    SCOPE_CACHE = 1 << 9,
    /* Beside SCOPE_LISTENER: of listeners with this `mode` only (config_tcp.c). */
    SCOPE_MODE_HTTP = 1 << 10,
    SCOPE_MODE_TCP = 1 << 11
};

/* A setting of CONFIG that a later version has; `false` is taken. */
#define SETTINGS_LATER(setting, where) \
    {.name = setting, .type = CONF_BOOL, .flags = CONF_LATER | CONF_OWN, .scopes = (where)}

struct timeouts_settings {
    struct conf_head head;
    int64_t connect, send, read, client_header, client_body, client_send, keepalive, tunnel, total;
};

struct request_head_settings {
    struct conf_head head;
    int64_t max_size, max_fields;
};

struct request_body_settings {
    struct conf_head head;
    int64_t max_size, memory;
    int buffer;
};

struct retry_settings {
    struct conf_head head;
    int64_t tries;
    struct conf_list on; /* int: indexes of settings_retry_names */
    int replay; /* index of settings_replay_names */
    int64_t per_try, budget;
};

struct passive_settings {
    struct conf_head head;
    int64_t errors, window, pause, max_ejected;
    struct conf_list statuses; /* struct conf_statuses */
};

struct circuit_breaker_settings {
    struct conf_head head;
    int64_t max_requests, max_pending, max_retries, latency;
};

struct sticky_settings {
    struct conf_head head;
    int mode, samesite;
    struct str cookie, ttl, path, domain, secret;
    bool secure, httponly, indirect;
};

struct error_log_settings {
    struct conf_head head;
    struct str path;
    int level;
};

struct limits_settings {
    struct conf_head head;
    int64_t connections;
    int64_t shed; /* -1: false */
};

struct condition_settings {
    struct conf_head head;
    struct conf_list method, source, scheme, language, sni, is, any, status;
    struct str user_agent, key, header, cookie, query, value, regex, sent_header;
    double percent;
    int64_t longer_than;
    bool present, not;
};

struct access_log_settings {
    struct conf_head head;
    struct str path, format;
    struct conf_list fields, when;
    int64_t buffer, flush;
    double sample;
};

struct redirect_settings {
    struct conf_head head;
    struct str to;
    int64_t status;
};

struct respond_settings {
    struct conf_head head;
    int64_t status;
    struct str body, type;
    struct conf_list headers; /* struct conf_pair */
};

struct rewrite_settings {
    struct conf_head head;
    struct str regex, to;
    bool last;
};

struct cookies_settings {
    struct conf_head head;
    struct str domain, path, samesite;
    bool secure, httponly;
};

struct proxy_headers_settings {
    struct conf_head head;
    struct str host;
    bool forwarded, via;
};

struct keepalive_settings {
    struct conf_head head;
    int64_t idle, timeout, requests;
};

struct queue_settings {
    struct conf_head head;
    int64_t size, timeout;
};

struct connection_limit_settings {
    struct conf_head head;
    int64_t max;
    struct str key;
};

struct balance_settings {
    struct conf_head head;
    int method;
    int64_t depth, length;
    bool whole;
    struct str name, key;
};

struct divert_settings {
    struct conf_head head;
    struct str to;
    struct conf_list when; /* struct condition_settings */
};

struct server_settings {
    struct conf_head head;
    struct conf_address address;
    struct str name;
    int64_t weight, max_connections, slow_start;
    bool backup, down, resolve;
    struct server_tls_settings *tls;
    int64_t proxy_protocol; /* -1: none */
    int protocol; /* 1: HTTP/2 */
    bool transparent;
};

struct upstream_settings {
    struct conf_head head;
    struct str name;
    struct balance_settings *balance;
    int hash_method; /* index of settings_hash_method_names */
    int64_t hash_balance_factor;
    struct conf_list divert; /* struct divert_settings */
    struct conf_list servers; /* struct server_settings */
    struct keepalive_settings *keepalive;
    struct health_settings *health;
    struct alert_settings *alert;
    struct sticky_settings *sticky;
    struct queue_settings *queue;
    int64_t weight, max_connections, slow_start; /* for each server */
    bool resolve;
    struct server_tls_settings *tls;
    int64_t proxy_protocol;
    int protocol;
    bool transparent;
    struct str servers_file;
    struct passive_settings *passive;
    struct circuit_breaker_settings *circuit_breaker;
};

/* A route of a listener of mode "tcp". */
struct tcp_route_settings {
    struct conf_head head;
    struct str name, proxy;
    struct conf_list when; /* struct condition_settings */
};

struct listener_settings {
    struct conf_head head;
    struct conf_address address;
    int mode;
    bool admin, proxy_protocol, http2;
    struct tls_settings *tls;
    struct conf_list trusted, allow, deny; /* struct conf_cidr */
    struct conf_list sites; /* struct str */
    struct conf_list routes; /* struct tcp_route_settings */
    struct conf_list access_log; /* struct access_log_settings */
    struct str proxy;
    struct retry_settings *retry;
    struct connection_limit_settings *connection_limit;
    struct str default_site;
    int64_t backlog, defer_accept;
    struct timeouts_settings *timeouts;
    struct request_head_settings *request_head;
};

/* `defaults`, a site, or a route: one table, whose rows say where each may stand. */
struct level_settings {
    struct conf_head head;
    struct str name;
    struct conf_list hosts, routes; /* struct str, struct level_settings */
    struct str exact, prefix, regex;
    bool nocase, final, internal;
    struct conf_list when; /* struct condition_settings */

    struct str proxy, root, alias, purge; /* an action each */
    struct redirect_settings *redirect;
    struct respond_settings *respond;
    bool status;

    struct conf_list index, try; /* struct str */
    bool listing, symlinks, dotfiles;
    int64_t expires;
    struct conf_list types; /* struct conf_pair */
    struct str default_type;

    struct conf_list rewrite; /* struct rewrite_settings */
    struct str strip_prefix, add_prefix, replace_path;
    bool location;
    int priority; /* enum route_priority */
    struct tls_settings *tls; /* of a site */
    struct https_only_settings *https_only;
    struct conf_headers *request_headers, *response_headers;
    struct cookies_settings *cookies;
    struct proxy_headers_settings *proxy_headers;
    struct timeouts_settings *timeouts;
    struct retry_settings *retry;
    struct request_body_settings *request_body;
    struct request_head_settings *request_head;
    struct cache_settings *cache;
    struct conf_list access_log; /* struct access_log_settings */

    struct balance_settings *balance; /* of upstreams, in `defaults` only */
    int hash_method;
    bool resolve, transparent;
    int64_t hash_balance_factor;
    struct keepalive_settings *keepalive;
    struct health_settings *health;
    struct alert_settings *alert;
    struct sticky_settings *sticky;
    struct queue_settings *queue;
    int64_t weight, max_connections, slow_start, proxy_protocol;
    struct passive_settings *passive;
    struct circuit_breaker_settings *circuit_breaker;
};

struct settings {
    struct conf_head head;
    struct str user, pid_file, control, state_dir, secret;
    int64_t workers, drain_timeout, watchdog;
    struct conf_list include; /* struct str */
    struct conf_list resolver; /* struct conf_address */
    struct error_log_settings *error_log;
    struct limits_settings *limits;
    struct level_settings *defaults;
    struct conf_list listeners, upstreams, sites, caches; /* of their structs */
};

extern const struct conf_group settings_group;
extern const struct conf_group settings_listener_group;
extern const struct conf_group settings_upstream_group;
extern const struct conf_group settings_server_group;
extern const struct conf_group settings_defaults_group;
extern const struct conf_group settings_site_group;
extern const struct conf_group settings_route_group;
extern const struct conf_group settings_condition_group;
extern const struct conf_group settings_access_log_group;
extern const struct conf_group settings_tcp_route_group;
extern const struct conf_group settings_timeouts_group;
extern const struct conf_group settings_request_head_group;
extern const struct conf_group settings_request_body_group;
extern const struct conf_group settings_retry_group;
extern const struct conf_group settings_passive_group;
extern const struct conf_group settings_circuit_breaker_group;
extern const struct conf_group settings_keepalive_group;
extern const struct conf_group settings_queue_group;
extern const struct conf_group settings_connection_limit_group;
extern const struct conf_group settings_balance_group;
extern const struct conf_group settings_divert_group;
extern const struct conf_group settings_sticky_group;
extern const struct conf_group settings_redirect_group;
extern const struct conf_group settings_respond_group;
extern const struct conf_group settings_rewrite_group;
extern const struct conf_group settings_cookies_group;
extern const struct conf_group settings_proxy_headers_group;

extern const struct conf_scope_name settings_scopes[];

/* Words of nginx and HAProxy; settings_hints.c. */
extern const struct conf_hint settings_hints[];

/* The names of `retry.on` and `retry.replay`, in the order of enum retry_replay. */
extern const char *const settings_retry_names[];
extern const char *const settings_replay_names[];

/* In the order of enum route_priority. */
extern const char *const settings_priority_names[];

/* The names of `balance`, by enum balance_method, and those of `hash_method`. */
extern const char *const settings_balance_names[];
extern const char *const settings_hash_method_names[];

/* Of rows that stand in two tables. */
#define SETTINGS_HASH_METHOD_DOC \
    "For methods with a key. map: by the weights of the file, exactly; a server that is down gives its keys " \
    "to the others until it is back, but one more or less in the file moves nearly all keys, and slow start " \
    "and weights set at run time change nothing. consistent: a server that comes or goes moves only its part " \
    "of the keys, and weights count as they are at the moment. All instances with the same names of servers " \
    "choose alike."
#define SETTINGS_HASH_FACTOR_DOC \
    "For methods with a key: a server takes at most so much of its part of the requests under way, over all " \
    "workers; what is more goes to the key's next server. 125 to 200 is sensible; without it a key stays " \
    "whatever the load."

/*
 * Gives `inner` what it lacks and `outer`, which is complete (filled), has: both are structs of their group,
 * rows are matched by name, CONF_OWN rows stay.  Groups are joined member by member, header operations add
 * up and are reduced to what they come to; all else is shared with `outer`, which must not change any more.
 * What `inner` alone has is filled with its defaults.  0, or -1 (a default of the tables is wrong).
 */
int settings_join(struct conf_load *, const struct conf_group *inner_group, void *inner,
                  const struct conf_group *outer_group, const void *outer) WEIR_MUST_CHECK;

/* Header operations in their shortest form: for each name at most one `remove` or `set`, then what is added.
 */
struct conf_headers *settings_headers(struct pool *, const struct conf_headers *outer,
                                      const struct conf_headers *inner);

/* Whether the row `name` of the struct at `head` was written, at its own or an outer level. */
bool settings_has(const struct conf_group *, const struct conf_head *head, const char *name);

/* Whether it was written in this very group, not at an outer level. */
bool settings_is_written(const struct conf_group *, const struct conf_head *head, const char *name);

/* As if the row `name` had not been written. */
void settings_forget(const struct conf_group *, struct conf_head *head, const char *name);

/* As if the row `name` had been written at `at`. */
void settings_mark(struct conf_load *, const struct conf_group *, struct conf_head *head, const char *name,
                   struct conf_place at);

#endif

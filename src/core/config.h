/*
 * config.h: one configuration as the workers use it: checked, inherited, compiled, and immutable.  Made by
 * config_load() in the pool of its generation; everything it names lives exactly as long.  The settings as
 * they are written in the file are core/settings.h; only config_*.c sees both.
 */
#ifndef WEIR_CORE_CONFIG_H
#define WEIR_CORE_CONFIG_H

#include "base/addr.h"
#include "base/pool.h"
#include "conf/report.h"
#include "http/h1_scan.h"
#include "http/header.h"

struct access_log;
struct host_table;
struct match;
struct regex;
struct router;
struct template;

/* Times in milliseconds; 0 is none. */
struct timeouts {
    int64_t connect, send, read;
    int64_t client_header, client_body, client_send, keepalive;
    int64_t tunnel, total;
};

/* One peer of an upstream ("server" in the file). */
struct peer_conf {
    struct str name; /* as shown; defaults to the address */
    struct str host; /* of the address, for Host where the route has no other */
    struct addr address;
    unsigned weight; /* 0 drains */
    unsigned max_connections; /* 0: none */
    bool backup, down;
    int board_slot; /* set by the master before it forks; -1: none */
    struct conf_place at;
};

/* In the order of the names in settings_upstream.c; those without a module are refused when the file is loaded. */
enum balance_method {
    BALANCE_ROUND_ROBIN,
    BALANCE_STATIC_RR,
    BALANCE_LEAST_CONN,
    BALANCE_LEAST_TIME,
    BALANCE_RANDOM,
    BALANCE_SOURCE,
    BALANCE_URI,
    BALANCE_URL_PARAM,
    BALANCE_HEADER,
    BALANCE_RDP_COOKIE,
    BALANCE_HASH,
    BALANCE_LEAST_PENDING,
    BALANCE_FIRST,
    BALANCE_METHODS
};

struct upstream {
    struct str name;
    enum balance_method balance;
    struct peer_conf *peers;
    size_t peer_count;
    size_t index; /* in config.upstreams: workers keep their state of it under this number */
    unsigned keepalive_idle; /* connections kept by a worker for a peer */
    int64_t keepalive_timeout; /* milliseconds */
    uint64_t keepalive_requests; /* 0: no limit */
    bool is_inline; /* made from a URL in `proxy` */
    struct conf_place at;
};

enum action_kind {
    ACTION_PROXY,
    ACTION_FILES,
    ACTION_REDIRECT,
    ACTION_RESPOND,
    ACTION_STATUS, /* `status = true`: read-only */
    ACTION_API, /* the control socket and admin listeners: the whole runtime API */
    ACTION_KINDS
};

enum body_buffering { BODY_MEMORY_DISK, BODY_STREAM };

struct header_op {
    enum { HEADER_OP_REMOVE, HEADER_OP_SET, HEADER_OP_ADD } what;
    struct str name;
    enum header_id id;
    const struct template *value; /* NULL for remove */
};

struct header_ops {
    struct header_op *ops; /* in the order they are done: outer level first */
    size_t count;
};

/* Changes to the attributes of Set-Cookie; as struct cookie_edit of http/cookie.h, with templates not
 * allowed. */
struct cookie_edit;

struct files_conf {
    struct str root; /* absolute, without a '/' at the end */
    int root_fd; /* O_PATH, opened at load */
    bool alias; /* the matched prefix is replaced instead of the path appended */
    struct str *index;
    size_t index_count;
    struct try_step *tries;
    size_t try_count;
    bool listing, symlinks, dotfiles;
    int64_t expires; /* seconds; -1: the field is not sent */
    struct str default_type;
    struct str *types; /* pairs: extension, type; looked at before the built-in table */
    size_t type_count; /* pairs */
};

struct try_step {
    enum { TRY_FILE, TRY_DIRECTORY, TRY_STATUS, TRY_ROUTE } what;
    const struct template *path; /* of FILE and DIRECTORY */
    unsigned status;
    struct route *route;
};

struct rewrite_rule {
    const struct regex *regex;
    const struct template *to;
    bool last;
};

struct site;

struct route {
    struct str name; /* "" when it has none */
    struct str label; /* $route: the name, else the matcher: "/api/", "= /x", "~ regex" */
    struct site *site;
    size_t index; /* in the file, within the site */
    struct conf_place at;
    enum { ROUTE_EXACT, ROUTE_PREFIX, ROUTE_REGEX } matcher;
    struct str path; /* text of the matcher */
    const struct regex *regex;
    bool final, internal;
    const struct match *when; /* NULL: always */

    /* How the path is changed, in this order. */
    struct rewrite_rule *rewrites;
    size_t rewrite_count;
    struct str strip_prefix, add_prefix;
    const struct template *replace_path;

    enum action_kind action;
    struct upstream *upstream; /* ACTION_PROXY */
    struct files_conf *files; /* ACTION_FILES */
    const struct template *redirect_to; /* ACTION_REDIRECT */
    unsigned status; /* of ACTION_REDIRECT and ACTION_RESPOND */
    const struct template *respond_body; /* ACTION_RESPOND; NULL: empty */
    struct str respond_type;

    struct header_ops request_headers, response_headers;
    const struct cookie_edit *cookies; /* NULL: as they came */
    const struct template *proxy_host; /* NULL: Host as it came */
    bool forwarded, via, rewrite_location;
    struct timeouts timeouts;
    uint64_t body_max; /* bytes; 0: no limit */
    enum body_buffering body_buffering;
    uint64_t body_memory; /* bytes held in memory before the disk is used */
    unsigned retry_tries;
    bool retry_connect;
    struct access_log **access_logs;
    size_t access_log_count;
};

struct site {
    struct str name;
    struct str *hosts;
    size_t host_count;
    struct route *routes;
    size_t route_count;
    struct router *router; /* over `routes` */
    struct access_log **access_logs; /* of requests that have no route */
    size_t access_log_count;
    struct conf_place at;
};

struct listener_conf {
    struct addr address;
    struct str text; /* as written */
    size_t index;
    bool admin, is_control, proxy_protocol;
    int backlog, defer_accept_s;
    struct cidr *trusted;
    size_t trusted_count;
    struct host_table *hosts; /* to struct site */
    struct site *default_site; /* NULL: 404 */
    struct site **sites;
    size_t site_count;
    struct h1_limits limits;
    struct timeouts timeouts; /* those that matter before a route is known */
    struct conf_place at;
};

struct config {
    struct pool *pool;
    struct str file; /* absolute path of the -c file */
    struct str user;
    unsigned workers; /* 0 was turned into the number of processors */
    struct str pid_file, control, state_dir;
    struct str error_log_path;
    int error_log_level;
    uint64_t max_connections; /* of the instance; 0: from RLIMIT_NOFILE */
    int64_t drain_timeout;
    int64_t watchdog; /* milliseconds a worker may be silent before it is replaced; 0: for ever */
    struct listener_conf *listeners; /* admin ones too; their default_site has one route of ACTION_API */
    size_t listener_count;
    struct listener_conf *control_listener; /* of `control`, admin; NULL: none */
    struct access_log **access_logs; /* one for each file, by index */
    size_t access_log_count;
    struct str secret; /* bytes; random when none is configured */
    bool has_secret; /* it was configured */
    const void *settings; /* core/settings.h: for -T */
    struct upstream **upstreams;
    size_t upstream_count;
    struct site *sites;
    size_t site_count;
};

/*
 * Loads `file`.  Every error of the file and of what it names is added to `report`; NULL if there was one.
 * The configuration owns its pool: config_free() gives all of it back.
 */
struct config *config_load(const char *file, struct conf_report *report) WEIR_MUST_CHECK;

/* The same from text that is not in a file ("weir serve", "weir proxy"); `name` stands in messages. */
struct config *config_from_text(struct str text, const char *name, struct conf_report *report)
    WEIR_MUST_CHECK;

void config_free(struct config *);

/* "round_robin" ... as the file has it. */
const char *config_balance_name(enum balance_method);

#endif

/*
 * config.h: one configuration as the workers use it: checked, inherited, compiled, and immutable.  Made by
 * config_load() in the pool of its generation; everything it names lives exactly as long.  The settings as
 * they are written in the file are core/config/settings.h; only config_*.c sees both.
 */
#ifndef WEIR_CORE_CONFIG_CONFIG_H
#define WEIR_CORE_CONFIG_CONFIG_H

#include "base/addr.h"
#include "base/pool.h"
#include "conf/report.h"
#include "http/h1_scan.h"
#include "http/header.h"

struct access_log;
struct cache_conf;
struct cache_usage;
struct host_table;
struct match;
struct regex;
struct router;
struct server_set;
struct status_set;
struct template;
struct tls_client_conf;
struct tls_conf;
struct tls_material;

/* Times in milliseconds; 0 is none. */
struct timeouts {
    int64_t connect, send, read;
    int64_t client_header, client_body, client_send, keepalive;
    int64_t tunnel, total;
};

/* One server of an upstream ("peer" in the code). */
#define PEER_WEIGHT_MAX 256

struct peer_conf {
    struct str name; /* as shown; defaults to the address */
    struct str host; /* of the address, for Host where the route has no other */
    struct addr address; /* of len 0: a name to be resolved that has no address of its own */
    unsigned weight; /* 0 to PEER_WEIGHT_MAX; 0 drains */
    unsigned max_connections; /* over all workers; 0: none */
    int64_t slow_start; /* milliseconds; 0: none */
    bool backup, down;
    bool starts_checking; /* one that came at run time gets no traffic before its first pass */
    bool resolve; /* the name stands for servers made at run time from its addresses; itself takes no request */
    uint16_t port; /* of a name to be resolved; 0: from SRV */
    struct str resolve_name; /* what is looked up; ends in NUL */
    const struct tls_client_conf *tls; /* core/tls/tls_client.h; NULL: in the clear */
    const struct tls_client_conf *check_tls; /* of its checks */
    bool names_host; /* Host is `host` where the route has no other, whatever the client has asked for */
    bool http2; /* it is spoken to by HTTP/2: by prior knowledge, or as TLS agrees on it */
    uint8_t proxy_protocol; /* 1, 2: the version in which it is told who the client is; 0: it is not */
    bool transparent; /* it sees the client's address, not this machine's; see io/transparent.h */
    int board_slot; /* set by the master before it forks; -1: none */
    struct conf_place at;
};

/* In the order of the names in settings_balance.c. */
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

/* What a method is told beside its name; what it does not use is zero. */
struct balance_conf {
    unsigned depth, length; /* uri: path segments, bytes; 0: all */
    bool whole; /* uri: with the query */
    struct str name; /* url_param, header, rdp_cookie */
    const struct template *key; /* hash */
    bool consistent; /* hash_method: a ring instead of a map */
    unsigned factor; /* hash_balance_factor: percent of the mean load, above 100; 0: unbounded */
};

/* divert: the first whose conditions hold takes the request, if that upstream has a usable server. */
struct divert_conf {
    struct upstream *to;
    const struct match *when; /* NULL: always */
    struct conf_place at;
};

enum sticky_mode { STICKY_INSERT, STICKY_REWRITE, STICKY_LEARN };

struct sticky_conf {
    enum sticky_mode mode;
    struct str cookie;
    int64_t ttl_s; /* 0: a session cookie; STICKY_LEARN: how long an unused one is remembered */
    struct str path, domain, samesite; /* empty: not sent */
    bool secure, httponly, indirect;
    bool has_key; /* there is a secret in the file; else the board has one */
    uint8_t key[32]; /* made from the secret and the upstream's name */
};

enum check_type { CHECK_HTTP, CHECK_HTTPS, CHECK_TCP, CHECK_GRPC, CHECK_MYSQL, CHECK_REDIS, CHECK_TYPES };

/* `health`: one probe every `interval`; times in milliseconds. */
struct check_conf {
    enum check_type type;
    struct str uri, method, host; /* host empty: the server's own */
    struct header_list headers;
    struct status_set *statuses; /* NULL: 200 */
    const struct regex *body; /* NULL: any */
    struct str send; /* tcp: empty, the connection is enough */
    struct str user; /* mysql */
    struct str role; /* redis: "master", "slave"; empty: any */
    int64_t interval, fast_interval, timeout;
    unsigned fall, rise;
    uint16_t port; /* 0: the server's */
    unsigned jitter; /* percent of the interval */
    bool initially_checking;
};

/* `alert`: told of every change of a server. */
struct alert_conf {
    struct str command; /* absolute path; empty: none */
    struct str webhook; /* http URL; empty: none */
    struct addr webhook_address;
    struct str webhook_host, webhook_target; /* for Host and the request line */
};

/* `passive`: outlier ejection; times in milliseconds. */
struct passive_conf {
    unsigned errors; /* in a row within `window` */
    int64_t window, pause;
    unsigned max_ejected; /* percent of the servers */
    struct status_set *statuses;
};

/* 0: no limit. */
struct breaker_conf {
    unsigned max_requests, max_pending, max_retries;
    int64_t latency; /* milliseconds */
};

struct queue_conf {
    unsigned size; /* 0: nobody waits */
    int64_t timeout;
};

struct upstream {
    struct str name;
    enum balance_method balance;
    struct balance_conf balance_conf;
    struct peer_conf *peers;
    size_t peer_count;
    size_t index; /* in config.upstreams: workers keep their state of it under this number */
    unsigned keepalive_idle; /* connections kept by a worker for a peer */
    int64_t keepalive_timeout; /* milliseconds */
    uint64_t keepalive_requests; /* 0: no limit */
    bool http2; /* some server is spoken to by it */
    bool is_inline; /* made from a URL in `proxy` */
    struct divert_conf *diverts;
    size_t divert_count;
    struct sticky_conf *sticky; /* NULL: none */
    struct check_conf *check; /* NULL: none */
    struct alert_conf *alert; /* NULL: none */
    struct passive_conf *passive; /* NULL: none */
    struct breaker_conf *breaker; /* NULL: none */
    struct queue_conf queue;
    struct str servers_file; /* absolute path, ends in NUL; empty: none */
    const struct server_set *servers_file_set; /* what it said at load; NULL: none */
    int servers_file_slot; /* as board_slot of a server; counts looks at the file, and who waits */
    struct peer_conf server_defaults; /* for servers that come at run time: what the upstream says for each */
    struct conf_place at;
};

enum action_kind {
    ACTION_PROXY,
    ACTION_FILES,
    ACTION_REDIRECT,
    ACTION_RESPOND,
    ACTION_STATUS, /* `status = true`: read-only */
    ACTION_PURGE, /* drops what a cache has of the URL */
    ACTION_API, /* the control socket and admin listeners: the whole runtime API */
    ACTION_KINDS
};

enum retry_replay { REPLAY_NEVER, REPLAY_IDEMPOTENT, REPLAY_KEY, REPLAY_ALWAYS };

/* When a request goes to another server; times in milliseconds. */
struct retry_conf {
    unsigned tries; /* in all, the first included */
    bool on_connect, on_timeout, on_reset;
    bool on_502, on_503, on_504;
    enum retry_replay replay; /* which requests may be sent twice once they were sent */
    int64_t per_try; /* 0: none */
    unsigned budget; /* retries, in percent of the active requests */
};

enum route_priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITIES };

enum body_buffering { BODY_MEMORY_DISK, BODY_STREAM };

struct header_op {
    enum { HEADER_OP_REMOVE, HEADER_OP_SET, HEADER_OP_ADD } what;
    struct str name;
    enum header_id id;
    const struct template *value; /* NULL for remove */
    bool for_cache; /* not written: removed, as servers answer by it and the key of the route's cache is without it */
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
    const struct cache_conf *purge; /* ACTION_PURGE */

    const struct cache_usage *cache; /* of ACTION_PROXY, config_cache.h; NULL: none */
    struct header_ops request_headers, response_headers;
    const struct cookie_edit *cookies; /* NULL: as they came */
    const struct template *proxy_host; /* NULL: Host as it came */
    bool forwarded, via, rewrite_location;
    struct timeouts timeouts;
    uint64_t body_max; /* bytes; 0: no limit */
    enum body_buffering body_buffering;
    uint64_t body_memory; /* bytes held in memory before the disk is used */
    struct retry_conf retry;
    uint16_t https_port; /* https_only: where clients without TLS are sent; 0: they are not */
    enum route_priority priority; /* in queues, and when load is shed */
    struct access_log **access_logs;
    size_t access_log_count;
};

struct site {
    struct str name;
    size_t index; /* in config.sites */
    struct str *hosts;
    size_t host_count;
    struct route *routes;
    size_t route_count;
    struct router *router; /* over `routes` */
    struct access_log **access_logs; /* of requests that have no route */
    size_t access_log_count;
    const struct tls_conf *tls; /* its own, without what listeners add; NULL: none; see tls_conf_of() */
    struct conf_place at;
};

/* Of a listener of mode "tcp": who may connect, and where to. */
struct tcp_conf {
    struct site *site; /* its routes, tried in order */
    struct cidr *allow, *deny;
    size_t allow_count, deny_count;
    uint64_t limit; /* connection_limit: connections of one key at once; 0: none */
    const struct template *limit_key; /* NULL: the client's address */
    bool wants_name; /* the name in the ClientHello, which is passed on, is read */
    bool needs_name; /* a route asks for it: nobody is served without */
};

struct listener_conf {
    struct addr address;
    struct str text; /* as written */
    size_t index;
    const struct tcp_conf *tcp; /* NULL: mode "http" */
    bool admin, is_control, proxy_protocol;
    bool http2; /* offered over TLS; on cleartext: taken from clients that begin with it */
    int backlog, defer_accept_s;
    struct cidr *trusted;
    size_t trusted_count;
    struct host_table *hosts; /* to struct site */
    struct site *default_site; /* NULL: 404 */
    struct site **sites;
    size_t site_count;
    struct h1_limits limits;
    struct timeouts timeouts; /* those that matter before a route is known */
    const struct tls_conf *tls; /* NULL: cleartext; core/config/config_tls.h */
    const struct tls_conf **site_tls; /* by site.index, of sites with tls of their own; or NULL */
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
    int64_t shed; /* milliseconds a worker may be late before it turns requests away; 0: for ever */
    struct str resolver; /* name servers, as io/resolver.h has them; empty: those of the system */
    int64_t drain_timeout;
    int64_t watchdog; /* milliseconds a worker may be silent before it is replaced; 0: for ever */
    struct listener_conf *listeners; /* admin ones too; their default_site has one route of ACTION_API */
    size_t listener_count;
    struct listener_conf *control_listener; /* of `control`, admin; NULL: none */
    struct access_log **access_logs; /* one for each file, by index */
    size_t access_log_count;
    struct str secret; /* bytes; random when none is configured */
    bool has_secret; /* it was configured */
    const void *settings; /* core/config/settings.h: for -T */
    struct upstream **upstreams;
    size_t upstream_count;
    struct cache_conf *caches; /* config_cache.h */
    size_t cache_count;
    struct site *sites;
    size_t site_count;
    struct tls_material **tls_materials; /* the files that all `tls` name, by index */
    size_t tls_material_count;
    size_t tls_conf_count; /* struct tls_conf are numbered up to it */
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

/* Whether some server has `transparent`, so that workers need the right to speak for others. */
bool config_is_transparent(const struct config *);

/* "high", "normal", "low". */
struct str config_priority_name(enum route_priority);

/* "round_robin" ... as the file has it. */
const char *config_balance_name(enum balance_method);

/* "idempotent" ... as the file has it. */
const char *config_replay_name(enum retry_replay);

#endif

/*
 * config_build.h: what the files config_*.c share while they make a struct config out of the settings of a
 * file.  Each step reports all that it finds wrong and goes on with the next, so that one run shows every
 * error; a configuration with errors is thrown away at the end.
 */
#ifndef WEIR_CORE_CONFIG_CONFIG_BUILD_H
#define WEIR_CORE_CONFIG_CONFIG_BUILD_H

#include <openssl/types.h>
#include <sys/types.h>

#include "base/hash.h"
#include "core/log/access_log.h"
#include "core/config/config.h"
#include "core/config/config_cache.h"
#include "core/config/config_names.h"
#include "core/config/config_tls.h"
#include "core/route/match.h"
#include "core/route/router.h"
#include "core/config/settings.h"
#include "core/var.h"

struct build {
    struct config *config;
    struct pool *pool; /* the configuration's */
    struct conf_report *report;
    const struct config_names *names;
    struct conf_load load;
    struct conf_text text; /* empty: for defaults, which stand in no file */
    const char *dir; /* absolute; what relative paths are relative to */
    struct settings *settings;
    unsigned guesses; /* searches for the name probably meant */
    bool loaded; /* all files were read without an error */
    bool drops; /* started as root: workers become `uid` and `gid`, without further groups */
    uid_t uid;
    gid_t gid;
    bool partial; /* one could not be read at all: what is not there may be in it */
    struct hash_key key; /* of the tables below and of those that workers use */
    struct hash_key percent_key;

    struct hash_table *upstreams; /* by name, to struct upstream */
    struct hash_table *inlines; /* by URL, to struct upstream */
    size_t upstream_room;
    struct hash_table *caches; /* by name, to struct cache_conf */
    struct hash_table *sites; /* by name, to struct site */
    struct hash_table *resolved; /* by host, to struct addr; NULL until the first */
    struct hash_table *roots; /* by path, to struct build_root */
    struct hash_table *directories; /* by path: checked before */
    struct hash_table *tls_clients; /* by its files, to SSL_CTX */
    X509_STORE *tls_system; /* the system's authorities; NULL: not read yet */
    struct hash_table *tls_materials; /* by kind and paths */
    size_t tls_material_room;
    EVP_PKEY *acme_key; /* of all certificates that Weir makes itself; NULL: not made yet */
    struct hash_table *tls_policies; /* by what is in them */
    struct hash_table *logs; /* by path, to struct access_log */
    size_t log_room;
    struct hash_table *made; /* what was compiled before, by the address of its settings */
    struct host_table *all_hosts; /* over all sites */
    struct site *hostless; /* the first site without hosts */
};

/* Reads the file and those it includes into b->settings; 0, or -1 when there is nothing to go on with. */
int config_read(struct build *, const char *file) WEIR_MUST_CHECK;
int config_read_text(struct build *, struct str text, const char *name) WEIR_MUST_CHECK;

/* The steps, in this order. */
void config_build_top(struct build *);
void config_build_upstreams(struct build *);
void config_build_caches(struct build *);
void config_build_sites(struct build *);
void config_build_listeners(struct build *);
void config_check_reach(struct build *);
void config_check_cache_paths(struct build *);

/* A route of `site` from its settings; `outer` is the level around it, complete. */
void config_build_route(struct build *, struct site *site, struct route *route, struct level_settings *level,
                        const struct level_settings *outer, const struct conf_group *outer_group);

/* What the route does; config_action.c, config_files.c. */
void config_build_action(struct build *, struct route *, struct level_settings *,
                         const struct level_settings *outer);
void config_build_files(struct build *, struct route *, const struct level_settings *);

/* What it may cost, changes and logs: all that levels share. */
void config_build_shared(struct route *, const struct level_settings *);
void config_build_path_changes(struct build *, struct route *, const struct level_settings *);
void config_build_headers(struct build *, struct route *, const struct level_settings *);
void config_build_access_logs(struct build *, const struct level_settings *, struct access_log ***logs,
                              size_t *count);

/* A log's path names a file whose directory is there, or a right syslog target. */
void config_check_log(struct build *, struct str path, const char *setting, struct conf_place at);

/* After all routes of the site are there: "@NAME" of `try`. */
void config_resolve_tries(struct build *, struct site *);

/*
 * config_cache.c: `cache` of a level, completed by the cache that it names; NULL: reported.  Levels that have it from one
 * place share it.  The cache called `name`, or NULL: reported.
 */
const struct cache_usage *config_cache_use(struct build *, const struct cache_settings *);
const struct cache_conf *config_cache_named(struct build *, struct str name, struct conf_place at);

/* What `use` was made of, for places. */
const struct cache_settings *config_cache_settings(const struct build *, const struct cache_usage *use);

/*
 * config_cache_fields.c, of a route whose `cache` and request_headers are known: fields that servers answer by, which a
 * client may send and the key has not, are taken out of what is forwarded.
 */
void config_cache_fields(struct build *, struct route *);

/* Whether the key tells requests apart by this; `site`: by the site, or the route. */
bool config_key_has_header(const struct cache_usage *, struct str name);
bool config_key_has_host(const struct cache_usage *);
bool config_key_has_path(const struct cache_usage *);
bool config_key_has_query(const struct cache_usage *);
bool config_key_has_scheme(const struct cache_usage *);
bool config_key_has_site(const struct cache_usage *);
bool config_key_has_route(const struct cache_usage *);
/* By all that the conditions look at. */
bool config_key_has_conditions(const struct cache_usage *, const struct match *);

/* The first variable of `value` by which clients differ and which the key has not, as written, without "$"; STR_NONE. */
struct str config_key_lacks(const struct cache_usage *, const struct template *value, struct pool *);

/* An argument in the key that `ignore_query` takes out of it; STR_NONE. */
struct str config_key_lost_argument(const struct cache_usage *);

/* Whether a condition on this subject can be asked of a connection that is not HTTP. */
bool config_match_is_raw(enum match_subject);

/* Networks as the file has them (struct conf_cidr), in the configuration's pool. */
struct cidr *config_networks(struct build *, const struct conf_list *list, size_t *count);

/* The conditions, or NULL when there are none. */
const struct match *config_match(struct build *, const struct conf_list *conditions, enum var_scope scope);

/* The upstream that `proxy` names: its name or a URL; NULL: reported. */
struct upstream *config_proxy_target(struct build *, struct str text, struct conf_place at);

/* Of listeners and servers.  0, or -1: reported. */
int config_listen_address(struct build *, struct conf_address *, struct conf_place at, struct addr *out)
    WEIR_MUST_CHECK;
int config_server_address(struct build *, struct conf_address *, struct conf_place at, struct addr *out)
    WEIR_MUST_CHECK;

/* Active checks and alerts of an upstream; config_health.c. */
void config_health(struct build *, const struct health_settings *, const struct alert_settings *,
                   struct upstream *);
/*
 * config_discovery.c: servers that are found while Weir runs.  Whether the address is a name to be resolved then: `p` is
 * filled, or the error reported; and what the servers_file says now.
 */
bool config_server_resolve(struct build *, const struct server_settings *, struct conf_place at, struct peer_conf *p);
void config_build_servers_file(struct build *, const struct upstream_settings *, struct upstream *);
void config_build_resolver(struct build *);

/* The set of a list of struct conf_statuses; NULL: the list is empty. */
struct status_set *config_statuses(struct build *, const struct conf_list *);

/* Of an upstream whose name is known; either may be NULL. */
void config_build_passive(struct build *, const struct passive_settings *,
                          const struct circuit_breaker_settings *, struct upstream *);

/*
 * The bytes of the secret that was written as *text, itself or "file:PATH", whose path is made absolute;
 * STR_NONE: reported.
 */
struct str config_secret(struct build *, struct str *text, struct conf_place at);

/* `sticky` of an upstream. */
void config_build_sticky(struct build *, struct upstream *, struct sticky_settings *);

/*
 * `tls` of a server whose address has the name `host`; NULL: none, or reported.  What holds where nothing is said but
 * that it is TLS.
 */
const struct tls_client_conf *config_server_tls(struct build *, const struct server_tls_settings *, struct str host,
                                                bool is_unix);
const struct tls_client_conf *config_default_tls(struct build *, struct str host);

/* The same for the checks of a server, whose own `tls` is known; NULL: in the clear. */
const struct tls_client_conf *config_check_tls_of(struct build *, const struct check_conf *,
                                                  const struct tls_client_conf *tls, struct str host);

/* `tls` of a site; of a listener, whose sites are known; and what only both together show. */
void config_build_site_tls(struct build *, struct level_settings *, struct site *);
/* A listener of mode "tcp"; false: it is of another, and nothing was done. */
bool config_build_listener_tcp(struct build *, const struct listener_settings *, struct listener_conf *);

/* A table of hosts without any. */
struct host_table *config_no_hosts(struct build *);

void config_build_listener_tls(struct build *, const struct listener_settings *, struct listener_conf *);
void config_check_tls(struct build *);

/* Gives the material its number; it ends with the configuration. */
void config_keep_material(struct build *, struct tls_material *);

/*
 * config_acme.c: NULL for NULL; what is wrong with it as written; the certificates of a site's names (`report`: names
 * that can have none are errors), those of the sites of a listener that have no tls of their own; warnings.
 */
const struct acme_conf *config_acme(struct build *, const struct acme_settings *);
void config_acme_check(struct build *, const struct tls_settings *);
void config_acme_site(struct build *, struct tls_conf *, const struct site *, bool report);
void config_acme_listener(struct build *, const struct listener_conf *, struct tls_conf *own);
void config_acme_warn(struct build *);

struct timeouts config_timeouts(const struct timeouts_settings *);

/* Queues and slow start of an upstream; when load is shed.  NULL: turned off. */
void config_overload_upstream(struct upstream *, const struct queue_settings *);
void config_overload_top(struct config *, const struct limits_settings *);

/* The regex, or NULL: reported. */
const struct regex *config_regex(struct build *, struct str pattern, bool nocase, struct conf_place at);

/* What was compiled before from these settings, or NULL; and how that is kept. */
void *config_made(const struct build *, const void *from);
void config_keep(struct build *, const void *from, void *made);

/* Reports that `what` called `name` is not there, with the nearest one in `table`. */
void config_unknown(struct build *, struct conf_place at, const char *what, struct str name,
                    const struct hash_table *table);

/* Reports when `text`, which goes into a header field, holds a byte that would end the field or the message. */
void config_check_field(struct build *, struct str text, const char *setting, struct conf_place at);

/* Whether the workers' user may look names up in the directory `fd` (O_PATH will do), or with `list` read it. */
bool config_user_may(struct build *, int fd, bool list);

/* Whether the workers' user may read the file. */
bool config_user_may_read(struct build *, const char *path);

/* Reports when the directory that the file `path` would be in is not there. */
void config_check_directory_of(struct build *, struct str path, const char *setting, struct conf_place at);

/* The same, and when the path is that of a directory. */
void config_check_file(struct build *, struct str path, const char *setting, struct conf_place at);

/* Of a configuration without errors: warns of settings that do nothing where they stand; config_warn*.c. */
void config_warn(struct build *);
void config_warn_sites(struct build *);
void config_warn_routes(struct build *);
void config_warn_upstreams(struct build *);
void config_warn_caches(struct build *);

#endif

/* settings_hints.c: words of nginx and HAProxy that Weir has others for; those that mean the same are not here. */
#include "core/config/settings.h"

/* Its name here, in which group; and in which group it is written, where the word has several meanings. */
#define HERE(word, group, setting) {word, NULL, &settings_##group##_group, setting, NULL}
#define AS(word, group, setting, right) {word, NULL, &settings_##group##_group, setting, right}
#define IN(where, word, group, setting, right) {word, where, &settings_##group##_group, setting, right}
/* A value of a setting that has others. */
#define VALUE(setting, word, right) {word, setting, NULL, NULL, right}
#define NOTHING(word, why) {word, NULL, NULL, NULL, why}

#define FILE_GROUP "the file"
#define LISTENER "a listener"
#define UPSTREAM "an upstream"
#define SERVER "a server"

#define AROUND "what is in it stands in the file itself"
#define BY_ITSELF "Weir does so where it can"

#define settings_file_group settings_group

const struct conf_hint settings_hints[] = {
    /* What encloses others. */
    NOTHING("http", AROUND),
    NOTHING("events", AROUND),
    NOTHING("global", AROUND),
    AS("listen", listener, "address", "listeners = ( { address = \"*:80\"; } );"),
    AS("frontend", file, "listeners", "listeners = ( { address = \"*:80\"; } ); and sites = ( ... );"),
    AS("bind", listener, "address", "listeners = ( { address = \"*:80\"; } );"),
    AS("upstream", file, "upstreams", "upstreams = ( { name = \"NAME\"; servers = ( ... ); } );"),
    AS("backend", file, "upstreams", "upstreams = ( { name = \"NAME\"; servers = ( ... ); } );"),
    IN(UPSTREAM, "server", upstream, "servers", "servers = ( \"HOST:PORT\", ... );"),
    IN(UPSTREAM, "server-template", upstream, "resolve", "servers = ( { address = \"NAME:PORT\"; resolve = true; } );"),
    AS("server", file, "sites", "sites = ( { hosts = [ ... ]; routes = ( ... ); } );"),
    AS("server_name", site, "hosts", "hosts = [ ... ]; in a site"),
    AS("location", site, "routes", "routes = ( { prefix = \"/\"; ... } ); with prefix, exact or regex"),
    AS("path", route, "prefix", "prefix = \"/\"; or exact, or regex"),
    AS("acl", route, "when", "when = ( ... ); in a route"),
    AS("if", route, "when", "when = ( ... ); in a route"),
    AS("use_backend", route, "proxy", "proxy = \"NAME\"; and when = ( ... ); in a route"),
    AS("default_backend", route, "proxy", "proxy = \"NAME\"; in a site"),

    /* The instance. */
    HERE("worker_processes", file, "workers"),
    HERE("nbthread", file, "workers"),
    HERE("nbproc", file, "workers"),
    HERE("pid", file, "pid_file"),
    HERE("pidfile", file, "pid_file"),
    HERE("resolvers", file, "resolver"),
    AS("worker_connections", file, "limits", "limits = { connections = N; }; in the file"),
    AS("stats", route, "status", "status = true; in a route"),
    AS("stub_status", route, "status", "status = true; in a route"),
    NOTHING("daemon", "`weir -d` runs in the background"),
    NOTHING("worker_rlimit_nofile", "Weir takes as many descriptors as it may"),
    NOTHING("sendfile", BY_ITSELF),
    NOTHING("tcp_nopush", BY_ITSELF),
    NOTHING("tcp_nodelay", BY_ITSELF),
    NOTHING("proxy_http_version", "servers are asked in HTTP/1.1"),

    /* What a route does. */
    AS("proxy_pass", route, "proxy", "proxy = \"NAME\" of an upstream, or \"http://HOST:PORT\""),
    AS("fastcgi_pass", route, "fastcgi", "fastcgi = \"HOST:PORT\";"),
    AS("return", route, "redirect", "redirect = \"URL\"; or respond = STATUS;"),
    AS("try_files", route, "try", "try = ( \"$path\", \"$path/\", 404 );"),
    HERE("autoindex", route, "listing"),
    HERE("disable_symlinks", route, "symlinks"),

    /* Fields. */
    AS("add_header", route, "response_headers", "response_headers = { set = { NAME = \"VALUE\"; }; };"),
    AS("proxy_hide_header", route, "response_headers", "response_headers = { remove = [ \"NAME\" ]; };"),
    AS("http-response", route, "response_headers", "response_headers = { set = { NAME = \"VALUE\"; }; };"),
    AS("proxy_set_header", route, "request_headers", "request_headers = { set = { NAME = \"VALUE\"; }; };"),
    AS("http-request", route, "request_headers", "request_headers = { set = { NAME = \"VALUE\"; }; };"),
    AS("proxy_redirect", route, "location", "location = true; which is the default"),
    AS("proxy_cookie_domain", route, "cookies", "cookies = { domain = \"NAME\"; };"),
    AS("proxy_cookie_path", route, "cookies", "cookies = { path = \"/\"; };"),
    AS("set_real_ip_from", listener, "trusted", "trusted = [ \"NETWORK\" ]; in a listener"),
    AS("real_ip_header", listener, "trusted", "trusted = [ \"NETWORK\" ]; in a listener"),
    AS("accept-proxy", listener, "proxy_protocol", "proxy_protocol = true; in a listener"),
    AS("log_format", access_log, "format", "access_log = { path = \"PATH\"; format = \"...\"; };"),

    /* Times and sizes. */
    AS("client_max_body_size", request_body, "max_size", "request_body = { max_size = \"10m\"; };"),
    AS("client_body_buffer_size", request_body, "memory", "request_body = { memory = \"64k\"; };"),
    AS("proxy_request_buffering", request_body, "buffer", "request_body = { buffer = \"stream\"; };"),
    AS("large_client_header_buffers", request_head, "max_size", "request_head = { max_size = \"32k\"; };"),
    AS("proxy_connect_timeout", timeouts, "connect", "timeouts = { connect = \"5s\"; };"),
    AS("proxy_send_timeout", timeouts, "send", "timeouts = { send = \"30s\"; };"),
    AS("proxy_read_timeout", timeouts, "read", "timeouts = { read = \"60s\"; };"),
    AS("client_header_timeout", timeouts, "client_header", "timeouts = { client_header = \"15s\"; };"),
    AS("client_body_timeout", timeouts, "client_body", "timeouts = { client_body = \"30s\"; };"),
    AS("send_timeout", timeouts, "client_send", "timeouts = { client_send = \"30s\"; };"),
    IN(UPSTREAM, "keepalive_timeout", keepalive, "timeout", "keepalive = { timeout = \"60s\"; };"),
    IN(UPSTREAM, "keepalive_requests", keepalive, "requests", "keepalive = { requests = N; };"),
    AS("keepalive_timeout", timeouts, "keepalive", "timeouts = { keepalive = \"60s\"; };"),
    AS("timeout", timeouts, "read", "timeouts = { connect = \"5s\"; read = \"60s\"; };"),

    /* Upstreams and servers. */
    IN(FILE_GROUP, "maxconn", file, "limits", "limits = { connections = N; };"),
    IN(LISTENER, "maxconn", file, "limits", "limits = { connections = N; }; in the file"),
    HERE("maxconn", server, "max_connections"),
    HERE("max_conns", server, "max_connections"),
    AS("maxqueue", queue, "size", "queue = { size = N; }; in an upstream"),
    HERE("slowstart", server, "slow_start"),
    IN(SERVER, "disabled", server, "down", "down = true;"),
    AS("max_fails", upstream, "passive", "passive = { errors = N; }; in an upstream"),
    AS("fail_timeout", upstream, "passive", "passive = { window = \"10s\"; pause = \"10s\"; }; in an upstream"),
    AS("health_check", upstream, "health", "health = { uri = \"/\"; }; in an upstream"),
    AS("option", upstream, "health", "health = { uri = \"/\"; }; in an upstream for httpchk"),
    AS("http-check", upstream, "health", "health = { uri = \"/\"; }; in an upstream"),
    IN(SERVER, "check", upstream, "health", "health = { type = \"tcp\"; }; in an upstream"),
    IN(SERVER, "inter", upstream, "health", "health = { interval = \"5s\"; }; in an upstream"),
    IN(SERVER, "fall", upstream, "health", "health = { fall = 3; }; in an upstream"),
    IN(SERVER, "rise", upstream, "health", "health = { rise = 2; }; in an upstream"),
    AS("leastconn", upstream, "balance", "balance = \"least_conn\"; in an upstream"),
    AS("least_conn", upstream, "balance", "balance = \"least_conn\"; in an upstream"),
    AS("roundrobin", upstream, "balance", "balance = \"round_robin\"; in an upstream"),
    AS("ip_hash", upstream, "balance", "balance = \"source\"; in an upstream"),
    AS("hash", upstream, "balance", "balance = { method = \"hash\"; key = \"$uri\"; }; in an upstream"),
    AS("random", upstream, "balance", "balance = \"random\"; in an upstream"),
    HERE("hash-type", upstream, "hash_method"),
    HERE("hash-balance-factor", upstream, "hash_balance_factor"),
    IN(UPSTREAM, "cookie", upstream, "sticky", "sticky = { mode = \"insert\"; cookie = \"NAME\"; };"),
    AS("stick-table", upstream, "sticky", "sticky = { mode = \"learn\"; cookie = \"NAME\"; }; in an upstream"),
    AS("stick", upstream, "sticky", "sticky = { mode = \"learn\"; cookie = \"NAME\"; }; in an upstream"),
    AS("retries", retry, "tries", "retry = { tries = N; };"),
    AS("proxy_next_upstream", retry, "on", "retry = { on = [ \"connect\", \"timeout\" ]; };"),
    AS("proxy_next_upstream_tries", retry, "tries", "retry = { tries = N; };"),
    AS("split_clients", route, "when", "when = ( { percent = N; } ); in a route, or a divert of an upstream"),

    /* Caches. */
    AS("proxy_cache_path", file, "caches", "caches = ( { name = \"NAME\"; path = \"PATH\"; size = \"1g\"; } );"),
    AS("proxy_cache", route, "cache", "cache = \"NAME\";"),
    AS("cache-use", route, "cache", "cache = \"NAME\"; in a route"),
    AS("cache-store", route, "cache", "cache = \"NAME\"; in a route"),
    AS("proxy_cache_key", cache, "key", "cache = { name = \"NAME\"; key = \"$scheme$host$uri\"; };"),
    AS("proxy_cache_valid", cache, "ttl", "cache = { name = \"NAME\"; ttl = ( [ 200, \"10m\" ] ); };"),
    AS("proxy_cache_min_uses", cache, "min_uses", "cache = { name = \"NAME\"; min_uses = N; };"),
    AS("proxy_cache_methods", cache, "methods", "cache = { name = \"NAME\"; methods = [ \"GET\" ]; };"),
    AS("proxy_cache_lock", cache, "lock", "cache = { name = \"NAME\"; lock = true; };"),
    AS("proxy_cache_use_stale", cache, "stale_if_error", "cache = { name = \"NAME\"; stale_if_error = \"1h\"; };"),
    AS("proxy_cache_background_update", cache, "stale_while_revalidate",
       "cache = { name = \"NAME\"; stale_while_revalidate = \"1m\"; };"),
    AS("proxy_cache_bypass", cache, "bypass", "cache = { name = \"NAME\"; bypass = ( { cookie = \"x\"; } ); };"),
    AS("proxy_no_cache", cache, "no_store", "cache = { name = \"NAME\"; no_store = ( { cookie = \"x\"; } ); };"),
    IN("a cache", "max_size", cache, "size", "size = \"1g\";"),
    IN("a cache", "total-max-size", cache, "size", "size = \"1g\";"),
    HERE("max-object-size", cache, "max_object"),

    /* Beside the word. */
    VALUE("protocol", "http2", "\"h2\""),
    VALUE("protocol", "http/2", "\"h2\""),
    VALUE("protocol", "h2c", "\"h2\", which is in the clear where there is no tls"),
    IN("a certificate", "certificate", certificate, "cert", NULL),
    HERE("ocsp", tls, "ocsp_stapling"),
    IN(FILE_GROUP, "drain", file, "drain_timeout", NULL),
    IN(LISTENER, "read", timeouts, "tunnel", "timeouts = { tunnel = \"1h\"; }; with mode = \"tcp\", or 'read' in a site"),

    /* What a later version has. */
    HERE("gzip", route, "compress"),
    HERE("gzip_types", route, "compress"),
    HERE("gzip_static", route, "compress"),
    HERE("brotli", route, "compress"),
    HERE("compression", route, "compress"),
    HERE("error_page", route, "error_pages"),
    HERE("errorfile", route, "error_pages"),
    HERE("proxy_intercept_errors", route, "error_pages"),
    HERE("limit_req", route, "rate_limit"),
    HERE("limit_conn", route, "connection_limit"),
    HERE("limit_rate", route, "bandwidth"),
    HERE("sub_filter", route, "substitute"),
    HERE("auth_basic", route, "auth"),
    AS("ssl", listener, "tls", "tls = { ... }; in a listener"),
    AS("ssl_certificate", listener, "tls", "tls = { certificates = ( ... ); }; in a listener"),
    AS("ssl_certificate_key", listener, "tls", "tls = { certificates = ( ... ); }; in a listener"),
    AS("ssl_protocols", listener, "tls", "tls = { ... }; in a listener"),
    AS("crt", listener, "tls", "tls = { certificates = ( ... ); }; in a listener"),
    {NULL, NULL, NULL, NULL, NULL},
};

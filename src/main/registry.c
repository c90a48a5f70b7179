/*
 * registry.c: the tables of built-in modules.
 */
#include "main/registry.h"

#include "core/proxy/proxy.h"
#include "modules/modules.h"

const struct handler *const registry_handlers[ACTION_KINDS] = {
    [ACTION_PROXY] = &handler_proxy,
    [ACTION_FILES] = &handler_files,
    [ACTION_REDIRECT] = &handler_redirect,
    [ACTION_RESPOND] = &handler_respond,
    [ACTION_STATUS] = &handler_status,
    [ACTION_PURGE] = &handler_purge,
    [ACTION_API] = &handler_api,
};

const struct balancer *const registry_balancers[BALANCE_METHODS] = {
    [BALANCE_ROUND_ROBIN] = &balancer_round_robin,
    [BALANCE_STATIC_RR] = &balancer_static_rr,
    [BALANCE_LEAST_CONN] = &balancer_least_conn,
    [BALANCE_LEAST_TIME] = &balancer_least_time,
    [BALANCE_RANDOM] = &balancer_random,
    [BALANCE_SOURCE] = &balancer_hash,
    [BALANCE_URI] = &balancer_hash,
    [BALANCE_URL_PARAM] = &balancer_hash,
    [BALANCE_HEADER] = &balancer_hash,
    [BALANCE_RDP_COOKIE] = &balancer_hash,
    [BALANCE_HASH] = &balancer_hash,
    [BALANCE_LEAST_PENDING] = &balancer_least_pending,
    [BALANCE_FIRST] = &balancer_first,
};

const struct check *const registry_checks[CHECK_TYPES] = {
    [CHECK_HTTP] = &check_http, [CHECK_HTTPS] = &check_https, [CHECK_TCP] = &check_tcp,
    [CHECK_GRPC] = &check_grpc, [CHECK_MYSQL] = &check_mysql, [CHECK_REDIS] = &check_redis,
};

/*
 * modules.h: the tables of all modules, for the registry in src/main.
 */
#ifndef WEIR_MODULES_MODULES_H
#define WEIR_MODULES_MODULES_H

#include "core/upstream/balancer.h"
#include "core/health/check.h"
#include "core/handler.h"

extern const struct balancer balancer_first, balancer_hash, balancer_least_conn, balancer_least_pending,
    balancer_least_time, balancer_random, balancer_round_robin, balancer_static_rr;
extern const struct check check_grpc, check_http, check_https, check_mysql, check_redis, check_tcp;
extern const struct handler handler_api, handler_files, handler_purge, handler_redirect, handler_respond,
    handler_status;

#endif

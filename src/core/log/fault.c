/* fault.c: see fault.h. */
#include "core/log/fault.h"

#include <stdio.h>

#include "base/units.h"
#include "core/worker.h"

/* Bytes of the text: with the rest of the line it stays below LOG_LINE_MAX. */
#define FAULT_TEXT_MAX 1024

void fault_log(struct request *req, enum log_level level, const char *outcome, const char *fmt, ...)
{
    char client[ADDR_TEXT_MAX], method[64], target[512], text[FAULT_TEXT_MAX];
    const struct upstream *upstream = req->upstream || !req->route ? req->upstream : req->route->upstream;
    va_list args;

    if (!log_is_on(req->worker->log, level))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    addr_print(&req->peer, client);
    log_write(
        req->worker->log, level, "client %s listener %.*s \"%.*s %.*s\"%s%s%.*s%s%.*s: %s (request %.*s)",
        client, STR_ARG(req->listener->text), STR_ARG(log_escape(req->head.method, method, sizeof(method))),
        STR_ARG(log_escape(req->head.target, target, sizeof(target))), outcome, upstream ? " upstream " : "",
        STR_ARG(upstream ? upstream->name : STR_NONE), req->upstream_addr.len > 0 ? " server " : "",
        STR_ARG(req->upstream_addr), text, STR_ARG(request_id(req)));
}

struct str fault_time(struct request *req, const char *setting, int64_t ms)
{
    char text[UNITS_TEXT_MAX];
    struct str value = ms > 0 ? units_print_duration(ms, text) : STR("none");

    return pool_printf(req->pool, "%s is %.*s", setting, STR_ARG(value));
}

struct str fault_size(struct request *req, const char *setting, uint64_t bytes)
{
    char text[UNITS_TEXT_MAX];
    struct str value = units_print_size(bytes, text);

    return pool_printf(req->pool, "%s is %.*s", setting, STR_ARG(value));
}

struct str fault_count(struct request *req, const char *setting, uint64_t count)
{
    return pool_printf(req->pool, "%s is %llu", setting, (unsigned long long)count);
}

struct str fault_head(struct request *req, const struct h1_scan *scan)
{
    const struct h1_limits *limits = &req->listener->limits;

    if (scan->fields > limits->fields)
        return fault_count(req, "request_head.max_fields", limits->fields);
    return fault_size(req, "request_head.max_size", limits->head);
}

struct str fault_errno(struct request *req, int error)
{
    return pool_printf(req->pool, "%s (errno %d)", strerror(error), error);
}

/* reply.c: see reply.h. */
#include "core/reply.h"

#include "core/worker.h"
#include "http/accept.h"
#include "http/status.h"

#define REPLY_FIELDS 16

static void add(struct message *head, struct str name, struct str value)
{
    /* A list of its own with room for all that is added here. */
    if (value.len > 0 && header_add(&head->headers, name, value) < 0)
        head->headers.cap = head->headers.count;
}

static void start_head(struct request *req, struct message *head, unsigned status)
{
    *head = (struct message){.status = status, .reason = status_reason(status)};
    header_list_init(&head->headers, req->pool, REPLY_FIELDS + 32);
}

static void send_reply(struct request *req, struct message *head, struct str body)
{
    struct frame frame = {.kind = FRAME_LENGTH, .length = body.len};

    (void)!request_send_head(req, head, &frame, body, true);
}

static struct str number(struct request *req, unsigned n)
{
    return pool_printf(req->pool, "%u", n);
}

/* ---- the page ---- */

static bool prefers_json(const struct request *req)
{
    const struct header *accept = header_find(&req->head.headers, HEADER_ACCEPT);
    struct str field = accept ? accept->value : STR_NONE;

    return accept && accept_type(field, STR("application/json")) > accept_type(field, STR("text/html"));
}

static struct str html_page(struct request *req, unsigned status)
{
    struct str reason = status_reason(status);

    return pool_printf(
        req->pool,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%u %.*s</title>\n"
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:15vh auto;padding:0 1em;"
        "color:#222;background:#fff}code{color:#666}@media(prefers-color-scheme:dark)"
        "{body{color:#ddd;background:#111}code{color:#999}}</style></head>\n"
        "<body><h1>%u %.*s</h1>\n<p><code>Request %.*s</code></p></body></html>\n",
        status, STR_ARG(reason), status, STR_ARG(reason), STR_ARG(request_id(req)));
}

static struct str json_page(struct request *req, unsigned status)
{
    struct str reason = status_reason(status);

    return pool_printf(req->pool, "{\"status\":%u,\"error\":\"%.*s\",\"request_id\":\"%.*s\"}\n", status,
                       STR_ARG(reason), STR_ARG(request_id(req)));
}

/* ---- the log line ---- */

/* "client A listener L "GET /x" -> 502 upstream U PEER: REASON (request ID)" */
static void log_failure(struct request *req, const struct reply_error *e)
{
    enum log_level level = e->status >= 500 ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO;
    char client[ADDR_TEXT_MAX], method[64], target[512];
    const struct upstream *upstream = req->route ? req->route->upstream : NULL;

    if (!log_is_on(req->worker->log, level))
        return;
    addr_print(&req->peer, client);
    log_write(req->worker->log, level,
              "client %s listener %.*s \"%.*s %.*s\" -> %u%s%.*s%s%.*s: %s%s%.*s (request %.*s)", client,
              STR_ARG(req->listener->text), STR_ARG(log_escape(req->head.method, method, sizeof(method))),
              STR_ARG(log_escape(req->head.target, target, sizeof(target))), e->status,
              upstream ? " upstream " : "", STR_ARG(upstream ? upstream->name : STR_NONE),
              req->upstream_addr.len > 0 ? " server " : "", STR_ARG(req->upstream_addr),
              e->reason ? e->reason : "no reason given", e->detail.len > 0 ? "; " : "", STR_ARG(e->detail),
              STR_ARG(request_id(req)));
}

/* ---- the replies ---- */

/* RFC 9209 2: who answered in the server's place, and why. */
static struct str proxy_status(struct request *req, const struct reply_error *e)
{
    if (!e->proxy_error)
        return STR_NONE;
    if (e->detail.len == 0)
        return pool_printf(req->pool, "weir; error=%s", e->proxy_error);
    return pool_printf(req->pool, "weir; error=%s; details=\"%.*s\"", e->proxy_error, STR_ARG(e->detail));
}

static void answer_error(struct request *req, const struct reply_error *e, struct str content_range)
{
    struct message head;
    bool json = prefers_json(req);

    req->fail_reason = e->reason;
    log_failure(req, e);
    if (req->head_sent) {
        req->out->abort(req, e->reason);
        return;
    }
    req->own_reply = true;
    start_head(req, &head, e->status);
    add(&head, STR("Content-Type"), json ? STR("application/json") : STR("text/html; charset=utf-8"));
    add(&head, STR("Cache-Control"), STR("no-store"));
    add(&head, STR("X-Request-Id"), request_id(req));
    add(&head, STR("Proxy-Status"), proxy_status(req, e));
    add(&head, STR("Allow"), e->allow);
    add(&head, STR("Content-Range"), content_range);
    if (e->retry_after_s > 0)
        add(&head, STR("Retry-After"), number(req, e->retry_after_s));
    send_reply(req, &head, json ? json_page(req, e->status) : html_page(req, e->status));
}

void reply_error(struct request *req, const struct reply_error *e)
{
    answer_error(req, e, STR_NONE);
}

void reply_unsatisfiable(struct request *req, struct str content_range)
{
    answer_error(req,
                 &(struct reply_error){.status = 416, .reason = "no range of the request lies in the file"},
                 content_range);
}

void reply_status(struct request *req, unsigned status, const char *reason)
{
    struct reply_error e = {.status = status, .reason = reason};

    reply_error(req, &e);
}

void reply_text(struct request *req, unsigned status, struct str type, struct str body)
{
    struct message head;

    req->own_reply = true;
    start_head(req, &head, status);
    add(&head, STR("Content-Type"), type);
    send_reply(req, &head, body);
}

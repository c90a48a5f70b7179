/* reply.c: see reply.h. */
#include "core/reply.h"

#include "core/log/fault.h"
#include "core/worker.h"
#include "http/accept.h"
#include "http/grpc.h"
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

    return pool_printf(req->pool,
                       "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<title>%u %.*s</title>\n"
                       "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;"
                       "margin:15vh auto;padding:0 1em;"
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

/* An unknown method, coding or version is the client's: who sends them must not fill a log of errors. */
static bool is_of_client(unsigned status)
{
    return status < 500 || status == 501 || status == 505;
}

static void log_failure(struct request *req, const struct reply_error *e)
{
    enum log_level level = !is_of_client(e->status) || e->own_fault ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO;
    char outcome[48];

    if (e->quiet)
        return;
    if (req->head_sent)
        snprintf(outcome, sizeof(outcome), " -> %u, cut short", req->response.status);
    else
        snprintf(outcome, sizeof(outcome), " -> %u", e->status);
    fault_log(req, level, outcome, "%s%s%.*s%s%.*s", e->reason ? e->reason : "no reason given",
              e->detail.len > 0 ? "; " : "", STR_ARG(e->detail), e->cause.len > 0 ? "; " : "",
              STR_ARG(e->cause));
}

/* ---- the replies ---- */

const char *reply_error_type(unsigned status)
{
    if (status == 401 || status == 403 || status == 429)
        return "http_request_denied";
    return is_of_client(status) ? "http_request_error" : "proxy_internal_error";
}

static const char *error_type(const struct reply_error *e)
{
    return e->proxy_error ? e->proxy_error : reply_error_type(e->status);
}

/* RFC 9209 2: who answered in the server's place, and why. */
static struct str proxy_status(struct request *req, const struct reply_error *e)
{
    if (e->detail.len == 0)
        return pool_printf(req->pool, "weir; error=%s", error_type(e));
    return pool_printf(req->pool, "weir; error=%s; details=\"%.*s\"", error_type(e), STR_ARG(e->detail));
}

/* An answer of trailers only: the status of HTTP is that of the transport, which worked. */
static void answer_grpc(struct request *req, const struct reply_error *e)
{
    bool timeout = e->status == 504 && str_eq(str_of(error_type(e)), STR("http_response_timeout"));
    struct frame frame = {.kind = FRAME_NONE};
    struct message head;

    req->grpc_status = number(req, grpc_status_of(e->status, timeout));
    start_head(req, &head, 200);
    add(&head, STR("Content-Type"), STR("application/grpc"));
    add(&head, STR("Grpc-Status"), req->grpc_status);
    add(&head, STR("Grpc-Message"), str_of(e->reason ? e->reason : "no reason given"));
    add(&head, STR("X-Request-Id"), request_id(req));
    add(&head, STR("Proxy-Status"), proxy_status(req, e));
    (void)!request_send_head(req, &head, &frame, STR_NONE, true);
}

/*
 * Time is up for a call whose answer has begun: its trailers say so, where a stream that is reset would be INTERNAL to the
 * client.  False: there can be none.
 */
static bool end_grpc(struct request *req, const struct reply_error *e)
{
    struct header_list trailers;

    if (e->status != 504 || !grpc_is_request(&req->head) || !grpc_is_request(&req->response) || !req->out->trailers ||
        header_find(&req->response.headers, HEADER_CONTENT_LENGTH) ||
        !header_has_token(&req->head.headers, HEADER_TE, STR("trailers")))
        return false;
    header_list_init(&trailers, req->pool, 2);
    req->grpc_status = number(req, grpc_status_of(504, true));
    if (header_add(&trailers, STR("grpc-status"), req->grpc_status) < 0 ||
        header_add(&trailers, STR("grpc-message"), str_of(e->reason)) < 0)
        return false;
    req->out->trailers(req, &trailers);
    (void)!req->out->body(req, STR_NONE, true);
    return true;
}

static void answer_error(struct request *req, const struct reply_error *e, struct str content_range)
{
    struct message head;
    bool json = prefers_json(req);

    req->fail_reason = e->reason;
    req->error = error_type(e);
    log_failure(req, e);
    if (req->head_sent) {
        if (!end_grpc(req, e))
            req->out->abort(req, e->reason);
        return;
    }
    req->own_reply = true;
    if (grpc_is_request(&req->head)) {
        answer_grpc(req, e);
        return;
    }
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
    struct reply_error e = {.status = 416, .reason = "no range of the request lies in the file"};

    answer_error(req, &e, content_range);
}

void reply_status(struct request *req, unsigned status, const char *reason)
{
    struct reply_error e = {.status = status, .reason = reason};

    reply_error(req, &e);
}

void reply_redirect(struct request *req, unsigned status, struct str to)
{
    struct message head;

    req->own_reply = true;
    start_head(req, &head, status);
    add(&head, STR("Location"), to);
    send_reply(req, &head, STR_NONE);
}

void reply_text(struct request *req, unsigned status, struct str type, struct str body)
{
    struct message head;

    req->own_reply = true;
    start_head(req, &head, status);
    add(&head, STR("Content-Type"), type);
    send_reply(req, &head, body);
}

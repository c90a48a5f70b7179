/* proxy_failure.c: answers that do not come to their end: what is told, logged and counted. */
#include <errno.h>

#include "core/log/fault.h"
#include "core/proxy/proxy_state.h"

/* What was seen of an answer that does not come to its end, and why it does not. */
static struct str cause_of_end(struct proxy *p, struct str why)
{
    struct request *req = p->req;
    struct uclient *c = &p->client;
    const char *semicolon = why.len > 0 ? "; " : "";

    switch (c->state) {
    case UCLIENT_HEAD:
        return why;
    case UCLIENT_LENGTH:
        return pool_printf(req->pool, "%.*s%s%llu of %llu bytes came", STR_ARG(why), semicolon,
                           (unsigned long long)(c->frame.length - c->left),
                           (unsigned long long)c->frame.length);
    default:
        return pool_printf(req->pool, "%.*s%s%llu bytes of the body came", STR_ARG(why), semicolon,
                           (unsigned long long)req->bytes_sent);
    }
}

/* That nobody says anything is no fault of either side. */
static void end_tunnel(struct proxy *p)
{
    static const char reason[] = "the tunnel was silent";
    struct str cause = fault_time(p->req, "timeouts.tunnel", p->read_timeout);

    p->req->error = "connection_read_timeout";
    fault_log(p->req, LOG_LEVEL_INFO, "", "%s; %.*s", reason, STR_ARG(cause));
    proxy_drop(p);
    p->req->out->abort(p->req, reason);
}

void proxy_timed_out(struct proxy *p)
{
    struct uclient *c = &p->client;
    struct reply_error error = {
        .status = 504,
        .proxy_error = "http_response_timeout",
        .reason = "the upstream's answer timed out",
    };

    if (c->connecting) {
        proxy_connect_failed(p, 0);
        return;
    }
    if (c->state == UCLIENT_TUNNEL) {
        end_tunnel(p);
        return;
    }
    /* While the client does not take the answer, the server is not to blame. */
    if (c->blocked) {
        proxy_set_deadline(p, p->read_timeout);
        return;
    }
    if (!upload_is_done(&c->upload) && !c->upload.stopped) {
        error.proxy_error = "connection_write_timeout";
        error.reason = "sending to the upstream timed out";
        error.cause = fault_time(p->req, "timeouts.send", p->req->route->timeouts.send);
    } else {
        error.cause = cause_of_end(p, fault_time(p->req, p->read_setting, p->read_timeout));
    }
    if (c->state == UCLIENT_HEAD)
        breaker_latency(p->state, proxy_now(p) - p->req->times.attempt, p->probe);
    proxy_attempt_failed(p, RETRY_TIMEOUT, &error, STR_NONE);
}

void proxy_client_failed(struct uclient *c, enum uclient_failure failure, const char *reason,
                         struct str cause)
{
    struct proxy *p = container_of(c, struct proxy, client);
    struct reply_error error = {.status = 502, .proxy_error = "http_protocol_error", .reason = reason};

    if ((failure == UCLIENT_ENDED && proxy_may_repeat(p)) ||
        (failure == UCLIENT_UNSEEN && !p->repeated && proxy_may_resend(p))) {
        proxy_repeat(p, STR_NONE);
        return;
    }
    if (failure == UCLIENT_ENDED || failure == UCLIENT_UNSEEN)
        error.proxy_error = "connection_terminated";
    else if (failure == UCLIENT_INCOMPLETE)
        error.proxy_error = "http_response_incomplete";
    else if (failure == UCLIENT_TOO_LARGE)
        error.proxy_error = "http_response_header_section_size";
    if (cause.len == 0 && c->error)
        cause = fault_errno(p->req, c->error);
    error.cause = failure == UCLIENT_TOO_LARGE ? cause : cause_of_end(p, cause);
    if (c->error == EPROTO)
        (void)proxy_tls_failed(p, &error);
    proxy_attempt_failed(p, failure == UCLIENT_UNSEEN ? RETRY_UNSEEN : RETRY_RESET, &error, STR_NONE);
}

void proxy_on_total(struct deadline *d)
{
    struct proxy *p = container_of(d, struct proxy, total);
    struct reply_error error = {
        .status = 504,
        .proxy_error = "http_response_timeout",
        .reason = "the exchange took too long",
    };

    if (queue_is_waiting(&p->waiter))
        error.reason = "the exchange took too long, waiting for a place at a server";
    error.cause = cause_of_end(p, fault_time(p->req, p->total_setting, p->total_timeout));
    if (p->client.state == UCLIENT_HEAD && upload_is_done(&p->client.upload)) {
        proxy_count_failure(p);
        proxy_judge(p, false, error.proxy_error);
    }
    proxy_give_up(p, &error);
}

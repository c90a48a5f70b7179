/* proxy_retry.c: an attempt that failed: what it means for its server, and whether another one follows. */
#include "core/log/fault.h"
#include "core/health/passive.h"
#include "core/proxy/proxy_state.h"
#include "core/var.h"

/* The attempt for the log: a list of each variable, as long as there are attempts. */
static void note_attempt(struct proxy *p)
{
    struct request *req = p->req;
    struct request_attempts *before = &req->before;
    int64_t ms = proxy_now(p) - req->times.attempt;
    char status[12] = "-";

    if (req->upstream_status > 0)
        snprintf(status, sizeof(status), "%u", req->upstream_status);
    before->addrs = pool_printf(req->pool, "%.*s%.*s, ", STR_ARG(before->addrs), STR_ARG(req->upstream_addr));
    before->statuses = pool_printf(req->pool, "%.*s%s, ", STR_ARG(before->statuses), status);
    before->durations = pool_printf(req->pool, "%.*s%lld.%03lld, ", STR_ARG(before->durations),
                                    (long long)(ms / 1000), (long long)(ms % 1000));
}

static void mark_tried(struct proxy *p)
{
    int *more = pool_alloc(p->req->pool, (p->tried_count + 1) * sizeof(*more));

    /* A list: there are at most retry.tries of them, however many servers there are. */
    if (p->tried_count > 0)
        memcpy(more, p->tried, p->tried_count * sizeof(*more));
    more[p->tried_count++] = p->index;
    p->tried = more;
}

/* Whether all that was sent can be sent once more, or nothing was. */
static bool is_intact(const struct proxy *p, enum retry_reason reason)
{
    if (reason == RETRY_UNSEEN)
        return proxy_may_resend(p);
    return reason == RETRY_CONNECT || p->repeatable || upload_is_untouched(&p->client.upload);
}

/* A failure to connect cost no server anything, so that it does not count in the budget. */
static bool is_allowed(struct proxy *p, enum retry_reason reason, unsigned status)
{
    const struct retry_conf *conf = &p->req->route->retry;

    if (!retry_is_on(conf, reason, status) || p->tries + 1 >= conf->tries || p->interim_sent ||
        p->req->head_sent || !is_intact(p, reason))
        return false;
    /* The body was let go, or the disk could not keep it. */
    if (reason != RETRY_CONNECT && p->client.upload.whole && !upload_is_kept(&p->client.upload))
        return false;
    return reason == RETRY_CONNECT || reason == RETRY_UNSEEN || p->retrying ||
           retry_is_in_budget(conf, p->state->active, p->state->breaker.retries);
}

/*
 * Another server; the same one again only where there is no other and it only ended the connection, as one
 * does that is started anew.
 */
static int take_next(struct proxy *p, enum retry_reason reason)
{
    int next = proxy_take_server(p, p->tried, p->tried_count);

    if (next < 0 && reason == RETRY_RESET)
        next = proxy_take_server(p, NULL, 0);
    return next;
}

/* The server of the next attempt, which counts as a retry; -1: there is none. */
static int next_server(struct proxy *p, enum retry_reason reason)
{
    bool was = p->retrying;
    int next;

    if (!was && !breaker_retry(p->state))
        return -1;
    p->retrying = true;
    next = take_next(p, reason);
    if (next >= 0)
        p->state->peers[next]->stats->retries++;
    else if (!was)
        proxy_retry_over(p);
    return next;
}

/* What was known of the attempt. */
static void forget(struct proxy *p, enum retry_reason reason, bool whole)
{
    struct uclient *c = &p->client;

    note_attempt(p);
    if (whole && c->uconn)
        c->transport->release(c, true);
    proxy_leave(p);
    deadline_stop(&p->patience);
    p->tries++;
    p->repeated = p->sendable = p->judged = p->own_fault = false;
    p->sent_at = 0;
    p->read_timeout = p->req->route->timeouts.read;
    p->read_setting = "timeouts.read";
    p->req->upstream_status = 0;
    /* What waits for a first connection is the body itself. */
    if (reason != RETRY_CONNECT || c->upload.whole)
        upload_restart(&c->upload);
}

/* Begins another attempt; false: there is none, and nothing was changed but p->tried. */
static bool retry(struct proxy *p, enum retry_reason reason, unsigned status, const struct reply_error *error,
                  struct str body)
{
    const char *semicolon = error->cause.len > 0 ? "; " : "";
    bool whole = p->answer_whole;
    int next;

    if (!is_allowed(p, reason, status))
        return false;
    mark_tried(p);
    next = next_server(p, reason);
    if (next < 0)
        return false;
    if (reason == RETRY_STATUS)
        proxy_count_failure(p);
    fault_log(p->req, LOG_LEVEL_WARN, "", "%s%s%.*s; %s is tried", error->reason, semicolon,
              STR_ARG(error->cause), next == p->index ? "the same server" : "another server");
    forget(p, reason, whole);
    proxy_attempt_at(p, next, body);
    return true;
}

void proxy_judge(struct proxy *p, bool well, const char *why)
{
    if (p->judged || !p->peer)
        return;
    p->judged = true;
    if (well)
        passive_success(p->peer);
    else
        passive_failure(p->peer, why);
}

void proxy_attempt_failed(struct proxy *p, enum retry_reason reason, struct reply_error *error,
                          struct str body)
{
    proxy_count_failure(p);
    if (!p->own_fault)
        proxy_judge(p, false, error->proxy_error);
    if (retry(p, reason, 0, error, body))
        return;
    proxy_give_up(p, error);
}

void proxy_give_up(struct proxy *p, struct reply_error *error)
{
    if (p->tries > 0)
        error->detail = pool_printf(p->req->pool, "%u attempts", p->tries + 1);
    proxy_end(p, error);
}

bool proxy_answer_refused(struct proxy *p, unsigned status, bool whole)
{
    struct reply_error error = {.status = 502, .reason = "the upstream answered with an error"};
    bool failure = passive_is_failure(p->state->conf, status);

    if (failure || retry_is_on(&p->req->route->retry, RETRY_STATUS, status))
        error.cause = pool_printf(p->req->pool, "status %u", status);
    if (failure)
        proxy_judge(p, false, error.cause.s);
    p->answer_whole = whole;
    if (!retry_is_on(&p->req->route->retry, RETRY_STATUS, status) ||
        !retry(p, RETRY_STATUS, status, &error, STR_NONE)) {
        /* The client gets it, but it is one of those for which a server is ejected. */
        if (failure)
            proxy_count_failure(p);
        p->answer_whole = false;
        return false;
    }
    p->answer_whole = false;
    return true;
}

void proxy_retry_over(struct proxy *p)
{
    if (p->retrying)
        breaker_retry_over(p->state);
    p->retrying = false;
}

/* The client may be the slow one: that is not its server's time. */
static bool waits_for_client(const struct proxy *p)
{
    const struct upload *u = &p->client.upload;

    return !u->last && !u->stopped && !upload_is_blocked(u);
}

void proxy_on_per_try(struct deadline *d)
{
    struct proxy *p = container_of(d, struct proxy, per_try);
    const struct retry_conf *conf = &p->req->route->retry;
    struct reply_error error = {
        .status = 504,
        .proxy_error = "http_response_timeout",
        .reason = "the attempt took too long",
    };
    bool connecting = p->client.uconn && p->client.connecting;

    if (!connecting && waits_for_client(p)) {
        proxy_start_per_try(p);
        return;
    }
    error.cause = fault_time(p->req, "retry.per_try", conf->per_try);
    if (connecting) {
        error.proxy_error = "connection_timeout";
        proxy_attempt_failed(p, RETRY_CONNECT, &error, STR_NONE);
        return;
    }
    breaker_latency(p->state, conf->per_try, p->probe);
    proxy_attempt_failed(p, RETRY_TIMEOUT, &error, STR_NONE);
}

void proxy_start_per_try(struct proxy *p)
{
    int64_t length = p->req->route->retry.per_try;

    if (length > 0)
        deadline_start(&p->req->worker->deadlines, &p->per_try, length, proxy_now(p));
}

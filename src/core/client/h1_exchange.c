/* h1_exchange.c: the life of an exchange: made with the first byte, kept for the next when it is over. */
#include "core/client/h1_output.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log/access_log.h"
#include "core/log/fault.h"
#include "core/client/conn_tls.h"
#include "core/client/h1_server.h"
#include "core/board/stats.h"

#define EXCHANGE_POOL_BYTES (16 * 1024)
/* Exchanges with their pools that a worker keeps for the next requests. */
#define EXCHANGE_SPARES 256

struct h1_exchange *h1_exchange_new(struct conn *c)
{
    struct worker *w = c->worker;
    struct request *spare = w->spare_requests;
    struct h1_exchange *ex;
    struct pool *pool;

    if (spare) {
        w->spare_requests = spare->next_spare;
        w->spare_count--;
        ex = h1_exchange_of(spare);
        pool = spare->pool;
    } else {
        ex = malloc(sizeof(*ex));
        if (!ex)
            return NULL;
        pool = pool_new(EXCHANGE_POOL_BYTES);
    }
    memset(ex, 0, sizeof(*ex));
    ex->conn = c;
    ex->pending.fd = -1;
    h1_scan_init(&ex->scan, pool);
    ex->request.pool = pool;
    ex->request.worker = w;
    ex->request.conn = c;
    ex->request.out = &h1_answer_out;
    ex->request.config = w->config;
    ex->request.listener = c->listener;
    conn_tls_tell(c, &ex->request);
    ex->request.peer = conn_peer(c);
    ex->request.client = ex->request.peer;
    ex->request.times.start = w->loop->clock.mono_ms;
    c->exchange = ex;
    return ex;
}

static void exchange_free(struct h1_exchange *ex)
{
    struct worker *w = ex->request.worker;

    h1_output_reset(ex);
    if (w->spare_count >= EXCHANGE_SPARES || pool_is_held(ex->request.pool)) {
        pool_free(ex->request.pool);
        free(ex);
        return;
    }
    pool_reset(ex->request.pool);
    ex->request.next_spare = w->spare_requests;
    w->spare_requests = &ex->request;
    w->spare_count++;
}

/* The exchange is over: counts and logs it.  The connection has none then. */
void h1_exchange_finish(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    struct request *req = &ex->request;
    struct worker *w = c->worker;

    c->exchange = NULL;
    c->served = true;
    c->phase = CONN_WORK;
    if (ex->head_done) {
        req->times.end = w->loop->clock.mono_ms;
        stats_request(w->stats, req, req->times.end - req->times.start);
        access_logs_write(w->access_logs, req);
    }
    exchange_free(ex);
}

/* That Weir itself ends an exchange, in both logs: nobody else knows of it. */
static void tell_cut(struct h1_exchange *ex, const struct worker_ending *ending, const char *reason)
{
    struct request *req = &ex->request;
    char outcome[48] = "";

    if (!req->error)
        req->error = ending->error;
    if (req->head_sent)
        snprintf(outcome, sizeof(outcome), " -> %u, cut short", req->response.status);
    /* A tunnel has no end of its own to come to. */
    fault_log(req, ex->is_tunnel ? LOG_LEVEL_INFO : ending->level, outcome, "%s; after %lld ms", reason,
              (long long)(req->worker->loop->clock.mono_ms - req->times.start));
}

/* The handler is told that there is no client any more, and the exchange is over. */
static void abandon(struct conn *c, const char *reason)
{
    struct h1_exchange *ex = c->exchange;
    bool complete = ex && ex->ended && !h1_output_is_pending(ex);

    if (ex && !complete && !ex->request.fail_reason)
        ex->request.fail_reason = reason;
    if (ex && ex->head_done && !complete && c->worker->ending)
        tell_cut(ex, c->worker->ending, reason);
    if (ex && ex->head_done && !ex->ended && ex->request.handler) {
        ex->ended = true;
        if (ex->request.handler->abort)
            ex->request.handler->abort(&ex->request, reason);
    }
    if (ex)
        h1_exchange_finish(c);
}

void h1_give_up(struct conn *c, const char *reason)
{
    if (c->freed)
        return;
    abandon(c, reason);
    conn_close(c);
}

void h1_take_leave(struct conn *c, const char *reason)
{
    if (c->freed || c->phase == CONN_LINGER)
        return;
    if (!c->exchange || !c->exchange->is_tunnel) {
        h1_give_up(c, reason);
        return;
    }
    h1_answer_say_goodbye(c->exchange);
    abandon(c, reason);
    conn_linger(c);
}

void h1_decide_keep_alive(struct h1_exchange *ex)
{
    const struct request *req = &ex->request;
    bool much_unread = !ex->in_done && req->frame.kind == FRAME_LENGTH && ex->in_left > H1_DRAIN_BYTES;

    if (ex->is_tunnel)
        return;
    if (req->must_close)
        ex->in_bad = true;
    if (req->must_close || ex->out_until_close || req->worker->draining ||
        (!ex->in_done && (ex->continue_due || much_unread)))
        ex->keep_alive = false;
}

bool h1_is_kept(const struct h1_exchange *ex)
{
    return ex->keep_alive && !ex->in_bad && !ex->is_tunnel;
}

void h1_drive_later(struct h1_exchange *ex)
{
    if (!ex->conn->driving)
        conn_go_on_later(ex->conn);
}

/* h1_server.c: see h1_server.h. */
#include "core/client/h1_server.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/log/fault.h"
#include "core/client/h1_output.h"

/* What one connection may do before others have their turn: requests or pieces of a body. */
#define STEPS_TURN 64

/* The answer is with the kernel.  False: the connection is over. */
static bool answered(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    bool keep = h1_is_kept(ex);
    bool plain_close = !ex->in_bad && ex->in_done && !ex->request.frame.keep_alive && c->held_len == 0;

    if (ex->broken) {
        h1_exchange_finish(c);
        conn_close(c);
        return false;
    }
    h1_exchange_finish(c);
    if (keep)
        return true;
    /* A client that asked for the end sends nothing more; others may have, and a reset would eat the answer. */
    if (plain_close)
        conn_end(c);
    else
        conn_linger(c);
    return false;
}

/* The handler waits for more of the body. */
static bool wants_body(const struct h1_exchange *ex)
{
    return !ex->in_done && ex->credit > 0 && !ex->ended;
}

/* Does one thing that can be done.  False: nothing can, or the connection is over. */
static bool step(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;

    if (!ex || !ex->head_done)
        return h1_read_head(c);
    if (ex->broken) {
        h1_give_up(c, ex->broken_reason ? ex->broken_reason : "client is gone");
        return false;
    }
    if (ex->ended && !h1_output_is_pending(ex)) {
        if (!ex->in_done && h1_may_drain(ex))
            return h1_read_body(c);
        if (!ex->in_done)
            ex->in_bad = true;
        return answered(c);
    }
    return wants_body(ex) && h1_read_body(c);
}

static void register_or_end(struct conn *c)
{
    if (conn_register(c) < 0)
        h1_give_up(c, "epoll refused the connection");
}

/* A time that an event alone must not renew: a client could stretch it by a byte now and then. */
static void phase_unless_in_it(struct conn *c, enum conn_phase phase, int64_t deadline_ms)
{
    if (c->phase != phase)
        conn_phase(c, phase, deadline_ms);
}

/* Nothing can be done now: says what is waited for. */
static void settle(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    const struct timeouts *t = &c->listener->timeouts;

    if (!ex) {
        int64_t idle = c->worker->draining && t->keepalive > CONN_DRAIN_IDLE_MS ? CONN_DRAIN_IDLE_MS : t->keepalive;

        /* Bytes of TLS that are no request yet do not renew it. */
        phase_unless_in_it(c, CONN_IDLE, c->served ? idle : t->client_header);
    } else if (!ex->head_done) {
        phase_unless_in_it(c, CONN_HEAD, t->client_header);
    } else {
        if (ex->request.route)
            t = &ex->request.route->timeouts;
        if (ex->is_tunnel)
            conn_phase(c, CONN_TUNNEL, t->tunnel);
        else if (h1_output_is_pending(ex) || ex->paused)
            phase_unless_in_it(c, CONN_SEND, t->client_send);
        else if (wants_body(ex) || ex->ended) {
            if (ex->waiting_since == 0)
                ex->waiting_since = c->worker->loop->clock.mono_ms;
            conn_phase(c, CONN_BODY, t->client_body);
        } else {
            c->phase = CONN_WORK;
            /* Not registered until it takes long, see h1_on_tick(). */
            if (!c->registered)
                return;
            if (c->closed_seen)
                conn_phase(c, CONN_WORK, CONN_HALF_CLOSED_MS);
            return;
        }
    }
    register_or_end(c);
}

/* The socket takes bytes again. */
static void resume_output(struct h1_exchange *ex)
{
    if (!h1_output_flush(ex))
        return;
    if (ex->paused && !ex->ended && !ex->broken) {
        ex->paused = false;
        if (ex->request.handler && ex->request.handler->resume)
            ex->request.handler->resume(&ex->request);
    }
}

/* Output that let others have their turn goes on. */
static void flush_yielded(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;

    if (!ex || !ex->yielded)
        return;
    ex->yielded = false;
    resume_output(ex);
}

static void h1_go_on(struct conn *c)
{
    if (c->freed || c->driving)
        return;
    c->driving = true;
    flush_yielded(c);
    for (unsigned steps = 0; !c->freed && step(c); steps++) {
        if (steps == STEPS_TURN) {
            conn_go_on_next_turn(c);
            break;
        }
    }
    c->driving = false;
    if (!c->freed && c->phase != CONN_LINGER)
        settle(c);
}

static void h1_begin(struct conn *c)
{
    c->phase = CONN_WORK;
    if (c->readable) {
        h1_go_on(c);
        return;
    }
    settle(c);
}

/* Whether a body comes too slowly (RFC 9110 15.5.9 leaves the measure to us). */
static bool is_slow(const struct h1_exchange *ex)
{
    return ex->waited > H1_BODY_GRACE_MS &&
           ex->request.bytes_received < (uint64_t)(ex->waited / 1000) * H1_BODY_RATE;
}

/* A reset comes without a word of its own: only the socket knows. */
static bool is_reset(struct conn *c)
{
    char byte;
    ssize_t n = recv(conn_fd(c), &byte, 1, MSG_PEEK);

    if (n == 0)
        c->closed_seen = true;
    return n < 0 && errno != EAGAIN && errno != EINTR;
}

static void h1_on_event(struct conn *c, bool writable)
{
    struct h1_exchange *ex = c->exchange;

    if (ex && ex->waiting_since > 0 && c->readable) {
        ex->waited += c->worker->loop->clock.mono_ms - ex->waiting_since;
        ex->waiting_since = 0;
    }
    if (c->phase == CONN_WORK && c->readable && !c->closed_seen && is_reset(c)) {
        h1_give_up(c, "client reset the connection");
        return;
    }
    if (ex && writable && (ex->paused || h1_output_is_pending(ex))) {
        c->driving = true;
        resume_output(ex);
        c->driving = false;
    }
    if (ex && !ex->ended && is_slow(ex))
        h1_body_failed(
            ex, 408, "the body comes too slowly",
            pool_printf(ex->request.pool, "%llu bytes came", (unsigned long long)ex->request.bytes_received));
    h1_go_on(c);
}

static struct str cause_of_body(struct h1_exchange *ex)
{
    struct request *req = &ex->request;
    const struct timeouts *t = req->route ? &req->route->timeouts : &req->listener->timeouts;
    struct str setting = fault_time(req, "timeouts.client_body", t->client_body);

    return pool_printf(req->pool, "%.*s; %llu bytes came", STR_ARG(setting), (unsigned long long)req->bytes_received);
}

/* The client has neither taken nor sent anything for too long. */
static void end_silent(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;
    bool tunnel = c->phase == CONN_TUNNEL;
    const char *reason = tunnel ? "the tunnel was silent" : "the client took nothing of its answer";

    /* The server's side of a tunnel may have told of the same moment. */
    if (ex && ex->head_done && !ex->broken && (tunnel || c->phase == CONN_SEND)) {
        struct request *req = &ex->request;
        const struct timeouts *t = req->route ? &req->route->timeouts : &c->listener->timeouts;
        struct str cause = tunnel ? fault_time(req, "timeouts.tunnel", t->tunnel)
                                  : fault_time(req, "timeouts.client_send", t->client_send);

        if (tunnel)
            req->error = "connection_read_timeout";
        fault_log(req, LOG_LEVEL_INFO, "", "%s; %.*s; %llu bytes were sent", reason, STR_ARG(cause),
                  (unsigned long long)req->bytes_sent);
    }
    h1_give_up(c, reason);
}

static void h1_on_deadline(struct conn *c)
{
    struct h1_exchange *ex = c->exchange;

    switch (c->phase) {
    case CONN_HEAD:
        if (ex) {
            c->driving = true;
            h1_refuse(
                ex, 408, "the head did not come in time",
                fault_time(&ex->request, "timeouts.client_header", c->listener->timeouts.client_header));
            c->driving = false;
            h1_go_on(c);
            return;
        }
        break;
    case CONN_BODY:
        if (ex && !ex->ended) {
            c->driving = true;
            h1_body_failed(ex, 408, "the body did not come in time", cause_of_body(ex));
            c->driving = false;
            h1_go_on(c);
            return;
        }
        break;
    case CONN_WORK:
        if (!c->closed_seen)
            return;
        h1_give_up(c, "client closed while its answer was awaited");
        return;
    default:
        break;
    }
    end_silent(c);
}

static void h1_on_tick(struct conn *c)
{
    const struct h1_exchange *ex = c->exchange;

    if (ex && c->worker->loop->clock.mono_ms - ex->request.times.start >= CONN_REGISTER_MS)
        register_or_end(c);
}

const struct conn_protocol h1_protocol = {
    .name = "HTTP/1",
    .begin = h1_begin,
    .on_event = h1_on_event,
    .on_deadline = h1_on_deadline,
    .go_on = h1_go_on,
    .on_tick = h1_on_tick,
    .give_up = h1_give_up,
    .take_leave = h1_take_leave,
};

/* h2_session.c: an HTTP/2 connection; see h2_session.h. */
#include "core/client/h2_session.h"

#include <errno.h>
#include <stdlib.h>

#include "core/board/stats.h"
#include "core/client/conn_io.h"
#include "core/client/h2_stream.h"

/* Reads of a connection before others have their turn: as much as its window. */
#define READS_TURN (H2_WINDOW_CONN / WORKER_BUFFER_BYTES)

static void log_end(struct h2_session *ses, enum log_level level, const char *what)
{
    struct conn *c = ses->conn;
    char text[ADDR_TEXT_MAX];
    struct addr peer = conn_peer(c);

    if (!log_is_on(c->worker->log, level))
        return;
    addr_print(&peer, text);
    log_write(c->worker->log, level, "client %s listener %.*s: the HTTP/2 connection ends: %s", text,
              STR_ARG(c->listener->text), what);
}

void h2_session_broken(struct h2_session *ses, const char *reason)
{
    if (ses->dead)
        return;
    ses->dead = true;
    ses->dead_reason = reason;
    h2_session_go_on(ses);
}

void h2_session_go_on(struct h2_session *ses)
{
    if (!ses->conn->driving)
        conn_go_on_later(ses->conn);
}

void h2_session_refuse(struct h2_session *ses, uint32_t error, const char *what)
{
    if (ses->refused || ses->dead)
        return;
    ses->refused = ses->leaving = true;
    ses->conn->worker->stats->h2_refused++;
    log_end(ses, error == NGHTTP2_ENHANCE_YOUR_CALM ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO, what);
    if (nghttp2_session_terminate_session(ses->ng, error) < 0)
        h2_session_broken(ses, "no memory for a goodbye");
    h2_session_go_on(ses);
}

void h2_session_calm(struct h2_session *ses, const char *what)
{
    char text[128];

    snprintf(text, sizeof(text), "too many %s", what);
    h2_session_refuse(ses, NGHTTP2_ENHANCE_YOUR_CALM, text);
}

/* ---- its end ---- */

static void abandon_all(struct h2_session *ses, const char *reason)
{
    while (!list_empty(&ses->streams))
        h2_stream_abandon(container_of(ses->streams.next, struct h2_stream, link), reason);
}

/* The connection has no session from now on. */
static void session_free(struct conn *c, const char *reason)
{
    struct h2_session *ses = c->h2;

    c->driving = true;
    abandon_all(ses, reason);
    c->driving = false;
    c->h2 = NULL;
    c->worker->stats->h2_connections--;
    deadline_stop(&ses->head);
    deadline_stop(&ses->drain);
    h2_output_free(ses);
    nghttp2_session_del(ses->ng);
    free(ses);
}

static void h2_give_up(struct conn *c, const char *reason)
{
    if (c->freed)
        return;
    if (c->h2)
        session_free(c, reason);
    conn_close(c);
}

/* What is made goes out, as far as the socket takes it at once. */
static void send_last(struct h2_session *ses)
{
    ses->out.turn = 0;
    h2_output_frame(ses);
    (void)h2_output_push(ses);
}

static void linger(struct conn *c, const char *reason)
{
    session_free(c, reason);
    conn_linger(c);
}

static void h2_take_leave(struct conn *c, const char *reason)
{
    struct h2_session *ses = c->h2;

    if (c->freed || !ses)
        return;
    c->driving = true;
    list_each_safe(link, &ses->streams)
        h2_stream_leave(container_of(link, struct h2_stream, link), reason);
    if (!ses->dead)
        (void)nghttp2_session_terminate_session(ses->ng, NGHTTP2_NO_ERROR);
    send_last(ses);
    c->driving = false;
    linger(c, reason);
}

/* ---- what comes next ---- */

/* Bytes of the client that are here.  False: the connection is over. */
static bool read_input(struct conn *c)
{
    struct h2_session *ses = c->h2;

    for (unsigned reads = 0; c->readable && !ses->dead && !ses->refused; reads++) {
        ssize_t n;

        if (reads == READS_TURN) {
            ses->out.yielded = true;
            break;
        }
        n = conn_recv(c, c->worker->receive, WORKER_BUFFER_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            c->readable = false;
            break;
        }
        if (n <= 0) {
            c->closed_seen = true;
            h2_session_broken(ses, n == 0 ? "client closed the connection" : "client reset the connection");
            return false;
        }
        h2_input_take(ses, c->worker->receive, (size_t)n);
        c->readable = n == WORKER_BUFFER_BYTES || c->closed_seen || conn_has_pending(c);
    }
    return true;
}

static void step_streams(struct h2_session *ses)
{
    while (!list_empty(&ses->due)) {
        struct h2_stream *s = container_of(ses->due.next, struct h2_stream, due);

        list_remove(&s->due);
        h2_stream_step(s);
    }
}

/* Whether the connection has said and heard all that it will. */
static bool is_over(struct h2_session *ses)
{
    if (ses->dead)
        return true;
    if (h2_output_is_pending(ses))
        return false;
    if (!nghttp2_session_want_read(ses->ng) && !nghttp2_session_want_write(ses->ng))
        return true;
    return ses->leaving && ses->stream_count == 0 && !nghttp2_session_want_write(ses->ng);
}

bool h2_session_is_blocked(const struct h2_session *ses)
{
    return h2_output_is_pending(ses) || ses->out.yielded ||
           (!ses->dead && nghttp2_session_get_remote_window_size(ses->ng) <= 0);
}

/* The whole of a head has its time, whatever else goes on meanwhile. */
static void watch_head(struct h2_session *ses)
{
    struct conn *c = ses->conn;
    const struct h2_stream *newest;

    if (ses->head_count == 0) {
        deadline_stop(&ses->head);
        return;
    }
    newest = container_of(ses->streams.prev, struct h2_stream, link);
    if (newest->id == ses->head_id)
        return;
    ses->head_id = newest->id;
    deadline_start(&c->worker->deadlines, &ses->head, c->listener->timeouts.client_header, h2_session_now(ses));
}

int64_t h2_session_blocked_ms(const struct h2_session *ses)
{
    int64_t now = ses->blocked_since > 0 ? h2_session_now(ses) - ses->blocked_since : 0;

    return ses->blocked_all_ms + now;
}

void h2_session_renew(struct h2_session *ses)
{
    ses->blocked_ms = 0;
    if (ses->blocked_since == 0)
        return;
    ses->blocked_all_ms = h2_session_blocked_ms(ses);
    ses->blocked_since = h2_session_now(ses);
    deadline_start(&ses->conn->worker->deadlines, &ses->conn->deadline, ses->stall_ms, ses->blocked_since);
}

/* The client takes nothing on the connection: what is left of its time for that runs, as it does in no other phase. */
static void begin_block(struct h2_session *ses)
{
    int64_t left;

    if (ses->blocked_since > 0)
        return;
    if (ses->held_count == 0)
        ses->stall_ms = H2_STALL_MS;
    left = ses->stall_ms - ses->blocked_ms;
    ses->blocked_since = h2_session_now(ses);
    conn_phase(ses->conn, CONN_SEND, left > 0 ? left : 1);
}

/* It goes on, but may have taken a byte: its time stands still, and begins anew only when nothing waits or enough was
 * taken. */
static void end_block(struct h2_session *ses)
{
    int64_t blocked = h2_session_blocked_ms(ses) - ses->blocked_all_ms;

    ses->blocked_ms = ses->held_count > 0 ? ses->blocked_ms + blocked : 0;
    ses->blocked_all_ms += blocked;
    ses->blocked_since = 0;
}

/* A time that an event alone must not renew. */
static void phase_unless_in_it(struct conn *c, enum conn_phase phase, int64_t deadline_ms)
{
    if (c->phase != phase)
        conn_phase(c, phase, deadline_ms);
}

/* Nothing can be done now: says what is waited for. */
static void settle(struct conn *c)
{
    struct h2_session *ses = c->h2;
    const struct timeouts *t = &c->listener->timeouts;
    bool blocked = h2_output_is_pending(ses) || (ses->held_count > 0 && h2_session_is_blocked(ses));

    watch_head(ses);
    if (!blocked)
        end_block(ses);
    if (blocked)
        begin_block(ses);
    else if (ses->stream_count == 0)
        phase_unless_in_it(c, CONN_IDLE, c->served ? t->keepalive : t->client_header);
    else if (ses->head_count > 0)
        phase_unless_in_it(c, CONN_HEAD, 0);
    else if (ses->tunnel_count == ses->stream_count)
        phase_unless_in_it(c, CONN_TUNNEL, 0);
    else
        phase_unless_in_it(c, CONN_WORK, 0);
    if (conn_register(c) < 0)
        h2_give_up(c, "epoll refused the connection");
}

static void finish(struct conn *c)
{
    struct h2_session *ses = c->h2;

    if (ses->dead && (ses->stream_count > 0 || !c->closed_seen))
        log_end(ses, LOG_LEVEL_INFO, ses->dead_reason);
    if (ses->dead && c->closed_seen)
        h2_give_up(c, ses->dead_reason);
    else
        linger(c, ses->dead ? ses->dead_reason : "the connection ended");
}

static void h2_go_on(struct conn *c)
{
    struct h2_session *ses = c->h2;

    if (c->freed || c->driving || !ses)
        return;
    c->driving = true;
    ses->out.turn = 0;
    ses->out.yielded = false;
    (void)read_input(c);
    do {
        step_streams(ses);
        h2_output_frame(ses);
    } while (!ses->dead && !list_empty(&ses->due));
    if (!ses->out.blocked && ses->out.len > 0)
        (void)h2_output_push(ses);
    if (!h2_output_is_pending(ses))
        h2_output_free(ses);
    c->driving = false;
    if (is_over(ses)) {
        finish(c);
        return;
    }
    settle(c);
    if (!c->freed && ses->out.yielded)
        conn_go_on_next_turn(c);
}

static void h2_on_event(struct conn *c, bool writable)
{
    struct h2_session *ses = c->h2;

    c->driving = true;
    if (writable && ses->out.blocked)
        (void)h2_output_push(ses);
    /* What servers are asked for goes out in this turn; what clients are told, at its end. */
    if (read_input(c))
        step_streams(ses);
    c->driving = false;
    conn_go_on_later(c);
}

/* ---- its beginning ---- */

static void on_notice_over(struct deadline *d)
{
    struct h2_session *ses = container_of(d, struct h2_session, drain);

    if (ses->dead || ses->leaving)
        return;
    ses->leaving = true;
    if (nghttp2_submit_goaway(ses->ng, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(ses->ng),
                              NGHTTP2_NO_ERROR, NULL, 0) < 0)
        h2_session_broken(ses, "no memory for a goodbye");
    h2_session_go_on(ses);
}

/* First that the connection will end, then, when all that was on its way is here, which requests are served. */
static void h2_drain(struct conn *c)
{
    struct h2_session *ses = c->h2;

    if (!ses || ses->noticed || ses->dead)
        return;
    ses->noticed = true;
    if (nghttp2_submit_shutdown_notice(ses->ng) < 0)
        h2_session_broken(ses, "no memory for a goodbye");
    deadline_start(&c->worker->deadlines, &ses->drain, H2_NOTICE_MS, h2_session_now(ses));
    h2_session_go_on(ses);
}

/* Says that it ends, and ends. */
static void end_late(struct conn *c, uint32_t error, const char *reason)
{
    struct h2_session *ses = c->h2;

    log_end(ses, LOG_LEVEL_INFO, reason);
    if (!ses->dead)
        (void)nghttp2_session_terminate_session(ses->ng, error);
    c->driving = true;
    abandon_all(ses, reason);
    send_last(ses);
    c->driving = false;
    linger(c, reason);
}

static void on_head_late(struct deadline *d)
{
    struct h2_session *ses = container_of(d, struct h2_session, head);

    end_late(ses->conn, NGHTTP2_NO_ERROR, "the head did not come in time");
}

static void h2_begin(struct conn *c)
{
    struct h2_session *ses = calloc(1, sizeof(*ses));

    c->h2 = ses;
    if (!ses) {
        conn_close(c);
        return;
    }
    ses->conn = c;
    c->worker->stats->h2_connections++;
    list_init(&ses->streams);
    list_init(&ses->due);
    deadline_init(&ses->head, on_head_late);
    deadline_init(&ses->drain, on_notice_over);
    h2_guard_init(&ses->guard);
    h2_memory_init(&ses->memory, c->worker);
    if (h2_input_begin(ses) < 0) {
        log_end(ses, LOG_LEVEL_CRIT, "no memory for it");
        h2_give_up(c, "no memory");
        return;
    }
    c->phase = CONN_HEAD;
    if (c->worker->draining)
        h2_drain(c);
    h2_go_on(c);
}

/* Nothing of what waits was taken. */
static void h2_on_deadline(struct conn *c)
{
    struct h2_session *ses = c->h2;

    if (!ses)
        return;
    c->worker->stats->h2_stalled += ses->held_count;
    end_late(c, NGHTTP2_ENHANCE_YOUR_CALM, "the client took nothing of its answers");
}

/* An idle connection that ends says so first. */
static void h2_goodbye(struct conn *c)
{
    struct h2_session *ses = c->h2;

    if (!ses)
        return;
    c->driving = true;
    if (!ses->dead)
        (void)nghttp2_session_terminate_session(ses->ng, NGHTTP2_NO_ERROR);
    send_last(ses);
    c->driving = false;
    session_free(c, "idle");
}

const struct conn_protocol h2_protocol = {
    .name = "HTTP/2",
    .begin = h2_begin,
    .on_event = h2_on_event,
    .on_deadline = h2_on_deadline,
    .go_on = h2_go_on,
    .give_up = h2_give_up,
    .take_leave = h2_take_leave,
    .drain = h2_drain,
    .goodbye = h2_goodbye,
};

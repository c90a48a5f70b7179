/* conn.c: see conn.h. */
#include "core/client/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/board/stats.h"
#include "core/client/conn_limit.h"
#include "core/client/conn_proxy.h"
#include "core/client/conn_tls.h"
#include "core/client/h1_server.h"
#include "core/client/h2_session.h"
#include "core/client/tcp_server.h"
#include "io/tls.h"

static void on_turn_over(struct loop_deferred *d)
{
    struct conn *c = container_of(d, struct conn, deferred);

    c->queued = false;
    if (c->freed) {
        free(c->held);
        free(c);
        return;
    }
    c->protocol->go_on(c);
}

void conn_go_on_later(struct conn *c)
{
    if (c->queued)
        return;
    c->queued = true;
    loop_defer(c->worker->loop, &c->deferred, on_turn_over);
}

void conn_close(struct conn *c)
{
    if (c->freed)
        return;
    c->freed = true;
    if (c->registered)
        event_del(&c->event);
    deadline_stop(&c->deadline);
    list_remove(&c->link);
    tls_free(c->tls);
    c->tls = NULL;
    close(conn_fd(c));
    conn_limit_give(c);
    c->worker->conn_count--;
    c->worker->stats->connections--;
    conn_go_on_later(c);
}

void conn_end(struct conn *c)
{
    if (!c->freed && c->protocol->goodbye)
        c->protocol->goodbye(c);
    if (!c->freed && c->tls)
        tls_goodbye(c->tls);
    conn_close(c);
}

/* Reads and drops; true when the connection is to be closed. */
static bool drop_input(struct conn *c)
{
    while (c->lingered < CONN_LINGER_BYTES) {
        ssize_t n = recv(conn_fd(c), c->worker->receive, WORKER_BUFFER_BYTES, 0);

        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
        if (n == 0)
            return true;
        c->lingered += (uint32_t)n;
    }
    return true;
}

void conn_linger(struct conn *c)
{
    if (c->freed)
        return;
    if (c->tls)
        tls_goodbye(c->tls);
    shutdown(conn_fd(c), SHUT_WR);
    conn_unhold(c, c->held_len);
    conn_phase(c, CONN_LINGER, CONN_LINGER_MS);
    if (drop_input(c) || conn_register(c) < 0)
        conn_close(c);
}

void conn_go_on_next_turn(struct conn *c)
{
    if (c->queued)
        return;
    c->queued = true;
    loop_next_turn(c->worker->loop, &c->deferred, on_turn_over);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    loop_event(c->worker->loop);
    if (what & EV_CLOSED)
        c->closed_seen = true;
    if (what & EV_READ)
        c->readable = true;
    if (c->phase == CONN_LINGER) {
        if (drop_input(c))
            conn_close(c);
        return;
    }
    c->protocol->on_event(c, what & EV_WRITE);
}

/* Closes an idle connection, unless a request has come that the loop has not told of yet. */
static void end_idle(struct conn *c)
{
    char byte;

    if (recv(conn_fd(c), &byte, 1, MSG_PEEK) > 0) {
        c->readable = true;
        c->phase = CONN_WORK;
        c->protocol->go_on(c);
        /* It was no request. */
        if (!c->freed && c->phase == CONN_IDLE)
            conn_end(c);
        return;
    }
    if (c->worker->draining) {
        if (c->protocol->goodbye)
            c->protocol->goodbye(c);
        conn_linger(c);
    } else {
        conn_end(c);
    }
}

static void on_deadline(struct deadline *d)
{
    struct conn *c = container_of(d, struct conn, deadline);

    if (c->phase == CONN_LINGER)
        conn_close(c);
    else if (c->phase == CONN_IDLE)
        end_idle(c);
    else
        c->protocol->on_deadline(c);
}

int conn_register(struct conn *c)
{
    if (c->freed)
        return -1;
    if (c->registered)
        return 0;
    if (event_add(&c->event, NULL) < 0) {
        log_write(c->worker->log, LOG_LEVEL_CRIT, "epoll refused a connection: %s", strerror(errno));
        return -1;
    }
    c->registered = true;
    list_remove(&c->link);
    list_append(&c->worker->conns, &c->link);
    return 0;
}

void conn_phase(struct conn *c, enum conn_phase phase, int64_t deadline_ms)
{
    int64_t now = c->worker->loop->clock.mono_ms;

    c->phase = (uint8_t)phase;
    /* A longer one that runs is left alone: when it passes, the phase decides. */
    if (deadline_ms > 0 && deadline_ms == c->deadline.length)
        deadline_renew(&c->deadline, now);
    else
        deadline_start(&c->worker->deadlines, &c->deadline, deadline_ms, now);
}

static void set_peer(struct conn *c, const struct sockaddr_storage *peer, socklen_t len)
{
    if (peer->ss_family == AF_INET && len >= sizeof(c->peer.in))
        memcpy(&c->peer.in, peer, sizeof(c->peer.in));
    else if (peer->ss_family == AF_INET6 && len >= sizeof(c->peer.in6))
        memcpy(&c->peer.in6, peer, sizeof(c->peer.in6));
    else
        c->peer.sa.sa_family = AF_UNSPEC;
}

void conn_set_peer(struct conn *c, const struct addr *address)
{
    set_peer(c, &address->storage, address->len);
}

struct addr conn_peer(const struct conn *c)
{
    switch (c->peer.sa.sa_family) {
    case AF_INET:
        return addr_of(&c->peer.sa, sizeof(c->peer.in));
    case AF_INET6:
        return addr_of(&c->peer.sa, sizeof(c->peer.in6));
    default: {
        struct sockaddr_un un = {.sun_family = AF_UNIX};

        return addr_of((const struct sockaddr *)&un, sizeof(un.sun_family));
    }
    }
}

void conn_accept(struct worker *w, const struct listener_conf *listener, int fd,
                 const struct sockaddr_storage *peer, socklen_t peer_len, bool has_data)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c || event_assign(&c->event, w->loop->base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                           on_event, c) < 0) {
        log_write(w->log, LOG_LEVEL_CRIT, "no memory for a connection");
        free(c);
        close(fd);
        return;
    }
    c->worker = w;
    c->listener = listener;
    set_peer(c, peer, peer_len);
    list_init(&c->link);
    list_append(&w->fresh_conns, &c->link);
    deadline_init(&c->deadline, on_deadline);
    w->conn_count++;
    w->stats->connections++;
    w->stats->accepted++;
    c->readable = has_data;
    conn_next_protocol(c, listener->proxy_protocol ? &conn_proxy_protocol : conn_first_protocol(listener));
}

const struct conn_protocol *conn_first_protocol(const struct listener_conf *listener)
{
    if (listener->tcp)
        return &tcp_protocol;
    if (listener->tls)
        return &conn_tls_protocol;
    return listener->http2 ? &h2_detect_protocol : &h1_protocol;
}

void conn_next_protocol(struct conn *c, const struct conn_protocol *protocol)
{
    c->protocol = protocol;
    protocol->begin(c);
}

void conn_give_up(struct conn *c, const char *reason)
{
    if (!c->freed)
        c->protocol->give_up(c, reason);
}

void conn_take_leave(struct conn *c, const char *reason)
{
    if (!c->freed && c->phase != CONN_LINGER)
        c->protocol->take_leave(c, reason);
}

void conn_on_tick(struct conn *c)
{
    if (!c->freed && c->protocol->on_tick)
        c->protocol->on_tick(c);
}

int conn_hold(struct conn *c, struct str bytes)
{
    char *room = conn_hold_room(c, bytes.len);

    if (!room)
        return -1;
    memcpy(room, bytes.s, bytes.len);
    c->held_len += (uint32_t)bytes.len;
    return 0;
}

void conn_unhold(struct conn *c, size_t n)
{
    c->held_at += (uint32_t)n;
    c->held_len -= (uint32_t)n;
    if (c->held_len == 0) {
        free(c->held);
        c->held = NULL;
        c->held_at = c->held_room = 0;
    }
}

char *conn_hold_room(struct conn *c, size_t n)
{
    if (c->held_at > 0) {
        memmove(c->held, c->held + c->held_at, c->held_len);
        c->held_at = 0;
    }
    if (c->held_room - c->held_len < n) {
        size_t room = c->held_len + n;
        char *grown = realloc(c->held, room);

        if (!grown)
            return NULL;
        c->held = grown;
        c->held_room = (uint32_t)room;
    }
    return c->held + c->held_len;
}

void conn_drain(struct conn *c)
{
    int64_t grace = c->listener->timeouts.keepalive;

    if (c->protocol->drain) {
        c->protocol->drain(c);
        return;
    }
    if (c->phase != CONN_IDLE)
        return;
    if (grace == 0 || grace > CONN_DRAIN_IDLE_MS)
        grace = CONN_DRAIN_IDLE_MS;
    conn_phase(c, CONN_IDLE, grace);
}

void conn_hurry(struct conn *c)
{
    if (c->phase == CONN_IDLE)
        end_idle(c);
    else if (c->phase == CONN_TUNNEL)
        conn_take_leave(c, "too many younger generations");
}

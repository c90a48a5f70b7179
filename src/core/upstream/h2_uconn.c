/* h2_uconn.c: see h2_uconn.h. */
#include "core/upstream/h2_uconn.h"

#include <errno.h>
#include <stdlib.h>

#include "core/upstream/h2_uconn_session.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"

/* Reads of the worker's buffer before others have a turn. */
#define READS_TURN 32

static int64_t now_ms(const struct h2_uconn *h)
{
    return h->worker->loop->clock.mono_ms;
}

/* ---- the end ---- */

static void h2_uconn_free(struct loop_deferred *d)
{
    struct h2_uconn *h = container_of(d, struct h2_uconn, deferred);

    nghttp2_session_del(h->session);
    free(h->rest);
    free(h);
}

static void h2_uconn_close(struct h2_uconn *h)
{
    if (h->closed)
        return;
    h->closed = h->over = true;
    list_remove(&h->link);
    uconn_close(h->uconn);
    if (!h->queued)
        loop_defer(h->worker->loop, &h->deferred, h2_uconn_free);
}

/* Nothing more comes: every request is told. */
static void h2_uconn_end(struct h2_uconn *h, enum uclient_failure failure, const char *reason, int error)
{
    h->leaving = h->over = true;
    while (!list_empty(&h->clients))
        h2_client_cut(container_of(h->clients.next, struct h2_client, link), failure, reason, error);
    h2_uconn_close(h);
}

/* ---- the end of a turn ---- */

static bool may_idle(const struct h2_uconn *h)
{
    const struct upstream *conf = h->peer->upstream->conf;
    unsigned idle = 0;

    if (h->leaving || h->worker->draining || h->peer->status == PEER_GONE)
        return false;
    list_each(l, &h->peer->shared_uconns)
        idle += container_of(l, struct h2_uconn, link)->count == 0;
    return idle <= conf->keepalive_idle;
}

/* Nobody uses it: it waits for the next request, or says goodbye. */
static void rest(struct h2_uconn *h)
{
    if (h->idle)
        return;
    if (may_idle(h)) {
        h->idle = true;
        /* Until its SETTINGS have come their time runs on. */
        if (h->settled)
            deadline_start(&h->worker->deadlines, &h->uconn->deadline, h->peer->idle_max, now_ms(h));
        return;
    }
    (void)nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
    h2_uconn_pump(h);
    h2_uconn_close(h);
}

static void run_woken(struct h2_uconn *h)
{
    while (!list_empty(&h->woken)) {
        struct h2_client *c = container_of(h->woken.next, struct h2_client, woken_link);

        list_remove(&c->woken_link);
        h2_client_do(c);
    }
}

static void h2_uconn_settle(struct loop_deferred *d)
{
    struct h2_uconn *h = container_of(d, struct h2_uconn, deferred);

    h->queued = false;
    if (h->closed) {
        h2_uconn_free(d);
        return;
    }
    if (!h->session)
        return;
    h2_uconn_pump(h);
    run_woken(h);
    if (h->why || (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session)))
        h2_uconn_end(h, UCLIENT_MALFORMED, h->why ? h->why : "upstream broke the rules of HTTP/2", 0);
    else if (h->count == 0 && !h->queued)
        rest(h);
}

void h2_uconn_later(struct h2_uconn *h)
{
    if (h->queued || h->closed)
        return;
    h->queued = true;
    loop_defer(h->worker->loop, &h->deferred, h2_uconn_settle);
}

void h2_uconn_wake(struct h2_uconn *h, struct h2_client *c)
{
    if (list_empty(&c->woken_link))
        list_append(&h->woken, &c->woken_link);
    h2_uconn_later(h);
}

/* ---- events ---- */

/* What came of bodies and heads in one piece goes on together. */
static void pass_all(struct h2_uconn *h)
{
    while (!list_empty(&h->fresh)) {
        struct h2_client *c = container_of(h->fresh.next, struct h2_client, fresh_link);

        list_remove(&c->fresh_link);
        h2_client_pass(c);
    }
}

static void take_end(struct h2_uconn *h, int error)
{
    const char *reason = error                         ? "upstream reset the connection"
                         : h->answered || h->settled ? "upstream closed the connection"
                                                       : "upstream ended the connection without a word of HTTP/2";

    h2_uconn_end(h, UCLIENT_ENDED, reason, error);
}

/* The server floods, or sends where it may not: the connection ends with this turn. */
static void refuse(struct h2_uconn *h, const char *why)
{
    const struct upstream *u = h->peer->upstream->conf;

    if (!h->why)
        h->why = why;
    h->leaving = true;
    log_write(h->worker->log, LOG_LEVEL_NOTICE, "upstream %.*s server %.*s: the HTTP/2 connection ends: %s",
              STR_ARG(u->name), STR_ARG(h->peer->conf->name), why);
    (void)nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_uconn_later(h);
}

static void on_readable(struct h2_uconn *h)
{
    char *buffer = h->worker->receive;

    for (unsigned reads = 0; reads < READS_TURN; reads++) {
        const char *bad;
        ssize_t n, taken;

        n = uconn_recv(h->uconn, buffer, WORKER_BUFFER_BYTES);
        if (n < 0 && errno == EAGAIN && h->error == 0) {
            h->uconn->readable = false;
            h2_uconn_later(h);
            return;
        }
        if (n <= 0) {
            take_end(h, h->error ? h->error : n < 0 ? errno : 0);
            return;
        }
        h->read_at = now_ms(h);
        h->ping_at = 0;
        bad = h2_uconn_look(h, (struct str){buffer, (size_t)n});
        taken = nghttp2_session_mem_recv(h->session, (const uint8_t *)buffer, (size_t)n);
        pass_all(h);
        if (taken < 0) {
            h2_uconn_end(h, UCLIENT_MALFORMED, bad ? bad : nghttp2_strerror((int)taken), 0);
            return;
        }
        if (bad) {
            refuse(h, bad);
            return;
        }
    }
    uconn_again(h->uconn);
    h2_uconn_later(h);
}

static struct h2_client *next_waiting(struct h2_uconn *h)
{
    list_each(l, &h->clients) {
        struct h2_client *c = container_of(l, struct h2_client, link);

        if (c->base.connecting)
            return c;
    }
    return NULL;
}

static void on_failed(struct h2_uconn *h, int error)
{
    h->leaving = true;
    while (!list_empty(&h->clients))
        h2_client_unconnected(container_of(h->clients.next, struct h2_client, link), error);
    h2_uconn_close(h);
}

static void on_connected(struct h2_uconn *h)
{
    struct uconn *u = h->uconn;
    struct h2_client *c;

    if (u->tls && !u->alpn_h2) {
        on_failed(h, ENOPROTOOPT);
        return;
    }
    h->session = h2_uconn_session_new(h);
    deadline_start(&h->worker->deadlines, &u->deadline, h->timeout_ms, now_ms(h));
    h2_uconn_later(h);
    while ((c = next_waiting(h)))
        h2_client_connected(c);
    /* Its first word may have come with the event that told of the connection. */
    if (u->readable)
        uconn_again(u);
}

static void on_timeout(struct h2_uconn *h)
{
    if (!h->session)
        on_failed(h, 0);
    else if (h->count > 0)
        h2_uconn_end(h, UCLIENT_ENDED, "upstream sent no SETTINGS", 0);
    else
        h2_uconn_close(h);
}

static void on_event(struct uconn *u, enum uconn_event event)
{
    struct h2_uconn *h = u->user;

    switch (event) {
    case UCONN_CONNECTED:
        on_connected(h);
        break;
    case UCONN_FAILED:
        on_failed(h, u->error);
        break;
    case UCONN_READY:
        if (u->writable)
            h2_uconn_later(h);
        u->writable = false;
        if (u->readable)
            on_readable(h);
        break;
    case UCONN_TIMEOUT:
        on_timeout(h);
        break;
    }
}

/* ---- choosing ---- */

static bool is_closed(const struct h2_uconn *h)
{
    char byte;

    return h->uconn->closed || recv(h->uconn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The other side may have vanished without a word. */
static bool is_dead(const struct h2_uconn *h)
{
    return h->ping_at > 0 && now_ms(h) - h->ping_at > H2_UCONN_PING_MS;
}

static bool has_room(const struct h2_uconn *h)
{
    if (h->leaving || h->count >= h->limit || is_dead(h))
        return false;
    return !h->session || (nghttp2_session_check_request_allowed(h->session) &&
                           nghttp2_session_get_outbound_queue_size(h->session) < H2_UCONN_QUEUE);
}

struct h2_uconn *h2_uconn_find(struct peer_state *peer, bool probe)
{
    list_each_safe(l, &peer->shared_uconns) {
        struct h2_uconn *h = container_of(l, struct h2_uconn, link);

        if (is_dead(h)) {
            h->leaving = true;
            if (h->count == 0)
                h2_uconn_close(h);
            continue;
        }
        if (!h->session || !has_room(h))
            continue;
        if (!probe || h->count > 0 || !is_closed(h))
            return h;
        h2_uconn_close(h);
    }
    return NULL;
}

static struct h2_uconn *on_its_way(struct peer_state *peer)
{
    list_each(l, &peer->shared_uconns) {
        struct h2_uconn *h = container_of(l, struct h2_uconn, link);

        if (!h->session && has_room(h))
            return h;
    }
    return NULL;
}

/* The server has said that it takes no requests (SETTINGS_MAX_CONCURRENT_STREAMS is 0): another connection would be told
 * the same, so that as long as this one stands, and says nothing else, none is made. */
static bool takes_none(struct peer_state *peer)
{
    list_each(l, &peer->shared_uconns) {
        const struct h2_uconn *h = container_of(l, struct h2_uconn, link);

        if (h->settled && h->limit == 0 && !h->leaving && !h->uconn->closed)
            return true;
    }
    return false;
}

struct h2_uconn *h2_uconn_connect(struct peer_state *peer, int64_t timeout_ms)
{
    struct h2_uconn *h = on_its_way(peer);

    if (h)
        return h;
    if (takes_none(peer)) {
        errno = EBUSY;
        return NULL;
    }
    h = calloc(1, sizeof(*h));
    if (!h) {
        errno = ENOMEM;
        return NULL;
    }
    h->uconn = uconn_connect(peer, timeout_ms, NULL, h, on_event);
    if (!h->uconn) {
        free(h);
        return NULL;
    }
    h->peer = peer;
    h->worker = peer->upstream->worker;
    h->limit = H2_UCONN_STREAMS_FIRST;
    h->timeout_ms = timeout_ms;
    list_init(&h->clients);
    list_init(&h->woken);
    list_init(&h->fresh);
    list_init(&h->link);
    list_append(&peer->shared_uconns, &h->link);
    if (h->uconn->state == UCONN_BUSY)
        on_connected(h);
    return h;
}

void h2_uconn_join(struct h2_uconn *h, struct h2_client *c)
{
    uint64_t most = h->peer->upstream->conf->keepalive_requests;

    list_append(&h->clients, &c->link);
    h->count++;
    h->begun++;
    if (most > 0 && h->begun >= most)
        h->leaving = true;
    if (h->idle)
        deadline_stop(&h->uconn->deadline);
    h->idle = false;
}

/* Nothing has come for long: is it alive? */
static void ask(struct h2_uconn *h, const struct h2_client *c)
{
    int64_t now = now_ms(h);

    if (c->base.begun || h->ping_at > 0 || c->sent_at == 0 || h->read_at > c->sent_at ||
        now - c->sent_at < H2_UCONN_SILENT_MS)
        return;
    h->ping_at = now;
    (void)nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
}

void h2_uconn_part(struct h2_uconn *h, struct h2_client *c, uint32_t code)
{
    list_remove(&c->link);
    list_remove(&c->woken_link);
    list_remove(&c->fresh_link);
    h->count--;
    if (c->stream > 0 && !h->over) {
        ask(h, c);
        (void)nghttp2_session_set_stream_user_data(h->session, c->stream, NULL);
        h2_watch_left(&h->watch, H2_UCONN_WINDOW, H2_UCONN_STRAY_MAX);
        if (code != H2_CLIENT_OVER && !c->closed && nghttp2_session_find_stream(h->session, c->stream))
            (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, c->stream, code);
    }
    h2_uconn_later(h);
}

void h2_uconns_close_idle(struct peer_state *peer)
{
    list_each_safe(l, &peer->shared_uconns) {
        struct h2_uconn *h = container_of(l, struct h2_uconn, link);

        h->leaving = true;
        if (h->count == 0)
            h2_uconn_close(h);
    }
}

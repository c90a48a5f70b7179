/* uconn.c: see uconn.h. */
#include "core/upstream/uconn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/tls/tls_client.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"
#include "http/proxy_proto.h"
#include "io/transparent.h"

static int64_t now_ms(const struct uconn *u)
{
    return u->worker->loop->clock.mono_ms;
}

static void uconn_free(struct loop_deferred *d)
{
    struct uconn *u = container_of(d, struct uconn, deferred);

    free(u->client);
    free(u->partial);
    free(u);
}

void uconn_close(struct uconn *u)
{
    if (u->state == UCONN_CLOSED)
        return;
    if (u->state == UCONN_IDLE)
        u->peer->idle_count--;
    u->state = UCONN_CLOSED;
    u->peer->uconn_count--;
    deadline_stop(&u->deadline);
    list_remove(&u->link);
    list_remove(&u->all_link);
    event_del(&u->event);
    if (u->tls)
        tls_goodbye(u->tls);
    tls_free(u->tls);
    u->tls = NULL;
    close(u->fd);
    u->fd = -1;
    if (!u->queued)
        loop_defer(u->worker->loop, &u->deferred, uconn_free);
}

/* The header goes before anything else, and always fits in the buffer of a new socket. */
static int tell_client(const struct uconn *u)
{
    char header[PROXY_PROTO_WRITTEN_MAX];
    size_t len = proxy_proto_write(u->peer->conf->proxy_protocol, &u->client->source, &u->client->destination, header);
    ssize_t n = send(u->fd, header, len, MSG_NOSIGNAL);

    if (n == (ssize_t)len)
        return 0;
    return n < 0 ? errno : EIO;
}

static int begin_tls(struct uconn *u)
{
    const struct peer_conf *conf = u->peer->conf;

    if (!u->peer->tls_sessions)
        u->peer->tls_sessions = tls_sessions_new();
    u->tls = tls_client_new(conf->tls, &conf->address,
                            conf->http2 ? TLS_CLIENT_H2 : TLS_CLIENT_HTTP1, u->fd, u->worker->tls_scratch,
                            u->peer->tls_sessions);
    return u->tls ? 0 : ENOMEM;
}

/* The connection is there, or is not: errno. */
static int begin(struct uconn *u)
{
    socklen_t len = sizeof(u->error);
    int error = 0;

    if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (!error && u->peer->conf->proxy_protocol)
        error = tell_client(u);
    if (!error && u->peer->conf->tls)
        error = begin_tls(u);
    return error;
}

/* False: it is not complete yet. */
static bool go_on_with_tls(struct uconn *u)
{
    struct process_stats *stats = u->worker->stats;

    if (uconn_flush(u) < 0 && errno != EAGAIN) {
        u->error = errno;
        return true;
    }
    switch (tls_handshake(u->tls)) {
    case TLS_DONE:
        u->alpn_h2 = tls_client_is_h2(u->tls);
        stats->upstream_handshakes++;
        stats->upstream_resumed += tls_client_is_resumed(u->tls);
        return true;
    case TLS_FAILED:
        stats->upstream_handshakes_failed++;
        u->error = EPROTO;
        return true;
    default:
        return false;
    }
}

static void uconn_go_on(struct uconn *u)
{
    if (!u->tls)
        u->error = begin(u);
    if (!u->error && u->tls && !go_on_with_tls(u))
        return;
    if (u->error) {
        u->on_event(u, UCONN_FAILED);
        return;
    }
    u->state = UCONN_BUSY;
    deadline_stop(&u->deadline);
    u->on_event(u, UCONN_CONNECTED);
}

/*
 * Nothing to read and not closed: the only state in which a connection may serve again.  Records of TLS may come that
 * are nobody's answer, such as tickets.
 */
static bool uconn_is_quiet(struct uconn *u)
{
    char byte;
    ssize_t n;

    if (u->tls)
        return !uconn_has_pending(u) && uconn_recv(u, &byte, 1) < 0 && errno == EAGAIN;
    do
        n = recv(u->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 && errno == EAGAIN;
}

static void uconn_on_event(evutil_socket_t fd WEIR_UNUSED, short what, void *arg)
{
    struct uconn *u = arg;

    loop_event(u->worker->loop);
    if (what & EV_CLOSED)
        u->closed = true;
    if (what & (EV_READ | EV_CLOSED))
        u->readable = true;
    if (what & EV_WRITE)
        u->writable = true;
    switch (u->state) {
    case UCONN_CONNECTING:
        uconn_go_on(u);
        break;
    case UCONN_BUSY:
        u->on_event(u, UCONN_READY);
        break;
    case UCONN_IDLE:
        /* It may be the late word of bytes that were read already. */
        u->readable = false;
        if (u->closed || !uconn_is_quiet(u))
            uconn_close(u);
        break;
    case UCONN_CLOSED:
        break;
    }
}

static void uconn_on_deadline(struct deadline *d)
{
    struct uconn *u = container_of(d, struct uconn, deadline);

    if (u->state == UCONN_IDLE)
        uconn_close(u);
    else
        u->on_event(u, UCONN_TIMEOUT);
}

static int uconn_socket(const struct addr *to)
{
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd >= 0 && to->sa.sa_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int uconn_begin(int fd, const struct peer_conf *peer, const struct uconn_client *client)
{
    if (peer->transparent && client && transparent_bind(fd, &peer->address, &client->source) < 0)
        return -1;
    return connect(fd, &peer->address.sa, peer->address.len);
}

static struct uconn *uconn_new(struct peer_state *peer, int fd)
{
    struct worker *worker = peer->upstream->worker;
    struct uconn *u = calloc(1, sizeof(*u));

    if (!u)
        return NULL;
    u->worker = worker;
    u->peer = peer;
    u->fd = fd;
    list_init(&u->link);
    list_init(&u->all_link);
    deadline_init(&u->deadline, uconn_on_deadline);
    if (event_assign(&u->event, worker->loop->base, fd,
                     EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, uconn_on_event, u) < 0 ||
        event_add(&u->event, NULL) < 0) {
        free(u);
        errno = ENOMEM;
        return NULL;
    }
    list_append(&worker->upstreams->uconns, &u->all_link);
    peer->uconn_count++;
    return u;
}

/* False: no memory. */
static bool set_client(struct uconn *u, const struct uconn_client *client)
{
    u->client = client ? malloc(sizeof(*client)) : NULL;
    if (u->client)
        *u->client = *client;
    return u->client || !client;
}

struct uconn *uconn_connect(struct peer_state *peer, int64_t timeout_ms, const struct uconn_client *client, void *user,
                            void (*on_event)(struct uconn *, enum uconn_event))
{
    int fd = uconn_socket(&peer->conf->address);
    struct uconn *u = NULL;
    bool waits;

    if (fd < 0)
        return NULL;
    /* Registered only now: epoll would report a socket that was never connected as hung up. */
    waits = uconn_begin(fd, peer->conf, client) < 0;
    if (!waits || errno == EINPROGRESS)
        u = uconn_new(peer, fd);
    if (u && !set_client(u, client)) {
        uconn_close(u);
        errno = ENOMEM;
        return NULL;
    }
    /* Where more is to be said first, the event goes on. */
    waits = waits || peer->conf->proxy_protocol || peer->conf->tls;
    if (!u) {
        int error = errno;

        close(fd);
        errno = error;
        return NULL;
    }
    peer->upstream->worker->stats->upstream_connects++;
    u->user = user;
    u->on_event = on_event;
    u->requests = 1;
    u->state = waits ? UCONN_CONNECTING : UCONN_BUSY;
    if (waits)
        deadline_start(&u->worker->deadlines, &u->deadline, timeout_ms, now_ms(u));
    return u;
}

static bool is_for(const struct uconn *u, const struct uconn_client *client)
{
    if (!client || !u->client)
        return !client;
    /* Another connection of the same client may have it: the server has seen no more than the address. */
    if (!u->peer->conf->proxy_protocol)
        return addr_same_ip(&u->client->source, &client->source);
    return addr_eq(&u->client->source, &client->source) && addr_eq(&u->client->destination, &client->destination);
}

static struct uconn *newest_for(struct peer_state *peer, const struct uconn_client *client)
{
    list_each (link, &peer->idle) {
        struct uconn *u = container_of(link, struct uconn, link);

        if (is_for(u, client))
            return u;
    }
    return NULL;
}

struct uconn *uconn_take(struct peer_state *peer, const struct uconn_client *client, bool probe, void *user,
                         void (*on_event)(struct uconn *, enum uconn_event))
{
    struct uconn *u;

    while ((u = newest_for(peer, client)) != NULL) {
        if (probe && !uconn_is_quiet(u)) {
            uconn_close(u);
            continue;
        }
        list_remove(&u->link);
        peer->idle_count--;
        u->state = UCONN_BUSY;
        u->user = user;
        u->on_event = on_event;
        u->requests++;
        u->reused = true;
        u->writable = false;
        peer->upstream->worker->stats->upstream_reuses++;
        return u;
    }
    return NULL;
}

static bool uconn_may_idle(const struct uconn *u)
{
    const struct upstream *conf = u->peer->upstream->conf;

    return u->state == UCONN_BUSY && !u->closed && !uconn_is_blocked(u) && conf->keepalive_idle > 0 && !u->worker->draining &&
           u->peer->status != PEER_GONE &&
           (conf->keepalive_requests == 0 || u->requests < conf->keepalive_requests);
}

void uconn_release(struct uconn *u, bool probe)
{
    struct peer_state *peer = u->peer;

    if (!uconn_may_idle(u) || (probe && !uconn_is_quiet(u))) {
        uconn_close(u);
        return;
    }
    if (peer->idle_count >= peer->upstream->conf->keepalive_idle)
        uconn_close(container_of(peer->idle.prev, struct uconn, link));
    u->state = UCONN_IDLE;
    u->user = NULL;
    u->readable = false;
    list_prepend(&peer->idle, &u->link);
    peer->idle_count++;
    deadline_start(&u->worker->deadlines, &u->deadline, peer->idle_max, now_ms(u));
}

void uconn_keep(struct uconn *u, struct str bytes)
{
    char *kept = malloc(bytes.len + 1);

    if (!kept)
        abort();
    memcpy(kept, bytes.s, bytes.len);
    free(u->partial);
    u->partial = kept;
    u->partial_len = bytes.len;
}

void uconn_forget(struct uconn *u)
{
    free(u->partial);
    u->partial = NULL;
    u->partial_len = 0;
}

void uconn_learn(struct uconn *u, struct str keep_alive)
{
    int64_t max = u->peer->upstream->conf->keepalive_timeout;
    struct str element;
    uint64_t seconds;

    while (str_next_element(&keep_alive, &element)) {
        if (element.len <= 8 || !str_ieq((struct str){element.s, 8}, STR("timeout=")) ||
            str_to_u64((struct str){element.s + 8, element.len - 8}, 1000000, &seconds) != 0)
            continue;
        int64_t learnt = (int64_t)seconds * 800;

        if (learnt == 0)
            learnt = 1;
        u->peer->idle_max = max == 0 || learnt < max ? learnt : max;
    }
}

static void uconn_on_next_turn(struct loop_deferred *d)
{
    struct uconn *u = container_of(d, struct uconn, deferred);

    u->queued = false;
    if (u->state == UCONN_CLOSED)
        uconn_free(d);
    else
        uconn_on_event(u->fd, EV_READ, u);
}

void uconn_again(struct uconn *u)
{
    if (u->queued || u->state == UCONN_CLOSED)
        return;
    u->queued = true;
    loop_next_turn(u->worker->loop, &u->deferred, uconn_on_next_turn);
}

/*
 * h1_transport.c: the table of transport.h for HTTP/1, and that for bytes as they are: connections one request has to
 * itself, and its upload.
 */
#include <sys/socket.h>

#include "core/client/conn.h"
#include "core/upstream/h1_client.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"

static struct h1_client *of(struct uclient *c)
{
    return container_of(c, struct h1_client, base);
}

static void h1_again(struct uclient *c)
{
    struct h1_client *h = of(c);

    uclient_again(c);
    h->splicing = h->unsplicable = h->ended = false;
    h1_scan_init(&h->scan, c->req->pool);
}

static void h1_resume(struct uclient *c)
{
    c->blocked = false;
    if (c->uconn->readable || of(c)->splicing)
        h1_client_read(of(c));
}

static void on_ready(struct uclient *c, struct uconn *u)
{
    bool writable = u->writable;

    u->writable = false;
    if (writable && !c->upload.stopped && !upload_is_done(&c->upload)) {
        c->user->writable(c);
        /* The request may have ended, or gone to another connection. */
        if (u->state != UCONN_BUSY || u->user != c)
            return;
    }
    if (u->readable)
        h1_client_read(of(c));
}

static void on_event(struct uconn *u, enum uconn_event event)
{
    struct uclient *c = u->user;

    switch (event) {
    case UCONN_CONNECTED:
        c->connecting = false;
        c->user->connected(c);
        break;
    case UCONN_FAILED:
        c->user->unconnected(c, u->error);
        break;
    case UCONN_READY:
        on_ready(c, u);
        break;
    case UCONN_TIMEOUT:
        c->user->timed_out(c);
        break;
    }
}

static void attach(struct uclient *c, struct uconn *u)
{
    c->uconn = u;
    c->deadline = &u->deadline;
    c->reused = u->reused;
}

/* Whom the server is to be told of, or to see; NULL: nobody. */
static const struct uconn_client *told_of(const struct uclient *c, const struct peer_state *peer,
                                          struct uconn_client *room)
{
    const struct request *req = c->req;
    struct sockaddr_storage own;
    socklen_t len = sizeof(own);

    if (!peer->conf->proxy_protocol && !peer->conf->transparent)
        return NULL;
    *room = (struct uconn_client){.source = req->client};
    if (req->conn && peer->conf->proxy_protocol &&
        getsockname(conn_fd(req->conn), (struct sockaddr *)&own, &len) == 0)
        room->destination = addr_of((struct sockaddr *)&own, len);
    return room;
}

static bool h1_take(struct uclient *c, struct peer_state *peer, bool probe)
{
    struct uconn_client room;
    struct uconn *u = uconn_take(peer, told_of(c, peer, &room), probe, c, on_event);

    if (!u)
        return false;
    attach(c, u);
    return true;
}

static int h1_connect(struct uclient *c, struct peer_state *peer, int64_t timeout_ms)
{
    struct uconn_client room;
    struct uconn *u = uconn_connect(peer, timeout_ms, told_of(c, peer, &room), c, on_event);

    if (!u)
        return -1;
    attach(c, u);
    c->connecting = u->state == UCONN_CONNECTING;
    return 0;
}

static enum upload_result h1_send(struct uclient *c, const struct message *head, struct str body)
{
    struct h1_buffer buffer = {.bytes = c->req->worker->write, .room = WORKER_BUFFER_BYTES};
    struct h1_framing framing = upload_framing(&c->upload, body, c->upload.last);

    if (c->upgrading)
        framing.connection = STR("upgrade");
    else if (c->uconn->peer->upstream->conf->keepalive_idle == 0)
        framing.connection = STR("close");
    switch (h1_write_request(&buffer, head, &framing)) {
    case H1_WRITTEN:
        break;
    case H1_WRITE_FULL:
        return UPLOAD_TOO_LARGE;
    case H1_WRITE_UNSAFE:
        return UPLOAD_UNSAFE;
    }
    return upload_start(&c->upload, c->uconn, &buffer, body, c->upload.last);
}

/* A tunnel in which the client has said its last: the server is told, and may go on. */
static void half_close(struct uclient *c, enum upload_result result)
{
    if (c->state != UCLIENT_TUNNEL || result != UPLOAD_DONE)
        return;
    /* The server has said its last before: it is over, and closed, once whoever calls is off the stack. */
    if (!of(c)->ended || c->uconn->tls)
        uconn_half_close(c->uconn);
    if (of(c)->ended)
        uconn_again(c->uconn);
}

static enum upload_result h1_body(struct uclient *c, struct str bytes, bool last)
{
    enum upload_result result = upload_body(&c->upload, bytes, last);

    half_close(c, result);
    return result;
}

static enum upload_result h1_flush(struct uclient *c)
{
    enum upload_result result = upload_flush(&c->upload);

    half_close(c, result);
    return result;
}

static void h1_read_later(struct uclient *c)
{
    uconn_again(c->uconn);
}

static void h1_leave(struct uclient *c)
{
    struct uconn *u = c->uconn;

    c->uconn = NULL;
    uconn_close(u);
}

static void h1_release(struct uclient *c, bool probe)
{
    struct uconn *u = c->uconn;

    c->uconn = NULL;
    uconn_release(u, probe);
}

const struct transport h1_transport = {
    .again = h1_again,
    .take = h1_take,
    .connect = h1_connect,
    .send = h1_send,
    .body = h1_body,
    .flush = h1_flush,
    .resume = h1_resume,
    .read_later = h1_read_later,
    .leave = h1_leave,
    .release = h1_release,
};

static enum upload_result raw_send(struct uclient *c, const struct message *head WEIR_UNUSED, struct str body WEIR_UNUSED)
{
    upload_start_tunnel(&c->upload, c->uconn);
    /* A server that speaks first may have done so already: no event will tell again. */
    if (c->uconn->readable)
        uconn_again(c->uconn);
    h1_client_pass(of(c));
    return UPLOAD_HUNGRY;
}

const struct transport raw_transport = {
    .again = h1_again,
    .take = h1_take,
    .connect = h1_connect,
    .send = raw_send,
    .body = h1_body,
    .flush = h1_flush,
    .resume = h1_resume,
    .read_later = h1_read_later,
    .leave = h1_leave,
    .release = h1_release,
};

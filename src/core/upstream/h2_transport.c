/* h2_transport.c: the table of transport.h for HTTP/2: streams of connections that requests share. */
#include <errno.h>

#include "core/log/fault.h"
#include "core/upstream/h2_client.h"
#include "core/upstream/h2_uconn.h"
#include "core/worker.h"
#include "http/h2_request.h"

static struct h2_client *of(struct uclient *c)
{
    return container_of(c, struct h2_client, base);
}

struct str h2_client_limit(const struct h2_client *h)
{
    struct request *req = h->base.req;
    const struct h1_limits *limits = &req->listener->limits;

    if (h->in_trailers)
        return STR_NONE;
    if (h->head_bytes > limits->head)
        return fault_size(req, "request_head.max_size", limits->head);
    return fault_count(req, "request_head.max_fields", limits->fields);
}

static void on_deadline(struct deadline *d)
{
    struct h2_client *h = container_of(d, struct h2_client, deadline);

    h->base.user->timed_out(&h->base);
}

static void h2_again(struct uclient *c)
{
    struct h2_client *h = of(c);

    uclient_again(c);
    memset((char *)h + sizeof(h->base), 0, sizeof(*h) - sizeof(h->base));
    list_init(&h->link);
    list_init(&h->woken_link);
    list_init(&h->fresh_link);
    deadline_init(&h->deadline, on_deadline);
}

static void attach(struct h2_client *h, struct h2_uconn *conn)
{
    h->conn = conn;
    h->base.uconn = conn->uconn;
    h->base.deadline = &h->deadline;
    h->base.reused = conn->answered;
    h2_uconn_join(conn, h);
}

void h2_client_part(struct h2_client *h, uint32_t code)
{
    struct h2_uconn *conn = h->conn;

    h->conn = NULL;
    h->base.uconn = NULL;
    deadline_stop(&h->deadline);
    if (conn)
        h2_uconn_part(conn, h, code);
}

static bool h2_take(struct uclient *c, struct peer_state *peer, bool probe)
{
    struct h2_uconn *conn = h2_uconn_find(peer, probe);

    if (!conn)
        return false;
    conn->worker->stats->upstream_reuses++;
    attach(of(c), conn);
    return true;
}

static int h2_connect(struct uclient *c, struct peer_state *peer, int64_t timeout_ms)
{
    struct h2_uconn *conn = h2_uconn_connect(peer, timeout_ms);
    struct worker *worker = c->req->worker;

    if (!conn)
        return -1;
    attach(of(c), conn);
    c->connecting = !conn->session;
    if (c->connecting)
        deadline_start(&worker->deadlines, c->deadline, timeout_ms, worker->loop->clock.mono_ms);
    return 0;
}

void h2_client_connected(struct h2_client *h)
{
    deadline_stop(&h->deadline);
    h->base.connecting = false;
    h->base.user->connected(&h->base);
}

void h2_client_unconnected(struct h2_client *h, int error)
{
    h->base.user->unconnected(&h->base, error);
}

/* ---- the request ---- */

static ssize_t read_body(nghttp2_session *session WEIR_UNUSED, int32_t stream WEIR_UNUSED, uint8_t *buffer,
                         size_t room, uint32_t *flags, nghttp2_data_source *source WEIR_UNUSED,
                         void *user WEIR_UNUSED)
{
    struct h2_client *h = nghttp2_session_get_stream_user_data(session, stream);
    bool end = false;
    ssize_t n;

    if (!h)
        return NGHTTP2_ERR_DEFERRED;
    n = h2_client_body(h, (char *)buffer, room, &end);
    if (n < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return n == 0 && !end ? NGHTTP2_ERR_DEFERRED : n;
}

static enum upload_result state_of(const struct h2_client *h)
{
    const struct upload *u = &h->base.upload;

    if (h->disk_failed) {
        errno = h->disk_error;
        return UPLOAD_DISK_FAILED;
    }
    if (upload_is_blocked(u))
        return UPLOAD_BLOCKED;
    return u->last ? UPLOAD_DONE : UPLOAD_HUNGRY;
}

/* What is said of the body; a chunked one that is here whole has a length. */
static void set_length(struct h2_request *r, struct uclient *c, struct str body)
{
    struct h1_framing framing = upload_framing(&c->upload, body, c->upload.last);

    c->upload.chunked = false;
    r->has_length = framing.kind == H1_LENGTH_KNOWN;
    r->length = framing.length;
}

static enum upload_result submit(struct h2_client *h, const struct h2_request *r, bool bodyless)
{
    const nghttp2_data_provider provider = {.read_callback = read_body};

    h->sent_end = bodyless;
    h->stream = nghttp2_submit_request(h->conn->session, NULL, r->fields, r->count,
                                       bodyless ? NULL : &provider, h);
    if (h->stream < 0) {
        h->stream = 0;
        errno = ECONNRESET;
        return UPLOAD_FAILED;
    }
    h->sent_at = h->base.req->worker->loop->clock.mono_ms;
    h2_uconn_later(h->conn);
    return state_of(h);
}

static enum upload_result h2_send(struct uclient *c, const struct message *head, struct str body)
{
    struct h2_client *h = of(c);
    struct upload *u = &c->upload;
    struct h2_request r = {.scheme = c->uconn->tls ? STR("https") : STR("http")};
    bool bodyless;

    set_length(&r, c, body);
    r.trailers = header_has_token(&c->req->head.headers, HEADER_TE, STR("trailers"));
    if (h2_request_fields(&r, head, c->req->pool) < 0)
        return UPLOAD_UNSAFE;
    if (upload_keep(u, body, false) < 0)
        return UPLOAD_DISK_FAILED;
    bodyless = u->last && (!u->spool || spool_length(u->spool) == 0);
    u->begun = true;
    /* nghttp2 has it, and may have told the server a part of it. */
    u->touched = true;
    return submit(h, &r, bodyless);
}

static enum upload_result h2_body(struct uclient *c, struct str bytes, bool last)
{
    struct h2_client *h = of(c);

    if (upload_keep(&c->upload, bytes, last) < 0)
        return UPLOAD_DISK_FAILED;
    if (h->stream > 0 && !h->closed)
        (void)nghttp2_session_resume_data(h->conn->session, h->stream);
    h2_uconn_later(h->conn);
    return state_of(h);
}

static enum upload_result h2_flush(struct uclient *c)
{
    return state_of(of(c));
}

static void h2_resume(struct uclient *c)
{
    struct h2_client *h = of(c);

    c->blocked = false;
    if (h->unconsumed == 0 || h->stream == 0)
        return;
    (void)nghttp2_session_consume_stream(h->conn->session, h->stream, h->unconsumed);
    h->unconsumed = 0;
    h2_uconn_later(h->conn);
}

/* The stream could not be begun: nothing will come. */
static void h2_read_later(struct uclient *c)
{
    struct h2_client *h = of(c);

    h->closed = h->unseen = true;
    h->conn->leaving = true;
    h2_uconn_wake(h->conn, h);
}

static void h2_leave(struct uclient *c)
{
    h2_client_part(of(c), NGHTTP2_CANCEL);
}

static void h2_release(struct uclient *c, bool probe WEIR_UNUSED)
{
    h2_client_part(of(c), of(c)->sent_end ? H2_CLIENT_OVER : NGHTTP2_NO_ERROR);
}

const struct transport h2_transport = {
    .again = h2_again,
    .take = h2_take,
    .connect = h2_connect,
    .send = h2_send,
    .body = h2_body,
    .flush = h2_flush,
    .resume = h2_resume,
    .read_later = h2_read_later,
    .leave = h2_leave,
    .release = h2_release,
};

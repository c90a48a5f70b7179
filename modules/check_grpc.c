/* check_grpc.c: grpc.health.v1.Health/Check over cleartext HTTP/2 with prior knowledge (RFC 9113 3.3). */
#include <nghttp2/nghttp2.h>

#include "core/health/probe.h"
#include "http/status.h"
#include "modules/modules.h"

#define MESSAGE_HEAD 5 /* not compressed, length */
#define MESSAGE_MAX 128
#define SERVICE_MAX 100
#define FIELD_SERVICE 0x0a /* number 1, a text */
#define FIELD_STATUS 0x08  /* number 1, an integer */
#define SERVING 1
#define GRPC_STATUS_MAX 16

struct grpc_check {
    nghttp2_session *session;
    char request[MESSAGE_HEAD + 2 + SERVICE_MAX];
    size_t request_len, sent;
    unsigned char message[MESSAGE_MAX];
    size_t message_len;
    unsigned status;      /* of HTTP */
    unsigned grpc_status; /* above GRPC_STATUS_MAX: not said */
    uint32_t reset;
    bool closed; /* the stream */
};

static ssize_t on_read(nghttp2_session *session WEIR_UNUSED, int32_t stream WEIR_UNUSED, uint8_t *buf,
                       size_t room, uint32_t *flags, nghttp2_data_source *source, void *user WEIR_UNUSED)
{
    struct grpc_check *grpc = source->ptr;
    size_t n = grpc->request_len - grpc->sent;

    if (n > room)
        n = room;
    memcpy(buf, grpc->request + grpc->sent, n);
    grpc->sent += n;
    if (grpc->sent == grpc->request_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static int on_header(nghttp2_session *session WEIR_UNUSED, const nghttp2_frame *frame WEIR_UNUSED,
                     const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len,
                     uint8_t flags WEIR_UNUSED, void *user)
{
    struct grpc_check *grpc = ((struct probe *)user)->data;
    struct str n = {(const char *)name, name_len}, v = {(const char *)value, value_len};
    uint64_t number;

    if (str_eq(n, STR(":status")) && str_to_u64(v, 999, &number) == 0)
        grpc->status = (unsigned)number;
    if (str_eq(n, STR("grpc-status")))
        grpc->grpc_status =
            str_to_u64(v, GRPC_STATUS_MAX, &number) == 0 ? (unsigned)number : GRPC_STATUS_MAX + 1;
    return 0;
}

static int on_chunk(nghttp2_session *session WEIR_UNUSED, uint8_t flags WEIR_UNUSED,
                    int32_t stream WEIR_UNUSED, const uint8_t *data, size_t len, void *user)
{
    struct grpc_check *grpc = ((struct probe *)user)->data;
    size_t room = sizeof(grpc->message) - grpc->message_len;

    if (len > room)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(grpc->message + grpc->message_len, data, len);
    grpc->message_len += len;
    return 0;
}

static int on_closed(nghttp2_session *session WEIR_UNUSED, int32_t stream WEIR_UNUSED, uint32_t error,
                     void *user)
{
    struct grpc_check *grpc = ((struct probe *)user)->data;

    grpc->closed = true;
    grpc->reset = error;
    return 0;
}

static enum check_step grpc_send(struct probe *p)
{
    struct grpc_check *grpc = p->data;
    const uint8_t *bytes;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(grpc->session, &bytes)) > 0)
        probe_send(p, (struct str){(const char *)bytes, (size_t)n});
    return n < 0 ? probe_fail(p, "HTTP/2: %s", nghttp2_strerror((int)n)) : CHECK_GOES_ON;
}

/* HealthCheckRequest: the service, when there is one, is field 1. */
static void make_request(struct grpc_check *grpc, struct str service)
{
    char *message = grpc->request + MESSAGE_HEAD;

    if (service.len > 0 && service.len <= SERVICE_MAX) {
        message[0] = FIELD_SERVICE;
        message[1] = (char)service.len;
        memcpy(message + 2, service.s, service.len);
        grpc->request_len = 2 + service.len;
    }
    grpc->request[MESSAGE_HEAD - 1] = (char)grpc->request_len;
    grpc->request_len += MESSAGE_HEAD;
}

static int grpc_session(struct probe *p, struct grpc_check *grpc)
{
    nghttp2_session_callbacks *callbacks;
    int rc = nghttp2_session_callbacks_new(&callbacks);

    if (rc != 0)
        return rc;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_closed);
    rc = nghttp2_session_client_new(&grpc->session, callbacks, p);
    nghttp2_session_callbacks_del(callbacks);
    return rc;
}

static nghttp2_nv field(const char *name, struct str value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value.s, strlen(name), value.len,
                        NGHTTP2_NV_FLAG_NONE};
}

static enum check_step grpc_start(struct probe *p)
{
    static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                                      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0}};
    const struct check_conf *conf = p->job.conf;
    struct grpc_check *grpc = pool_zalloc(p->pool, sizeof(*grpc));
    nghttp2_data_provider body = {.source = {.ptr = grpc}, .read_callback = on_read};
    nghttp2_nv fields[] = {
        field(":method", STR("POST")),
        field(":scheme", STR("http")),
        field(":authority", p->job.host),
        field(":path", STR("/grpc.health.v1.Health/Check")),
        field("content-type", STR("application/grpc")),
        field("te", STR("trailers")),
        field("user-agent", STR("weir (health check)")),
    };

    grpc->grpc_status = GRPC_STATUS_MAX + 1;
    p->data = grpc;
    make_request(grpc, str_from(conf->uri, 1));
    if (grpc_session(p, grpc) != 0 ||
        nghttp2_submit_settings(grpc->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings)) != 0 ||
        nghttp2_submit_request(grpc->session, NULL, fields, ARRAY_SIZE(fields), &body, NULL) < 0)
        return probe_fail(p, "HTTP/2 cannot be begun");
    return grpc_send(p);
}

/* HealthCheckResponse.status; 0 (unknown) when it is not said. */
static unsigned serving_status(const struct grpc_check *grpc)
{
    const unsigned char *message = grpc->message + MESSAGE_HEAD;
    size_t len = grpc->message_len > MESSAGE_HEAD ? grpc->message_len - MESSAGE_HEAD : 0;

    if (grpc->message[0] != 0 || len < 2 || grpc->message[MESSAGE_HEAD - 1] != len ||
        message[0] != FIELD_STATUS)
        return 0;
    return message[1];
}

static enum check_step grpc_judge(struct probe *p, const struct grpc_check *grpc)
{
    static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    unsigned serving = serving_status(grpc);

    if (grpc->reset)
        return probe_fail(p, "the stream was reset: %s", nghttp2_http2_strerror(grpc->reset));
    if (grpc->status != 200)
        return probe_fail(p, "status %u %.*s", grpc->status, STR_ARG(status_reason(grpc->status)));
    if (grpc->grpc_status > GRPC_STATUS_MAX)
        return probe_fail(p, "the answer has no grpc-status");
    if (grpc->grpc_status != 0)
        return probe_fail(p, "grpc-status %u%s", grpc->grpc_status,
                          grpc->grpc_status == 12  ? " (the server has no grpc.health.v1)"
                          : grpc->grpc_status == 5 ? " (the server has no such service)"
                                                   : "");
    if (serving != SERVING)
        return probe_fail(p, "the service is %s", serving < ARRAY_SIZE(names) ? names[serving] : names[0]);
    return probe_pass(p, "SERVING");
}

static enum check_step grpc_on_data(struct probe *p, bool end)
{
    struct grpc_check *grpc = p->data;
    ssize_t n = nghttp2_session_mem_recv(grpc->session, (const uint8_t *)p->in, p->in_len);
    enum check_step step;

    if (n < 0)
        return probe_fail(p, "HTTP/2: %s", nghttp2_strerror((int)n));
    probe_take(p, (size_t)n);
    if (grpc->closed)
        return grpc_judge(p, grpc);
    step = grpc_send(p);
    if (step == CHECK_GOES_ON && (end || !nghttp2_session_want_read(grpc->session)))
        return probe_fail(p, "the server closed the connection without an answer");
    return step;
}

static void grpc_release(struct probe *p)
{
    struct grpc_check *grpc = p->data;

    if (grpc)
        nghttp2_session_del(grpc->session);
}

const struct check check_grpc = {
    .name = "grpc", .start = grpc_start, .on_data = grpc_on_data, .release = grpc_release};

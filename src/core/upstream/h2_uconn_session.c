/* h2_uconn_session.c: see h2_uconn_session.h. */
#include "core/upstream/h2_uconn_session.h"

#include <stdlib.h>

#include "core/worker.h"

static struct h2_client *client_of(nghttp2_session *session, int32_t stream)
{
    return stream > 0 ? nghttp2_session_get_stream_user_data(session, stream) : NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user WEIR_UNUSED)
{
    struct h2_client *c = client_of(session, frame->hd.stream_id);

    if (c && !c->bad)
        h2_client_begin_fields(c);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags WEIR_UNUSED, void *user WEIR_UNUSED)
{
    struct h2_client *c = client_of(session, frame->hd.stream_id);

    /* The rest of the block is not looked at. */
    if (!c || c->bad)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (h2_client_field(c, (struct str){(const char *)name, name_len},
                        (struct str){(const char *)value, value_len}) < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

/* nghttp2 would only leave the field out. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name WEIR_UNUSED, size_t name_len WEIR_UNUSED,
                             const uint8_t *value WEIR_UNUSED, size_t value_len WEIR_UNUSED,
                             uint8_t flags WEIR_UNUSED, void *user WEIR_UNUSED)
{
    struct h2_client *c = client_of(session, frame->hd.stream_id);

    if (c)
        h2_client_refuse(c, UCLIENT_MALFORMED, "a field of the answer is malformed");
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void take_settings(struct h2_uconn *h, nghttp2_session *session)
{
    uint32_t most = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    if (!h->settled && !h->idle)
        deadline_stop(&h->uconn->deadline);
    else if (!h->settled)
        deadline_start(&h->worker->deadlines, &h->uconn->deadline, h->peer->idle_max, h->worker->loop->clock.mono_ms);
    h->settled = true;
    if (most == 0 && h->limit > 0)
        log_write(h->worker->log, LOG_LEVEL_WARN,
                  "upstream %.*s server %.*s: takes no requests for now: its SETTINGS_MAX_CONCURRENT_STREAMS is 0",
                  STR_ARG(h->peer->upstream->conf->name), STR_ARG(h->peer->conf->name));
    h->limit = most < H2_UCONN_STREAMS ? most : H2_UCONN_STREAMS;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_uconn *h = user;
    struct h2_client *c = client_of(session, frame->hd.stream_id);
    bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
            take_settings(h, session);
        break;
    case NGHTTP2_GOAWAY:
        h->leaving = true;
        break;
    case NGHTTP2_HEADERS:
        h->answered = true;
        if (c && !c->bad)
            h2_client_end_fields(c, last);
        break;
    case NGHTTP2_DATA:
        if (c && !c->bad && last)
            h2_client_end(c);
        break;
    default:
        break;
    }
    h2_uconn_later(h);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags WEIR_UNUSED, int32_t stream, const uint8_t *bytes,
                   size_t len, void *user WEIR_UNUSED)
{
    struct h2_client *c = client_of(session, stream);

    (void)nghttp2_session_consume_connection(session, len);
    if (c && !c->bad)
        h2_client_data(c, (struct str){(const char *)bytes, len});
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    struct h2_client *c = client_of(session, stream);

    if (!c)
        return 0;
    c->closed = true;
    c->code = code;
    h2_uconn_wake(user, c);
    return 0;
}

static int on_frame_sent(nghttp2_session *session WEIR_UNUSED, const nghttp2_frame *frame, void *user)
{
    struct h2_uconn *h = user;

    if (frame->hd.type == NGHTTP2_HEADERS || (frame->hd.type == NGHTTP2_DATA && frame->hd.length > 0))
        h2_watch_sent(&h->watch);
    return 0;
}

static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error WEIR_UNUSED,
                             void *user WEIR_UNUSED)
{
    struct h2_client *c = client_of(session, frame->hd.stream_id);

    if (c && frame->hd.type == NGHTTP2_HEADERS)
        c->unseen = true;
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user)
{
    struct h2_uconn *h = user;
    struct h2_client *c = client_of(session, frame->hd.stream_id);

    if (c)
        h2_client_refuse(c, UCLIENT_MALFORMED, nghttp2_strerror(error));
    else if (!h->why)
        h->why = nghttp2_strerror(error);
    return 0;
}

static nghttp2_session_callbacks *callbacks_new(void)
{
    nghttp2_session_callbacks *cb;

    if (nghttp2_session_callbacks_new(&cb) != 0)
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_send);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
    return cb;
}

static nghttp2_option *options_new(void)
{
    nghttp2_option *option;

    if (nghttp2_option_new(&option) != 0)
        abort();
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, H2_UCONN_STREAMS_FIRST);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    nghttp2_option_set_max_outbound_ack(option, H2_UCONN_ACKS);
    nghttp2_option_set_no_closed_streams(option, 1);
    return option;
}

nghttp2_session *h2_uconn_session_new(struct h2_uconn *h)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_UCONN_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_UCONN_HEAD_LIST},
    };
    nghttp2_session_callbacks *callbacks = callbacks_new();
    nghttp2_option *options = options_new();
    nghttp2_session *session;

    if (nghttp2_session_client_new2(&session, callbacks, h, options) != 0 ||
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings)) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, H2_UCONN_WINDOW_ALL) != 0)
        abort();
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    return session;
}

static bool is_ours(void *user, uint32_t stream)
{
    const struct h2_uconn *h = user;

    return nghttp2_session_get_stream_user_data(h->session, (int32_t)stream);
}

const char *h2_uconn_look(struct h2_uconn *h, struct str bytes)
{
    return h2_watch_feed(&h->watch, bytes, h->read_at, is_ours, h);
}

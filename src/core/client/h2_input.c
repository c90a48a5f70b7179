/* h2_input.c: what nghttp2 tells of the frames of a client; see h2_session.h. */
#include "core/board/stats.h"
#include "core/client/h2_stream.h"

static struct h2_stream *stream_of(nghttp2_session *ng, int32_t id)
{
    return nghttp2_session_get_stream_user_data(ng, id);
}

/* A stream that must be reset because of what the client did: counted now, for the reset may be sent much later. */
static void count_reset(struct h2_session *ses)
{
    ses->reset_glitches++;
    if (!h2_limits_glitch(&ses->limits, h2_session_now(ses)))
        h2_session_calm(ses, "streams that had to be reset");
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *ses = user;
    struct h2_stream *s;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (ses->stream_count >= H2_STREAMS_MAX || ses->leaving) {
        (void)nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        count_reset(ses);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    s = h2_stream_new(ses, frame->hd.stream_id);
    if (!s)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, s);
}

static size_t head_list_max(const struct h2_session *ses)
{
    const struct h1_limits *limits = &ses->conn->listener->limits;

    return limits->head + H2_HEAD_FIELD_COST * limits->fields;
}

/* Far larger than was announced: the rest of the block is decoded, but not looked at. */
static bool is_bomb(struct h2_session *ses, struct h2_stream *s, struct str field, struct str text)
{
    s->list_bytes += field.len + text.len + H2_HEAD_FIELD_COST;
    if (s->list_bytes <= H2_BOMB_FACTOR * head_list_max(ses))
        return false;
    h2_session_calm(ses, "fields in a head");
    return true;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags WEIR_UNUSED, void *user)
{
    struct h2_stream *s = stream_of(ng, frame->hd.stream_id);
    struct str field = {(const char *)name, name_len};
    struct str text = {(const char *)value, value_len};

    if (!s)
        return 0;
    if (is_bomb(user, s, field, text))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!s->head_done) {
        h2_head_field(&s->head, field, text);
    } else if (h2_head_check_trailer(field, text)) {
        (void)nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return 0;
}

/* nghttp2 would leave such a field out and go on. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name WEIR_UNUSED,
                             size_t name_len WEIR_UNUSED, const uint8_t *value WEIR_UNUSED, size_t value_len WEIR_UNUSED,
                             uint8_t flags WEIR_UNUSED, void *user WEIR_UNUSED)
{
    (void)nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* nghttp2 resets the stream, or ends the connection. */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int error WEIR_UNUSED, void *user)
{
    struct h2_session *ses = user;
    struct h2_stream *s = stream_of(ng, frame->hd.stream_id);

    /* A server is not troubled any more. */
    if (s)
        s->broken = true;
    count_reset(ses);
    return ses->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user)
{
    struct h2_session *ses = user;
    struct h2_stream *s = stream_of(ng, id);

    if (s)
        h2_body_take(s, (struct str){(const char *)data, len}, flags & NGHTTP2_FLAG_END_STREAM);
    else if (nghttp2_session_consume(ng, id, len) < 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return ses->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void end_of_stream(struct h2_session *ses, const nghttp2_frame *frame)
{
    struct h2_stream *s = stream_of(ses->ng, frame->hd.stream_id);

    if (!s)
        return;
    if (frame->hd.type == NGHTTP2_HEADERS && !s->head_done) {
        s->head_done = true;
        ses->head_count--;
        s->in_ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
        h2_stream_wake(s);
    } else if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        h2_body_end(s);
    }
}

static size_t content_of(const nghttp2_frame *frame)
{
    return frame->hd.length > frame->data.padlen ? frame->hd.length - frame->data.padlen : 0;
}

/* Whether the frame is one that leads nowhere by itself. */
static bool is_control(const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        return content_of(frame) == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_HEADERS:
        return false;
    default:
        return true;
    }
}

/* A body in the smallest pieces is no reason to say more. */
static bool explains(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
           content_of(frame) >= H2_DRIBBLE_BYTES;
}

static int on_frame(nghttp2_session *ng WEIR_UNUSED, const nghttp2_frame *frame, void *user)
{
    struct h2_session *ses = user;

    if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)
        end_of_stream(ses, frame);
    /* Each of these may cost a server's work that nobody wants any more. */
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        if (!h2_limits_glitch(&ses->limits, h2_session_now(ses)))
            h2_session_calm(ses, "streams reset");
    } else if (!is_control(frame)) {
        if (explains(frame))
            h2_limits_explain(&ses->limits);
    } else if (!h2_limits_control(&ses->limits, h2_session_now(ses))) {
        h2_session_calm(ses, "frames without content");
    }
    return ses->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* For what the client did; others are our doing, or a server's. */
static bool is_blaming(uint32_t error)
{
    return error != NGHTTP2_NO_ERROR && error != NGHTTP2_CANCEL && error != NGHTTP2_INTERNAL_ERROR;
}

/* Those that nghttp2 makes of itself are not counted yet. */
static void reset_sent(struct h2_session *ses, uint32_t error)
{
    if (!is_blaming(error))
        return;
    if (ses->reset_glitches == 0)
        count_reset(ses);
    ses->reset_glitches--;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *ses = user;
    struct h2_stream *s;

    if (frame->hd.type == NGHTTP2_RST_STREAM)
        reset_sent(ses, frame->rst_stream.error_code);
    if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    s = stream_of(ng, frame->hd.stream_id);
    if (!s)
        return 0;
    s->out_done = true;
    if (!s->in_ended)
        h2_body_drop(s);
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error, void *user WEIR_UNUSED)
{
    struct h2_stream *s = stream_of(ng, id);

    if (!s)
        return 0;
    s->closed = true;
    s->error = error;
    if (s->started)
        h2_stream_wake(s);
    else
        h2_stream_finish(s);
    return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *cb;

    if (nghttp2_session_callbacks_new(&cb) < 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(cb, h2_output_data);
    return cb;
}

static nghttp2_option *make_options(void)
{
    nghttp2_option *o;

    if (nghttp2_option_new(&o) < 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
    nghttp2_option_set_stream_reset_rate_limit(o, H2_RESET_BURST, H2_RESET_RATE);
    return o;
}

static int make_session(struct h2_session *ses)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *options = make_options();
    int rc = -1;

    if (callbacks && options)
        rc = nghttp2_session_server_new3(&ses->ng, callbacks, ses, options, &ses->memory.mem);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    return rc;
}

int h2_input_begin(struct h2_session *ses)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW_STREAM},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)head_list_max(ses)},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };

    if (make_session(ses) < 0)
        return -1;
    if (nghttp2_submit_settings(ses->ng, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings)) < 0 ||
        nghttp2_session_set_local_window_size(ses->ng, NGHTTP2_FLAG_NONE, 0, H2_WINDOW_CONN) < 0)
        return -1;
    return 0;
}

/* nghttp2 has failed for good, and says no goodbye itself. */
static void failed(struct h2_session *ses, int error)
{
    uint32_t code = NGHTTP2_ENHANCE_YOUR_CALM;
    const char *reason = "no memory for frames, or too much of it in use";

    if (error == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        code = NGHTTP2_PROTOCOL_ERROR;
        reason = "the client does not begin as HTTP/2 does";
    } else if (error <= NGHTTP2_ERR_FLOODED) {
        /* Later versions tell kinds of floods apart. */
        reason = "too many frames that want an answer, or that go on with a head";
    } else if (error != NGHTTP2_ERR_NOMEM) {
        code = NGHTTP2_INTERNAL_ERROR;
        reason = "frames cannot be understood";
    }
    if (ses->dead)
        return;
    if (code != NGHTTP2_INTERNAL_ERROR)
        ses->conn->worker->stats->h2_refused++;
    h2_output_goaway(ses, code);
    h2_session_broken(ses, reason);
}

void h2_input_take(struct h2_session *ses, const char *bytes, size_t len)
{
    uint32_t error;
    ssize_t n;

    if (ses->dead || ses->refused)
        return;
    len = h2_guard_feed(&ses->guard, (struct str){bytes, len}, &error);
    ses->receiving = true;
    n = nghttp2_session_mem_recv(ses->ng, (const uint8_t *)bytes, len);
    ses->receiving = false;
    for (; ses->guard.ignored > 0; ses->guard.ignored--) {
        if (!h2_limits_control(&ses->limits, h2_session_now(ses)))
            h2_session_calm(ses, "frames that say nothing");
    }
    if (n >= 0 && error != NGHTTP2_NO_ERROR)
        h2_session_refuse(ses, error, "a frame where none may be");
    if (n < 0)
        failed(ses, (int)n);
}

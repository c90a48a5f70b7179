/* h2_output.c: frames, gathered and sent; see h2_session.h. */
#include <errno.h>

#include "core/client/conn_io.h"
#include "core/client/h2_stream.h"

#define FRAME_HEAD 9
/* The largest piece that nghttp2 makes of a frame. */
#define PIECE_MAX (16384 + 64)
/* A client that reads as fast as we send lets others have a turn after so much. */
#define TURN_BYTES ((size_t)1024 * 1024)

/* The client takes what waits for it: once that is enough, its time to do so counts anew. */
static void note_progress(struct h2_session *ses, size_t bytes)
{
    ses->taken += bytes;
    if (ses->taken < H2_STALL_BYTES)
        return;
    ses->taken = 0;
    h2_session_renew(ses);
}

/* Room for `n` bytes behind what was gathered.  False: the client takes no more, or has had its turn. */
static bool make_room(struct h2_session *ses, size_t n)
{
    struct h2_output *out = &ses->out;

    if (out->blocked || out->yielded)
        return false;
    if (!out->bytes) {
        out->bytes = h2_memory_take_output(&ses->memory);
        if (!out->bytes) {
            h2_session_broken(ses, "no memory for an answer");
            return false;
        }
    }
    if (H2_OUTPUT_BYTES - out->len >= n)
        return true;
    if (out->turn >= TURN_BYTES) {
        out->yielded = true;
        return false;
    }
    return h2_output_push(ses);
}

static char *put(struct h2_output *out, const void *bytes, size_t n)
{
    memcpy(out->bytes + out->len, bytes, n);
    out->len += n;
    return out->bytes + out->len;
}

int h2_output_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
                   nghttp2_data_source *source WEIR_UNUSED, void *user)
{
    struct h2_session *ses = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
    size_t before;

    if (!s || s->broken)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!make_room(ses, FRAME_HEAD + length))
        return ses->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : NGHTTP2_ERR_WOULDBLOCK;
    before = ses->out.len;
    put(&ses->out, head, FRAME_HEAD);
    if (h2_answer_copy(s, ses->out.bytes + ses->out.len, length) < 0) {
        ses->out.len = before;
        s->request.fail_reason = "the file became shorter while it was sent";
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    ses->out.len += length;
    if (length >= H2_DRIBBLE_BYTES || (length > 0 && h2_answer_pending(s) == 0))
        h2_limits_explain(&ses->limits);
    note_progress(ses, length);
    if (s->held && h2_answer_pending(s) == 0) {
        h2_answer_hold(s, false);
        h2_stream_wake(s);
    }
    return 0;
}

void h2_output_frame(struct h2_session *ses)
{
    if (ses->receiving)
        return;
    while (!ses->dead && make_room(ses, PIECE_MAX)) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(ses->ng, &bytes);

        if (n == 0)
            return;
        if (n < 0 || (size_t)n > H2_OUTPUT_BYTES - ses->out.len) {
            h2_session_broken(ses, n == NGHTTP2_ERR_NOMEM ? "no memory for frames" : "frames cannot be made");
            return;
        }
        put(&ses->out, bytes, (size_t)n);
    }
}

void h2_output_goaway(struct h2_session *ses, uint32_t error)
{
    uint32_t last = ses->guard.last;
    const uint8_t frame[FRAME_HEAD + 8] = {
        0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0, (uint8_t)(last >> 24), (uint8_t)(last >> 16), (uint8_t)(last >> 8),
        (uint8_t)last, (uint8_t)(error >> 24), (uint8_t)(error >> 16), (uint8_t)(error >> 8), (uint8_t)error,
    };

    if (ses->dead || !make_room(ses, sizeof(frame)))
        return;
    put(&ses->out, frame, sizeof(frame));
    (void)h2_output_push(ses);
}

static bool failed(struct h2_session *ses)
{
    if (errno == EAGAIN)
        ses->out.blocked = true;
    else
        h2_session_broken(ses, errno == ECONNRESET || errno == EPIPE ? "client is gone"
                                                                     : "sending to the client failed");
    return false;
}

bool h2_output_push(struct h2_session *ses)
{
    struct h2_output *out = &ses->out;
    struct conn *c = ses->conn;
    bool was_blocked = out->blocked;

    if (ses->dead)
        return false;
    out->blocked = false;
    if (conn_flush(c) < 0)
        return failed(ses);
    while (out->at < out->len) {
        struct iovec iov = {.iov_base = out->bytes + out->at, .iov_len = out->len - out->at};
        ssize_t n = conn_send(c, &iov, 1, false);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(ses);
        out->at += (size_t)n;
        out->turn += (size_t)n;
        /* Acks go out without that anything is taken. */
        if (was_blocked)
            note_progress(ses, (size_t)n);
    }
    out->at = out->len = 0;
    out->blocked = conn_is_blocked(c);
    return !out->blocked;
}

void h2_output_free(struct h2_session *ses)
{
    if (ses->out.bytes)
        h2_memory_give_output(&ses->memory, ses->out.bytes);
    ses->out.bytes = NULL;
    ses->out.at = ses->out.len = 0;
}

/* h2_uconn_send.c: what a turn has made for a server, framed into the worker's buffer and sent. */
#include <errno.h>
#include <stdlib.h>

#include "core/upstream/h2_uconn_session.h"
#include "core/upstream/uconn_io.h"
#include "core/worker.h"

static void keep(struct h2_uconn *h, const char *bytes, size_t len)
{
    char *more = realloc(h->rest, h->rest_to + len);

    if (!more)
        abort();
    memcpy(more + h->rest_to, bytes, len);
    h->rest = more;
    h->rest_to += len;
}

/* There may be answers to read still; nothing is sent any more. */
static bool send_failed(struct h2_uconn *h)
{
    if (errno != EAGAIN) {
        h->error = errno;
        h->leaving = true;
        uconn_again(h->uconn);
    }
    return false;
}

/* Sends, and keeps what the socket does not take; false: it takes no more. */
static bool put(struct h2_uconn *h, const char *bytes, size_t len)
{
    ssize_t n;

    if (len == 0)
        return true;
    n = uconn_send_bytes(h->uconn, bytes, len, false);
    if (n < 0 && errno != EAGAIN)
        return send_failed(h);
    if (n < 0)
        n = 0;
    if ((size_t)n < len)
        keep(h, bytes + n, len - (size_t)n);
    return (size_t)n == len;
}

static bool put_rest(struct h2_uconn *h)
{
    if (uconn_flush(h->uconn) < 0)
        return send_failed(h);
    while (h->rest_from < h->rest_to) {
        ssize_t n = uconn_send_bytes(h->uconn, h->rest + h->rest_from, h->rest_to - h->rest_from, false);

        if (n < 0)
            return send_failed(h);
        h->rest_from += (size_t)n;
    }
    free(h->rest);
    h->rest = NULL;
    h->rest_from = h->rest_to = 0;
    return true;
}

void h2_uconn_pump(struct h2_uconn *h)
{
    char *buffer = h->worker->write;
    const uint8_t *frame;
    size_t used = 0;
    bool takes = h->error == 0 && put_rest(h);

    h->sending = true;
    while (takes) {
        ssize_t n = nghttp2_session_mem_send(h->session, &frame);

        if (n < 0)
            h->why = nghttp2_strerror((int)n);
        if (n <= 0)
            break;
        if (used + (size_t)n > WORKER_BUFFER_BYTES) {
            takes = put(h, buffer, used);
            used = 0;
            if (!takes || (size_t)n > WORKER_BUFFER_BYTES) {
                keep(h, (const char *)frame, (size_t)n);
                takes = takes && put_rest(h);
                continue;
            }
        }
        memcpy(buffer + used, frame, (size_t)n);
        used += (size_t)n;
    }
    h->sending = false;
    (void)put(h, buffer, used);
}

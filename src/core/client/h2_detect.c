/* h2_detect.c: HTTP/2 with prior knowledge, or HTTP/1: the first bytes of a connection in the clear say it. */
#include <errno.h>
#include <sys/socket.h>

#include "core/client/h1_server.h"
#include "core/client/h2_session.h"

static void give_up(struct conn *c, const char *reason WEIR_UNUSED)
{
    conn_close(c);
}

/* The bytes stay where they are: who speaks the protocol reads them. */
static void go_on(struct conn *c)
{
    static const char preface[] = NGHTTP2_CLIENT_MAGIC;
    char bytes[NGHTTP2_CLIENT_MAGIC_LEN];
    ssize_t n;

    if (c->freed)
        return;
    do
        n = recv(conn_fd(c), bytes, sizeof(bytes), MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        c->readable = false;
        return;
    }
    if (n > 0 && memcmp(bytes, preface, (size_t)n) != 0)
        conn_next_protocol(c, &h1_protocol);
    else if (n == (ssize_t)sizeof(bytes))
        conn_next_protocol(c, &h2_protocol);
    else if (n <= 0 || c->closed_seen)
        conn_close(c);
}

static void begin(struct conn *c)
{
    conn_phase(c, CONN_HEAD, c->listener->timeouts.client_header);
    if (c->readable)
        go_on(c);
    if (!c->freed && c->protocol == &h2_detect_protocol && conn_register(c) < 0)
        conn_close(c);
}

static void on_event(struct conn *c, bool writable WEIR_UNUSED)
{
    if (c->readable)
        go_on(c);
}

const struct conn_protocol h2_detect_protocol = {
    .name = "HTTP/1 or HTTP/2",
    .begin = begin,
    .on_event = on_event,
    .on_deadline = conn_close,
    .go_on = go_on,
    .give_up = give_up,
    .take_leave = give_up,
};

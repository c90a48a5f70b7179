/* h2_detect.c: HTTP/2 with prior knowledge, or HTTP/1: the first bytes of a connection in the clear say it. */
#include "core/client/conn_peek.h"
#include "core/client/h1_server.h"
#include "core/client/h2_session.h"

/* The bytes stay where they are: who speaks the protocol reads them. */
static void go_on(struct conn *c)
{
    static const char preface[] = NGHTTP2_CLIENT_MAGIC;
    char bytes[NGHTTP2_CLIENT_MAGIC_LEN];
    size_t n = conn_peek(c, bytes, sizeof(bytes));

    if (n == 0)
        return;
    if (memcmp(bytes, preface, n) != 0)
        conn_next_protocol(c, &h1_protocol);
    else if (n == sizeof(bytes))
        conn_next_protocol(c, &h2_protocol);
    else if (c->closed_seen)
        conn_close(c);
}

const struct conn_protocol h2_detect_protocol = {
    .name = "HTTP/1 or HTTP/2",
    .begin = conn_peek_begin,
    .on_event = conn_peek_event,
    .on_deadline = conn_close,
    .go_on = go_on,
    .give_up = conn_peek_give_up,
    .take_leave = conn_peek_give_up,
};

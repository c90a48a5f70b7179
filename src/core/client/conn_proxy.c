/* conn_proxy.c: see conn_proxy.h. */
#include "core/client/conn_proxy.h"

#include <sys/socket.h>

#include "core/client/conn_peek.h"
#include "core/client/listener_trust.h"
#include "http/proxy_proto.h"

/* The header is whole: it is taken from the socket, and nothing else. */
static void accept_header(struct conn *c, char *bytes, size_t used, const struct addr *source)
{
    if (recv(conn_fd(c), bytes, used, 0) != (ssize_t)used) {
        conn_close(c);
        return;
    }
    if (source->len > 0)
        conn_set_peer(c, source);
    conn_next_protocol(c, conn_first_protocol(c->listener));
}

static void go_on(struct conn *c)
{
    char bytes[PROXY_PROTO_MAX];
    struct addr source = {.len = 0};
    size_t used, n = conn_peek(c, bytes, sizeof(bytes));

    if (n == 0)
        return;
    switch (proxy_proto_parse((struct str){bytes, n}, &source, &used)) {
    case PROXY_PROTO_DONE:
        accept_header(c, bytes, used, &source);
        return;
    case PROXY_PROTO_MORE:
        if (n < sizeof(bytes) && !c->closed_seen)
            return;
        break;
    case PROXY_PROTO_BAD:
        break;
    }
    conn_refuse(c, LOG_LEVEL_WARN, "no PROXY header, or a malformed one, where `proxy_protocol` demands it");
}

static void begin(struct conn *c)
{
    struct addr peer = conn_peer(c);

    if (!listener_trusts(c->listener, &peer)) {
        /* Strangers do not decide what is in the log. */
        conn_refuse(c, LOG_LEVEL_INFO, "a PROXY header is only believed from `trusted`");
        return;
    }
    conn_peek_begin(c);
}

const struct conn_protocol conn_proxy_protocol = {
    .name = "the PROXY header",
    .begin = begin,
    .on_event = conn_peek_event,
    .on_deadline = conn_close,
    .go_on = go_on,
    .give_up = conn_peek_give_up,
    .take_leave = conn_peek_give_up,
};

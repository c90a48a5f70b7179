/* conn_proxy.c: see conn_proxy.h. */
#include "core/client/conn_proxy.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/client/listener_trust.h"
#include "http/proxy_proto.h"

static void give_up(struct conn *c, const char *reason WEIR_UNUSED)
{
    conn_close(c);
}

static void refuse(struct conn *c, enum log_level level, const char *why)
{
    char text[ADDR_TEXT_MAX];
    struct addr peer = conn_peer(c);

    addr_print(&peer, text);
    log_write(c->worker->log, level, "client %s listener %.*s: closed: %s", text, STR_ARG(c->listener->text),
              why);
    conn_close(c);
}

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
    size_t used;
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
    if (n <= 0) {
        conn_close(c);
        return;
    }
    switch (proxy_proto_parse((struct str){bytes, (size_t)n}, &source, &used)) {
    case PROXY_PROTO_DONE:
        accept_header(c, bytes, used, &source);
        return;
    case PROXY_PROTO_MORE:
        if ((size_t)n < sizeof(bytes) && !c->closed_seen)
            return;
        break;
    case PROXY_PROTO_BAD:
        break;
    }
    refuse(c, LOG_LEVEL_WARN, "no PROXY header, or a malformed one, where `proxy_protocol` demands it");
}

static void begin(struct conn *c)
{
    struct addr peer = conn_peer(c);

    if (!listener_trusts(c->listener, &peer)) {
        /* Strangers do not decide what is in the log. */
        refuse(c, LOG_LEVEL_INFO, "a PROXY header is only believed from `trusted`");
        return;
    }
    conn_phase(c, CONN_HEAD, c->listener->timeouts.client_header);
    if (c->readable)
        go_on(c);
    if (!c->freed && c->protocol == &conn_proxy_protocol && conn_register(c) < 0)
        conn_close(c);
}

static void on_event(struct conn *c, bool writable WEIR_UNUSED)
{
    if (c->readable)
        go_on(c);
}

const struct conn_protocol conn_proxy_protocol = {
    .name = "the PROXY header",
    .begin = begin,
    .on_event = on_event,
    .on_deadline = conn_close,
    .go_on = go_on,
    .give_up = give_up,
    .take_leave = give_up,
};

/* conn_peek.c: see conn_peek.h. */
#include "core/client/conn_peek.h"

#include <errno.h>
#include <sys/socket.h>

void conn_peek_begin(struct conn *c)
{
    const struct conn_protocol *own = c->protocol;

    conn_phase(c, CONN_HEAD, c->listener->timeouts.client_header);
    if (c->readable)
        own->go_on(c);
    if (!c->freed && c->protocol == own && conn_register(c) < 0)
        conn_close(c);
}

void conn_peek_event(struct conn *c, bool writable WEIR_UNUSED)
{
    if (c->readable)
        c->protocol->go_on(c);
}

void conn_peek_give_up(struct conn *c, const char *reason WEIR_UNUSED)
{
    conn_close(c);
}

size_t conn_peek(struct conn *c, char *to, size_t room)
{
    ssize_t n;

    if (c->freed)
        return 0;
    do
        n = recv(conn_fd(c), to, room, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return (size_t)n;
    if (n < 0 && errno == EAGAIN)
        c->readable = false;
    else
        conn_close(c);
    return 0;
}

void conn_refuse(struct conn *c, enum log_level level, const char *why)
{
    char text[ADDR_TEXT_MAX];
    struct addr peer = conn_peer(c);

    addr_print(&peer, text);
    log_write(c->worker->log, level, "client %s listener %.*s: closed: %s", text, STR_ARG(c->listener->text), why);
    conn_close(c);
}

/*
 * backend.c: the server behind the proxies of the benchmark.  One thread, epoll; it answers every request
 * with as many bytes as the last segment of its path says ("/b/128": 128), after it has read and thrown
 * away the request's body.  It costs as little as it can, so that what is measured is the proxy.
 *
 *   backend PORT SECONDS      listens on 127.0.0.1:PORT (0: any, printed), ends after SECONDS at the latest
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { HEAD_ROOM = 16384, ANSWER_MAX = 1 << 20 };

struct client {
    int fd;
    int closing;     /* close when the answer is out */
    long skip;       /* bytes of the request's body still to come; the answer follows when it is 0 */
    long answer;     /* body bytes asked for; -1: no request is being answered */
    size_t have;     /* bytes in head */
    size_t head_out; /* bytes of `reply` still to send */
    long body_out;   /* bytes of the body still to send */
    size_t reply_size;
    char reply[160];
    char head[HEAD_ROOM];
};

static char filler[ANSWER_MAX];

static int listen_on(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof(a);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&a, size) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&a, &size)) {
        perror("backend");
        exit(1);
    }
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static void client_new(int ep, int listener)
{
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    if (!c) {
        if (fd >= 0)
            close(fd);
        return;
    }
    c->fd = fd;
    c->answer = -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void client_end(struct client *c)
{
    close(c->fd);
    free(c);
}

/* The answer for the head of SIZE bytes at c->head, whose last path segment says how long it is. */
static void prepare_answer(struct client *c, const struct wire_head *h)
{
    const char *target = memchr(c->head, ' ', h->size);
    const char *end = target ? memchr(target + 1, ' ', h->size - (size_t)(target + 1 - c->head)) : NULL;
    const char *slash = end ? memrchr(target, '/', (size_t)(end - target)) : NULL;
    long n = slash ? strtol(slash + 1, NULL, 10) : 0;

    c->answer = n < 0 || n > ANSWER_MAX ? 0 : n;
    c->closing = h->close;
    c->skip = h->body > 0 ? h->body : 0;
    c->reply_size = (size_t)snprintf(c->reply, sizeof(c->reply),
                                     "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/html\r\n"
                                     "Content-Length: %ld\r\n%s\r\n",
                                     c->answer, c->closing ? "Connection: close\r\n" : "");
    c->head_out = c->reply_size;
    c->body_out = c->answer;
}

/* Sends what is left of the answer: 1 done, 0 the socket is full, -1 the peer is gone. */
static int send_answer(struct client *c)
{
    while (c->head_out || c->body_out) {
        struct iovec v[2] = {{c->reply + c->reply_size - c->head_out, c->head_out},
                             {filler, (size_t)c->body_out}};
        ssize_t n = writev(c->fd, c->head_out ? v : v + 1, c->head_out ? 2 : 1);

        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        if ((size_t)n >= c->head_out) {
            c->body_out -= n - (ssize_t)c->head_out;
            c->head_out = 0;
        } else {
            c->head_out -= (size_t)n;
        }
    }
    c->answer = -1;
    return c->closing ? -1 : 1;
}

/* Takes the next request, or the rest of its body, out of c->head: 1 one is to be answered now. */
static int take_request(struct client *c)
{
    struct wire_head h;
    size_t used;

    if (c->answer < 0) {
        if (!wire_head(c->head, c->have, &h))
            return 0;
        prepare_answer(c, &h);
        used = h.size;
        c->have -= used;
        memmove(c->head, c->head + used, c->have);
    }
    used = c->skip < (long)c->have ? (size_t)c->skip : c->have;
    c->skip -= (long)used;
    c->have -= used;
    memmove(c->head, c->head + used, c->have);
    return c->skip == 0;
}

/* Everything this connection can do now: 0, or -1 when it is to be closed. */
static int client_run(struct client *c)
{
    static char waste[262144];

    for (;;) {
        ssize_t n;

        if (take_request(c)) {
            int sent = send_answer(c);

            if (sent <= 0)
                return sent;
            continue;
        }
        if (c->have == HEAD_ROOM)
            return -1;
        n = c->skip ? recv(c->fd, waste, (size_t)c->skip < sizeof(waste) ? (size_t)c->skip : sizeof(waste), 0)
                    : recv(c->fd, c->head + c->have, HEAD_ROOM - c->have, 0);
        if (n <= 0)
            return n < 0 && errno == EAGAIN ? 0 : -1;
        if (c->skip)
            c->skip -= n;
        else
            c->have += (size_t)n;
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[256], ev = {.events = EPOLLIN};
    int listener, ep = epoll_create1(EPOLL_CLOEXEC);
    time_t end;

    if (argc != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    listener = listen_on((int)wire_number(argv[1], 0, 65535));
    end = time(NULL) + wire_number(argv[2], 1, 86400);
    memset(filler, 'x', sizeof(filler));
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    while (time(NULL) < end) {
        int n = epoll_wait(ep, events, 256, 1000);

        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;

            if (!c)
                client_new(ep, listener);
            else if (client_run(c))
                client_end(c);
        }
    }
    return 0;
}

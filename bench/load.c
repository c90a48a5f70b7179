/*
 * load.c: the load generator of the benchmark.  A fixed number of connections, each with one request on its
 * way: send it, read the whole answer, again.  With -n every request has a connection of its own, which the
 * server closes.  What goes wrong is counted by its kind and never repeated silently.
 *
 *   load -p PORT -c CONNECTIONS -t MILLISECONDS [-n] [-m METHOD] [-b BODY_BYTES] [-H FILE] PATH
 *
 * FILE holds further header lines.  Prints one line of name=value: requests that were answered with 2xx,
 * errors by kind, bytes of answers, milliseconds, latency in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { HEAD_ROOM = 16384, LATE = 1000000, LATE_SLOTS = LATE + 1, REQUEST_ROOM = 1 << 25 };

enum fault { FAULT_CONNECT, FAULT_CLOSED, FAULT_TRUNCATED, FAULT_STATUS, FAULT_FRAMING, FAULT_COUNT };
static const char *const fault_names[FAULT_COUNT] = {"connect", "closed", "truncated", "status", "framing"};

struct connection {
    int fd;
    int state;       /* 0 in the head of the answer, 1 in its body, 2 waiting for the server's close */
    size_t sent;     /* bytes of the request that are out */
    size_t have;     /* bytes in head */
    long left;       /* bytes of the answer's body to come */
    long long began; /* microseconds */
    char head[HEAD_ROOM];
};

/* One run: what to send, where, and what came of it. */
struct load {
    int ep;
    int each; /* a connection for each request */
    struct sockaddr_in to;
    char *request;
    size_t request_size;
    unsigned long requests, bytes, faults[FAULT_COUNT];
    unsigned *latency; /* LATE_SLOTS counters, by microsecond */
};

static long long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int connection_open(struct load *l, struct connection *c)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    c->state = 0;
    c->sent = c->have = 0;
    c->began = now_us();
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (struct sockaddr *)&l->to, sizeof(l->to)) && errno != EINPROGRESS)
        return -1;
    return epoll_ctl(l->ep, EPOLL_CTL_ADD, c->fd, &ev);
}

/* A new connection in place of one that is done or failed. */
static void connection_again(struct load *l, struct connection *c)
{
    close(c->fd);
    if (connection_open(l, c)) {
        l->faults[FAULT_CONNECT]++;
        close(c->fd);
        c->fd = -1;
    }
}

static void connection_fail(struct load *l, struct connection *c, enum fault why)
{
    l->faults[why]++;
    connection_again(l, c);
}

/* 0, or -1 when the peer is gone. */
static int send_request(struct load *l, struct connection *c)
{
    while (c->sent < l->request_size) {
        ssize_t n = send(c->fd, l->request + c->sent, l->request_size - c->sent, 0);

        if (n < 0)
            return errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS ? 0 : -1;
        c->sent += (size_t)n;
    }
    return 0;
}

static void answered(struct load *l, struct connection *c)
{
    long long took = now_us() - c->began;

    l->latency[took > LATE ? LATE : took]++;
    l->requests++;
    if (l->each) {
        c->state = 2;
        return;
    }
    c->state = 0;
    c->sent = c->have = 0;
    c->began += took;
}

/* The head in c->head, if it is complete: 1 goes on, 0 wants more bytes, -1 the connection failed. */
static int take_head(struct load *l, struct connection *c)
{
    struct wire_head h;

    if (!wire_head(c->head, c->have, &h)) {
        if (c->have < HEAD_ROOM)
            return 0;
        connection_fail(l, c, FAULT_FRAMING);
        return -1;
    }
    if (c->have < 12 || c->head[9] != '2' || h.body < 0 || (h.close && !l->each)) {
        connection_fail(l, c, h.size >= 12 && c->head[9] != '2' ? FAULT_STATUS : FAULT_FRAMING);
        return -1;
    }
    l->bytes += c->have;
    c->left = h.body - (long)(c->have - h.size);
    c->state = 1;
    return 1;
}

/* The connection has ended, in whatever state it was. */
static void peer_closed(struct load *l, struct connection *c)
{
    if (c->state == 2)
        connection_again(l, c);
    else if (c->sent == 0)
        connection_fail(l, c, FAULT_CONNECT);
    else
        connection_fail(l, c, c->have ? FAULT_TRUNCATED : FAULT_CLOSED);
}

static void connection_run(struct load *l, struct connection *c)
{
    static char waste[1 << 18];

    for (;;) {
        ssize_t n;

        if (c->state == 0 && send_request(l, c)) {
            peer_closed(l, c);
            return;
        }
        n = c->state == 0 ? recv(c->fd, c->head + c->have, HEAD_ROOM - c->have, 0)
                          : recv(c->fd, waste, sizeof(waste), 0);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        if (n <= 0) {
            peer_closed(l, c);
            return;
        }
        if (c->state == 0) {
            int got;

            c->have += (size_t)n;
            got = take_head(l, c);
            if (got < 0)
                return;
            if (!got)
                continue;
        } else {
            l->bytes += (unsigned long)n;
            c->left -= n;
        }
        if (c->left < 0 || c->state == 2) {
            connection_fail(l, c, FAULT_FRAMING);
            return;
        }
        if (c->left == 0)
            answered(l, c);
    }
}

static unsigned percentile(const struct load *l, unsigned long percent)
{
    unsigned long want = l->requests * percent / 100, seen = 0;

    for (unsigned i = 0; i < LATE_SLOTS; i++) {
        seen += l->latency[i];
        if (seen > want)
            return i;
    }
    return LATE;
}

static void report(const struct load *l, long long took)
{
    unsigned long failed = 0;

    for (int i = 0; i < FAULT_COUNT; i++)
        failed += l->faults[i];
    printf("requests=%lu failed=%lu bytes=%lu ms=%lld p50=%u p99=%u", l->requests, failed, l->bytes,
           took / 1000, percentile(l, 50), percentile(l, 99));
    for (int i = 0; i < FAULT_COUNT; i++)
        printf(" %s=%lu", fault_names[i], l->faults[i]);
    printf("\n");
}

/* The request, with a body of BODY bytes; EXTRA names a file of header lines or is NULL. */
static void make_request(struct load *l, const char *method, const char *path, const char *extra, long body)
{
    char lines[HEAD_ROOM] = "";
    FILE *f = extra ? fopen(extra, "r") : NULL;
    size_t n = f ? fread(lines, 1, sizeof(lines) - 1, f) : 0;
    char length[48] = "";

    if (f)
        fclose(f);
    lines[n] = '\0';
    if (body)
        snprintf(length, sizeof(length), "Content-Length: %ld\r\n", body);
    l->request = malloc(REQUEST_ROOM);
    if (!l->request || (extra && !f))
        exit(1);
    l->request_size = (size_t)snprintf(l->request, REQUEST_ROOM - (size_t)body,
                                       "%s %s HTTP/1.1\r\nHost: bench.test\r\n%s%s%s\r\n", method, path,
                                       lines, length, l->each ? "Connection: close\r\n" : "");
    memset(l->request + l->request_size, 'b', (size_t)body);
    l->request_size += (size_t)body;
}

static void run(struct load *l, struct connection *all, long count, long milliseconds)
{
    struct epoll_event events[256];
    long long began = now_us(), end = began + milliseconds * 1000LL;
    long alive = 0;

    for (long i = 0; i < count; i++) {
        if (connection_open(l, &all[i]))
            l->faults[FAULT_CONNECT]++;
        else
            alive++;
    }
    while (now_us() < end && alive) {
        int n = epoll_wait(l->ep, events, 256, 100);

        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if (c->fd >= 0)
                connection_run(l, c);
            if (c->fd < 0)
                alive--;
        }
    }
    report(l, now_us() - began);
}

int main(int argc, char **argv)
{
    struct load l = {.to = {.sin_family = AF_INET}};
    const char *method = "GET", *extra = NULL;
    long count = 1, milliseconds = 1000, body = 0;
    struct connection *all;
    int option;

    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt(argc, argv, "p:c:t:nm:b:H:")) != -1) {
        switch (option) {
        case 'p':
            l.to.sin_port = htons((uint16_t)wire_number(optarg, 1, 65535));
            break;
        case 'c':
            count = wire_number(optarg, 1, 10000);
            break;
        case 't':
            milliseconds = wire_number(optarg, 1, 600000);
            break;
        case 'n':
            l.each = 1;
            break;
        case 'm':
            method = optarg;
            break;
        case 'b':
            body = wire_number(optarg, 0, REQUEST_ROOM / 2);
            break;
        case 'H':
            extra = optarg;
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc)
        return 2;
    l.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l.ep = epoll_create1(EPOLL_CLOEXEC);
    l.latency = calloc(LATE_SLOTS, sizeof(*l.latency));
    all = calloc((size_t)count, sizeof(*all));
    if (l.ep < 0 || !l.latency || !all)
        return 1;
    make_request(&l, method, argv[optind], extra, body);
    run(&l, all, count, milliseconds);
    return 0;
}

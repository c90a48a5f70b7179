/*
 * listener.c: binding without a silent neighbour, and accepting without starving the loop.
 * Events are level-triggered: what is left after a turn's share wakes the next turn.  When descriptors
 * run out the socket would wake every turn for nothing, so it is left alone for a while.
 */
#include "io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void listener_address_text(const struct sockaddr_storage *address, socklen_t len, char *text,
                           size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;

        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
        snprintf(text, size, "%s:%u", ip, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;

        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
        snprintf(text, size, "[%s]:%u", ip, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_un *un = (const void *)address;
        size_t head = offsetof(struct sockaddr_un, sun_path);
        size_t room = len > head ? len - head : 0;

        snprintf(text, size, "unix:%.*s", (int)strnlen(un->sun_path, room), un->sun_path);
    }
}

static int listener_fail(const struct listener_spec *spec, int fd, const char *what, char *error,
                         size_t error_size)
{
    int code = errno;
    char address[160];

    listener_address_text(&spec->address, spec->address_len, address, sizeof(address));
    if (code == EADDRINUSE)
        snprintf(error, error_size, "%s is in use by another program or instance", address);
    else
        snprintf(error, error_size, "%s on %s: %s", what, address, strerror(code));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int listener_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

static int listener_tcp_options(int fd, const struct listener_spec *spec)
{
    if (listener_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
        listener_set(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
        return -1;
    if (spec->address.ss_family == AF_INET6 && listener_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
        return -1;
    if (spec->defer_accept_s > 0)
        return listener_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, spec->defer_accept_s);
    return 0;
}

static int listener_bind_tcp(int fd, const struct listener_spec *spec, bool shared)
{
    const struct sockaddr *address = (const void *)&spec->address;

    if (listener_tcp_options(fd, spec) < 0)
        return -1;
    if (shared && listener_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
        return -1;
    if (bind(fd, address, spec->address_len) < 0)
        return -1;
    /* Set before listen(), which puts the socket into its group. */
    if (!shared && listener_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
        return -1;
    return listen(fd, spec->backlog);
}

/* A path in use says EADDRINUSE whether it is served or left over: only connecting tells. */
static bool listener_unix_is_stale(const struct listener_spec *spec)
{
    const struct sockaddr_un *un = (const void *)&spec->address;
    struct stat st;
    bool stale;
    int fd;

    if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    stale = connect(fd, (const void *)un, spec->address_len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int listener_bind_unix(int fd, const struct listener_spec *spec)
{
    const struct sockaddr *address = (const void *)&spec->address;
    const struct sockaddr_un *un = (const void *)&spec->address;

    if (bind(fd, address, spec->address_len) < 0) {
        if (errno != EADDRINUSE)
            return -1;
        if (!listener_unix_is_stale(spec)) {
            errno = EADDRINUSE;
            return -1;
        }
        if (unlink(un->sun_path) < 0 || bind(fd, address, spec->address_len) < 0)
            return -1;
    }
    /* Nobody can connect before listen(), so the mode is never too wide. */
    if (un->sun_path[0] && chmod(un->sun_path, spec->unix_mode) < 0)
        return -1;
    return listen(fd, spec->backlog);
}

int listener_bind(const struct listener_spec *spec, bool shared, char *error, size_t error_size)
{
    int family = spec->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return listener_fail(spec, fd, "cannot make a socket", error, error_size);
    rc = family == AF_UNIX ? listener_bind_unix(fd, spec) : listener_bind_tcp(fd, spec, shared);
    if (rc < 0)
        return listener_fail(spec, fd, "cannot listen", error, error_size);
    return fd;
}

int listener_bind_all(const struct listener_spec *spec, int *fds, int n, bool shared, char *error,
                      size_t error_size)
{
    struct listener_spec bound = *spec;
    int done = 0;

    if (spec->address.ss_family == AF_UNIX)
        n = 1;
    while (done < n) {
        int fd = listener_bind(&bound, shared || done > 0, error, error_size);

        if (fd < 0)
            break;
        fds[done++] = fd;
        bound.address_len = sizeof(bound.address);
        if (getsockname(fd, (void *)&bound.address, &bound.address_len) < 0) {
            listener_fail(spec, -1, "cannot read the address", error, error_size);
            break;
        }
    }
    if (done == n)
        return n;
    while (done > 0)
        close(fds[--done]);
    return -1;
}

static bool listener_is_any(const struct sockaddr_storage *a)
{
    const struct sockaddr_in6 *in6 = (const void *)a;

    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == htonl(INADDR_ANY);
    return a->ss_family == AF_INET6 && memcmp(&in6->sin6_addr, &in6addr_any, sizeof(in6addr_any)) == 0;
}

bool listener_overlaps(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

    if (a->ss_family != b->ss_family || a->ss_family == AF_UNIX || listener_is_any(a) == listener_is_any(b))
        return false;
    return a->ss_family == AF_INET ? a4->sin_port == b4->sin_port : a6->sin6_port == b6->sin6_port;
}

static bool listener_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    const struct sockaddr_un *au = (const void *)a, *bu = (const void *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    if (a->ss_family == AF_INET6)
        return a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id &&
               memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
    return memcmp(au->sun_path, bu->sun_path, sizeof(au->sun_path)) == 0;
}

bool listener_is_bound_to(int fd, const struct listener_spec *spec)
{
    struct sockaddr_storage own, wanted;
    socklen_t len = sizeof(own);
    socklen_t flag_len = sizeof(int);
    int listening = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_len) < 0 || !listening)
        return false;
    /* Bytes past either length must compare equal. */
    memset(&own, 0, sizeof(own));
    memset(&wanted, 0, sizeof(wanted));
    memcpy(&wanted, &spec->address, spec->address_len);
    if (getsockname(fd, (void *)&own, &len) < 0)
        return false;
    return listener_same_address(&own, &wanted);
}

static int listener_open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Descriptors or memory are short: the eldest in the queue is told so, the others wait a while. */
static void listener_hold(struct listener *l)
{
    const struct timeval wait = {.tv_sec = 0, .tv_usec = LISTENER_PAUSE_MS * 1000};

    if (l->spare >= 0) {
        int fd;

        close(l->spare);
        fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
    }
    l->spare = listener_open_spare();
    l->pauses++;
    /* Without the timer nothing would bring the listener back, so it must stay on then. */
    if (event_add(l->pause, &wait) == 0)
        event_del(l->event);
}

/* True: go on accepting this turn. */
static bool listener_after_error(struct listener *l, int code)
{
    switch (code) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        listener_hold(l);
        return false;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        /* Not a listening socket (any more): it would wake every turn. */
        listener_stop(l);
        return false;
    default:
        /* Faults of the one connection that was next: gone, filtered, its network down. */
        return true;
    }
}

static void listener_on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)what;
    loop_event(l->loop);
    for (unsigned i = 0; i < l->per_turn && l->running; i++) {
        struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
        socklen_t len = sizeof(peer);
        int client = accept4(fd, (void *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client >= 0) {
            l->accepted++;
            l->on_accept(l, client, &peer, len);
        } else if (!listener_after_error(l, errno)) {
            break;
        }
    }
}

static void listener_on_pause_end(evutil_socket_t fd, short what, void *arg)
{
    const struct timeval wait = {.tv_sec = 0, .tv_usec = LISTENER_PAUSE_MS * 1000};
    struct listener *l = arg;

    (void)fd;
    (void)what;
    loop_event(l->loop);
    if (l->spare < 0)
        l->spare = listener_open_spare();
    if (l->running && event_add(l->event, NULL) < 0)
        event_add(l->pause, &wait);
}

int listener_init(struct listener *l, struct loop *loop, int fd,
                  void (*on_accept)(struct listener *, int, const struct sockaddr_storage *, socklen_t),
                  void *arg)
{
    int domain = AF_UNIX;
    socklen_t len = sizeof(domain);

    memset(l, 0, sizeof(*l));
    l->loop = loop;
    l->fd = fd;
    l->on_accept = on_accept;
    l->arg = arg;
    l->spare = listener_open_spare();
    /* A unix socket is one for all workers: who takes many leaves the others idle. */
    (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    l->per_turn = domain == AF_UNIX ? 1 : LISTENER_ACCEPTS_PER_TURN;
    l->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, listener_on_ready, l);
    l->pause = event_new(loop->base, -1, 0, listener_on_pause_end, l);
    if (l->event && l->pause)
        return 0;
    listener_free(l);
    return -1;
}

int listener_start(struct listener *l)
{
    if (event_add(l->event, NULL) < 0)
        return -1;
    l->running = true;
    return 0;
}

void listener_stop(struct listener *l)
{
    l->running = false;
    if (l->event)
        event_del(l->event);
    if (l->pause)
        event_del(l->pause);
}

void listener_free(struct listener *l)
{
    listener_stop(l);
    if (l->event)
        event_free(l->event);
    if (l->pause)
        event_free(l->pause);
    if (l->spare >= 0)
        close(l->spare);
    l->event = NULL;
    l->pause = NULL;
    l->spare = -1;
}

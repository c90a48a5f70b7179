/* probe.c: see probe.h. */
#include "core/health/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/health/probe_tls.h"
#include "http/proxy_proto.h"

#define POOL_FIRST (8 * 1024)
#define IN_FIRST 2048
#define OUT_FIRST 512
/* Of the process's descriptors. */
#define FDS_PART 4

void probes_init(struct probes *all, struct loop *loop, struct deadlines *deadlines,
                 struct regex_scratch *regex, struct log *log, size_t max)
{
    struct rlimit limit;

    *all = (struct probes){.loop = loop, .deadlines = deadlines, .regex = regex, .log = log, .max = max};
    list_init(&all->under_way);
    list_init(&all->spare);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / FDS_PART < max)
        all->max = (size_t)limit.rlim_cur / FDS_PART;
}

bool probes_full(const struct probes *all)
{
    return all->count >= all->max;
}

static void probe_close(struct probe *p)
{
    deadline_stop(&p->deadline);
    if (p->job.check->release)
        p->job.check->release(p);
    if (p->tls)
        probe_tls_end(p);
    if (p->fd >= 0) {
        event_del(&p->event);
        close(p->fd);
    }
    p->fd = -1;
    p->owner->count--;
    list_remove(&p->link);
    pool_reset(p->pool);
}

static void reason_print(struct probe *p, const char *fmt, va_list args)
{
    vsnprintf(p->reason, sizeof(p->reason), fmt, args);
    for (char *c = p->reason; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

enum check_step probe_pass(struct probe *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    reason_print(p, fmt, args);
    va_end(args);
    return CHECK_PASSED;
}

enum check_step probe_fail(struct probe *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    reason_print(p, fmt, args);
    va_end(args);
    return CHECK_FAILED;
}

static enum check_step fail_errno(struct probe *p, const char *doing, int error)
{
    if (error == ECONNREFUSED)
        return probe_fail(p, "%s refused", doing);
    if (error == ECONNRESET || error == EPIPE)
        return probe_fail(p, "%s: the server closed the connection with a reset", doing);
    return probe_fail(p, "%s: %s", doing, strerror(error));
}

/* ---- bytes ---- */

void probe_send(struct probe *p, struct str bytes)
{
    if (!p->out) {
        p->out_room = OUT_FIRST;
        p->out = pool_text(p->pool, p->out_room);
    }
    p->out = pool_text_grow(p->pool, p->out, p->out_len, &p->out_room, bytes.len);
    if (bytes.len)
        memcpy(p->out + p->out_len, bytes.s, bytes.len);
    p->out_len += bytes.len;
}

void probe_take(struct probe *p, size_t n)
{
    p->in_len -= n;
    memmove(p->in, p->in + n, p->in_len);
}

static ssize_t send_some(struct probe *p, char *bytes, size_t len)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = len};

    return p->tls ? tls_send(p->tls, &iov, 1) : send(p->fd, bytes, len, MSG_NOSIGNAL);
}

static enum check_step probe_flush(struct probe *p)
{
    if (p->tls && tls_is_blocked(p->tls) && tls_flush(p->tls) < 0 && errno == EAGAIN)
        return CHECK_GOES_ON;
    while (p->sent < p->out_len) {
        ssize_t n = send_some(p, p->out + p->sent, p->out_len - p->sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return CHECK_GOES_ON;
        /* What the server said before it closed may be its answer. */
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            p->sent = p->out_len;
            return CHECK_GOES_ON;
        }
        if (n < 0)
            return fail_errno(p, "send", errno);
        p->sent += (size_t)n;
    }
    p->sent = p->out_len = 0;
    return CHECK_GOES_ON;
}

static void make_room(struct probe *p)
{
    if (!p->in) {
        p->in_room = IN_FIRST;
        p->in = pool_text(p->pool, p->in_room);
    }
    if (p->in_room - p->in_len < IN_FIRST / 2)
        p->in = pool_text_grow(p->pool, p->in, p->in_len, &p->in_room, p->in_room);
}

static enum check_step probe_ended(struct probe *p)
{
    enum check_step step;

    /* What an end would complete may have been cut short by anybody. */
    if (p->tls && tls_was_cut(p->tls))
        return probe_fail(p, "the connection ended without TLS's goodbye (close_notify), before the answer was complete");
    step = p->job.check->on_data(p, true);
    return step != CHECK_GOES_ON ? step : probe_fail(p, "the server closed the connection early");
}

static enum check_step probe_read(struct probe *p)
{
    enum check_step step;

    for (;;) {
        ssize_t n;

        make_room(p);
        n = p->tls ? tls_recv(p->tls, p->in + p->in_len, p->in_room - p->in_len)
                   : recv(p->fd, p->in + p->in_len, p->in_room - p->in_len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return CHECK_GOES_ON;
        if (n < 0 && errno == EPROTO && p->tls)
            return probe_fail(p, "TLS: %s", tls_error(p->tls));
        if (n < 0)
            return fail_errno(p, "receive", errno);
        if (n == 0)
            return probe_ended(p);
        p->in_len += (size_t)n;
        p->received += (size_t)n;
        step = p->job.check->on_data(p, false);
        if (step == CHECK_GOES_ON && p->received > PROBE_BYTES_MAX)
            return probe_fail(p, "the answer is longer than %d bytes", PROBE_BYTES_MAX);
        if (step == CHECK_GOES_ON && p->out_len > p->sent)
            step = probe_flush(p);
        if (step != CHECK_GOES_ON)
            return step;
    }
}

/* ---- the conversation ---- */

/* The probe may be another one when this returns. */
static void probe_end(struct probe *p, enum check_step step)
{
    struct probe_job job = p->job;
    char text[PEER_REASON_MAX];
    size_t len = strlen(p->reason);

    memcpy(text, p->reason, len);
    /* A farewell; whoever does not take it at once goes without. */
    if (step == CHECK_PASSED && p->out_len > p->sent)
        (void)!probe_flush(p);
    probe_close(p);
    list_prepend(&p->owner->spare, &p->link);
    job.done(job.user, step == CHECK_PASSED, (struct str){text, len});
}

static enum check_step probe_connected(struct probe *p)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error)
        return fail_errno(p, "connect", error);
    if (p->job.proxy_protocol) {
        char header[PROXY_PROTO_WRITTEN_MAX];
        size_t size = proxy_proto_write(p->job.proxy_protocol, NULL, NULL, header);

        if (send(p->fd, header, size, MSG_NOSIGNAL) != (ssize_t)size)
            return probe_fail(p, "send: the PROXY header was not taken");
    }
    if (!p->job.tls) {
        p->state = PROBE_TALKING;
        return p->job.check->start(p);
    }
    p->state = PROBE_HANDSHAKE;
    return probe_tls_begin(p);
}

static enum check_step probe_go_on(struct probe *p)
{
    enum check_step step = CHECK_GOES_ON;

    if (p->state == PROBE_CONNECTING)
        step = probe_connected(p);
    if (step == CHECK_GOES_ON && p->state == PROBE_HANDSHAKE) {
        step = probe_tls_handshake(p);
        if (step == CHECK_PASSED) {
            p->state = PROBE_TALKING;
            step = p->job.check->start(p);
        }
    }
    if (step != CHECK_GOES_ON || p->state != PROBE_TALKING)
        return step;
    step = probe_flush(p);
    return step == CHECK_GOES_ON ? probe_read(p) : step;
}

static void probe_on_event(evutil_socket_t fd WEIR_UNUSED, short what WEIR_UNUSED, void *arg)
{
    struct probe *p = arg;
    enum check_step step;

    loop_event(p->owner->loop);
    step = probe_go_on(p);
    if (step != CHECK_GOES_ON)
        probe_end(p, step);
}

static void probe_on_deadline(struct deadline *d)
{
    struct probe *p = container_of(d, struct probe, deadline);
    static const char *const doing[] = {[PROBE_CONNECTING] = "connecting",
                                        [PROBE_HANDSHAKE] = "the TLS handshake",
                                        [PROBE_TALKING] = "the answer"};

    probe_end(
        p, probe_fail(p, "timed out: %s took more than %lld ms", doing[p->state], (long long)p->job.timeout));
}

static enum check_step probe_connect(struct probe *p)
{
    const struct addr *to = p->job.address;
    bool waits;

    p->fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return fail_errno(p, "socket", errno);
    waits = connect(p->fd, &to->sa, to->len) < 0;
    if ((waits && errno != EINPROGRESS) ||
        event_assign(&p->event, p->owner->loop->base, p->fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST,
                     probe_on_event, p) < 0 ||
        event_add(&p->event, NULL) < 0) {
        enum check_step step = fail_errno(p, "connect", errno);

        close(p->fd);
        p->fd = -1;
        return step;
    }
    return CHECK_GOES_ON;
}

static struct probe *probe_new(struct probes *all)
{
    struct probe *p;
    struct pool *pool;

    if (!list_empty(&all->spare)) {
        p = container_of(all->spare.next, struct probe, link);
        list_remove(&p->link);
        pool = p->pool;
    } else {
        p = malloc(sizeof(*p));
        if (!p)
            abort();
        pool = pool_new(POOL_FIRST);
    }
    *p = (struct probe){.owner = all, .pool = pool, .fd = -1};
    list_init(&p->link);
    deadline_init(&p->deadline, probe_on_deadline);
    return p;
}

void probe_start(struct probes *all, const struct probe_job *job)
{
    struct probe *p = probe_new(all);
    enum check_step step;

    p->job = *job;
    all->count++;
    list_append(&all->under_way, &p->link);
    deadline_start(all->deadlines, &p->deadline, job->timeout, all->loop->clock.mono_ms);
    step = probe_connect(p);
    if (step != CHECK_GOES_ON)
        probe_end(p, step);
}

void probes_free(struct probes *all)
{
    while (!list_empty(&all->under_way)) {
        struct probe *p = container_of(all->under_way.next, struct probe, link);

        probe_close(p);
        list_prepend(&all->spare, &p->link);
    }
    list_each_safe(link, &all->spare)
    {
        struct probe *p = container_of(link, struct probe, link);

        pool_free(p->pool);
        free(p);
    }
    list_init(&all->spare);
}

/*
 * supervise.c: the table is a list, since it holds at most some hundred processes and is walked only when
 * one ends.  A pidfd names a process for certain, where its number may by now be another's.
 */
#include "main/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct supervise_child *supervise_add(struct supervise *s, enum supervise_role role, unsigned index,
                                      uint64_t generation)
{
    struct supervise_child *child = calloc(1, sizeof(*child));

    if (!child)
        abort();
    child->role = role;
    child->index = index;
    child->generation = generation;
    child->pidfd = -1;
    child->next = s->first;
    s->first = child;
    return child;
}

static void supervise_close(struct supervise_child *child)
{
    if (child->pidfd >= 0)
        close(child->pidfd);
    child->pidfd = -1;
}

void supervise_remove(struct supervise *s, struct supervise_child *child)
{
    struct supervise_child **at = &s->first;

    while (*at && *at != child)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = child->next;
    supervise_close(child);
    free(child);
}

void supervise_free(struct supervise *s)
{
    while (s->first)
        supervise_remove(s, s->first);
}

struct supervise_child *supervise_find(const struct supervise *s, pid_t pid)
{
    struct supervise_child *child = s->first;

    while (child && child->pid != pid)
        child = child->next;
    return child;
}

const char *supervise_role_name(enum supervise_role role)
{
    static const char *const names[] = {
        [SUPERVISE_WORKER] = "worker",
        [SUPERVISE_KEEPER] = "keeper",
        [SUPERVISE_JANITOR] = "janitor",
    };

    return names[role];
}

void supervise_started(struct supervise_child *child, pid_t pid, int pidfd, int64_t now_ms)
{
    supervise_close(child);
    child->pid = pid;
    child->pidfd = pidfd;
    child->adopted = false;
    child->started_ms = now_ms;
}

/* 0, 1, 2, 4, 8, 16, 30, 30... seconds for the first, second... short life. */
static int64_t supervise_wait_ms(unsigned short_lives)
{
    int64_t wait;

    if (short_lives < 2)
        return 0;
    if (short_lives > 6)
        return SUPERVISE_MAX_WAIT_MS;
    wait = (int64_t)1000 << (short_lives - 2);
    return wait < SUPERVISE_MAX_WAIT_MS ? wait : SUPERVISE_MAX_WAIT_MS;
}

void supervise_ended(struct supervise_child *child, int64_t now_ms)
{
    if (now_ms - child->started_ms >= SUPERVISE_SHORT_LIFE_MS)
        child->short_lives = 0;
    else if (child->short_lives < 1000)
        child->short_lives++;
    child->start_at_ms = now_ms + supervise_wait_ms(child->short_lives);
    child->pid = 0;
    child->adopted = false;
    supervise_close(child);
}

static bool supervise_waits(const struct supervise_child *child)
{
    return child->pid == 0 && !child->retired;
}

struct supervise_child *supervise_due(const struct supervise *s, int64_t now_ms)
{
    struct supervise_child *child = s->first;

    while (child && !(supervise_waits(child) && child->start_at_ms <= now_ms))
        child = child->next;
    return child;
}

unsigned supervise_running(const struct supervise *s, uint64_t generation)
{
    unsigned n = 0;

    for (const struct supervise_child *child = s->first; child; child = child->next)
        n += child->pid != 0 && (generation == 0 || child->generation == generation);
    return n;
}

pid_t supervise_fork(struct supervise_child *child, int64_t now_ms)
{
    pid_t pid = fork();

    if (pid > 0) {
        /* Not reaped yet, so the number cannot be another's. */
        supervise_started(child, pid, pidfd_open(pid, 0), now_ms);
    } else if (pid < 0) {
        int code = errno;

        child->started_ms = now_ms;
        supervise_ended(child, now_ms);
        errno = code;
    }
    return pid;
}

int supervise_adopt(struct supervise_child *child, pid_t pid, int64_t now_ms)
{
    int pidfd = pidfd_open(pid, 0);

    if (pidfd < 0)
        return -1;
    supervise_started(child, pid, pidfd, now_ms);
    child->adopted = true;
    return 0;
}

static void supervise_reap_adopted(struct supervise *s, int64_t now_ms,
                                   void (*on_end)(struct supervise_child *, pid_t, int, void *),
                                   void *arg)
{
    struct supervise_child *next;

    for (struct supervise_child *child = s->first; child; child = next) {
        struct pollfd poller = {.fd = child->pidfd, .events = POLLIN};
        pid_t pid = child->pid;

        next = child->next;
        if (!child->adopted || poll(&poller, 1, 0) <= 0)
            continue;
        supervise_ended(child, now_ms);
        on_end(child, pid, -1, arg);
    }
}

void supervise_reap(struct supervise *s, int64_t now_ms,
                    void (*on_end)(struct supervise_child *child, pid_t pid, int status, void *arg),
                    void *arg)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
        struct supervise_child *child;

        if (pid < 0)
            continue;
        child = supervise_find(s, pid);
        if (child)
            supervise_ended(child, now_ms);
        on_end(child, pid, status, arg);
    }
    supervise_reap_adopted(s, now_ms, on_end, arg);
}

int supervise_kill(const struct supervise_child *child, int signal_number)
{
    if (child->pid <= 0) {
        errno = ESRCH;
        return -1;
    }
    if (child->pidfd >= 0)
        return pidfd_send_signal(child->pidfd, signal_number, NULL, 0);
    /* A child of ours that is not reaped keeps its number. */
    return kill(child->pid, signal_number);
}

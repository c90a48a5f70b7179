/*
 * upgrade.c: both masters' side of an upgrade.
 */
#include "main/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "main/manifest.h"
#include "main/master.h"

#define UPGRADE_VARIABLE "WEIR_UPGRADE"
#define UPGRADE_READY_MS 30000
#define UPGRADE_GRANTED_MS 10000

void upgrade_init(struct upgrade *u)
{
    *u = (struct upgrade){.peer = -1};
}

void upgrade_free(struct upgrade *u)
{
    if (u->event)
        event_free(u->event);
    u->event = NULL;
    if (u->peer >= 0)
        close(u->peer);
    u->peer = -1;
}

bool upgrade_is_running(const struct upgrade *u)
{
    return u->state == UPGRADE_WANTED || u->state == UPGRADE_WAITING || u->state == UPGRADE_GRANTED;
}

void upgrade_forget(struct upgrade *u, const struct process *p)
{
    outcome_forget(&u->askers, p);
}

static bool upgrade_say(struct upgrade *u, const char *text)
{
    return u->peer >= 0 && send(u->peer, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

/* With all that it has started. */
static void upgrade_kill(pid_t pid)
{
    if (pid > 0)
        kill(-pid, SIGKILL);
}

/* One message: its length, 0 at the end, -1 when none waits. */
static ssize_t upgrade_hear(struct upgrade *u, char *text, size_t size)
{
    ssize_t n = recv(u->peer, text, size - 1, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? n : 0;
}

/* The old one goes on as if nothing had happened. */
static void upgrade_fail(struct master *m)
{
    struct upgrade *u = &m->upgrade;
    char text[700], error[256];

    snprintf(text, sizeof(text), "Upgrade failed, process %ld serves on: %s\n", (long)getpid(),
             u->why[0] ? u->why : "the new program ended before it was ready; see its messages");
    outcome_log(m->log, LOG_LEVEL_ERROR, "", text);
    if (m->pidfile.path[0] && m->pidfile.fd < 0) {
        char path[PATH_MAX];

        memcpy(path, m->pidfile.path, sizeof(path));
        if (pidfile_lock(&m->pidfile, path, error, sizeof(error)) < 0 ||
            pidfile_write(&m->pidfile, getpid(), error, sizeof(error)) < 0)
            log_write(m->log, LOG_LEVEL_CRIT, "%s", error);
    }
    outcome_send_all(&u->askers, false, text);
    upgrade_free(u);
    u->state = UPGRADE_IDLE;
    /* The new one may have called on the workers to drain. */
    if (board_serve_from(m->board) > m->serving->number)
        reload_begin(m, NULL, 0);
}

static void upgrade_done(struct master *m)
{
    struct upgrade *u = &m->upgrade;
    char text[128];

    snprintf(text, sizeof(text), "Process %ld is the master now.\n", (long)u->pid);
    outcome_log(m->log, LOG_LEVEL_NOTICE, "", text);
    outcome_send_all(&u->askers, true, text);
    upgrade_free(u);
    u->state = UPGRADE_DONE;
    m->succeeded = true;
    master_drain(m);
    /* The successor may close a listener and bind it again while we still wait for the last clients. */
    sockets_free(&m->sockets);
}

static void upgrade_on_new(struct master *m, const char *text)
{
    struct upgrade *u = &m->upgrade;

    if (text[0] == 'E') {
        snprintf(u->why, sizeof(u->why), "%.*s", (int)strcspn(text + 1, "\n"), text + 1);
    } else if (text[0] == 'R' && u->state == UPGRADE_WAITING) {
        pidfile_release(&m->pidfile);
        u->state = UPGRADE_GRANTED;
        u->deadline = m->loop->clock.mono_ms + UPGRADE_GRANTED_MS;
        upgrade_say(u, "K");
    } else if (text[0] == 'G' && u->state == UPGRADE_GRANTED) {
        upgrade_done(m);
    }
}

static void upgrade_on_former(struct master *m, const char *text)
{
    struct upgrade *u = &m->upgrade;

    if (text[0] == 'K')
        u->granted = true;
}

static void upgrade_on_peer(evutil_socket_t fd, short what, void *arg)
{
    struct master *m = arg;
    struct upgrade *u = &m->upgrade;
    char text[512];
    ssize_t n;

    (void)fd;
    (void)what;
    loop_event(m->loop);
    while (u->peer >= 0 && (n = upgrade_hear(u, text, sizeof(text))) >= 0) {
        if (n > 0) {
            (u->is_new ? upgrade_on_former : upgrade_on_new)(m, text);
        } else if (u->is_new) {
            /* The former one was killed: its place is free. */
            u->granted = true;
            upgrade_free(u);
        } else {
            upgrade_fail(m);
        }
    }
}

int upgrade_listen(struct master *m)
{
    struct upgrade *u = &m->upgrade;

    if (u->peer < 0)
        return 0;
    u->event = event_new(m->loop->base, u->peer, EV_READ | EV_PERSIST, upgrade_on_peer, m);
    return u->event && event_add(u->event, NULL) == 0 ? 0 : -1;
}

static void upgrade_refuse(struct master *m, struct process *asker, uint32_t number, const char *why)
{
    log_write(m->log, LOG_LEVEL_WARN, "upgrade refused: %.*s", (int)strcspn(why, "\n"), why);
    if (asker)
        outcome_send(asker, number, false, why);
}

void upgrade_begin(struct master *m, struct process *asker, uint32_t number)
{
    struct upgrade *u = &m->upgrade;

    if (m->state != MASTER_RUNNING) {
        upgrade_refuse(m, asker, number, "Weir is starting or ending.\n");
    } else {
        if (u->state == UPGRADE_IDLE)
            u->state = UPGRADE_WANTED;
        if (asker)
            outcome_wait(&u->askers, asker, number);
    }
}

static WEIR_NORETURN void upgrade_exec(struct master *m, const struct handover_item *items, size_t n, int manifest,
                                       int peer)
{
    char number[16], why[PATH_MAX + 128];
    sigset_t none;

    for (size_t i = 0; i < n; i++)
        fcntl(items[i].fd, F_SETFD, 0);
    fcntl(peer, F_SETFD, 0);
    snprintf(number, sizeof(number), "%d", manifest);
    setenv(UPGRADE_VARIABLE, number, 1);
    /* A group of its own, so that all that comes of it can be ended with it. */
    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(m->exe, m->options->argv);
    snprintf(why, sizeof(why), "E%.500s: %s", m->exe, strerror(errno));
    (void)!send(peer, why, strlen(why), MSG_NOSIGNAL);
    _exit(1);
}

/* Forks and runs the program with all it inherits. */
static int upgrade_fork(struct master *m)
{
    struct upgrade *u = &m->upgrade;
    struct handover_item *items;
    int fds[2], manifest = -1;
    size_t n;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -1;
    items = sockets_items(&m->sockets, &n);
    items = reallocarray(items, n + 1, sizeof(*items));
    if (!items)
        abort();
    items[n++] = (struct handover_item){.kind = HANDOVER_BOARD, .fd = board_fd(m->board), .address = "board"};
    manifest = manifest_write(items, n, fds[1]);
    fflush(NULL);
    u->pid = manifest < 0 ? -1 : fork();
    if (u->pid == 0)
        upgrade_exec(m, items, n, manifest, fds[1]);
    if (u->pid > 0)
        setpgid(u->pid, u->pid);
    free(items);
    if (manifest >= 0)
        close(manifest);
    close(fds[1]);
    u->peer = fds[0];
    return u->pid < 0 ? -1 : 0;
}

static void upgrade_start(struct master *m)
{
    struct upgrade *u = &m->upgrade;

    u->why[0] = 0;
    u->is_new = false;
    log_write(m->log, LOG_LEVEL_NOTICE, "upgrade to %s", m->exe);
    if (upgrade_fork(m) < 0 || upgrade_listen(m) < 0) {
        snprintf(u->why, sizeof(u->why), "%s", strerror(errno));
        upgrade_fail(m);
        return;
    }
    u->state = UPGRADE_WAITING;
    u->deadline = m->loop->clock.mono_ms + UPGRADE_READY_MS;
}

void upgrade_tick(struct master *m)
{
    struct upgrade *u = &m->upgrade;

    if (u->state == UPGRADE_WANTED) {
        /* A reload under way comes first. */
        if (m->reload.state == RELOAD_IDLE)
            upgrade_start(m);
    } else if (upgrade_is_running(u) && m->loop->clock.mono_ms >= u->deadline) {
        snprintf(u->why, sizeof(u->why), "the new program, process %ld, was not ready in time and was killed",
                 (long)u->pid);
        upgrade_kill(u->pid);
        u->deadline = INT64_MAX;
    }
}

bool upgrade_child_ended(struct master *m, pid_t pid)
{
    struct upgrade *u = &m->upgrade;

    if (pid != u->pid || pid == 0)
        return false;
    u->pid = 0;
    /* Its last words may still be in the socket. */
    if (u->event)
        upgrade_on_peer(u->peer, EV_READ, m);
    /* Something it started may still hold the other end. */
    if (u->state == UPGRADE_WAITING || u->state == UPGRADE_GRANTED)
        upgrade_fail(m);
    if (u->state != UPGRADE_DONE)
        upgrade_kill(pid);
    return true;
}

void upgrade_cancel(struct master *m)
{
    struct upgrade *u = &m->upgrade;

    if (u->state == UPGRADE_DONE)
        return;
    if (upgrade_is_running(u)) {
        upgrade_kill(u->pid);
        outcome_send_all(&u->askers, false, "Weir is ending.\n");
    }
    u->state = UPGRADE_IDLE;
    upgrade_free(u);
}

bool upgrade_is_new(void)
{
    return getenv(UPGRADE_VARIABLE) != NULL;
}

int upgrade_inherit(struct upgrade *u, struct handover_set *set, char *error, size_t error_size)
{
    const char *value = getenv(UPGRADE_VARIABLE);
    uint64_t fd;

    *set = (struct handover_set){NULL, 0};
    if (!value)
        return 0;
    if (str_to_u64(str_of(value), INT32_MAX, &fd) < 0) {
        snprintf(error, error_size, "%s=%s is not what an upgrade sets", UPGRADE_VARIABLE, value);
        return -1;
    }
    unsetenv(UPGRADE_VARIABLE);
    if (manifest_read((int)fd, set, &u->peer, error, error_size) < 0)
        return -1;
    u->is_new = true;
    return 1;
}

bool upgrade_may_serve(struct master *m)
{
    struct upgrade *u = &m->upgrade;

    if (!u->is_new || u->granted)
        return true;
    if (!u->said_ready && !upgrade_say(u, "R"))
        return true;
    u->said_ready = true;
    return false;
}

void upgrade_tell_done(struct upgrade *u)
{
    if (!u->is_new)
        return;
    upgrade_say(u, "G");
    upgrade_free(u);
    u->is_new = false;
}

void upgrade_tell_failed(struct upgrade *u, const char *text)
{
    char message[512];

    if (!u->is_new)
        return;
    snprintf(message, sizeof(message), "E%s", text);
    upgrade_say(u, message);
}

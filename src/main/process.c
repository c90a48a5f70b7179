/*
 * process.c: fork, channel, watchdog.
 */
#include "main/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/daemon.h"
#include "main/janitor_main.h"
#include "main/keeper_main.h"
#include "main/master.h"
#include "main/worker_main.h"

/* How long a process of a former master may be silent: its configuration is not known here. */
#define PROCESS_ADOPTED_WATCHDOG_MS 10000
#define PROCESS_ROLE_TEXT 32

static struct process *process_new(struct master *m, struct supervise_child *child)
{
    struct process *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    *p = (struct process){.master = m, .child = child, .channel = -1, .slot = -1};
    child->arg = p;
    return p;
}

struct process *process_add(struct master *m, struct generation *g, enum supervise_role role, unsigned index)
{
    struct process *p = process_new(m, supervise_add(&m->supervise, role, index, g->number));

    p->generation = g;
    return p;
}

struct process *process_adopted(struct master *m, struct supervise_child *child, unsigned slot)
{
    struct process *p = process_new(m, child);

    p->slot = (int)slot;
    return p;
}

static void process_close(struct process *p)
{
    if (p->event)
        event_free(p->event);
    p->event = NULL;
    if (p->channel >= 0)
        close(p->channel);
    p->channel = -1;
}

/* What a worker may say; the keeper says more. */
static void process_on_message(struct process *p, const struct channel_message *m)
{
    switch (m->type) {
    case CHANNEL_READY:
        p->ready = true;
        break;
    case CHANNEL_HEARD:
        p->drains = p->drains || m->arg == CHANNEL_DRAIN;
        break;
    default:
        reload_asked(p->master, p, (enum channel_type)m->type, m->arg);
    }
}

static void process_on_channel(evutil_socket_t fd, short what, void *arg)
{
    struct process *p = arg;
    enum channel_speaker speaker = p->child->role == SUPERVISE_KEEPER ? CHANNEL_KEEPER : CHANNEL_WORKER;
    struct channel_message m;
    enum channel_result result;

    (void)what;
    loop_event(p->master->loop);
    while ((result = channel_receive((int)fd, speaker, &m)) == CHANNEL_OK)
        process_on_message(p, &m);
    if (result == CHANNEL_EMPTY)
        return;
    if (result == CHANNEL_BAD) {
        log_write(p->master->log, LOG_LEVEL_ERROR, "%s %u [%ld] said what it may not say: killed",
                  supervise_role_name(p->child->role), p->child->index, (long)p->child->pid);
        supervise_kill(p->child, SIGKILL);
    }
    process_close(p);
}

static WEIR_NORETURN void process_run(struct process *p, int channel)
{
    struct master *m = p->master;
    struct generation *g = p->generation;
    char role[PROCESS_ROLE_TEXT];
    struct child c = {
        .role = p->child->role,
        .index = p->child->index,
        .count = g->workers,
        .generation = g->number,
        .config = g->config,
        .board = m->board,
        .slot = (unsigned)p->slot,
        .channel = channel,
        .sockets = &m->sockets,
        .wakes = &m->wakes,
        .logs = &g->logs,
        .master_uid = geteuid(),
        .drops = g->drops,
        .user = g->user,
    };

    if (m->options->daemonise)
        daemon_detach();
    master_leave_in_child(m);
    if (c.role == SUPERVISE_WORKER)
        snprintf(role, sizeof(role), "worker %u", c.index);
    else
        snprintf(role, sizeof(role), "%s", supervise_role_name(c.role));
    g->logs.error.role = role;
    switch (c.role) {
    case SUPERVISE_KEEPER:
        exit(keeper_main(&c));
    case SUPERVISE_JANITOR:
        exit(janitor_main(&c));
    case SUPERVISE_WORKER:
        break;
    }
    exit(worker_main(&c));
}

static enum board_role board_role_of(enum supervise_role role)
{
    return role == SUPERVISE_KEEPER ? BOARD_KEEPER : role == SUPERVISE_JANITOR ? BOARD_JANITOR : BOARD_WORKER;
}

static int process_prepare(struct process *p, int fds[2])
{
    struct supervise_child *child = p->child;

    if (channel_pair(fds) < 0)
        return -1;
    p->slot = board_process_take(p->master->board, board_role_of(child->role), child->index, child->generation);
    if (p->slot >= 0)
        return 0;
    close(fds[0]);
    close(fds[1]);
    errno = ENOSPC;
    return -1;
}

void process_start(struct process *p)
{
    struct master *m = p->master;
    struct supervise_child *child = p->child;
    int64_t now = m->loop->clock.mono_ms;
    int fds[2];
    pid_t pid;

    if (process_prepare(p, fds) < 0) {
        log_write(m->log, LOG_LEVEL_CRIT, "cannot start %s %u: %s", supervise_role_name(child->role),
                  child->index, strerror(errno));
        child->started_ms = now;
        child->short_lives += 2;
        supervise_ended(child, now);
        return;
    }
    wakes_make(&m->wakes, p->generation->config);
    p->ready = p->drains = false;
    p->stale = 0;
    p->heartbeat = 0;
    fflush(NULL);
    pid = supervise_fork(child, now);
    if (pid == 0) {
        close(fds[0]);
        process_run(p, fds[1]);
    }
    close(fds[1]);
    p->channel = fds[0];
    if (pid < 0) {
        log_write(m->log, LOG_LEVEL_CRIT, "cannot fork: %s", strerror(errno));
        process_ended(p);
        return;
    }
    board_process_set_pid(m->board, (unsigned)p->slot, pid);
    p->event = event_new(m->loop->base, p->channel, EV_READ | EV_PERSIST, process_on_channel, p);
    if (!p->event || event_add(p->event, NULL) < 0)
        supervise_kill(child, SIGKILL);
}

bool process_tell(struct process *p, enum channel_type type, uint32_t arg, int fd)
{
    /* One that has just ended needs not be told. */
    if (p->channel < 0 || channel_send(p->channel, type, arg, fd) != CHANNEL_EMPTY)
        return true;
    log_write(p->master->log, LOG_LEVEL_WARN, "%s %u [%ld] does not hear \"%s\"",
              supervise_role_name(p->child->role), p->child->index, (long)p->child->pid, channel_name(type));
    return false;
}

void process_ended(struct process *p)
{
    process_close(p);
    if (p->slot >= 0)
        board_process_free(p->master->board, (unsigned)p->slot);
    p->slot = -1;
    p->ready = false;
    reload_forget(p->master, p);
}

void process_remove(struct process *p)
{
    process_ended(p);
    supervise_remove(&p->master->supervise, p->child);
    free(p);
}

void process_watch(struct process *p)
{
    struct master *m = p->master;
    int64_t limit = p->generation ? p->generation->config->watchdog : PROCESS_ADOPTED_WATCHDOG_MS;
    uint64_t beat;

    if (limit == 0 || !p->ready || p->slot < 0 || p->child->pid == 0)
        return;
    beat = board_process(m->board, (unsigned)p->slot)->stats.heartbeat_ms;
    if (beat != p->heartbeat) {
        p->heartbeat = beat;
        p->stale = 0;
        return;
    }
    /* Ticks and not time: a machine that slept, or a master that was stopped, kills nobody. */
    if (++p->stale != limit / LOOP_TICK_MS)
        return;
    log_write(m->log, LOG_LEVEL_ERROR, "%s %u [%ld] has not moved for %lld ms (watchdog): killed",
              supervise_role_name(p->child->role), p->child->index, (long)p->child->pid, (long long)limit);
    supervise_kill(p->child, SIGKILL);
}

void process_leave_in_child(struct process *p)
{
    process_close(p);
}

/*
 * turn.c: what the master does while it runs: a turn of the loop, then what became due.  Forks happen here,
 * outside of the callbacks of events, so that a child can leave the loop behind.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "core/log/access_log.h"
#include "main/master.h"

#define TURN_DRAIN_MARGIN_MS 3000
#define TURN_STOP_MS 2000

void master_leave_in_child(struct master *m)
{
    if (loop_detach_in_child(m->loop) < 0)
        _exit(1);
    for (struct supervise_child *c = m->supervise.first; c; c = c->next)
        process_leave_in_child(process_of(c));
    upgrade_free(&m->upgrade);
    signals_leave_in_child(&m->signals);
    loop_free(m->loop);
    m->loop = NULL;
    pidfile_release(&m->pidfile);
    if (m->daemon >= 0)
        close(m->daemon);
    m->daemon = -1;
    if (m->former >= 0)
        close(m->former);
    m->former = -1;
}

static bool turn_reopen_one(struct master *m, struct generation *g, size_t n, char *error, size_t size)
{
    struct str path = n == 0 ? g->config->error_log_path : g->config->access_logs[n - 1]->path;
    int fd;

    if (path.len == 0 || str_eq(path, STR("stderr")))
        return true;
    fd = access_log_open(path, error, size);
    if (fd < 0)
        return false;
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (process_of(c)->generation == g && c->pid)
            process_tell(process_of(c), CHANNEL_LOG, (uint32_t)n, fd);
    }
    if (!logfiles_replace(&g->logs, n, fd))
        close(fd);
    return true;
}

bool master_reopen(struct master *m, char *error, size_t error_size)
{
    bool ok = true;

    for (struct generation *g = m->generations; g; g = g->next) {
        for (size_t n = 0; n <= g->logs.count; n++) {
            if (turn_reopen_one(m, g, n, error, error_size))
                continue;
            log_write(m->log, LOG_LEVEL_ERROR, "log not reopened: %s", error);
            ok = false;
        }
    }
    if (ok)
        log_write(m->log, LOG_LEVEL_NOTICE, "logs reopened");
    return ok;
}

static void turn_retire_all(struct master *m)
{
    for (struct supervise_child *c = m->supervise.first; c; c = c->next)
        c->retired = true;
}

static void turn_tell_role(struct master *m, enum supervise_role role, enum channel_type type, uint32_t arg)
{
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (c->role == role && c->pid)
            process_tell(process_of(c), type, arg, -1);
    }
}

/* Nobody follows: who comes now is to go elsewhere at once. */
static void turn_refuse(struct master *m)
{
    sockets_run_dry(&m->sockets, m->serving->config);
    m->shut_at = m->loop->clock.mono_ms + CHANNEL_DRY_MS;
}

void master_drain(struct master *m)
{
    if (m->state != MASTER_RUNNING) {
        master_stop(m);
        return;
    }
    log_write(m->log, LOG_LEVEL_NOTICE, "draining");
    m->state = MASTER_DRAINING;
    reload_cancel(m);
    upgrade_cancel(m);
    turn_retire_all(m);
    m->end_at = m->loop->clock.mono_ms + m->serving->config->drain_timeout + TURN_DRAIN_MARGIN_MS;
    m->end_step = 0;
    if (!m->succeeded)
        turn_refuse(m);
    turn_tell_role(m, SUPERVISE_WORKER, CHANNEL_DRAIN, m->succeeded ? 0 : CHANNEL_LAST);
}

/* The children of a former master have no channel. */
static void turn_signal(struct master *m, bool adopted, int number)
{
    for (struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (c->adopted == adopted)
            supervise_kill(c, number);
    }
}

void master_stop(struct master *m)
{
    if (m->state == MASTER_STOPPING)
        return;
    m->state = MASTER_STOPPING;
    reload_cancel(m);
    upgrade_cancel(m);
    turn_retire_all(m);
    generation_tell(m, NULL, CHANNEL_STOP);
    turn_signal(m, true, SIGTERM);
    m->end_at = m->loop->clock.mono_ms + TURN_STOP_MS;
    m->end_step = 0;
}

void master_on_signal(enum signals_action action, void *arg)
{
    struct master *m = arg;
    char error[512];

    switch (action) {
    case SIGNALS_RELOAD:
        reload_begin(m, NULL, 0);
        break;
    case SIGNALS_DRAIN:
        master_drain(m);
        break;
    case SIGNALS_STOP:
        master_stop(m);
        break;
    case SIGNALS_REOPEN:
        (void)master_reopen(m, error, sizeof(error));
        break;
    case SIGNALS_UPGRADE:
        upgrade_begin(m, NULL, 0);
        break;
    case SIGNALS_CHILD:
        /* Reaped at the end of the turn. */
        break;
    }
}

static void turn_log_end(struct master *m, const struct process *p, pid_t pid, int status)
{
    const char *role = supervise_role_name(p->child->role);
    unsigned index = p->child->index;
    bool expected = p->child->retired || m->state == MASTER_STOPPING;

    if (status < 0)
        log_write(m->log, LOG_LEVEL_INFO, "%s %u [%ld] of the former master ended", role, index, (long)pid);
    else if (WIFSIGNALED(status))
        log_write(m->log, LOG_LEVEL_ERROR, "%s %u [%ld] was ended by signal %d%s", role, index, (long)pid,
                  WTERMSIG(status), expected ? "" : "; another one is started");
    else if (WEXITSTATUS(status) != 0 || !expected)
        log_write(m->log, LOG_LEVEL_ERROR, "%s %u [%ld] ended with %d%s", role, index, (long)pid,
                  WEXITSTATUS(status), expected ? "" : "; another one is started");
    else
        log_write(m->log, LOG_LEVEL_INFO, "%s %u [%ld] ended", role, index, (long)pid);
}

/* It drained for a newer generation: of a new program, perhaps, that has not told us yet that it serves. */
static bool turn_is_superseded(const struct master *m, const struct supervise_child *child, int status)
{
    return status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
           child->generation < board_serve_from(m->board);
}

static void turn_on_end(struct supervise_child *child, pid_t pid, int status, void *arg)
{
    struct master *m = arg;
    struct process *p;

    if (!child) {
        if (!reload_child_ended(m, pid, status) && !certificates_child_ended(m, pid, status))
            (void)upgrade_child_ended(m, pid);
        return;
    }
    p = process_of(child);
    if (turn_is_superseded(m, child, status))
        child->retired = true;
    turn_log_end(m, p, pid, status);
    if (!child->retired && m->state != MASTER_STOPPING)
        board_count_restart(m->board);
    if (p->generation)
        p->generation->ends++;
    if (child->retired)
        process_remove(p);
    else
        process_ended(p);
}

static void turn_start_due(struct master *m)
{
    struct supervise_child *child;

    while ((child = supervise_due(&m->supervise, m->loop->clock.mono_ms)))
        process_start(process_of(child));
}

static void turn_remove_idle(struct master *m)
{
    struct supervise_child *next;

    for (struct supervise_child *c = m->supervise.first; c; c = next) {
        next = c->next;
        if (c->retired && c->pid == 0)
            process_remove(process_of(c));
    }
}

static bool turn_has_worker(const struct master *m)
{
    for (const struct supervise_child *c = m->supervise.first; c; c = c->next) {
        if (c->pid && c->role == SUPERVISE_WORKER)
            return true;
    }
    return false;
}

/* The keeper goes last, so that a drain can still be watched and cut short; the janitor then knows the final sizes. */
static void turn_drain(struct master *m)
{
    if (m->shut_at > 0 && m->loop->clock.mono_ms >= m->shut_at) {
        sockets_shut(&m->sockets);
        m->shut_at = 0;
    }
    if (m->end_step == 0 && (m->succeeded || !turn_has_worker(m))) {
        m->end_step = 1;
        turn_tell_role(m, SUPERVISE_KEEPER, CHANNEL_DRAIN, 0);
        turn_tell_role(m, SUPERVISE_JANITOR, CHANNEL_DRAIN, 0);
    }
    if (m->loop->clock.mono_ms >= m->end_at ||
        (!m->succeeded && m->end_step == 1 && !turn_has_worker(m)))
        master_stop(m);
}

static void turn_stop(struct master *m)
{
    if (m->loop->clock.mono_ms < m->end_at)
        return;
    turn_signal(m, false, SIGKILL);
    turn_signal(m, true, SIGKILL);
    m->end_at = m->loop->clock.mono_ms + TURN_STOP_MS;
}

bool master_turn(struct master *m)
{
    if (loop_turn(m->loop) < 0) {
        log_write(m->log, LOG_LEVEL_CRIT, "the event loop failed");
        m->exit_code = 1;
        master_stop(m);
    }
    loop_event(m->loop);
    supervise_reap(&m->supervise, m->loop->clock.mono_ms, turn_on_end, m);
    turn_remove_idle(m);
    turn_start_due(m);
    for (struct supervise_child *c = m->supervise.first; c; c = c->next)
        process_watch(process_of(c));
    reload_tick(m);
    upgrade_tick(m);
    certificates_tick(m);
    generation_collect(m, m->reload.generation);
    if (m->state == MASTER_DRAINING)
        turn_drain(m);
    else if (m->state == MASTER_STOPPING)
        turn_stop(m);
    return m->state < MASTER_DRAINING || supervise_running(&m->supervise, 0) > 0;
}

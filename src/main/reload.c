/*
 * reload.c: the states of a reload, one function for each step.
 */
#include "main/reload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main/master.h"
#include "main/reload_check.h"

#define RELOAD_CHECK_MS 60000
#define RELOAD_READY_MS 10000
#define RELOAD_ROOM_MS (GENERATION_HURRY_MS + 3000)
#define RELOAD_REMOVED_MS 1000 /* how long a removed listener is served */
#define RELOAD_SWITCH_MS 1000
#define RELOAD_ENDS_MAX 3 /* processes that may die before their generation is given up */

void reload_init(struct reload *r)
{
    *r = (struct reload){.report = -1};
}

static void reload_close_report(struct reload *r)
{
    if (r->report >= 0)
        close(r->report);
    r->report = -1;
}

/* The end of a reload, whichever it is. */
static void reload_finish(struct master *m, bool ok, const char *text)
{
    struct reload *r = &m->reload;

    outcome_log(m->log, ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, ok ? "" : "reload refused: ", text);
    outcome_send_all(&r->now, ok, text);
    reload_close_report(r);
    r->state = RELOAD_IDLE;
    r->generation = NULL;
    if (r->again) {
        r->again = false;
        r->now = r->next;
        r->next.n = 0;
        r->state = RELOAD_WANTED;
    }
}

static void reload_check(struct master *m)
{
    struct reload *r = &m->reload;

    r->pid = reload_check_start(m, &r->report);
    if (r->pid < 0) {
        char text[128];

        snprintf(text, sizeof(text), "The configuration cannot be checked: %s\n", strerror(errno));
        reload_finish(m, false, text);
        return;
    }
    r->state = RELOAD_CHECKING;
    r->deadline = m->loop->clock.mono_ms + RELOAD_CHECK_MS;
}

void reload_begin(struct master *m, struct process *asker, uint32_t number)
{
    struct reload *r = &m->reload;

    if (m->state != MASTER_RUNNING || upgrade_is_running(&m->upgrade)) {
        const char *why = m->state == MASTER_STARTING ? "Weir is still starting.\n"
                          : m->state != MASTER_RUNNING ? "Weir is ending.\n"
                                                       : "An upgrade is under way.\n";

        log_write(m->log, LOG_LEVEL_WARN, "reload refused: %.*s", (int)strcspn(why, "\n"), why);
        if (asker)
            outcome_send(asker, number, false, why);
        return;
    }
    if (r->state != RELOAD_IDLE) {
        r->again = true;
        if (asker)
            outcome_wait(&r->next, asker, number);
        return;
    }
    if (asker)
        outcome_wait(&r->now, asker, number);
    r->state = RELOAD_WANTED;
}

/* The errors of a file that was changed after it passed the check. */
static void reload_refuse(struct master *m, struct conf_report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    conf_report_print(report, out);
    fclose(out);
    reload_finish(m, false, text);
    free(text);
}

/* With the addresses that the child found: the master waits for no name server. */
static void reload_load(struct master *m, struct str found)
{
    struct pool *pool = pool_new(4096);
    struct config_names names = {.how = CONFIG_NAMES_FOUND, .found = found};
    struct conf_report report;
    struct config *config;
    char error[512];

    conf_report_init(&report, pool);
    config = master_load_config(m->options, &names, &report);
    if (!config) {
        reload_refuse(m, &report);
    } else if (reload_start(m, config, error, sizeof(error)) < 0) {
        strncat(error, "\n", sizeof(error) - strlen(error) - 1);
        reload_finish(m, false, error);
    }
    pool_free(pool);
}

int reload_start(struct master *m, struct config *config, char *error, size_t error_size)
{
    struct reload *r = &m->reload;

    if (sockets_plan(&m->sockets, config, error, error_size) < 0) {
        config_free(config);
        return -1;
    }
    r->generation = generation_new(m, config, error, error_size);
    if (!r->generation) {
        sockets_undo(&m->sockets);
        config_free(config);
        return -1;
    }
    generation_start(m, r->generation);
    r->state = RELOAD_STARTING;
    r->deadline = m->loop->clock.mono_ms + RELOAD_READY_MS;
    return 0;
}

static const char *reload_no_check(const struct master *m)
{
    return m->loop->clock.mono_ms >= m->reload.deadline
               ? "The check of the configuration took more than 60 seconds; is a name server silent?\n"
               : "The check of the configuration was killed.\n";
}

bool reload_child_ended(struct master *m, pid_t pid, int status)
{
    struct reload *r = &m->reload;
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    size_t len;
    char *text;

    if (r->state != RELOAD_CHECKING || pid != r->pid)
        return false;
    r->pid = 0;
    text = reload_check_said(r->report, &len);
    if (passed) {
        reload_close_report(r);
        reload_load(m, (struct str){text, len});
    } else {
        reload_finish(m, false, len ? text : reload_no_check(m));
    }
    free(text);
    return true;
}

static void reload_give_up(struct master *m, const char *why)
{
    struct generation *g = m->reload.generation;

    generation_kill(m, g);
    sockets_undo(&m->sockets);
    if (m->state == MASTER_STARTING)
        master_failed(m, why);
    else
        reload_finish(m, false, why);
}

static void reload_switch(struct master *m)
{
    struct reload *r = &m->reload;

    generation_serve(m, r->generation);
    sockets_steer(&m->sockets, r->generation->config);
    r->state = RELOAD_SWITCHING;
    r->deadline = m->loop->clock.mono_ms + RELOAD_SWITCH_MS;
    if (m->state == MASTER_STARTING)
        master_started(m);
}

/* What changed, and what of it does not count before a restart. */
static void reload_describe(struct master *m)
{
    struct reload *r = &m->reload;
    struct str pid_file = r->generation->config->pid_file;
    size_t len;

    sockets_changes(&m->sockets, r->changes, sizeof(r->changes));
    if (m->pidfile.fd < 0 || str_eq(pid_file, str_of(m->pidfile.path)))
        return;
    log_write(m->log, LOG_LEVEL_WARN, "pid_file stays %s until Weir is started again", m->pidfile.path);
    len = strlen(r->changes);
    snprintf(r->changes + len, sizeof(r->changes) - len, " pid_file stays %s until Weir is started again.",
             m->pidfile.path);
}

static void reload_on_ready(struct master *m)
{
    struct reload *r = &m->reload;
    char error[512];

    /* A new master that was given a place waits for the former one to let go of it. */
    if (m->state == MASTER_STARTING && !upgrade_may_serve(m))
        return;
    /* Where the former one was killed on the way, a third may have taken its place. */
    if (m->state == MASTER_STARTING && master_lock(m, r->generation->config, error, sizeof(error)) < 0) {
        strncat(error, "\n", sizeof(error) - strlen(error) - 1);
        reload_give_up(m, error);
        return;
    }
    if (m->state == MASTER_STARTING)
        r->changes[0] = 0;
    else
        reload_describe(m);
    if (sockets_commit(&m->sockets)) {
        r->state = RELOAD_REMOVING;
        r->deadline = m->loop->clock.mono_ms + RELOAD_REMOVED_MS;
        generation_tell(m, r->generation, CHANNEL_SERVE);
        return;
    }
    reload_switch(m);
}

static void reload_done(struct master *m)
{
    struct reload *r = &m->reload;
    struct generation *g = r->generation;
    char text[160 + sizeof(r->changes)];

    sockets_close_removed(&m->sockets);
    (void)generation_limit(m, GENERATION_MAX);
    snprintf(text, sizeof(text), "Generation %llu serves: %u worker%s, %zu listener%s.%s\n",
             (unsigned long long)g->number, g->workers, g->workers == 1 ? "" : "s", g->config->listener_count,
             g->config->listener_count == 1 ? "" : "s", r->changes);
    reload_finish(m, true, text);
}

void reload_tick(struct master *m)
{
    struct reload *r = &m->reload;
    bool late = m->loop->clock.mono_ms >= r->deadline;

    switch (r->state) {
    case RELOAD_IDLE:
        break;
    case RELOAD_WANTED:
        r->state = RELOAD_ROOM;
        r->deadline = m->loop->clock.mono_ms + RELOAD_ROOM_MS;
        break;
    case RELOAD_ROOM:
        if (generation_limit(m, GENERATION_MAX - 1) || late)
            reload_check(m);
        break;
    case RELOAD_CHECKING:
        if (late && r->pid > 0)
            kill(r->pid, SIGKILL);
        break;
    case RELOAD_STARTING:
        if (generation_is_ready(m, r->generation))
            reload_on_ready(m);
        else if (r->generation->ends >= RELOAD_ENDS_MAX)
            reload_give_up(m, "The new processes end as soon as they are started; see the error log.\n");
        else if (late)
            reload_give_up(m, "The new processes were not ready in 10 seconds; see the error log.\n");
        break;
    case RELOAD_REMOVING:
        if (late)
            reload_switch(m);
        break;
    case RELOAD_SWITCHING:
        if (late || generation_older_drain(m, r->generation))
            reload_done(m);
        break;
    }
}

void reload_cancel(struct master *m)
{
    struct reload *r = &m->reload;

    if (r->state == RELOAD_CHECKING && r->pid > 0)
        kill(r->pid, SIGKILL);
    if (r->state == RELOAD_STARTING)
        generation_kill(m, r->generation);
    outcome_send_all(&r->now, false, "Weir is ending.\n");
    outcome_send_all(&r->next, false, "Weir is ending.\n");
    reload_close_report(r);
    r->again = false;
    r->state = RELOAD_IDLE;
    r->generation = NULL;
}

static void reload_asked_reopen(struct master *m, struct process *p, uint32_t number)
{
    char error[512];
    bool ok = master_reopen(m, error, sizeof(error));

    outcome_send(p, number, ok, ok ? "The logs are reopened.\n" : error);
}

void reload_asked(struct master *m, struct process *p, enum channel_type type, uint32_t number)
{
    switch (type) {
    case CHANNEL_RELOAD:
        reload_begin(m, p, number);
        break;
    case CHANNEL_UPGRADE:
        upgrade_begin(m, p, number);
        break;
    case CHANNEL_REOPEN:
        reload_asked_reopen(m, p, number);
        break;
    case CHANNEL_DRAIN:
        outcome_send(p, number, true, "Weir ends when its requests are done.\n");
        master_drain(m);
        break;
    case CHANNEL_STOP:
        outcome_send(p, number, true, "Weir ends.\n");
        master_stop(m);
        break;
    default:
        break;
    }
}

void reload_forget(struct master *m, const struct process *p)
{
    outcome_forget(&m->reload.now, p);
    outcome_forget(&m->reload.next, p);
    upgrade_forget(&m->upgrade, p);
}

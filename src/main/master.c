/*
 * master.c: the start, in the order in which it can fail, and the end.
 */
#include "main/master.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/board/board_former.h"
#include "main/daemon.h"
#include "main/take.h"
#include "main/tls_checker.h"

#define MASTER_NO_USER "nobody" /* the default of `user` */

struct config *master_load_config(const struct master_options *o, const struct config_names *names,
                                  struct conf_report *report)
{
    return o->file ? config_load_with(o->file, names, report)
                   : config_from_text_with(o->text, o->text_name, names, report);
}

/* With the program's name on standard error, as long as nobody reads a log. */
static void master_say(const char *text)
{
    fprintf(stderr, "weir: %.*s\n", (int)strcspn(text, "\n"), text);
}

void master_failed(struct master *m, const char *text)
{
    master_say(text);
    if (m->log != &m->start_log)
        outcome_log(m->log, LOG_LEVEL_CRIT, "", text);
    upgrade_tell_failed(&m->upgrade, text);
    m->exit_code = 1;
    master_stop(m);
}

static int master_fail(struct master *m, const char *text)
{
    master_say(text);
    upgrade_tell_failed(&m->upgrade, text);
    return -1;
}

/* Each connection is two descriptors: all that the system allows. */
static void master_raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void master_warn_user(const struct master *m, const struct config *config)
{
    const struct passwd *own = getpwuid(geteuid());

    if (geteuid() == 0 || config->user.len == 0 || str_eq(config->user, STR(MASTER_NO_USER)) ||
        (own && str_eq(config->user, str_of(own->pw_name))))
        return;
    log_write(m->log, LOG_LEVEL_WARN, "user \"%.*s\" has no effect: Weir was not started as root",
              STR_ARG(config->user));
}

static struct config *master_first_config(struct master *m)
{
    struct pool *pool = pool_new(4096);
    struct conf_report report;
    struct config *config;
    char why[300];

    conf_report_init(&report, pool);
    config = master_load_config(m->options, &(struct config_names){.how = CONFIG_NAMES_ASK}, &report);
    if (!config) {
        conf_report_print(&report, stderr);
        if (report.n > 0) {
            snprintf(why, sizeof(why), "%s:%u: %.*s", report.errors[0].at.file ? report.errors[0].at.file : "?",
                     report.errors[0].at.line, STR_ARG(report.errors[0].what));
            upgrade_tell_failed(&m->upgrade, why);
        }
    } else if (!tls_checker_run(config, stderr, why, sizeof(why))) {
        upgrade_tell_failed(&m->upgrade, why);
        config_free(config);
        config = NULL;
    }
    pool_free(pool);
    return config;
}

static void master_adopted(struct supervise_child *child, unsigned slot, void *arg)
{
    struct master *m = arg;

    process_adopted(m, child, slot);
}

static uid_t master_workers_uid(const struct config *config)
{
    struct privdrop_user user;
    char error[256];

    if (geteuid() == 0 && privdrop_find(config->user.s, NULL, &user, error, sizeof(error)) == 0)
        return user.uid;
    return geteuid();
}

/* The board that was handed on, if its layout is ours; else it is kept until its processes are to drain. */
static void master_open_board(struct master *m, struct handover_set *set)
{
    for (size_t i = 0; i < set->count && !m->board && m->former < 0; i++) {
        if (set->items[i].kind != HANDOVER_BOARD || set->items[i].fd < 0)
            continue;
        m->board = board_open(set->items[i].fd);
        if (!m->board)
            m->former = set->items[i].fd;
        set->items[i].fd = -1;
    }
}

static struct board *master_new_board(const struct master *m)
{
    struct board *board = board_new();

    if (board && m->former >= 0)
        (void)!board_former_secret(board, m->former);
    return board;
}

/* Ours serve: those of another version's board are not watched, but told to drain. */
static void master_drain_former(struct master *m)
{
    if (m->former < 0)
        return;
    if (board_former_drain(m->former) == 0)
        log_write(m->log, LOG_LEVEL_WARN, "the former processes have a board of another layout: they drain and end "
                  "by themselves; health, ejections and counters begin anew");
    else
        log_write(m->log, LOG_LEVEL_ERROR, "the former processes have a board that this version does not know: "
                  "they may serve beside this one until they are ended by hand");
    close(m->former);
    m->former = -1;
}

/* Sockets and board of those who serve already, in an upgrade or after another master's death; or nothing. */
static int master_take_over(struct master *m, const struct config *config, struct handover_set *set)
{
    char path[HANDOVER_ADDRESS_SIZE] = "", error[512];
    int rc;

    if (m->upgrade.is_new)
        return 0;
    if (config->pid_file.len > 0) {
        if (pidfile_lock(&m->pidfile, config->pid_file.s, error, sizeof(error)) < 0)
            return master_fail(m, error);
    }
    if (config->control_listener && config->control_listener->address.sa.sa_family == AF_UNIX)
        snprintf(path, sizeof(path), "%s.take", config->control_listener->address.un.sun_path);
    rc = path[0] ? take_ask(path, set, error, sizeof(error)) : 0;
    if (rc < 0)
        log_write(m->log, LOG_LEVEL_WARN, "%s", error);
    return 0;
}

/* The former master's processes drain when ours serve; they are watched until they are gone. */
static void master_adopt_processes(struct master *m, const struct config *config)
{
    unsigned n;

    n = take_adopt(&m->supervise, m->board, master_workers_uid(config), m->loop->clock.mono_ms, master_adopted, m);
    if (n > 0)
        log_write(m->log, LOG_LEVEL_NOTICE, "taking over from %u processes whose master is gone", n);
}

static int master_prepare(struct master *m, struct config *config, struct handover_set *set)
{
    char error[512];

    if (master_take_over(m, config, set) < 0)
        return -1;
    master_open_board(m, set);
    if (m->board && !m->upgrade.is_new)
        master_adopt_processes(m, config);
    if (!m->board)
        m->board = master_new_board(m);
    if (!m->board) {
        snprintf(error, sizeof(error), "no shared memory for the processes: %s", strerror(errno));
        return master_fail(m, error);
    }
    sockets_adopt(&m->sockets, set);
    return 0;
}

static int master_start(struct master *m, struct config *config, struct handover_set *set)
{
    char error[512];

    m->loop = loop_new(NULL, NULL);
    if (!m->loop || signals_start(&m->signals, m->loop, master_on_signal, m) < 0 || upgrade_listen(m) < 0) {
        config_free(config);
        return master_fail(m, "no event loop");
    }
    if (master_prepare(m, config, set) < 0) {
        config_free(config);
        return -1;
    }
    if (reload_start(m, config, error, sizeof(error)) < 0)
        return master_fail(m, error);
    m->log = &m->reload.generation->logs.error;
    master_warn_user(m, config);
    return 0;
}

int master_lock(struct master *m, const struct config *config, char *error, size_t error_size)
{
    if (config->pid_file.len == 0 || m->pidfile.fd >= 0)
        return 0;
    return pidfile_lock(&m->pidfile, config->pid_file.s, error, error_size);
}

void master_started(struct master *m)
{
    const struct config *config = m->serving->config;
    char error[512];

    m->state = MASTER_RUNNING;
    master_drain_former(m);
    cache_dirs_tidy(m);
    if (config->pid_file.len > 0 && pidfile_write(&m->pidfile, getpid(), error, sizeof(error)) < 0)
        log_write(m->log, LOG_LEVEL_CRIT, "%s", error);
    /* The former master was killed on the way: nobody else watches what it left. */
    if (m->upgrade.is_new && m->upgrade.peer < 0)
        master_adopt_processes(m, config);
    upgrade_tell_done(&m->upgrade);
    daemon_notify();
    if (m->daemon >= 0)
        daemon_ready(m->daemon);
    m->daemon = -1;
}

static void master_free(struct master *m)
{
    while (m->supervise.first)
        process_remove(process_of(m->supervise.first));
    generation_free_all(m);
    upgrade_free(&m->upgrade);
    certificates_free(&m->certificates);
    if (m->loop)
        signals_stop(&m->signals);
    loop_free(m->loop);
    sockets_free(&m->sockets);
    wakes_close(&m->wakes);
    if (m->board)
        board_close(m->board);
    if (m->former >= 0)
        close(m->former);
}

static void master_end(struct master *m)
{
    if (!m->succeeded && !m->upgrade.is_new) {
        if (m->serving)
            sockets_unlink(&m->sockets);
        pidfile_remove(&m->pidfile);
    }
    cache_dirs_end(&m->cache_dirs);
    if (m->serving)
        log_write(m->log, LOG_LEVEL_NOTICE, "ended");
    master_free(m);
}

/* The directory entry, so that after an upgrade of the package the new file is what runs. */
static void master_find_exe(struct master *m)
{
    ssize_t n = readlink("/proc/self/exe", m->exe, sizeof(m->exe) - 1);

    m->exe[n > 0 ? n : 0] = 0;
}

int master_run(const struct master_options *options)
{
    struct master m = {.options = options, .daemon = -1, .former = -1, .pidfile = {.fd = -1}, .cache_dirs = {.fd = -1}};
    struct handover_set set;
    struct config *config;
    char error[512];
    int code = 1;

    if (options->daemonise && !upgrade_is_new())
        daemon_forget_inherited();
    signals_ignore_pipe();
    log_init(&m.start_log, STDERR_FILENO, LOG_LEVEL_NOTICE, "master");
    m.log = &m.start_log;
    sockets_init(&m.sockets);
    reload_init(&m.reload);
    upgrade_init(&m.upgrade);
    certificates_init(&m.certificates);
    master_find_exe(&m);
    if (upgrade_inherit(&m.upgrade, &set, error, sizeof(error)) < 0)
        return master_fail(&m, error), 1;
    config = master_first_config(&m);
    if (!config) {
        upgrade_free(&m.upgrade);
        handover_free(&set);
        return 1;
    }
    if (options->daemonise && !m.upgrade.is_new && daemon_fork(&m.daemon, &code) != 0) {
        config_free(config);
        return code;
    }
    master_raise_limits();
    if (master_start(&m, config, &set) < 0) {
        m.exit_code = 1;
    } else {
        while (master_turn(&m))
            ;
    }
    handover_free(&set);
    master_end(&m);
    return m.exit_code;
}

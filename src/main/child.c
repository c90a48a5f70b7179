/*
 * child.c: the loop of a forked process.  The word `serve_from` on the board, read each tick, says when an
 * older generation is to drain, whoever its master is; the channel says the rest, sooner.
 */
#include "main/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/config/config_tls.h"
#include "main/generation.h"
#include "main/handover.h"
#include "main/take.h"
#include "main/registry.h"

#define CHILD_END_MARGIN_MS 2000
#define CHILD_STALE_MS 1000 /* a worker whose heart has not beaten for so long is stood in for */
#define CHILD_SEARCH_TICKS 10

static void child_log_replace(struct child *c, size_t n, int fd)
{
    if (!logfiles_replace(c->logs, n, fd))
        close(fd);
}

static void child_reopen(struct child *c, const struct channel_message *m)
{
    size_t n = m->arg;

    /* The buffered lines belong into the old file. */
    if (n > 0 && n <= c->logs->count)
        worker_set_access_log(c->worker, n - 1, m->fd);
    child_log_replace(c, n, m->fd);
}

/* The master has had it checked. */
static void child_certificate(struct child *c, const struct channel_message *m)
{
    struct tls_material fresh;
    char error[512] = "it cannot be taken over";

    if (m->arg < c->config->tls_material_count) {
        fresh = tls_material_like(c->config->tls_materials[m->arg]);
        if (tls_material_unpack(m->fd, &fresh) < 0 ||
            worker_set_certificate(c->worker, m->arg, &fresh, error, sizeof(error)) < 0)
            log_write(&c->logs->error, LOG_LEVEL_ERROR, "%s: %s; its former certificate is used on",
                      fresh.parts[TLS_PART_CERT].path.s, error);
        tls_material_free(&fresh);
    }
    close(m->fd);
}

static void child_serve(struct child *c)
{
    if (c->serving || c->draining)
        return;
    c->serving = true;
    if (worker_serve(c->worker) < 0) {
        c->exit_code = 1;
        loop_stop(c->loop);
    }
}

static void child_stop_take(struct child *c)
{
    if (c->take_event)
        event_free(c->take_event);
    c->take_event = NULL;
}

/* A draining process must not keep an address from its end. */
static void child_stop_listening(struct child *c)
{
    c->dry_at = 0;
    worker_stop_listening(c->worker);
    sockets_free(c->sockets);
}

static void child_drain(struct child *c)
{
    int64_t until = c->loop->clock.mono_ms + c->config->drain_timeout;

    if (c->draining)
        return;
    c->draining = true;
    c->end_at = until + CHILD_END_MARGIN_MS;
    worker_drain(c->worker, until);
    child_stop_take(c);
    if (c->dry_at == 0)
        child_stop_listening(c);
    if (!c->orphaned)
        (void)!channel_send(c->channel, CHANNEL_HEARD, CHANNEL_DRAIN, -1);
}

/* There are too many younger generations: what may last for long ends now, the rest soon. */
static void child_hurry(struct child *c)
{
    int64_t until = c->loop->clock.mono_ms + GENERATION_HURRY_MS;

    child_drain(c);
    if (c->hurries)
        return;
    c->hurries = true;
    worker_hurry(c->worker, until);
    if (c->end_at > until + CHILD_END_MARGIN_MS)
        c->end_at = until + CHILD_END_MARGIN_MS;
}

/* Ends at once, but for what the keeper has still to say. */
static void child_stop(struct child *c)
{
    child_drain(c);
    if (worker_is_done(c->worker) || !c->may_end || c->may_end(c))
        loop_stop(c->loop);
    else
        c->end_at = c->loop->clock.mono_ms + 1000;
}

static void child_on_take(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;

    (void)what;
    loop_event(c->loop);
    take_serve((int)fd, c->sockets, board_fd(c->board), c->master_uid, &c->logs->error);
}

/* The master is gone: the board and `.take` lead to the next one. */
static void child_orphaned(struct child *c)
{
    c->orphaned = true;
    signal(SIGTERM, SIG_DFL);
    event_free(c->channel_event);
    c->channel_event = NULL;
    close(c->channel);
    c->channel = -1;
    if (c->on_orphaned)
        c->on_orphaned(c);
    if (!c->serving && !c->draining) {
        /* Of a generation that was never to serve, and nobody is left to say so. */
        loop_stop(c->loop);
        return;
    }
    /* Told to serve beside the former generation, for the moment in which a removed listener runs dry. */
    if (c->serving && !c->draining && board_serve_from(c->board) < c->generation)
        board_set_serve_from(c->board, c->generation);
    if (c->draining || c->sockets->take < 0)
        return;
    log_write(&c->logs->error, LOG_LEVEL_WARN, "the master is gone; serving on until another one takes over");
    c->take_event = event_new(c->loop->base, c->sockets->take, EV_READ | EV_PERSIST, child_on_take, c);
    if (c->take_event && event_add(c->take_event, NULL) < 0)
        child_stop_take(c);
}

static void child_on_message(struct child *c, const struct channel_message *m)
{
    switch (m->type) {
    case CHANNEL_SERVE:
        child_serve(c);
        break;
    case CHANNEL_DRAIN:
        if (m->arg == CHANNEL_LAST && c->serving && !c->draining)
            c->dry_at = c->loop->clock.mono_ms + CHANNEL_DRY_MS;
        child_drain(c);
        break;
    case CHANNEL_STOP:
        child_stop(c);
        break;
    case CHANNEL_LOG:
        child_reopen(c, m);
        break;
    case CHANNEL_CERT:
        child_certificate(c, m);
        break;
    default:
        if (c->on_message)
            c->on_message(c, m);
        else if (m->fd >= 0)
            close(m->fd);
    }
}

static void child_on_channel(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;
    struct channel_message m;

    (void)what;
    loop_event(c->loop);
    for (;;) {
        switch (channel_receive((int)fd, CHANNEL_MASTER, &m)) {
        case CHANNEL_OK:
            child_on_message(c, &m);
            break;
        case CHANNEL_EMPTY:
            return;
        default:
            child_orphaned(c);
            return;
        }
    }
}

static bool child_is_before(const struct child *c, const struct board_process *p)
{
    return p && p->role == BOARD_WORKER && p->generation == c->generation &&
           p->index == (c->index + c->count - 1) % c->count;
}

/* The next worker serves the sockets of one that is stuck, or dead and not started again yet. */
static void child_look_after_other(struct child *c)
{
    int64_t now = c->loop->clock.mono_ms;
    const struct board_process *p;

    if (c->role != SUPERVISE_WORKER || c->count < 2 || !c->serving || c->draining)
        return;
    p = board_process(c->board, c->before);
    if (!child_is_before(c, p)) {
        if (c->ticks++ % CHILD_SEARCH_TICKS != 0)
            return;
        for (c->before = 0; c->before < BOARD_PROCESSES; c->before++) {
            p = board_process(c->board, c->before);
            if (child_is_before(c, p))
                break;
        }
    }
    worker_stand_in(c->worker, c->before == BOARD_PROCESSES || now - (int64_t)p->stats.heartbeat_ms > CHILD_STALE_MS);
}

static void child_say_ready(struct child *c)
{
    if (c->ready || (c->is_ready && !c->is_ready(c)))
        return;
    c->ready = true;
    if (c->channel >= 0)
        (void)!channel_send(c->channel, CHANNEL_READY, 0, -1);
}

static bool child_is_done(const struct child *c)
{
    return c->dry_at == 0 && worker_is_done(c->worker);
}

static void child_on_tick(void *arg)
{
    struct child *c = arg;
    uint64_t from = board_serve_from(c->board);
    int64_t now = c->loop->clock.mono_ms;

    board_process(c->board, c->slot)->stats.heartbeat_ms = (uint64_t)now;
    worker_tick(c->worker);
    if (from > c->generation)
        child_drain(c);
    else if (from == c->generation)
        child_serve(c);
    child_look_after_other(c);
    if (board_end_before(c->board) > c->generation)
        child_hurry(c);
    if (c->on_tick)
        c->on_tick(c);
    child_say_ready(c);
    if (c->dry_at > 0 && now >= c->dry_at)
        child_stop_listening(c);
    if (c->draining && ((child_is_done(c) && !(c->is_busy && c->is_busy(c))) || now >= c->end_at))
        loop_stop(c->loop);
}

static int child_init_channel(struct child *c)
{
    c->channel_event = event_new(c->loop->base, c->channel, EV_READ | EV_PERSIST, child_on_channel, c);
    return c->channel_event && event_add(c->channel_event, NULL) == 0 ? 0 : -1;
}

static struct worker *child_new_worker(struct child *c, struct pool *pool)
{
    struct worker_socket *sockets = NULL;
    size_t standby = 0, n = 0;
    struct clock now;

    if (c->role != SUPERVISE_JANITOR)
        n = sockets_of(c->sockets, c->config, c->role == SUPERVISE_KEEPER, c->index, c->count, pool, &sockets, &standby);
    clock_init(&now);
    return worker_new(&(struct worker_setup){
        .loop = c->loop,
        .config = c->config,
        .log = &c->logs->error,
        .index = c->index,
        .count = c->count,
        .sockets = sockets,
        .socket_count = n + standby,
        .standby_count = standby,
        .handlers = registry_handlers,
        .balancers = registry_balancers,
        .board = c->board,
        .slot = c->slot,
        .wakes = c->wakes->fds,
        .wake_count = c->wakes->count,
        .access_log_fds = c->logs->access,
        .admin = c->admin,
        .is_janitor = c->role == SUPERVISE_JANITOR,
        .process_start_s = now.wall_s,
    });
}

/* What a terminal or a script sends to the whole process group is for the master to act on, as long as there is one. */
static void child_ignore_signals(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        signal(signals[i], SIG_IGN);
}

static int child_prepare(struct child *c, struct pool *pool)
{
    char error[256], name[16];

    /* Seen by ps and top. */
    snprintf(name, sizeof(name), "weir %.9s", c->logs->error.role);
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
    child_ignore_signals();
    c->user.transparent = c->role == SUPERVISE_WORKER && config_is_transparent(c->config);
    if (c->drops && privdrop_to(&c->user, false, error, sizeof(error)) < 0) {
        log_write(&c->logs->error, LOG_LEVEL_CRIT, "%s", error);
        return -1;
    }
    c->before = BOARD_PROCESSES;
    board_process_set_pid(c->board, c->slot, getpid());
    sockets_keep(c->sockets, c->config);
    c->loop = loop_new(child_on_tick, c);
    if (!c->loop || child_init_channel(c) < 0) {
        log_write(&c->logs->error, LOG_LEVEL_CRIT, "no event loop: %s", strerror(errno));
        return -1;
    }
    c->worker = child_new_worker(c, pool);
    return c->worker ? 0 : -1;
}

int child_run(struct child *c)
{
    struct pool *pool = pool_new(4096);

    if (child_prepare(c, pool) < 0) {
        c->exit_code = 1;
    } else {
        if (c->on_prepared)
            c->on_prepared(c);
        if (board_serve_from(c->board) == c->generation)
            child_serve(c);
        child_say_ready(c);
        if (loop_run(c->loop) < 0)
            c->exit_code = 1;
    }
    if (c->worker && c->on_end)
        c->on_end(c);
    if (c->worker)
        worker_free(c->worker);
    child_stop_take(c);
    if (c->channel_event)
        event_free(c->channel_event);
    loop_free(c->loop);
    pool_free(pool);
    return c->exit_code;
}

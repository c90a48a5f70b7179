/* worker.c: see worker.h. */
#include "core/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/hash.h"
#include "core/log/access_log.h"
#include "core/board/board.h"
#include "core/cache/cache.h"
#include "core/client/conn.h"
#include "core/client/conn_limit.h"
#include "core/client/conn_tls.h"
#include "core/client/h1_exchange.h"
#include "core/client/h1_server.h"
#include "core/request.h"
#include "core/tls/tls_expiry.h"
#include "core/tls/tls_server.h"
#include "core/upstream/upstream.h"
#include "http/date.h"
#include "io/splice.h"
#include "io/tls.h"

/* Descriptors that are not for clients: listeners, logs, files, the loop. */
#define RESERVED_FDS 64
/* Pipes of a user are limited by the kernel to 1,024 of full size, all workers and generations together. */
#define PIPES_OF_USER 1024
#define FULL_TELL_MS (60 * 1000)
/* Idle connections looked at when a new one needs room. */
#define SHED_LOOK 1024

/* "ADDRESS-START-PID" in hexadecimal: no two processes have the same. */
static void make_id_prefix(struct worker *w, int64_t start_s)
{
    char host[256] = "";
    struct hash_key key = {0, 0};

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    snprintf(w->id_prefix, sizeof(w->id_prefix), "%08x-%llx-%x",
             (unsigned)hash_bytes(&key, host, strlen(host)), (unsigned long long)start_s, (unsigned)getpid());
}

/* Clients and upstream connections share the descriptors: half of them each. */
static size_t find_conn_max(const struct worker *w)
{
    struct rlimit limit;
    size_t most = 1024;

    if (w->config->max_connections > 0)
        return (size_t)(w->config->max_connections / w->count) + 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        most = (size_t)limit.rlim_cur;
    return most > 2 * RESERVED_FDS ? (most - RESERVED_FDS) / 2 : most / 2;
}

/*
 * Closes an idle client, so that a new one finds room; false: there was none among those looked at.  They go to the end,
 * so that the next look begins with others.
 */
static bool shed_idle(struct worker *w)
{
    for (unsigned looked = 0; looked < SHED_LOOK && !list_empty(&w->conns); looked++) {
        struct list *link = w->conns.next;
        struct conn *c = container_of(link, struct conn, link);

        list_remove(link);
        list_append(&w->conns, link);
        if (c->phase == CONN_IDLE) {
            conn_end(c);
            return true;
        }
    }
    return false;
}

/* What a listener's callback needs. */
struct worker_accept {
    struct worker *worker;
    const struct listener_conf *conf;
};

/* Once a minute: who is turned away by thousands does not fill the log. */
static void tell_full(struct worker *w)
{
    int64_t now = w->loop->clock.mono_ms;

    w->turned_away++;
    if (now < w->full_tell_ms)
        return;
    log_write(w->log, LOG_LEVEL_WARN,
              "limits.connections (%zu for this worker) is reached: %llu client%s turned away", w->conn_max,
              (unsigned long long)w->turned_away, w->turned_away == 1 ? " is" : "s were");
    w->turned_away = 0;
    w->full_tell_ms = now + FULL_TELL_MS;
}

static void on_accept(struct listener *l, int fd, const struct sockaddr_storage *peer, socklen_t len)
{
    const struct worker_accept *a = l->arg;
    struct worker *w = a->worker;

    if (w->conn_count >= w->conn_max && !shed_idle(w)) {
        tell_full(w);
        close(fd);
        return;
    }
    conn_accept(w, a->conf, fd, peer, len, a->conf->defer_accept_s > 0);
}

static struct process_stats *find_stats(struct worker *w, const struct worker_setup *setup)
{
    if (setup->board)
        return &board_process(setup->board, setup->slot)->stats;
    return pool_zalloc(w->pool, sizeof(struct process_stats));
}

/* A site tells of the instance: the keeper always does. */
static bool has_status(const struct config *c)
{
    for (size_t i = 0; i < c->site_count; i++) {
        for (size_t k = 0; k < c->sites[i].route_count; k++) {
            if (c->sites[i].routes[k].action == ACTION_STATUS)
                return true;
        }
    }
    return false;
}

static void init_expiries(struct worker *w)
{
    if (w->config->tls_material_count == 0 || !(w->admin || has_status(w->config)))
        return;
    w->expiries = tls_expiries_new(w->config, w->pool, w->admin ? w->log : NULL);
    tls_expiries_tick(w->expiries, w->loop->clock.wall_s);
}

/* 0, or -1 with a line in the log. */
static int init_tls(struct worker *w)
{
    for (size_t i = 0; i < w->listener_count; i++) {
        if (!w->sockets[i].conf->tls)
            continue;
        w->tls_server = tls_server_new(w);
        return w->tls_server ? 0 : -1;
    }
    return 0;
}

struct worker *worker_new(const struct worker_setup *setup)
{
    struct pool *pool = pool_new(16 * 1024);
    struct worker *w = pool_zalloc(pool, sizeof(*w));
    unsigned pipes = PIPES_OF_USER / (2 * (setup->count ? setup->count : 1));

    w->pool = pool;
    w->loop = setup->loop;
    w->config = setup->config;
    w->log = setup->log;
    w->index = setup->index;
    w->count = setup->count ? setup->count : 1;
    w->handlers = setup->handlers;
    w->balancers = setup->balancers;
    w->admin = setup->admin;
    w->board = setup->board;
    w->slot = setup->slot;
    w->stats = find_stats(w, setup);
    rnd_init(&w->rnd);
    w->regex = regex_scratch_new(pool);
    w->receive = pool_alloc(pool, WORKER_BUFFER_BYTES);
    w->write = pool_alloc(pool, WORKER_BUFFER_BYTES);
    deadlines_init(&w->deadlines, w->loop->clock.mono_ms);
    list_init(&w->conns);
    list_init(&w->fresh_conns);
    w->conn_max = find_conn_max(w);
    w->date_s = -1;
    make_id_prefix(w, setup->process_start_s);
    w->pipes = splice_pipes_new(pool, pipes);
    w->access_logs = access_logs_new(pool, w->config, setup->access_log_fds);
    w->wakes = setup->wakes;
    w->wake_count = setup->wake_count;
    w->tls_scratch = tls_scratch_new(&w->loop->clock.mono_ms);
    w->handshakes = handshakes_new(w);
    if (!w->tls_scratch || !w->handshakes) {
        log_write(w->log, LOG_LEVEL_CRIT, "no memory for TLS");
        worker_free(w);
        return NULL;
    }
    shed_init(&w->shed, setup->admin ? 0 : w->config->shed, LOOP_TICK_MS);
    w->upstreams = upstreams_new(w);
    w->caches = setup->is_janitor ? NULL : caches_new(w);
    w->sockets = setup->sockets;
    w->listener_count = setup->socket_count;
    w->standby_count = setup->standby_count;
    w->listeners = pool_zalloc(pool, (w->listener_count + 1) * sizeof(*w->listeners));
    for (size_t i = 0; i < w->listener_count; i++) {
        struct worker_accept *a = pool_zalloc(pool, sizeof(*a));

        a->worker = w;
        a->conf = w->sockets[i].conf;
        if (listener_init(&w->listeners[i], w->loop, w->sockets[i].fd, on_accept, a) < 0) {
            log_write(w->log, LOG_LEVEL_CRIT, "listener %.*s: libevent refused it", STR_ARG(a->conf->text));
            w->listener_count = i;
            worker_free(w);
            return NULL;
        }
    }
    init_expiries(w);
    if (init_tls(w) < 0) {
        worker_free(w);
        return NULL;
    }
    return w;
}

int worker_serve(struct worker *w)
{
    for (size_t i = 0; i < w->listener_count - w->standby_count; i++) {
        if (listener_start(&w->listeners[i]) < 0) {
            log_write(w->log, LOG_LEVEL_CRIT, "listener %.*s: cannot be watched: %s",
                      STR_ARG(w->sockets[i].conf->text), strerror(errno));
            return -1;
        }
    }
    return 0;
}

void worker_stand_in(struct worker *w, bool on)
{
    for (size_t i = w->listener_count - w->standby_count; i < w->listener_count; i++) {
        if (!on || w->draining)
            listener_stop(&w->listeners[i]);
        else if (!w->listeners[i].running)
            (void)!listener_start(&w->listeners[i]);
    }
}

void worker_drain(struct worker *w, int64_t until)
{
    w->drain_until = until;
    if (w->draining)
        return;
    w->draining = true;
    list_each_safe(link, &w->conns)
        conn_drain(container_of(link, struct conn, link));
}

void worker_stop_listening(struct worker *w)
{
    for (size_t i = 0; i < w->listener_count; i++)
        listener_stop(&w->listeners[i]);
}

/* Whoever stops Weir at once knows what becomes of requests. */
static const struct worker_ending drain_is_over = {"drain_timeout", LOG_LEVEL_WARN},
                                  process_ends = {"process_ended", LOG_LEVEL_INFO};

void worker_hurry(struct worker *w, int64_t until)
{
    if (w->drain_until > until)
        w->drain_until = until;
    w->ending = &drain_is_over;
    list_each_safe(link, &w->conns)
        conn_hurry(container_of(link, struct conn, link));
    w->ending = NULL;
}

bool worker_is_done(const struct worker *w)
{
    return w->draining && w->conn_count == 0 && !caches_are_busy(w->caches);
}

/* The drain's time is over: what still lives ends. */
static void end_all(struct worker *w, void (*end)(struct conn *, const char *), const struct worker_ending *ending,
                    const char *reason)
{
    struct list *both[] = {&w->conns, &w->fresh_conns};

    w->ending = ending;
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        list_each_safe(link, both[i])
            end(container_of(link, struct conn, link), reason);
    }
    w->ending = NULL;
}

static void look_at_lag(struct worker *w)
{
    clock_refresh(&w->loop->clock);
    switch (shed_look(&w->shed, w->loop->turn_ms, w->loop->clock.mono_ms)) {
    case SHED_BEGINS:
        log_write(w->log, LOG_LEVEL_WARN,
                  "requests of low priority are turned away: the worker is late by more than limits.shed, "
                  "%lld ms",
                  (long long)w->shed.target_ms);
        break;
    case SHED_MORE:
        log_write(w->log, LOG_LEVEL_WARN,
                  "requests of normal priority are turned away too: that was not enough");
        break;
    case SHED_ENDS:
        log_write(w->log, LOG_LEVEL_NOTICE, "no requests are turned away any more; there were %llu",
                  (unsigned long long)w->shed.count);
        break;
    case SHED_LESS:
    case SHED_SAME:
        break;
    }
}

void worker_tick(struct worker *w)
{
    int64_t now = w->loop->clock.mono_ms;

    deadlines_check(&w->deadlines, now);
    list_each_safe(link, &w->fresh_conns)
        conn_on_tick(container_of(link, struct conn, link));
    access_logs_flush(w->access_logs, now, false);
    upstreams_tick(w->upstreams);
    tls_expiries_tick(w->expiries, w->loop->clock.wall_s);
    if (w->shed.target_ms > 0)
        look_at_lag(w);
    if (w->draining && now >= w->drain_until)
        end_all(w, conn_take_leave, &drain_is_over, "drain_timeout is over");
}

void worker_set_access_log(struct worker *w, size_t index, int fd)
{
    access_logs_set_fd(w->access_logs, index, fd);
}

int worker_set_certificate(struct worker *w, size_t material, struct tls_material *fresh, char *error, size_t error_size)
{
    tls_expiries_forget(w->expiries, material);
    if (w->tls_server)
        return tls_server_replace(w->tls_server, material, fresh, error, error_size);
    tls_material_move(w->config->tls_materials[material], fresh);
    return 0;
}

static void free_spares(struct request *first)
{
    while (first) {
        struct request *req = first;

        first = req->next_spare;
        pool_free(req->pool);
        free(req);
    }
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->listener_count; i++)
        listener_free(&w->listeners[i]);
    end_all(w, conn_give_up, &process_ends, "the process ends");
    /* What was deferred lies in the connections and exchanges. */
    loop_settle(w->loop);
    caches_free(w->caches);
    upstreams_free(w->upstreams);
    loop_settle(w->loop);
    access_logs_flush(w->access_logs, w->loop->clock.mono_ms, true);
    free_spares(w->spare_requests);
    free_spares(w->spare_streams);
    tls_server_free(w->tls_server);
    handshakes_free(w->handshakes);
    conn_limits_free(w->conn_limits);
    tls_scratch_free(w->tls_scratch);
    pool_free(w->pool);
}

struct str worker_date(struct worker *w)
{
    if (w->date_s != w->loop->clock.wall_s) {
        w->date_s = w->loop->clock.wall_s;
        date_print(w->date_s, w->date);
    }
    return (struct str){w->date, DATE_LEN};
}

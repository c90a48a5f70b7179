/* prober.c: see prober.h. */
#include "core/health/prober.h"

#include <stdio.h>

#include "base/log.h"
#include "core/board/board.h"
#include "core/health/check_plan.h"
#include "core/health/prober_target.h"
#include "core/worker.h"

#define PROBES_MAX 1024 /* under way */
#define STARTS_MAX 512  /* at one tick */

/* ---- what a result comes to ---- */

static void share_result(struct prober *prober, struct peer_shared *shared, bool ok, struct str reason)
{
    size_t len = reason.len < PEER_REASON_MAX ? reason.len : PEER_REASON_MAX;

    if (memcmp(shared->reason, reason.s, len) != 0 || (len < PEER_REASON_MAX && shared->reason[len])) {
        memcpy(shared->reason, reason.s, len);
        memset(shared->reason + len, 0, PEER_REASON_MAX - len);
    }
    __atomic_store_n(&shared->check_ok, ok, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->checked_s, prober->worker->loop->clock.wall_s, __ATOMIC_RELAXED);
}

static void tell_change(struct target *t, bool up, const char *how, struct str reason)
{
    struct prober *prober = t->prober;
    const struct upstream *u = t->upstream;

    log_write(prober->worker->log, up ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARN,
              "server %.*s of upstream %.*s is %s: %.*s; %s", STR_ARG(t->conf->name), STR_ARG(u->name),
              up ? "up" : "down", STR_ARG(reason), how);
    if (u->alert)
        alerts_tell(prober->alerts, u->alert,
                    &(struct alert_event){.upstream = u->name,
                                          .server = t->conf->name,
                                          .state = up ? STR("up") : STR("down"),
                                          .reason = reason,
                                          .at_s = prober->worker->loop->clock.wall_s});
}

/* From `was` to `is`, which differ. */
static void change(struct target *t, enum peer_health was, enum peer_health is, struct str reason)
{
    struct prober *prober = t->prober;
    char how[64];
    unsigned n = is == PEER_HEALTH_FAILED ? t->streak.fails : t->streak.passes;

    if (was == PEER_HEALTH_FAILED || was == PEER_HEALTH_CHECKING)
        peer_came_back(t->shared, prober->worker->loop->clock.mono_ms);
    __atomic_store_n(&t->shared->health, (uint32_t)is, __ATOMIC_RELEASE);
    /* Taken for well before, and found to be. */
    if (was == PEER_HEALTH_NONE && is == PEER_HEALTH_PASSED)
        return;
    board_peers_changed(prober->worker->board);
    snprintf(how, sizeof(how),
             was == PEER_HEALTH_CHECKING ? "it passed its first check" : "%u check%s %s in a row", n,
             n == 1 ? "" : "s", is == PEER_HEALTH_FAILED ? "failed" : "passed");
    tell_change(t, is == PEER_HEALTH_PASSED, how, reason);
}

static void on_result(void *user, bool ok, struct str reason)
{
    struct target *t = user;
    struct prober *prober = t->prober;
    const struct check_conf *conf = t->upstream->check;
    int64_t now = prober->worker->loop->clock.mono_ms;
    enum peer_health was = target_health(t), is;

    t->under_way = false;
    if (t->gone) {
        target_free(t);
        return;
    }
    is = check_plan_judge(conf, &t->streak, was, ok);
    share_result(prober, t->shared, ok, reason);
    if (is != was)
        change(t, was, is, reason);
    else if (is == PEER_HEALTH_CHECKING && t->streak.fails == conf->fall)
        log_write(prober->worker->log, LOG_LEVEL_WARN,
                  "server %.*s of upstream %.*s has not passed a check yet: %.*s", STR_ARG(t->conf->name),
                  STR_ARG(t->upstream->name), STR_ARG(reason));
    check_plan_put(&prober->plan, &t->timer,
                   check_plan_next(conf, t->timer.began, now, check_plan_changing(&t->streak, is),
                                   &prober->worker->rnd));
}

/* ---- asking ---- */

static enum tls_client_alpn alpn_of(enum check_type type)
{
    return type == CHECK_GRPC                         ? TLS_CLIENT_H2
           : type == CHECK_HTTP || type == CHECK_HTTPS ? TLS_CLIENT_HTTP1
                                                       : TLS_CLIENT_ANY;
}

static void ask(struct prober *prober, struct target *t, int64_t now)
{
    const struct check_conf *conf = t->upstream->check;

    t->timer.began = now;
    if (target_is_idle(t)) {
        check_plan_put(&prober->plan, &t->timer, now + conf->interval);
        return;
    }
    t->under_way = true;
    probe_start(&prober->probes, &(struct probe_job){
                                     .check = prober->checks[conf->type],
                                     .conf = conf,
                                     .address = &t->address,
                                     .host = conf->host.len ? conf->host : t->conf->host,
                                     .tls = t->conf->check_tls,
                                     .alpn = alpn_of(conf->type),
                                     .proxy_protocol = conf->port ? 0 : t->conf->proxy_protocol,
                                     .timeout = conf->timeout,
                                     .user = t,
                                     .done = on_result,
                                 });
}

void prober_tick(struct prober *prober)
{
    int64_t now = prober->worker->loop->clock.mono_ms;

    targets_look(prober);
    for (unsigned begun = 0; begun < STARTS_MAX && !probes_full(&prober->probes); begun++) {
        struct check_timer *timer = check_plan_take(&prober->plan, now);

        if (!timer)
            return;
        ask(prober, container_of(timer, struct target, timer), now);
    }
}

struct prober *prober_new(struct worker *worker, const struct check *const *checks, struct alerts *alerts)
{
    struct prober *prober = pool_zalloc(worker->pool, sizeof(*prober));

    prober->worker = worker;
    prober->checks = checks;
    prober->alerts = alerts;
    check_plan_init(&prober->plan);
    list_init(&prober->targets);
    probes_init(&prober->probes, worker->loop, &worker->deadlines, worker->regex, worker->log, PROBES_MAX);
    prober->probes.tls_scratch = worker->tls_scratch;
    targets_begin(prober);
    return prober;
}

void prober_free(struct prober *prober)
{
    if (!prober)
        return;
    probes_free(&prober->probes);
    list_each_safe (link, &prober->targets)
        target_free(container_of(link, struct target, link));
    check_plan_free(&prober->plan);
}

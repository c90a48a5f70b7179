/* alert.c: see alert.h. */
#include "core/health/alert.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/log.h"
#include "core/health/alert_command.h"
#include "core/health/http_answer.h"
#include "core/json.h"

#define WAITING_MAX 1024
#define COMMANDS_MAX 8
#define WEBHOOKS_MAX 8
#define WEBHOOK_MS 5000
#define ENV_MAX 8

/* One event for one receiver. */
struct alert {
    struct list link;
    struct alerts *owner;
    struct pool *pool;
    const struct alert_conf *conf;
    bool is_webhook;
    struct str what; /* for the log */
    char *env[ENV_MAX];
    struct str body; /* JSON */
    struct alert_command command;
};

static void alerts_go_on(struct alerts *);

static void alert_free(struct alert *alert)
{
    list_remove(&alert->link);
    pool_free(alert->pool);
}

/* ---- the command ---- */

static void command_done(struct alert_command *command, int status)
{
    struct alert *alert = container_of(command, struct alert, command);
    struct alerts *all = alert->owner;

    if (command->late)
        log_write(all->log, LOG_LEVEL_WARN, "alert command %s took too long and was killed (%.*s)",
                  alert->conf->command.s, STR_ARG(alert->what));
    else if (status != 0)
        log_write(all->log, LOG_LEVEL_WARN, "alert command %s ended with %s %d (%.*s)",
                  alert->conf->command.s, WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), STR_ARG(alert->what));
    all->commands--;
    alert_free(alert);
    alerts_go_on(all);
}

static void command_run(struct alert *alert)
{
    struct alerts *all = alert->owner;

    alert->command.done = command_done;
    if (alert_command_start(&alert->command, all->loop, all->deadlines, alert->conf->command.s, alert->env) ==
        0) {
        all->commands++;
        return;
    }
    log_write(all->log, LOG_LEVEL_WARN, "alert command %s cannot be run: %s (%.*s)", alert->conf->command.s,
              strerror(errno), STR_ARG(alert->what));
    alert_free(alert);
}

/* ---- the webhook ---- */

static enum check_step webhook_start(struct probe *p)
{
    const struct alert *alert = p->job.user;
    struct http_answer *answer = pool_alloc(p->pool, sizeof(*answer));

    http_answer_init(answer, p->pool, STR("POST"));
    p->data = answer;
    /* The parts were checked when the configuration was loaded. */
    probe_send(
        p, pool_printf(p->pool,
                       "POST %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir (alert)\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                       STR_ARG(alert->conf->webhook_target), STR_ARG(alert->conf->webhook_host),
                       alert->body.len));
    probe_send(p, alert->body);
    return CHECK_GOES_ON;
}

static enum check_step webhook_on_data(struct probe *p, bool end)
{
    struct http_answer *answer = p->data;
    enum http_answer_verdict verdict = http_answer_read(answer, p->in, &p->in_len, end);

    if (verdict == HTTP_ANSWER_BAD)
        return probe_fail(p, "malformed answer: %s", answer->reason);
    if (!answer->has_head)
        return CHECK_GOES_ON;
    return answer->status < 300 ? probe_pass(p, "told") : probe_fail(p, "status %u", answer->status);
}

static const struct check webhook = {.name = "webhook", .start = webhook_start, .on_data = webhook_on_data};

static void webhook_done(void *user, bool ok, struct str reason)
{
    struct alert *alert = user;
    struct alerts *all = alert->owner;

    if (!ok)
        log_write(all->log, LOG_LEVEL_WARN, "alert webhook %.*s: %.*s (%.*s)", STR_ARG(alert->conf->webhook),
                  STR_ARG(reason), STR_ARG(alert->what));
    alert_free(alert);
    alerts_go_on(all);
}

static void webhook_post(struct alert *alert)
{
    probe_start(&alert->owner->probes, &(struct probe_job){
                                           .check = &webhook,
                                           .address = &alert->conf->webhook_address,
                                           .host = alert->conf->webhook_host,
                                           .timeout = WEBHOOK_MS,
                                           .user = alert,
                                           .done = webhook_done,
                                       });
}

/* ---- the row of them ---- */

static bool may_begin(const struct alerts *all, const struct alert *alert)
{
    return alert->is_webhook ? !probes_full(&all->probes) : all->commands < COMMANDS_MAX;
}

/* One begins; false: none may. */
static bool begin_one(struct alerts *all)
{
    list_each_safe (link, &all->waiting) {
        struct alert *alert = container_of(link, struct alert, link);

        if (!may_begin(all, alert))
            continue;
        all->waits--;
        list_remove(&alert->link);
        list_append(&all->under_way, &alert->link);
        if (alert->is_webhook)
            webhook_post(alert);
        else
            command_run(alert);
        return true;
    }
    return false;
}

static void alerts_go_on(struct alerts *all)
{
    while (begin_one(all))
        ;
}

static char *env_text(struct pool *pool, const char *name, struct str value)
{
    return (char *)(uintptr_t)pool_printf(pool, "%s=%.*s", name, STR_ARG(value)).s;
}

static void make_env(struct alert *alert, const struct alert_event *event)
{
    const char *path = getenv("PATH");
    size_t n = 0;

    alert->env[n++] =
        env_text(alert->pool, "PATH", path ? str_of(path) : STR("/usr/local/bin:/usr/bin:/bin"));
    alert->env[n++] = env_text(alert->pool, "WEIR_UPSTREAM", event->upstream);
    alert->env[n++] = env_text(alert->pool, "WEIR_SERVER", event->server);
    alert->env[n++] = env_text(alert->pool, "WEIR_STATE", event->state);
    alert->env[n++] = env_text(alert->pool, "WEIR_REASON", event->reason);
}

static void make_body(struct alert *alert, const struct alert_event *event)
{
    struct json json;

    json_init(&json, alert->pool);
    json_object(&json, NULL);
    json_str(&json, "upstream", event->upstream);
    json_str(&json, "server", event->server);
    json_str(&json, "state", event->state);
    json_str(&json, "reason", event->reason);
    json_int(&json, "at", event->at_s);
    json_object_end(&json);
    alert->body = json_text(&json);
}

static void alert_add(struct alerts *all, const struct alert_conf *conf, bool is_webhook,
                      const struct alert_event *event)
{
    struct pool *pool;
    struct alert *alert;

    if (all->waits >= WAITING_MAX) {
        if (all->dropped++ == 0)
            log_write(all->log, LOG_LEVEL_WARN, "%d alerts wait already: further ones are dropped",
                      WAITING_MAX);
        return;
    }
    all->dropped = 0;
    pool = pool_new(2048);
    alert = pool_zalloc(pool, sizeof(*alert));
    alert->pool = pool;
    alert->owner = all;
    alert->conf = conf;
    alert->is_webhook = is_webhook;
    alert->command.pidfd = -1;
    alert->what = pool_printf(pool, "server %.*s of upstream %.*s is %.*s", STR_ARG(event->server),
                              STR_ARG(event->upstream), STR_ARG(event->state));
    if (is_webhook)
        make_body(alert, event);
    else
        make_env(alert, event);
    list_init(&alert->link);
    list_append(&all->waiting, &alert->link);
    all->waits++;
}

void alerts_tell(struct alerts *all, const struct alert_conf *conf, const struct alert_event *event)
{
    if (conf->command.len)
        alert_add(all, conf, false, event);
    if (conf->webhook.len)
        alert_add(all, conf, true, event);
    alerts_go_on(all);
}

bool alerts_busy(const struct alerts *all)
{
    return !list_empty(&all->waiting) || !list_empty(&all->under_way);
}

void alerts_init(struct alerts *all, struct loop *loop, struct deadlines *deadlines, struct log *log)
{
    *all = (struct alerts){.loop = loop, .deadlines = deadlines, .log = log};
    list_init(&all->waiting);
    list_init(&all->under_way);
    probes_init(&all->probes, loop, deadlines, NULL, log, WEBHOOKS_MAX);
}

void alerts_free(struct alerts *all)
{
    struct list *both[] = {&all->waiting, &all->under_way};

    probes_free(&all->probes);
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        list_each_safe (link, both[i]) {
            struct alert *alert = container_of(link, struct alert, link);

            alert_command_kill(&alert->command);
            alert_free(alert);
        }
    }
}

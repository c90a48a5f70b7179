/* tls_stapler.c: one question for each certificate, a few at a time. */
#include "core/tls/tls_stapler.h"

#include "core/config/config_tls.h"
#include "core/health/http_answer.h"
#include "core/health/probe.h"
#include "core/tls/tls_ocsp.h"
#include "core/worker.h"
#include "io/resolver.h"

#define ASKED_MAX 4
#define ASK_MS 10000
#define LOOK_MS 1000 /* whether the certificate is another one */
#define PARSED_IN_A_TICK 20
#define AGAIN_FIRST_MS 10000
#define AGAIN_MOST_MS (INT64_C(3600) * 1000)
#define RENEW_MOST_S (12 * 3600)

struct staple {
    struct tls_stapler *owner;
    const struct tls_material *material;
    struct tls_stamps stamps; /* of the files that the question is about */
    struct pool *pool; /* of the question; NULL: there is none yet */
    struct tls_ocsp_question question;
    struct resolver_question name;
    struct addr address;
    struct str answer; /* in `pool`, while the probe is at its end */
    int64_t next_ms, look_ms, again_ms;
    bool asking, unable, known; /* unable: this certificate cannot be asked about; known: there was an outcome */
};

struct tls_stapler {
    struct worker *worker;
    struct resolver *resolver; /* NULL: no name was met yet */
    struct probes probes;
    struct staple *all;
    size_t count;
    size_t asked; /* under way */
    unsigned parsed; /* in this tick */
};

static int64_t now_ms(const struct staple *s)
{
    return s->owner->worker->loop->clock.mono_ms;
}

static int64_t now_s(const struct staple *s)
{
    return s->owner->worker->loop->clock.wall_s;
}

static const char *file_of(const struct staple *s)
{
    return s->material->parts[TLS_PART_CERT].path.s;
}

/* ---- outcomes ---- */

static void over(struct staple *s)
{
    s->asking = false;
    s->known = true;
    s->owner->asked--;
}

static void in_vain(struct staple *s, const char *why)
{
    over(s);
    s->again_ms = s->again_ms ? s->again_ms * 2 : AGAIN_FIRST_MS;
    if (s->again_ms > AGAIN_MOST_MS)
        s->again_ms = AGAIN_MOST_MS;
    s->next_ms = now_ms(s) + s->again_ms;
    log_write(s->owner->worker->log, LOG_LEVEL_WARN, "ocsp_stapling of %s: %s; asked again in %lld s", file_of(s), why,
              (long long)(s->again_ms / 1000));
}

/* Half of its time from now. */
static int64_t renew_ms(const struct board_staple *staple)
{
    int64_t left_s = (staple->until_s - staple->from_s) / 2;

    return (left_s < RENEW_MOST_S ? left_s : RENEW_MOST_S) * 1000 + 1000;
}

static void take(struct staple *s)
{
    struct board_staple staple;
    char error[512];

    if (tls_ocsp_judge(s->material, s->answer, now_s(s), &staple, error, sizeof(error)) < 0) {
        in_vain(s, error);
        return;
    }
    if (board_staple_put(s->owner->worker->board, s->question.id, &staple, now_s(s)) < 0) {
        in_vain(s, "there are too many certificates with it");
        return;
    }
    over(s);
    s->again_ms = 0;
    s->next_ms = now_ms(s) + renew_ms(&staple);
    log_write(s->owner->worker->log, LOG_LEVEL_INFO, "ocsp_stapling of %s: the authority says that it is good",
              file_of(s));
}

/* ---- the conversation ---- */

static enum check_step ask_start(struct probe *p)
{
    const struct staple *s = p->job.user;
    const struct tls_ocsp_question *q = &s->question;
    struct http_answer *answer = pool_alloc(p->pool, sizeof(*answer));

    http_answer_init(answer, p->pool, STR("POST"));
    p->data = answer;
    probe_send(p, pool_printf(p->pool,
                              "POST %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir\r\n"
                              "Content-Type: application/ocsp-request\r\nContent-Length: %zu\r\n"
                              "Connection: close\r\n\r\n",
                              STR_ARG(q->path), STR_ARG(q->host_field), q->body.len));
    probe_send(p, q->body);
    return CHECK_GOES_ON;
}

static enum check_step ask_on_data(struct probe *p, bool end)
{
    struct staple *s = p->job.user;
    struct http_answer *answer = p->data;

    switch (http_answer_read(answer, p->in, &p->in_len, end)) {
    case HTTP_ANSWER_MORE: return CHECK_GOES_ON;
    case HTTP_ANSWER_BAD: return probe_fail(p, "malformed answer: %s", answer->reason);
    case HTTP_ANSWER_DONE: break;
    }
    if (answer->status != 200)
        return probe_fail(p, "status %u", answer->status);
    if (answer->body_len > BOARD_STAPLE_BYTES)
        return probe_fail(p, "the answer is longer than %d bytes", BOARD_STAPLE_BYTES);
    s->answer = pool_str(s->pool, (struct str){p->in + answer->body, answer->body_len});
    return probe_pass(p, "answered");
}

static const struct check ask_check = {.name = "ocsp", .start = ask_start, .on_data = ask_on_data};

static void on_answer(void *user, bool ok, struct str reason)
{
    struct staple *s = user;
    char why[PEER_REASON_MAX + 1];

    if (ok) {
        take(s);
        return;
    }
    snprintf(why, sizeof(why), "%.*s", STR_ARG(reason));
    in_vain(s, why);
}

static void converse(struct staple *s)
{
    probe_start(&s->owner->probes, &(struct probe_job){
                                       .check = &ask_check,
                                       .address = &s->address,
                                       .host = s->question.host_field,
                                       .timeout = ASK_MS,
                                       .user = s,
                                       .done = on_answer,
                                   });
}

static void on_name(struct resolver_question *q, const struct resolver_answer *answer)
{
    struct staple *s = container_of(q, struct staple, name);

    if (answer->count == 0) {
        in_vain(s, answer->error ? answer->error : "the responder's name has no address");
        return;
    }
    s->address = answer->items[0].address;
    converse(s);
}

/* False: names cannot be looked up. */
static bool have_resolver(struct tls_stapler *t)
{
    struct str servers = t->worker->config->resolver;
    const char *error = "";

    if (!t->resolver)
        t->resolver = resolver_new(t->worker->loop, servers.len ? servers.s : NULL, &error);
    return t->resolver != NULL;
}

static void ask(struct staple *s)
{
    s->asking = true;
    s->owner->asked++;
    if (addr_parse_ip(s->question.host, s->question.port, &s->address) == 0) {
        converse(s);
        return;
    }
    if (!have_resolver(s->owner)) {
        in_vain(s, "names cannot be resolved");
        return;
    }
    s->name = (struct resolver_question){.name = s->question.host.s, .port = s->question.port, .done = on_name};
    resolver_ask(s->owner->resolver, &s->name);
}

/* ---- when ---- */

/* The certificate is new or another one: what the board has of it, from before this process, counts. */
static void begin(struct staple *s)
{
    struct board_staple kept;
    char error[512];

    s->owner->parsed++;
    pool_free(s->pool);
    s->pool = pool_new(4096);
    s->stamps = tls_material_stamps(s->material);
    s->unable = tls_ocsp_ask(s->material, s->pool, &s->question, error, sizeof(error)) < 0;
    s->known = s->unable;
    s->again_ms = 0;
    s->next_ms = now_ms(s);
    if (s->unable) {
        log_write(s->owner->worker->log, LOG_LEVEL_WARN, "ocsp_stapling of %s: %s", file_of(s), error);
        return;
    }
    if (!board_staple_get(s->owner->worker->board, s->question.id, &kept) || kept.until_s <= now_s(s))
        return;
    s->known = true;
    s->next_ms += renew_ms(&kept) - (now_s(s) - kept.from_s) * 1000;
}

static void look(struct staple *s)
{
    struct tls_stamps stamps;

    if (s->asking)
        return;
    if (now_ms(s) >= s->look_ms && s->owner->parsed < PARSED_IN_A_TICK) {
        s->look_ms = now_ms(s) + LOOK_MS;
        stamps = tls_material_stamps(s->material);
        if (!s->pool || !tls_stamps_same(&stamps, &s->stamps))
            begin(s);
    }
    if (!s->pool || s->unable || now_ms(s) < s->next_ms || s->owner->asked >= ASKED_MAX || probes_full(&s->owner->probes))
        return;
    ask(s);
}

void tls_stapler_tick(struct tls_stapler *t)
{
    if (!t)
        return;
    if (t->resolver)
        resolver_tick(t->resolver);
    t->parsed = 0;
    for (size_t i = 0; i < t->count; i++)
        look(&t->all[i]);
}

bool tls_stapler_is_filled(const struct tls_stapler *t)
{
    for (size_t i = 0; t && i < t->count; i++) {
        if (!t->all[i].known)
            return false;
    }
    return true;
}

/* ---- which ---- */

static void want(struct tls_stapler *t, const struct tls_conf *conf)
{
    for (size_t i = 0; conf && conf->ocsp_stapling && i < conf->pair_count; i++) {
        bool there = false;

        for (size_t k = 0; k < t->count && !there; k++)
            there = t->all[k].material == conf->pairs[i];
        if (!there)
            t->all[t->count++] = (struct staple){.owner = t, .material = conf->pairs[i]};
    }
}

struct tls_stapler *tls_stapler_new(struct worker *w)
{
    const struct config *c = w->config;
    struct tls_stapler *t = pool_zalloc(w->pool, sizeof(*t));

    if (!w->board)
        return NULL;
    t->worker = w;
    t->all = pool_zalloc(w->pool, (c->tls_material_count + 1) * sizeof(*t->all));
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener_conf *l = &c->listeners[i];

        want(t, l->tls);
        for (size_t k = 0; l->site_tls && k < c->site_count; k++)
            want(t, l->site_tls[k]);
    }
    probes_init(&t->probes, w->loop, &w->deadlines, NULL, w->log, ASKED_MAX);
    if (t->count > 0)
        return t;
    probes_free(&t->probes);
    return NULL;
}

void tls_stapler_free(struct tls_stapler *t)
{
    if (!t)
        return;
    resolver_free(t->resolver);
    probes_free(&t->probes);
    for (size_t i = 0; i < t->count; i++)
        pool_free(t->all[i].pool);
}

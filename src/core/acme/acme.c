/* acme.c: a few orders at a time, each certificate by itself. */
#include "core/acme/acme.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "core/acme/acme_order.h"
#include "core/acme/acme_store.h"
#include "core/board/board_challenge.h"
#include "core/tls/tls_pair.h"
#include "core/worker.h"

#define ORDERS_MAX 4 /* at once */
#define LOOKS_A_SECOND 200 /* at certificates, as each has to be parsed */
#define BEGIN_S 2 /* the keeper before has to see that another serves */
#define PAUSE_FIRST_S 60
#define PAUSE_MOST_S (12 * 3600)
#define PAUSE_DOUBLINGS 10

struct acme_cert {
    struct acme *owner;
    const struct tls_material *material;
    struct acme_account *account;
    struct acme_order *order; /* NULL: none is under way */
    int64_t due_s; /* seconds since 1970; 0: not known yet */
    unsigned failures;
    char error[ACME_ERROR_MAX];
};

/* An order under way, or over and not freed yet: those that called it may still look at it. */
struct acme_job {
    struct acme_order order;
    struct acme *owner;
    struct acme_job *next_over;
};

struct acme {
    struct worker *worker;
    struct acme_job *over;
    struct acme_http http;
    struct acme_account *accounts;
    struct acme_cert *certs;
    size_t count, looked_at, begun_at;
    unsigned orders;
    int64_t second; /* of the last look; 0: there was none */
    int64_t begin_second;
    struct acme_counts counts;
};

static int64_t wall(const struct acme *a)
{
    return a->worker->loop->clock.wall_s;
}

/* ---- when ---- */

/* With a third of its time left, and not all in one moment. */
static int64_t due_of(struct acme *a, int64_t from_s, int64_t to_s)
{
    int64_t life = to_s > from_s ? to_s - from_s : 0;

    return from_s + life / 3 * 2 - (int64_t)rnd_below(&a->worker->rnd, (uint64_t)(life / 30) + 1);
}

static void look(struct acme_cert *c)
{
    struct acme *a = c->owner;
    struct acme_pause pause = acme_store_read_pause(c->material->parts[TLS_PART_CERT].path);
    X509 *cert = c->material->made ? NULL : tls_pair_cert(c->material);

    c->due_s = cert ? due_of(a, tls_seconds(X509_get0_notBefore(cert)), tls_cert_not_after(cert)) : 1;
    X509_free(cert);
    /* A clock that has jumped back must not make it wait for ever. */
    if (pause.failures && pause.until_s > c->due_s && pause.until_s < wall(a) + PAUSE_MOST_S * 14) {
        c->failures = pause.failures;
        c->due_s = pause.until_s;
        snprintf(c->error, sizeof(c->error), "%s", pause.error);
    }
}

static int64_t pause_after(struct acme_cert *c, int64_t wish)
{
    unsigned doublings = c->failures < PAUSE_DOUBLINGS ? c->failures - 1 : PAUSE_DOUBLINGS;
    int64_t pause = (int64_t)PAUSE_FIRST_S << doublings;

    if (pause > PAUSE_MOST_S)
        pause = PAUSE_MOST_S;
    if (pause < wish)
        pause = wish;
    return pause + (int64_t)rnd_below(&c->owner->worker->rnd, (uint64_t)(pause / 10) + 1);
}

/* ---- what became of it ---- */

static struct str path_of(const struct acme_cert *c)
{
    return c->material->parts[TLS_PART_CERT].path;
}

static void failed(struct acme_cert *c, const char *error, int64_t wish)
{
    struct acme *a = c->owner;
    char escaped[LOG_ESCAPED_MAX];
    struct acme_pause kept;
    int64_t pause;

    c->failures++;
    a->counts.failed++;
    pause = pause_after(c, wish);
    c->due_s = wall(a) + pause;
    snprintf(c->error, sizeof(c->error), "%s", error);
    kept = (struct acme_pause){.failures = c->failures, .until_s = c->due_s};
    memcpy(kept.error, c->error, sizeof(kept.error));
    acme_store_pause(path_of(c), &kept);
    log_write(a->worker->log, LOG_LEVEL_WARN, "ACME: no certificate for %.*s: %.*s; the next attempt is in %" PRId64 " s",
              STR_ARG(c->material->acme_host), STR_ARG(log_escape(str_of(c->error), escaped, sizeof(escaped))), pause);
}

static void got(struct acme_cert *c, const struct acme_order *o)
{
    struct acme *a = c->owner;
    char error[ACME_ERROR_MAX];

    if (acme_store_certificate(path_of(c), o->chain, o->key, error, sizeof(error)) < 0) {
        failed(c, error, 0);
        return;
    }
    a->counts.issued++;
    c->failures = 0;
    c->error[0] = 0;
    c->due_s = due_of(a, o->not_before_s, o->not_after_s);
    /* A certificate that ends at once must not be asked for again and again. */
    if (c->due_s < wall(a) + PAUSE_FIRST_S)
        c->due_s = wall(a) + PAUSE_FIRST_S;
    acme_store_pause(path_of(c), &(struct acme_pause){.failures = 0});
    log_write(a->worker->log, LOG_LEVEL_NOTICE, "ACME: a certificate for %.*s was issued",
              STR_ARG(c->material->acme_host));
}

static struct acme_cert *cert_of(struct acme *a, const struct acme_order *o)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->certs[i].order == o)
            return &a->certs[i];
    }
    return NULL;
}

static void on_done(struct acme_order *o, bool ok)
{
    struct acme_job *job = container_of(o, struct acme_job, order);
    struct acme *a = job->owner;
    struct acme_cert *c = cert_of(a, o);

    if (ok)
        got(c, o);
    else
        failed(c, o->error, o->retry_after_s);
    c->order = NULL;
    a->orders--;
    job->next_over = a->over;
    a->over = job;
}

static void free_over(struct acme *a)
{
    while (a->over) {
        struct acme_job *job = a->over;

        a->over = job->next_over;
        acme_order_end(&job->order);
        free(job);
    }
}

/* ---- orders ---- */

static bool need_key(struct acme_account *account, char *error, size_t size)
{
    if (!account->key)
        account->key = acme_store_account(account->conf->storage, account->conf->directory, error, size);
    return account->key != NULL;
}

static void begin(struct acme_cert *c)
{
    struct acme *a = c->owner;
    char error[ACME_ERROR_MAX];
    struct acme_job *job;

    if (!need_key(c->account, error, sizeof(error))) {
        failed(c, error, 0);
        return;
    }
    job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->owner = a;
    job->order.http = &a->http;
    job->order.board = a->worker->board;
    job->order.account = c->account;
    job->order.host = c->material->acme_host;
    job->order.done = on_done;
    a->orders++;
    c->order = &job->order;
    acme_order_begin(&job->order);
}

/* A few in a second: their certificates have to be parsed. */
static void look_at_some(struct acme *a)
{
    for (unsigned n = 0; n < LOOKS_A_SECOND && a->looked_at < a->count; n++)
        look(&a->certs[a->looked_at++]);
}

static void begin_some(struct acme *a)
{
    for (size_t n = 0; n < a->count && a->orders < ORDERS_MAX; n++) {
        struct acme_cert *c;

        a->begun_at = a->begun_at < a->count ? a->begun_at : 0;
        c = &a->certs[a->begun_at++];
        if (!c->order && c->due_s && wall(a) >= c->due_s)
            begin(c);
    }
}

void acme_tick(struct acme *a)
{
    int64_t second;

    if (!a)
        return;
    second = a->worker->loop->clock.mono_ms / 1000;
    if (second == a->second || second < a->begin_second)
        return;
    if (a->second == 0)
        board_challenges_end(a->worker->board);
    a->second = second;
    free_over(a);
    acme_http_tick(&a->http);
    look_at_some(a);
    for (size_t i = 0; i < a->count && a->orders; i++) {
        if (a->certs[i].order)
            acme_order_tick(a->certs[i].order);
    }
    begin_some(a);
}

/* ---- the set ---- */

static struct acme_account *account_of(struct acme *a, const struct acme_conf *conf)
{
    struct acme_account *account = a->accounts;

    while (account && !(str_eq(account->conf->directory, conf->directory) &&
                        str_eq(account->conf->storage, conf->storage) && str_eq(account->conf->email, conf->email) &&
                        account->conf->challenge == conf->challenge))
        account = account->next;
    if (account)
        return account;
    account = pool_zalloc(a->worker->pool, sizeof(*account));
    account->conf = conf;
    account->pool = a->worker->pool;
    account->next = a->accounts;
    a->accounts = account;
    return account;
}

struct acme *acme_new(struct worker *w)
{
    const struct config *c = w->config;
    struct acme *a;
    size_t count = 0;

    for (size_t i = 0; i < c->tls_material_count; i++)
        count += c->tls_materials[i]->acme != NULL;
    if (!count || !w->board)
        return NULL;
    a = pool_zalloc(w->pool, sizeof(*a));
    a->worker = w;
    a->certs = pool_zalloc(w->pool, count * sizeof(*a->certs));
    for (size_t i = 0; i < c->tls_material_count; i++) {
        if (c->tls_materials[i]->acme)
            a->certs[a->count++] = (struct acme_cert){
                .owner = a, .material = c->tls_materials[i], .account = account_of(a, c->tls_materials[i]->acme)};
    }
    acme_http_init(&a->http, w);
    a->begin_second = w->loop->clock.mono_ms / 1000 + BEGIN_S;
    return a;
}

void acme_free(struct acme *a)
{
    if (!a)
        return;
    acme_http_free(&a->http);
    free_over(a);
    for (size_t i = 0; i < a->count; i++) {
        if (!a->certs[i].order)
            continue;
        acme_order_end(a->certs[i].order);
        free(container_of(a->certs[i].order, struct acme_job, order));
    }
    for (struct acme_account *account = a->accounts; account; account = account->next)
        EVP_PKEY_free(account->key);
}

static size_t cert_at(const struct acme *a, size_t material)
{
    size_t i = 0;

    while (i < a->count && a->certs[i].material->index != material)
        i++;
    return i;
}

bool acme_status(const struct acme *a, size_t material, struct acme_status *out)
{
    size_t i = a ? cert_at(a, material) : 0;
    const struct acme_cert *c;

    if (!a || i == a->count)
        return false;
    c = &a->certs[i];
    *out = (struct acme_status){
        .state = c->order ? ACME_ASKING : c->failures ? ACME_FAILING : ACME_WAITING,
        .next_s = c->due_s,
        .failures = c->failures,
        .error = c->error,
    };
    return true;
}

struct acme_counts acme_counts(const struct acme *a)
{
    return a ? a->counts : (struct acme_counts){0, 0};
}

/* acme_order.c: asks and hears; nonces, polls, problems. */
#include "core/acme/acme_order.h"

#include <openssl/evp.h>
#include <stdarg.h>

#include "core/acme/acme_jws.h"
#include "core/acme/acme_order_state.h"
#include "core/board/board_challenge.h"
#include "core/worker.h"

#define POOL_FIRST 4096
#define REQUESTS_MAX 200
#define REFUSED_MAX 6
#define ORDER_S 600
#define PAUSE_LEAST_S 1
#define PAUSE_MOST_S 60
#define RETRY_MOST_S (7 * 86400)

static int64_t now_s(const struct acme_order *o)
{
    return o->http->worker->loop->clock.mono_ms / 1000;
}

void order_challenge_over(struct acme_order *o)
{
    board_challenge_end(o->board, o->challenge);
    o->challenge = -1;
}

static void over(struct acme_order *o, bool ok)
{
    order_challenge_over(o);
    o->wake_s = o->deadline_s = 0;
    o->done(o, ok);
}

void order_done(struct acme_order *o)
{
    over(o, true);
}

void order_fail(struct acme_order *o, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(o->error, sizeof(o->error), fmt, args);
    va_end(args);
    over(o, false);
}

/* ---- asking ---- */

static void ask(struct acme_order *o, struct str method, struct str url, struct str body)
{
    if (++o->requests > REQUESTS_MAX) {
        order_fail(o, "it took more than %d requests", REQUESTS_MAX);
        return;
    }
    o->request.method = method;
    o->request.url = url;
    o->request.body = body;
    acme_http_ask(o->http, &o->request);
}

/* What is to be asked, as soon as there is a nonce. */
static void order_send(struct acme_order *o)
{
    struct acme_account *a = o->account;
    struct str nonce, body;

    o->wants_nonce = !o->is_get && !o->nonce[0];
    if (o->is_get) {
        ask(o, STR("GET"), o->url, STR_NONE);
        return;
    }
    if (o->wants_nonce) {
        ask(o, STR("HEAD"), a->new_nonce, STR_NONE);
        return;
    }
    nonce = pool_str(o->pool, str_of(o->nonce));
    o->nonce[0] = 0;
    body = acme_jws(o->pool, a->key, o->step == ACME_ACCOUNT ? STR_NONE : a->kid, nonce, o->url, o->payload);
    if (body.len)
        ask(o, STR("POST"), o->url, body);
    else
        order_fail(o, "the account's key cannot sign; it has to be one of P-256");
}

void order_post(struct acme_order *o, enum acme_step step, struct str url, struct str payload)
{
    o->step = step;
    o->is_get = false;
    o->url = url;
    o->payload = payload;
    order_send(o);
}

void order_get(struct acme_order *o, enum acme_step step, struct str url)
{
    o->step = step;
    o->is_get = true;
    o->url = url;
    order_send(o);
}

/* Seconds of Retry-After (RFC 9110 10.2.3); 0: it says none.  A date counts as an hour. */
static int64_t retry_after(const struct acme_order *o)
{
    struct str field = acme_http_field(&o->request, "Retry-After");
    uint64_t s;

    if (!field.len)
        return 0;
    if (str_to_u64(field, RETRY_MOST_S, &s) == 0)
        return (int64_t)s;
    return field.s[0] >= '0' && field.s[0] <= '9' ? RETRY_MOST_S : 3600;
}

void order_look_later(struct acme_order *o, enum acme_step step, struct str url)
{
    int64_t wish = retry_after(o);

    o->pause_s = wish ? wish : o->pause_s * 2;
    if (o->pause_s < PAUSE_LEAST_S)
        o->pause_s = PAUSE_LEAST_S;
    if (o->pause_s > PAUSE_MOST_S)
        o->pause_s = PAUSE_MOST_S;
    o->step = step;
    o->is_get = false;
    o->url = url;
    o->payload = STR_NONE;
    o->wake_s = now_s(o) + o->pause_s;
}

void acme_order_tick(struct acme_order *o)
{
    int64_t now = now_s(o);

    if (!o->deadline_s || !o->wake_s || now < o->wake_s)
        return;
    o->wake_s = 0;
    if (now >= o->deadline_s)
        order_fail(o, "it was not finished within %d minutes", ORDER_S / 60);
    else
        order_send(o);
}

/* ---- hearing ---- */

static void take_nonce(struct acme_order *o)
{
    struct str nonce = acme_http_field(&o->request, "Replay-Nonce");

    if (nonce.len && nonce.len < sizeof(o->nonce) && acme_is_plain(nonce))
        snprintf(o->nonce, sizeof(o->nonce), "%.*s", STR_ARG(nonce));
}

struct str order_problem(struct pool *pool, const json_t *problem)
{
    const char *type = json_string_value(json_object_get(problem, "type"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const json_t *parts = json_object_get(problem, "subproblems");
    const json_t *part = json_array_get(parts, 0);

    if (part && !detail)
        return order_problem(pool, part);
    if (!type && !detail)
        return STR_NONE;
    if (type && strncmp(type, "urn:ietf:params:acme:error:", 27) == 0)
        type += 27;
    return pool_printf(pool, "%.80s: %.300s", type ? type : "problem", detail ? detail : "no detail");
}

static bool is_problem(const json_t *problem, const char *name)
{
    const char *type = json_string_value(json_object_get(problem, "type"));

    return type && strncmp(type, "urn:ietf:params:acme:error:", 27) == 0 && strcmp(type + 27, name) == 0;
}

static void refused(struct acme_order *o)
{
    json_t *problem = json_loadb(o->request.body_in.s, o->request.body_in.len, 0, NULL);
    struct str text = order_problem(o->pool, problem);
    bool again = is_problem(problem, "badNonce") && ++o->refused < REFUSED_MAX;

    json_decref(problem);
    if (again) {
        order_send(o);
        return;
    }
    o->retry_after_s = retry_after(o);
    if (text.len)
        order_fail(o, "the authority refused: %.*s", STR_ARG(text));
    else
        order_fail(o, "the authority answered %u to %.*s", o->request.status, STR_ARG(o->url));
}

static void on_answer(struct acme_request *r, const char *error)
{
    struct acme_order *o = container_of(r, struct acme_order, request);

    if (error) {
        order_fail(o, "%s", error);
        return;
    }
    take_nonce(o);
    if (o->wants_nonce) {
        if (r->status >= 400 || !o->nonce[0])
            order_fail(o, "the authority gave no nonce");
        else
            order_send(o);
        return;
    }
    if (r->status >= 300) {
        refused(o);
        return;
    }
    o->refused = 0;
    order_step(o);
}

void acme_order_begin(struct acme_order *o)
{
    o->pool = pool_new(POOL_FIRST);
    o->request.pool = o->pool;
    o->request.done = on_answer;
    o->challenge = -1;
    o->deadline_s = now_s(o) + ORDER_S;
    order_get(o, ACME_DIRECTORY, o->account->conf->directory);
}

void acme_order_end(struct acme_order *o)
{
    order_challenge_over(o);
    EVP_PKEY_free(o->key);
    o->key = NULL;
    pool_free(o->pool);
    o->pool = NULL;
}

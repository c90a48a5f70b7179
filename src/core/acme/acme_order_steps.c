/* acme_order_steps.c: what comes after what. */
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/base64url.h"
#include "core/acme/acme_jws.h"
#include "core/acme/acme_order_state.h"
#include "core/acme/acme_store.h"
#include "core/board/board_challenge.h"
#include "core/tls/tls_check.h"
#include "core/tls/tls_make.h"
#include "core/tls/tls_pair.h"

#define TOKEN_MAX 128

/* A URL that the authority has given, copied; empty: none, or not a good one.  Who began with https goes on with it. */
static struct str url_given(struct acme_order *o, struct str url)
{
    bool has_tls = str_has_prefix(o->account->conf->directory, STR("https://"));

    if (!acme_url_is_good(url) || (has_tls && !str_has_prefix(url, STR("https://"))))
        return STR_NONE;
    return pool_str(o->pool, url);
}

static struct str url_of(struct acme_order *o, const json_t *object, const char *name)
{
    return url_given(o, str_of(json_string_value(json_object_get(object, name))));
}

static struct str location(struct acme_order *o)
{
    return url_given(o, acme_http_field(&o->request, "Location"));
}

/* The account's texts stay over many orders: only what is new is copied. */
static void keep(struct acme_account *a, struct str *text, struct str fresh)
{
    if (!str_eq(*text, fresh))
        *text = pool_str(a->pool, fresh);
}

static const char *status_of(const json_t *object)
{
    const char *status = json_string_value(json_object_get(object, "status"));

    return status ? status : "";
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* ---- directory, account, order ---- */

static void on_directory(struct acme_order *o, const json_t *answer)
{
    struct acme_account *a = o->account;
    struct str contact = STR(""), nonce = url_of(o, answer, "newNonce");
    struct str account = url_of(o, answer, "newAccount"), order = url_of(o, answer, "newOrder");

    /* Other orders go on with what the account has. */
    if (!nonce.len || !account.len || !order.len) {
        order_fail(o, "what is at %.*s is not a directory of ACME", STR_ARG(a->conf->directory));
        return;
    }
    keep(a, &a->new_nonce, nonce);
    keep(a, &a->new_account, account);
    keep(a, &a->new_order, order);
    if (a->conf->email.len)
        contact = pool_printf(o->pool, ",\"contact\":[\"mailto:%.*s\"]", STR_ARG(a->conf->email));
    order_post(o, ACME_ACCOUNT, a->new_account,
               pool_printf(o->pool, "{\"termsOfServiceAgreed\":true%.*s}", STR_ARG(contact)));
}

static void on_account(struct acme_order *o)
{
    struct str kid = location(o);

    if (!kid.len) {
        order_fail(o, "the authority named no account");
        return;
    }
    keep(o->account, &o->account->kid, kid);
    order_post(o, ACME_ORDER, o->account->new_order,
               pool_printf(o->pool, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%.*s\"}]}", STR_ARG(o->host)));
}

static void finalize(struct acme_order *o)
{
    struct str der;

    order_challenge_over(o);
    o->key = tls_make_key();
    der = o->key ? tls_make_request(o->pool, o->key, o->host) : STR_NONE;
    if (!der.len) {
        order_fail(o, "no key or request can be made");
        return;
    }
    order_post(o, ACME_FINALIZE, o->finalize_url,
               pool_printf(o->pool, "{\"csr\":\"%s\"}", base64url(o->pool, der.s, der.len).s));
}

static void on_order(struct acme_order *o, const json_t *answer)
{
    const json_t *first = json_array_get(json_object_get(answer, "authorizations"), 0);

    o->authorization_url = url_given(o, str_of(json_string_value(first)));
    o->order_url = location(o);
    o->finalize_url = url_of(o, answer, "finalize");
    if (!o->order_url.len || !o->finalize_url.len || !o->authorization_url.len)
        order_fail(o, "the authority's order lacks a URL");
    else if (is(status_of(answer), "ready"))
        finalize(o);
    else
        order_post(o, ACME_AUTHORIZATION, o->authorization_url, STR_NONE);
}

/* ---- the challenge ---- */

static const json_t *challenge_of(const struct acme_order *o, const json_t *authorization)
{
    const char *wanted = o->account->conf->challenge == ACME_HTTP_01 ? "http-01" : "tls-alpn-01";
    const json_t *all = json_object_get(authorization, "challenges");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *c = json_array_get(all, i);
        const char *type = json_string_value(json_object_get(c, "type"));

        if (type && is(type, wanted))
            return c;
    }
    return NULL;
}

static int show(struct acme_order *o, struct str token)
{
    struct str answer = acme_key_authorization(o->pool, o->account->key, token);
    unsigned char digest[SHA256_DIGEST_LENGTH];

    if (o->account->conf->challenge == ACME_HTTP_01)
        return board_challenge_begin(o->board, BOARD_CHALLENGE_TOKEN, token, answer);
    SHA256((const unsigned char *)answer.s, answer.len, digest);
    return board_challenge_begin(o->board, BOARD_CHALLENGE_NAME, o->host,
                                 (struct str){(const char *)digest, sizeof(digest)});
}

static void on_pending(struct acme_order *o, const json_t *authorization)
{
    const json_t *challenge = challenge_of(o, authorization);
    struct str token = str_of(json_string_value(json_object_get(challenge, "token")));
    struct str url = url_of(o, challenge, "url");

    if (!challenge) {
        order_fail(o, "the authority does not offer the challenge that is configured; write another `challenge`");
        return;
    }
    if (token.len > TOKEN_MAX || !base64url_is(token) || !url.len) {
        order_fail(o, "the authority's challenge has no good token or URL");
        return;
    }
    o->challenge = show(o, token);
    if (o->challenge < 0)
        order_fail(o, "too many challenges are open");
    else
        order_post(o, ACME_CHALLENGE, url, STR("{}"));
}

static void on_invalid(struct acme_order *o, const json_t *authorization)
{
    const json_t *challenge = challenge_of(o, authorization);
    struct str text = order_problem(o->pool, json_object_get(challenge, "error"));

    order_fail(o, "the authority could not check the name: %.*s", STR_ARG(text.len ? text : STR("it does not say why")));
}

static void on_authorization(struct acme_order *o, const json_t *answer)
{
    const char *status = status_of(answer);

    if (is(status, "valid"))
        finalize(o);
    else if (!is(status, "pending") && !is(status, "processing"))
        on_invalid(o, answer);
    else if (o->challenge < 0)
        on_pending(o, answer);
    else
        order_look_later(o, ACME_CHECK, o->authorization_url);
}

/* ---- the certificate ---- */

static void on_issue(struct acme_order *o, const json_t *answer)
{
    const char *status = status_of(answer);
    struct str url;

    if (is(status, "processing") || is(status, "ready") || is(status, "pending")) {
        order_look_later(o, ACME_ISSUE, o->order_url);
        return;
    }
    if (!is(status, "valid")) {
        struct str text = order_problem(o->pool, json_object_get(answer, "error"));

        order_fail(o, "the authority gave no certificate: %.*s", STR_ARG(text.len ? text : STR("it does not say why")));
        return;
    }
    url = url_of(o, answer, "certificate");
    if (url.len)
        order_post(o, ACME_DOWNLOAD, url, STR_NONE);
    else
        order_fail(o, "the authority named no certificate");
}

/* What would be stored, judged as a reload judges it; NULL: it can be used. */
static const char *fault_of(struct acme_order *o, struct tls_material *m, char *error, size_t size)
{
    X509 *cert = tls_pair_cert(m);
    const char *fault = NULL;

    if (!cert)
        fault = "what it gave is not a certificate in PEM";
    else if (X509_check_private_key(cert, o->key) != 1)
        fault = "its certificate is for another key";
    else if (!tls_cert_has(cert, o->host))
        fault = "its certificate is for another name";
    else if (tls_check_pair(m, error, size) < 0)
        fault = error;
    if (!fault) {
        o->not_before_s = tls_seconds(X509_get0_notBefore(cert));
        o->not_after_s = tls_seconds(X509_get0_notAfter(cert));
    }
    X509_free(cert);
    ERR_clear_error();
    return fault;
}

static void on_chain(struct acme_order *o)
{
    struct tls_material m = {.kind = TLS_MATERIAL_PAIR};
    const char *fault = "no memory for it";
    char error[ACME_ERROR_MAX / 2];
    size_t len = 0;
    char *pem = acme_store_pem(o->request.body_in, o->key, &len);

    m.parts[TLS_PART_CERT].path = STR("its certificate");
    if (pem) {
        tls_material_make(&m, pem, len);
        fault = fault_of(o, &m, error, sizeof(error));
    }
    tls_material_free(&m);
    o->chain = o->request.body_in;
    if (fault)
        order_fail(o, "the authority's answer is of no use: %s", fault);
    else
        order_done(o);
}

static void on_object(struct acme_order *o, const json_t *answer)
{
    switch (o->step) {
    case ACME_DIRECTORY:
        on_directory(o, answer);
        break;
    case ACME_ORDER:
        on_order(o, answer);
        break;
    case ACME_CHALLENGE:
        order_look_later(o, ACME_CHECK, o->authorization_url);
        break;
    case ACME_AUTHORIZATION:
    case ACME_CHECK:
        on_authorization(o, answer);
        break;
    case ACME_FINALIZE:
    case ACME_ISSUE:
        on_issue(o, answer);
        break;
    case ACME_ACCOUNT:
    case ACME_DOWNLOAD:
        break;
    }
}

void order_step(struct acme_order *o)
{
    json_t *answer;

    if (o->step == ACME_ACCOUNT) {
        on_account(o);
        return;
    }
    if (o->step == ACME_DOWNLOAD) {
        on_chain(o);
        return;
    }
    answer = json_loadb(o->request.body_in.s ? o->request.body_in.s : "", o->request.body_in.len, 0, NULL);
    if (json_is_object(answer))
        on_object(o, answer);
    else
        order_fail(o, "the authority's answer is not JSON");
    json_decref(answer);
}

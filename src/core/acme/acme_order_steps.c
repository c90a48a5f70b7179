/* acme_order_steps.c: what comes after what. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/base64url.h"
#include "core/acme/acme_jws.h"
#include "core/acme/acme_order_state.h"
#include "core/board/board_challenge.h"
#include "core/tls/tls_make.h"
#include "core/tls/tls_pair.h"

#define TOKEN_MAX 128

/* A good URL in `object`, copied; empty: there is none. */
static struct str url_of(struct acme_order *o, const json_t *object, const char *name)
{
    struct str url = str_of(json_string_value(json_object_get(object, name)));

    /* Who began with https goes on with it. */
    if (!acme_url_is_good(url) || (o->request.has_tls && !str_has_prefix(url, STR("https://"))))
        return STR_NONE;
    return pool_str(o->pool, url);
}

static struct str location(struct acme_order *o)
{
    struct str url = acme_http_field(&o->request, "Location");

    return acme_url_is_good(url) ? pool_str(o->pool, url) : STR_NONE;
}

/* The account's texts stay over many orders: only what is new is copied. */
static void keep(struct acme_account *a, struct str *text, struct str fresh)
{
    if (!str_eq(*text, fresh))
        *text = fresh.len ? pool_str(a->pool, fresh) : STR_NONE;
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
    struct str contact = STR("");

    keep(a, &a->new_nonce, url_of(o, answer, "newNonce"));
    keep(a, &a->new_account, url_of(o, answer, "newAccount"));
    keep(a, &a->new_order, url_of(o, answer, "newOrder"));
    if (!a->new_nonce.len || !a->new_account.len || !a->new_order.len) {
        order_fail(o, "what is at %.*s is not a directory of ACME", STR_ARG(a->conf->directory));
        return;
    }
    if (a->conf->email.len)
        contact = pool_printf(o->pool, ",\"contact\":[\"mailto:%.*s\"]", STR_ARG(a->conf->email));
    order_post(o, ACME_ACCOUNT, a->new_account,
               pool_printf(o->pool, "{\"termsOfServiceAgreed\":true%.*s}", STR_ARG(contact)));
}

static void on_account(struct acme_order *o)
{
    keep(o->account, &o->account->kid, location(o));
    if (!o->account->kid.len) {
        order_fail(o, "the authority named no account");
        return;
    }
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
    const char *url = json_string_value(json_array_get(json_object_get(answer, "authorizations"), 0));
    struct str authorization = str_of(url);

    o->order_url = location(o);
    o->finalize_url = url_of(o, answer, "finalize");
    if (!o->order_url.len || !o->finalize_url.len || !acme_url_is_good(authorization))
        order_fail(o, "the authority's order lacks a URL");
    else if (is(status_of(answer), "ready"))
        finalize(o);
    else {
        o->authorization_url = pool_str(o->pool, authorization);
        order_post(o, ACME_AUTHORIZATION, o->authorization_url, STR_NONE);
    }
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

static int64_t time_of(const ASN1_TIME *t)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;

    (void)ASN1_TIME_diff(&days, &seconds, epoch, t);
    ASN1_TIME_free(epoch);
    return (int64_t)days * 86400 + seconds;
}

/* NULL: it can be used. */
static const char *fault_of(struct acme_order *o, const X509 *cert)
{
    if (!cert)
        return "what it gave is not a certificate in PEM";
    if (X509_check_private_key(cert, o->key) != 1)
        return "its certificate is for another key";
    if (!tls_cert_has(cert, o->host))
        return "its certificate is for another name";
    return NULL;
}

static void on_chain(struct acme_order *o)
{
    BIO *bio = BIO_new_mem_buf(o->request.body_in.s ? o->request.body_in.s : "", (int)o->request.body_in.len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    const char *fault = fault_of(o, cert);

    if (cert) {
        o->not_before_s = time_of(X509_get0_notBefore(cert));
        o->not_after_s = tls_cert_not_after(cert);
    }
    X509_free(cert);
    BIO_free(bio);
    ERR_clear_error();
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

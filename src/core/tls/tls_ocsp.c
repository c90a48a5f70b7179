/* tls_ocsp.c: see tls_ocsp.h. */
#include "core/tls/tls_ocsp.h"

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ocsp.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "core/tls/tls_pair.h"

#define CLOCK_SKEW_S 300
#define UNSAID_S 3600 /* how long a response is good that does not say it */

/* The certificate's number and its authority, as OCSP names them; NULL with text in `error`. */
static OCSP_CERTID *id_of(const struct tls_pair *pair, X509 **issuer, char *error, size_t size)
{
    for (int i = 0; i < sk_X509_num(pair->chain); i++) {
        *issuer = sk_X509_value(pair->chain, i);
        if (X509_check_issued(*issuer, pair->cert) == X509_V_OK)
            return OCSP_cert_to_id(NULL, pair->cert, *issuer);
    }
    snprintf(error, size, "its chain does not have the certificate of who signed it");
    return NULL;
}

static struct str made_body(OCSP_CERTID *id, struct pool *pool)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    struct str body = STR_NONE;
    unsigned char *der = NULL;
    int n;

    if (!request || !OCSP_request_add0_id(request, id)) {
        OCSP_CERTID_free(id);
    } else if ((n = i2d_OCSP_REQUEST(request, &der)) > 0) {
        body = pool_str(pool, (struct str){(const char *)der, (size_t)n});
        OPENSSL_free(der);
    }
    OCSP_REQUEST_free(request);
    return body;
}

/* Who is to be asked; -1 with text in `error`. */
static int read_url(const X509 *cert, struct pool *pool, struct tls_ocsp_question *q, char *error, size_t size)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp((X509 *)(uintptr_t)cert);
    char *host = NULL, *path = NULL;
    int tls = 0, port = 0, rc = -1;

    ERR_clear_error();
    if (!urls || sk_OPENSSL_STRING_num(urls) < 1) {
        snprintf(error, size, "it names no OCSP responder");
    } else if (OSSL_HTTP_parse_url(sk_OPENSSL_STRING_value(urls, 0), &tls, NULL, &host, NULL, &port, &path, NULL,
                                   NULL) != 1 || tls || port < 1 || port > 65535) {
        snprintf(error, size, "its OCSP responder is not an http:// address");
    } else {
        bool is_v6 = strchr(host, ':') != NULL;

        q->host = pool_printf(pool, "%s", host);
        q->port = (uint16_t)port;
        q->host_field = pool_printf(pool, "%s%s%s:%d", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
        q->path = pool_printf(pool, "%s%s", path[0] == '/' ? "" : "/", path);
        rc = 0;
    }
    OPENSSL_free(host);
    OPENSSL_free(path);
    X509_email_free(urls);
    ERR_clear_error();
    return rc;
}

/* No byte that would end the line in which it is sent. */
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] <= ' ' || text.s[i] >= 127)
            return false;
    }
    return true;
}

int tls_ocsp_ask(const struct tls_material *m, struct pool *pool, struct tls_ocsp_question *q, char *error, size_t size)
{
    struct tls_pair pair;
    OCSP_CERTID *id;
    X509 *issuer;
    int rc = -1;

    if (tls_pair_parse(NULL, m, &pair, error, size) < 0)
        return -1;
    tls_ocsp_id(pair.cert, q->id);
    if (read_url(pair.cert, pool, q, error, size) == 0 && (id = id_of(&pair, &issuer, error, size))) {
        q->body = made_body(id, pool);
        rc = q->body.len > 0 && is_plain(q->path) && is_plain(q->host_field) ? 0 : -1;
        if (rc < 0)
            snprintf(error, size, "no question can be made of it");
    }
    tls_pair_free(&pair);
    return rc;
}

/* Signed by the authority itself, or by one that it has named for that (RFC 6960 4.2.2.2). */
static bool is_signed(OCSP_BASICRESP *basic, const struct tls_pair *pair, X509 *issuer)
{
    X509_STORE *store = X509_STORE_new();
    bool ok = false;

    if (store && X509_STORE_add_cert(store, issuer) == 1) {
        (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        ok = OCSP_basic_verify(basic, pair->chain, store, 0) > 0;
    }
    X509_STORE_free(store);
    return ok;
}

static int judge_single(OCSP_BASICRESP *basic, OCSP_CERTID *id, int64_t now_s, struct board_staple *staple, char *error,
                        size_t size)
{
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    int status = -1, reason;
    int64_t from, until;

    if (OCSP_resp_find_status(basic, id, &status, &reason, NULL, &this_update, &next_update) != 1) {
        snprintf(error, size, "the response is about another certificate");
        return -1;
    }
    if (status != V_OCSP_CERTSTATUS_GOOD) {
        snprintf(error, size, "the authority says that it is %s",
                 status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown to it");
        return -1;
    }
    from = tls_seconds(this_update);
    until = next_update ? tls_seconds(next_update) : now_s + UNSAID_S;
    if (from == 0 || from > now_s + CLOCK_SKEW_S || until <= now_s) {
        snprintf(error, size, "the response is %s", until <= now_s ? "out of date" : "of the future");
        return -1;
    }
    staple->from_s = now_s;
    staple->until_s = until;
    return 0;
}

static int judge_basic(const struct tls_material *m, OCSP_BASICRESP *basic, int64_t now_s, struct board_staple *staple,
                       char *error, size_t size)
{
    struct tls_pair pair;
    OCSP_CERTID *id;
    X509 *issuer;
    int rc = -1;

    if (tls_pair_parse(NULL, m, &pair, error, size) < 0)
        return -1;
    id = id_of(&pair, &issuer, error, size);
    if (id && !is_signed(basic, &pair, issuer))
        snprintf(error, size, "the response is not signed by the certificate's authority");
    else if (id)
        rc = judge_single(basic, id, now_s, staple, error, size);
    OCSP_CERTID_free(id);
    tls_pair_free(&pair);
    return rc;
}

int tls_ocsp_judge(const struct tls_material *m, struct str der, int64_t now_s, struct board_staple *staple, char *error,
                   size_t size)
{
    const unsigned char *at = (const unsigned char *)der.s;
    OCSP_RESPONSE *response = NULL;
    OCSP_BASICRESP *basic = NULL;
    int rc = -1;

    if (der.len > 0 && der.len <= BOARD_STAPLE_BYTES)
        response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    if (!response)
        snprintf(error, size, "what came is no OCSP response of at most %d bytes", BOARD_STAPLE_BYTES);
    else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
             !(basic = OCSP_response_get1_basic(response)))
        snprintf(error, size, "the responder says %s", OCSP_response_status_str(OCSP_response_status(response)));
    else
        rc = judge_basic(m, basic, now_s, staple, error, size);
    if (rc == 0) {
        staple->len = (uint32_t)(at - (const unsigned char *)der.s);
        memcpy(staple->bytes, der.s, staple->len);
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return rc;
}

bool tls_ocsp_is_must(const X509 *cert)
{
    TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLSEXT_TYPE_status_request;
    TLS_FEATURE_free(features);
    return found;
}

void tls_ocsp_id(const X509 *cert, uint8_t id[BOARD_STAPLE_ID])
{
    unsigned len = 0;

    if (X509_digest(cert, EVP_sha256(), id, &len) != 1 || len != BOARD_STAPLE_ID)
        memset(id, 0, BOARD_STAPLE_ID);
}

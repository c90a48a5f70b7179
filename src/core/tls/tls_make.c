/* tls_make.c: see tls_make.h. */
#include "core/tls/tls_make.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define COMMON_NAME_MAX 64 /* RFC 5280, ub-common-name */
#define MADE_DAYS 90
#define BACK_S 3600 /* clocks of clients are not exact */

static const char acme_identifier[] = "1.3.6.1.5.5.7.1.31"; /* RFC 8737 6.1 */

EVP_PKEY *tls_make_key(void)
{
    return EVP_EC_gen("P-256");
}

static X509_EXTENSION *host_extension(struct str host)
{
    char text[300];

    snprintf(text, sizeof(text), "DNS:%.*s", STR_ARG(host));
    return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
}

/* An OCTET STRING within the extension's own. */
static X509_EXTENSION *digest_extension(const uint8_t *digest)
{
    ASN1_OBJECT *object = OBJ_txt2obj(acme_identifier, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    uint8_t der[2 + TLS_DIGEST_BYTES] = {V_ASN1_OCTET_STRING, TLS_DIGEST_BYTES};
    X509_EXTENSION *e = NULL;

    memcpy(der + 2, digest, TLS_DIGEST_BYTES);
    if (object && value && ASN1_OCTET_STRING_set(value, der, sizeof(der)) == 1)
        e = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
    return e;
}

/* Takes the extension over. */
static bool cert_add(X509 *cert, X509_EXTENSION *e)
{
    bool ok = e && X509_add_ext(cert, e, -1) == 1;

    X509_EXTENSION_free(e);
    return ok;
}

static bool cert_name(X509 *cert, struct str host)
{
    X509_NAME *name = X509_get_subject_name(cert);

    if (host.len <= COMMON_NAME_MAX &&
        X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)host.s, (int)host.len,
                                   -1, 0) != 1)
        return false;
    return X509_set_issuer_name(cert, name) == 1;
}

static bool cert_fill(X509 *cert, EVP_PKEY *key, struct str host, const uint8_t *digest)
{
    return X509_set_version(cert, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -BACK_S) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), (long)MADE_DAYS * 86400) && cert_name(cert, host) &&
           X509_set_pubkey(cert, key) == 1 && cert_add(cert, host_extension(host)) &&
           (!digest || cert_add(cert, digest_extension(digest)));
}

X509 *tls_make_cert(EVP_PKEY *key, struct str host, const uint8_t *digest)
{
    X509 *cert = X509_new();

    if (cert && cert_fill(cert, key, host, digest) && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    ERR_clear_error();
    return NULL;
}

static bool request_fill(X509_REQ *request, EVP_PKEY *key, struct str host)
{
    STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *e = host_extension(host);
    bool ok = all && e && sk_X509_EXTENSION_push(all, e) > 0;

    if (!ok)
        X509_EXTENSION_free(e);
    ok = ok && X509_REQ_add_extensions(request, all) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
         X509_REQ_sign(request, key, EVP_sha256()) > 0;
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    return ok;
}

struct str tls_make_request(struct pool *pool, EVP_PKEY *key, struct str host)
{
    X509_REQ *request = X509_REQ_new();
    struct str der = STR_NONE;
    unsigned char *at;
    int len;

    if (request && request_fill(request, key, host) && (len = i2d_X509_REQ(request, NULL)) > 0) {
        char *text = pool_text(pool, (size_t)len);

        at = (unsigned char *)text;
        der = (struct str){text, (size_t)i2d_X509_REQ(request, &at)};
    }
    X509_REQ_free(request);
    ERR_clear_error();
    return der;
}

char *tls_make_pem(EVP_PKEY *key, X509 *cert, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *bytes, *text = NULL;
    long n;

    if (bio && (!cert || PEM_write_bio_X509(bio, cert) == 1) &&
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 && (n = BIO_get_mem_data(bio, &bytes)) > 0) {
        text = malloc((size_t)n + 1);
        *len = (size_t)n;
    }
    if (text) {
        memcpy(text, bytes, *len);
        text[*len] = 0;
    }
    BIO_free(bio);
    ERR_clear_error();
    return text;
}

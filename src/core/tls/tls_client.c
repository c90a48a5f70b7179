/* tls_client.c: see tls_client.h. */
#include "core/tls/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* A key that needs a password cannot be asked for one. */
static int no_password(char *to WEIR_UNUSED, int room WEIR_UNUSED, int writes WEIR_UNUSED, void *user WEIR_UNUSED)
{
    return -1;
}

SSL_CTX *tls_client_context(bool verify)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    tls_sessions_enable(ctx);
    return ctx;
}

/* What the first error of the queue says. */
static int failed(char *error, size_t room)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);

    if (ERR_SYSTEM_ERROR(code))
        reason = strerror(ERR_GET_REASON(code));
    else if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        reason = "it is not in PEM";
    snprintf(error, room, "%s", reason ? reason : "it cannot be used");
    ERR_clear_error();
    return -1;
}

int tls_client_use_ca(SSL_CTX *ctx, const char *path, char *error, size_t room)
{
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(ctx, path) != 1)
        return failed(error, room);
    /* Whom the file names is believed, also where it names another above. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return 0;
}

int tls_client_use_system(SSL_CTX *ctx, X509_STORE **store)
{
    if (*store) {
        SSL_CTX_set1_cert_store(ctx, *store);
        return 0;
    }
    ERR_clear_error();
    if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
        ERR_clear_error();
        return -1;
    }
    *store = SSL_CTX_get_cert_store(ctx);
    return 0;
}

int tls_client_use_cert(SSL_CTX *ctx, const char *cert, char *error, size_t room)
{
    ERR_clear_error();
    return SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 ? 0 : failed(error, room);
}

int tls_client_use_key(SSL_CTX *ctx, const char *key, char *error, size_t room)
{
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return failed(error, room);
    return 0;
}

/* ---- one session ---- */

struct str tls_client_name(const struct tls_client_conf *conf, const struct addr *address, char text[ADDR_TEXT_MAX])
{
    return conf->name.len > 0 ? conf->name : addr_print_ip(address, text);
}

/* What the certificate has to be for, and is asked for where that is a name (RFC 6066 3). */
static int expect(SSL *ssl, const struct tls_client_conf *conf, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];
    struct str name = tls_client_name(conf, address, text);
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    struct addr ip;

    if (addr_parse_ip(name, 1, &ip) == 0) {
        uint8_t bytes[16];
        size_t len = addr_ip_bytes(&ip, bytes);

        return X509_VERIFY_PARAM_set1_ip(param, bytes, len);
    }
    /* A unix socket has no name, and no certificate is for it. */
    if (conf->name.len == 0)
        return X509_VERIFY_PARAM_set1_host(param, "unix.invalid", 0);
    return SSL_set_tlsext_host_name(ssl, name.s) == 1 && X509_VERIFY_PARAM_set1_host(param, name.s, name.len) == 1;
}

static int offer(SSL *ssl, enum tls_client_alpn alpn)
{
    static const unsigned char h1[] = "\x08http/1.1", h2[] = "\x02h2";

    switch (alpn) {
    case TLS_CLIENT_HTTP1:
        return SSL_set_alpn_protos(ssl, h1, sizeof(h1) - 1);
    case TLS_CLIENT_H2:
        return SSL_set_alpn_protos(ssl, h2, sizeof(h2) - 1);
    case TLS_CLIENT_ANY:
        break;
    }
    return 0;
}

struct tls *tls_client_new(const struct tls_client_conf *conf, const struct addr *address, enum tls_client_alpn alpn,
                           int fd, struct tls_scratch *scratch, struct tls_sessions *sessions)
{
    struct tls *t = tls_new(conf->ctx, fd, false, scratch);
    SSL *ssl;

    if (!t)
        return NULL;
    ssl = tls_ssl(t);
    if (!expect(ssl, conf, address) || offer(ssl, alpn) != 0) {
        ERR_clear_error();
        tls_free(t);
        return NULL;
    }
    if (sessions)
        tls_sessions_attach(sessions, ssl);
    return t;
}

bool tls_client_is_h2(const struct tls *t)
{
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(tls_ssl(t), &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

bool tls_client_is_resumed(const struct tls *t)
{
    return SSL_session_reused(tls_ssl(t)) == 1;
}

enum tls_client_fault tls_client_fault(const struct tls *t)
{
    const SSL *ssl = tls_ssl(t);

    if (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER && SSL_get_verify_result(ssl) != X509_V_OK &&
        !SSL_is_init_finished(ssl))
        return TLS_CLIENT_CERTIFICATE;
    return tls_was_alerted(t) ? TLS_CLIENT_ALERT : TLS_CLIENT_PROTOCOL;
}

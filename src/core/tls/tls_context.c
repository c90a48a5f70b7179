/* tls_context.c: see tls_context.h. */
#include "core/tls/tls_context.h"

#include <openssl/err.h>
#include <stdio.h>

#include "core/tls/tls_pair.h"

/* Of TLS 1.3, after a whole handshake; after a resumed one it is one too. */
#define TICKETS 1

static int policy_version(const struct tls_policy *p)
{
    return p->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

static int policy_verify(const struct tls_policy *p)
{
    if (p->verify == TLS_VERIFY_NONE)
        return SSL_VERIFY_NONE;
    return SSL_VERIFY_PEER | (p->verify == TLS_VERIFY_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
}

/* ---- a policy's settings ---- */

static bool ctx_version(SSL_CTX *ctx, const struct tls_policy *p)
{
    return SSL_CTX_set_min_proto_version(ctx, policy_version(p)) == 1;
}

static bool ssl_version(SSL *ssl, const struct tls_policy *p)
{
    return SSL_set_min_proto_version(ssl, policy_version(p)) == 1;
}

static bool ctx_tickets(SSL_CTX *ctx, const struct tls_policy *p)
{
    if (p->session_tickets)
        (void)SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    else
        (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ctx, p->session_tickets ? TICKETS : 0) == 1;
}

static bool ssl_tickets(SSL *ssl, const struct tls_policy *p)
{
    if (p->session_tickets)
        (void)SSL_clear_options(ssl, SSL_OP_NO_TICKET);
    else
        (void)SSL_set_options(ssl, SSL_OP_NO_TICKET);
    return SSL_set_num_tickets(ssl, p->session_tickets ? TICKETS : 0) == 1;
}

static bool ctx_verify(SSL_CTX *ctx, const struct tls_policy *p)
{
    SSL_CTX_set_verify(ctx, policy_verify(p), NULL);
    return true;
}

static bool ssl_verify(SSL *ssl, const struct tls_policy *p)
{
    SSL_set_verify(ssl, policy_verify(p), NULL);
    return true;
}

static const char *text_or(const struct tls_policy *p, enum tls_policy_text which, const char *fallback)
{
    return p->texts[which].len ? p->texts[which].s : fallback;
}

static bool ctx_ciphers(SSL_CTX *ctx, const struct tls_policy *p)
{
    return SSL_CTX_set_cipher_list(ctx, text_or(p, TLS_CIPHERS_1_2, TLS_DEFAULT_CIPHERS)) == 1;
}

static bool ctx_suites(SSL_CTX *ctx, const struct tls_policy *p)
{
    return SSL_CTX_set_ciphersuites(ctx, text_or(p, TLS_CIPHERS_1_3, TLS_DEFAULT_SUITES)) == 1;
}

static bool ctx_curves(SSL_CTX *ctx, const struct tls_policy *p)
{
    return SSL_CTX_set1_groups_list(ctx, p->texts[TLS_CURVES].s) == 1;
}

static bool ssl_curves(SSL *ssl, const struct tls_policy *p)
{
    return SSL_set1_groups_list(ssl, p->texts[TLS_CURVES].s) == 1;
}

/* The authorities for clients belong to a context too; who makes it has them. */
static const struct setting {
    bool (*to_ctx)(SSL_CTX *, const struct tls_policy *);
    bool (*to_ssl)(SSL *, const struct tls_policy *); /* NULL: it comes with the context */
    const char *fault;
} settings[] = {
    [TLS_CIPHERS_1_2] = {ctx_ciphers, NULL,
                         "'ciphers' names none that OpenSSL has; write some of `openssl ciphers -s -tls1_2`"},
    [TLS_CIPHERS_1_3] = {ctx_suites, NULL,
                         "'ciphersuites' names one that OpenSSL does not have; write some of " TLS_DEFAULT_SUITES},
    [TLS_CURVES] = {ctx_curves, ssl_curves,
                    "'curves' names none, or one that OpenSSL does not have; write some of X25519, X448, P-256, "
                    "P-384 and P-521"},
    {ctx_version, ssl_version, "'min_version' is not one that OpenSSL has"},
    {ctx_tickets, ssl_tickets, "'session_tickets' cannot be set"},
    {ctx_verify, ssl_verify, "'client_verify' cannot be set"},
};

static int ctx_set(SSL_CTX *ctx, const struct tls_policy *p, const struct setting *one, char *error, size_t size)
{
    ERR_clear_error();
    if (one->to_ctx(ctx, p))
        return 0;
    ERR_clear_error();
    snprintf(error, size, "%s", one->fault);
    return -1;
}

int tls_context_set_text(SSL_CTX *ctx, const struct tls_policy *p, enum tls_policy_text which, char *error, size_t size)
{
    return ctx_set(ctx, p, &settings[which], error, size);
}

int tls_context_set_policy(SSL_CTX *ctx, const struct tls_policy *p, X509_STORE *store, STACK_OF(X509_NAME) *names,
                           char *error, size_t error_size)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        if (ctx_set(ctx, p, &settings[i], error, error_size) < 0)
            return -1;
    }
    if (store)
        (void)SSL_CTX_set1_verify_cert_store(ctx, store);
    if (names)
        SSL_CTX_set_client_CA_list(ctx, SSL_dup_CA_list(names));
    return 0;
}

int tls_context_switch(SSL *ssl, SSL_CTX *ctx, const struct tls_policy *p)
{
    if (SSL_set_SSL_CTX(ssl, ctx) != ctx)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        if (settings[i].to_ssl && !settings[i].to_ssl(ssl, p))
            return -1;
    }
    return 0;
}

/* ---- certificates ---- */

int tls_context_add_pair(SSL_CTX *ctx, const struct tls_material *m, char *error, size_t error_size)
{
    struct tls_pair pair;
    int rc = 0;

    if (tls_pair_parse(NULL, m, &pair, error, error_size) < 0)
        return -1;
    if (SSL_CTX_use_cert_and_key(ctx, pair.cert, pair.key, pair.chain, 1) != 1) {
        snprintf(error, error_size, "%s cannot be used (%s); write another certificate",
                 m->parts[TLS_PART_CERT].path.s, tls_reason());
        rc = -1;
    }
    tls_pair_free(&pair);
    return rc;
}

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

int tls_context_set_text(SSL_CTX *ctx, const struct tls_policy *p, enum tls_policy_text which, char *error, size_t size)
{
    struct str text = p->texts[which];

    ERR_clear_error();
    switch (which) {
    case TLS_CIPHERS_1_2:
        if (SSL_CTX_set_cipher_list(ctx, text.len ? text.s : TLS_DEFAULT_CIPHERS) == 1)
            return 0;
        snprintf(error, size, "'ciphers' names none that OpenSSL has; write some of `openssl ciphers -s -tls1_2`");
        break;
    case TLS_CIPHERS_1_3:
        if (SSL_CTX_set_ciphersuites(ctx, text.len ? text.s : TLS_DEFAULT_SUITES) == 1)
            return 0;
        snprintf(error, size, "'ciphersuites' names one that OpenSSL does not have; write some of "
                 TLS_DEFAULT_SUITES);
        break;
    default:
        if (SSL_CTX_set1_groups_list(ctx, text.len ? text.s : TLS_DEFAULT_CURVES) == 1)
            return 0;
        snprintf(error, size, "'curves' names one that OpenSSL does not have; write some of X25519, X448, P-256, "
                 "P-384 and P-521");
    }
    ERR_clear_error();
    return -1;
}

int tls_context_set_policy(SSL_CTX *ctx, const struct tls_policy *p, X509_STORE *store, STACK_OF(X509_NAME) *names,
                           char *error, size_t error_size)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(ctx, policy_version(p)) != 1) {
        snprintf(error, error_size, "'min_version' is not one that OpenSSL has");
        return -1;
    }
    if (!p->session_tickets) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_num_tickets(ctx, 0);
    } else {
        (void)SSL_CTX_set_num_tickets(ctx, TICKETS);
    }
    for (int i = 0; i < TLS_POLICY_TEXTS; i++) {
        if (tls_context_set_text(ctx, p, (enum tls_policy_text)i, error, error_size) < 0)
            return -1;
    }
    SSL_CTX_set_verify(ctx, policy_verify(p), NULL);
    if (store)
        (void)SSL_CTX_set1_verify_cert_store(ctx, store);
    if (names)
        SSL_CTX_set_client_CA_list(ctx, SSL_dup_CA_list(names));
    return 0;
}

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

static void switch_tickets(SSL *ssl, const struct tls_policy *to)
{
    if (to->session_tickets) {
        (void)SSL_clear_options(ssl, SSL_OP_NO_TICKET);
        (void)SSL_set_num_tickets(ssl, TICKETS);
    } else {
        (void)SSL_set_options(ssl, SSL_OP_NO_TICKET);
        (void)SSL_set_num_tickets(ssl, 0);
    }
}

int tls_context_switch(SSL *ssl, SSL_CTX *ctx, const struct tls_policy *from, const struct tls_policy *to)
{
    const char *curves;

    if (SSL_set_SSL_CTX(ssl, ctx) != ctx)
        return -1;
    if (from == to)
        return 0;
    SSL_set_verify(ssl, policy_verify(to), NULL);
    if (from->session_tickets != to->session_tickets)
        switch_tickets(ssl, to);
    if (from->only_1_3 != to->only_1_3 && SSL_set_min_proto_version(ssl, policy_version(to)) != 1)
        return -1;
    if (str_eq(from->texts[TLS_CURVES], to->texts[TLS_CURVES]))
        return 0;
    curves = to->texts[TLS_CURVES].len ? to->texts[TLS_CURVES].s : TLS_DEFAULT_CURVES;
    return SSL_set1_groups_list(ssl, curves) == 1 ? 0 : -1;
}

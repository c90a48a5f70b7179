/* tls_challenge.c: see tls_challenge.h. */
#include "core/tls/tls_challenge.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/board/board_challenge.h"
#include "core/tls/tls_make.h"

static const unsigned char protocol[] = "\x0a" "acme-tls/1"; /* as ALPN has it (RFC 7301 3.1) */
#define PROTOCOL_BYTES (sizeof(protocol) - 1)

bool tls_challenge_asked(SSL *ssl)
{
    const unsigned char *at;
    size_t len;

    return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &at, &len) == 1 &&
           len == PROTOCOL_BYTES + 2 && memcmp(at + 2, protocol, PROTOCOL_BYTES) == 0;
}

static int on_alpn(SSL *ssl WEIR_UNUSED, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in WEIR_UNUSED, unsigned in_len WEIR_UNUSED, void *arg WEIR_UNUSED)
{
    *out = protocol + 1;
    *out_len = (unsigned char)(PROTOCOL_BYTES - 1);
    return SSL_TLSEXT_ERR_OK;
}

static bool context_fill(SSL_CTX *ctx, struct str name, const uint8_t *digest)
{
    EVP_PKEY *key = tls_make_key();
    X509 *cert = key ? tls_make_cert(key, name, digest) : NULL;
    bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
              SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1;

    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

static int answer(SSL *ssl, struct str name, const uint8_t *digest)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    bool ok = ctx && context_fill(ctx, name, digest) && SSL_set_SSL_CTX(ssl, ctx) == ctx;

    SSL_CTX_free(ctx);
    if (!ok) {
        ERR_clear_error();
        return SSL_CLIENT_HELLO_ERROR;
    }
    /* Neither the listener's rules for clients nor sessions to go on with. */
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    (void)SSL_set_options(ssl, SSL_OP_NO_TICKET);
    (void)SSL_set_num_tickets(ssl, 0);
    return SSL_CLIENT_HELLO_SUCCESS;
}

int tls_challenge_answer(SSL *ssl, const struct board *board, struct str name, int *alert)
{
    char value[BOARD_CHALLENGE_VALUE];
    struct str digest = STR_NONE;

    if (board && name.len)
        digest = board_challenge_find(board, BOARD_CHALLENGE_NAME, name, value);
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    if (digest.len != TLS_DIGEST_BYTES)
        return SSL_CLIENT_HELLO_ERROR;
    *alert = SSL_AD_INTERNAL_ERROR;
    return answer(ssl, name, (const uint8_t *)digest.s);
}

bool tls_challenge_answered(const SSL *ssl)
{
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == PROTOCOL_BYTES - 1 && memcmp(name, protocol + 1, len) == 0;
}

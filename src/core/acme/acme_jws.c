/* acme_jws.c: see acme_jws.h. */
#include "core/acme/acme_jws.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/base64url.h"

#define COORDINATE_BYTES 32

static bool coordinate(const EVP_PKEY *key, const char *name, uint8_t out[COORDINATE_BYTES])
{
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_bn2binpad(n, out, COORDINATE_BYTES) == COORDINATE_BYTES;

    BN_free(n);
    return ok;
}

struct str acme_jwk(struct pool *pool, const EVP_PKEY *key)
{
    uint8_t x[COORDINATE_BYTES], y[COORDINATE_BYTES];

    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 256 || !coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
        !coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, y)) {
        ERR_clear_error();
        return STR_NONE;
    }
    return pool_printf(pool, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                       base64url(pool, x, sizeof(x)).s, base64url(pool, y, sizeof(y)).s);
}

struct str acme_thumbprint(struct pool *pool, const EVP_PKEY *key)
{
    struct str jwk = acme_jwk(pool, key);
    uint8_t digest[SHA256_DIGEST_LENGTH];

    if (!jwk.len)
        return STR_NONE;
    SHA256((const unsigned char *)jwk.s, jwk.len, digest);
    return base64url(pool, digest, sizeof(digest));
}

struct str acme_key_authorization(struct pool *pool, const EVP_PKEY *key, struct str token)
{
    struct str print = acme_thumbprint(pool, key);

    return print.len ? pool_printf(pool, "%.*s.%.*s", STR_ARG(token), STR_ARG(print)) : STR_NONE;
}

/* From DER, as OpenSSL signs, to the two numbers alone (RFC 7518 3.4). */
static bool signature_flat(const unsigned char *der, size_t len, uint8_t out[2 * COORDINATE_BYTES])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, COORDINATE_BYTES) == COORDINATE_BYTES &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + COORDINATE_BYTES, COORDINATE_BYTES) == COORDINATE_BYTES;

    ECDSA_SIG_free(sig);
    return ok;
}

static bool sign(EVP_PKEY *key, struct str text, uint8_t out[2 * COORDINATE_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char der[128];
    size_t len = sizeof(der);
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, der, &len, (const unsigned char *)text.s, text.len) == 1 &&
              signature_flat(der, len, out);

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

struct str acme_jws(struct pool *pool, EVP_PKEY *key, struct str kid, struct str nonce, struct str url, struct str payload)
{
    struct str who = kid.len ? pool_printf(pool, "\"kid\":\"%.*s\"", STR_ARG(kid))
                             : pool_printf(pool, "\"jwk\":%s", acme_jwk(pool, key).s ? acme_jwk(pool, key).s : "");
    struct str head = pool_printf(pool, "{\"alg\":\"ES256\",%.*s,\"nonce\":\"%.*s\",\"url\":\"%.*s\"}", STR_ARG(who),
                                  STR_ARG(nonce), STR_ARG(url));
    struct str protected = base64url(pool, head.s, head.len);
    struct str body = base64url(pool, payload.s, payload.len);
    uint8_t signature[2 * COORDINATE_BYTES];

    if (!sign(key, pool_printf(pool, "%.*s.%.*s", STR_ARG(protected), STR_ARG(body)), signature))
        return STR_NONE;
    return pool_printf(pool, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"%s\"}", STR_ARG(protected),
                       STR_ARG(body), base64url(pool, signature, sizeof(signature)).s);
}

bool acme_is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] <= ' ' || text.s[i] > '~' || strchr("\"\\<>#", text.s[i]))
            return false;
    }
    return text.len > 0;
}

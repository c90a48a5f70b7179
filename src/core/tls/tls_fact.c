/* tls_fact.c: see tls_fact.h. */
#include "core/tls/tls_fact.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

static struct str subject_of(const X509 *cert, struct pool *pool)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct str text = STR_NONE;
    char *bytes;
    long n;

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0 &&
        (n = BIO_get_mem_data(bio, &bytes)) > 0)
        text = pool_str(pool, (struct str){bytes, (size_t)n});
    BIO_free(bio);
    return text;
}

static struct str fingerprint_of(const X509 *cert, struct pool *pool)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char *text;

    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
        return STR_NONE;
    text = pool_text(pool, (size_t)2 * len);
    for (unsigned i = 0; i < len; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    return (struct str){text, (size_t)2 * len};
}

struct str tls_fact(const SSL *ssl, enum tls_fact fact, struct pool *pool)
{
    const X509 *cert = SSL_get0_peer_certificate(ssl);

    switch (fact) {
    case TLS_FACT_PROTOCOL: return str_of(SSL_get_version(ssl));
    case TLS_FACT_CIPHER: return str_of(SSL_get_cipher_name(ssl));
    /* One that does not hold ends the handshake. */
    case TLS_FACT_CLIENT_VERIFY: return cert && SSL_get_verify_result(ssl) == X509_V_OK ? STR("SUCCESS") : STR("NONE");
    case TLS_FACT_CLIENT_SUBJECT: return cert ? subject_of(cert, pool) : STR_NONE;
    case TLS_FACT_CLIENT_FINGERPRINT: return cert ? fingerprint_of(cert, pool) : STR_NONE;
    }
    return STR_NONE;
}

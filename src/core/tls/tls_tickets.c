/*
 * tls_tickets.c: a ticket is what OpenSSL made of the session, by AES in CBC mode, and HMAC-SHA256 over that; the layout
 * that RFC 5077 4 recommends.
 */
#include "core/tls/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "base/rnd.h"
#include "core/board/board_tickets.h"
#include "core/tls/tls_server.h"
#include "io/hmac.h"

/* What the callback tells OpenSSL. */
enum { TICKET_NO_KEY = 0, TICKET_OK = 1, TICKET_RENEW = 2, TICKET_FAILED = -1 };

void tls_tickets_init(struct tls_tickets *t, const struct board *board, struct str secret)
{
    *t = (struct tls_tickets){.board = board, .secret = secret, .period = -1};
}

/* ---- keys ---- */

/* "weir ticket", what for, and the period: others that have the secret come to the same. */
static void derive(struct str secret, const char *what, int64_t period, uint8_t out[HMAC_BYTES])
{
    char text[64];
    int n = snprintf(text, sizeof(text), "weir ticket %s %lld", what, (long long)period);

    hmac_sha256(secret, (struct str){text, (size_t)n}, out);
}

static void make(struct tls_tickets *t, int64_t period, struct tls_ticket_key *key)
{
    uint8_t name[HMAC_BYTES];

    derive(t->secret, "name", period, name);
    memcpy(key->name, name, sizeof(key->name));
    derive(t->secret, "mac", period, key->mac);
    derive(t->secret, "cipher", period, key->cipher);
    key->size = 32;
}

/* The clock of another machine may be in the next period already: the last key is of that. */
static bool key_of_secret(struct tls_tickets *t, size_t number, int64_t now_s, struct tls_ticket_key *key)
{
    static const int64_t from_now[TLS_TICKET_KEYS] = {0, -1, -2, 1};
    int64_t period = now_s / TLS_TICKET_PERIOD_S;

    if (number >= TLS_TICKET_KEYS)
        return false;
    for (size_t i = 0; i < TLS_TICKET_KEYS && t->period != period; i++)
        make(t, period + from_now[i], &t->made[i]);
    t->period = period;
    *key = t->made[number];
    return true;
}

static bool key_of_board(const struct board *board, size_t number, struct tls_ticket_key *key)
{
    struct board_ticket_key from;

    if (!board_ticket_key(board, (unsigned)number, &from))
        return false;
    memcpy(key->name, from.name, sizeof(key->name));
    memcpy(key->mac, from.secret, sizeof(key->mac));
    memcpy(key->cipher, from.secret + sizeof(key->mac), sizeof(key->cipher));
    key->size = 32;
    return true;
}

/* As others write such files: name, cipher's and mac's key of 16 bytes; or name, mac's and cipher's of 32. */
static bool key_of_file(const struct tls_part *part, struct tls_ticket_key *key)
{
    bool is_long = part->len == 80;
    const char *at = part->bytes;

    if (!at || (part->len != 48 && !is_long))
        return false;
    key->size = is_long ? 32 : 16;
    memcpy(key->name, at, TLS_TICKET_NAME);
    at += TLS_TICKET_NAME;
    memcpy(is_long ? key->mac : key->cipher, at, key->size);
    memcpy(is_long ? key->cipher : key->mac, at + key->size, key->size);
    return true;
}

bool tls_tickets_key(struct tls_tickets *t, const struct tls_policy *p, size_t number, int64_t now_s,
                     struct tls_ticket_key *key)
{
    if (p->ticket_key_count > 0)
        return number < p->ticket_key_count && key_of_file(&p->ticket_keys[number]->parts[0], key);
    return t->board ? key_of_board(t->board, number, key) : key_of_secret(t, number, now_s, key);
}

/* ---- sealing and opening ---- */

static bool set_mac(EVP_MAC_CTX *mac, struct tls_ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, key->size),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static const EVP_CIPHER *cipher_of(const struct tls_ticket_key *key)
{
    return key->size == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc();
}

static int seal(struct tls_ticket_key *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                EVP_MAC_CTX *mac)
{
    memcpy(name, key->name, TLS_TICKET_NAME);
    rnd_bytes(iv, (size_t)EVP_CIPHER_get_iv_length(cipher_of(key)));
    if (EVP_EncryptInit_ex(cipher, cipher_of(key), NULL, key->cipher, iv) != 1 || !set_mac(mac, key))
        return TICKET_FAILED;
    return TICKET_OK;
}

static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                  int is_sealed_now)
{
    const struct tls_policy *policy = tls_server_policy(ssl);
    struct tls_ticket_key key;
    int64_t now_s;
    struct tls_tickets *t = tls_server_tickets(ssl, &now_s);

    if (is_sealed_now)
        return tls_tickets_key(t, policy, 0, now_s, &key) ? seal(&key, name, iv, cipher, mac) : TICKET_FAILED;
    for (size_t i = 0; tls_tickets_key(t, policy, i, now_s, &key); i++) {
        if (memcmp(name, key.name, TLS_TICKET_NAME) != 0)
            continue;
        if (!set_mac(mac, &key) || EVP_DecryptInit_ex(cipher, cipher_of(&key), NULL, key.cipher, iv) != 1)
            return TICKET_FAILED;
        /* Clients use a ticket of TLS 1.3 once (RFC 8446 C.4): they need another. */
        return i == 0 && SSL_version(ssl) < TLS1_3_VERSION ? TICKET_OK : TICKET_RENEW;
    }
    return TICKET_NO_KEY;
}

/* What was true of a client's certificate must be so still. */
static SSL_TICKET_RETURN on_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t len,
                                   SSL_TICKET_STATUS status, void *arg)
{
    const X509 *cert = session ? SSL_SESSION_get0_peer(session) : NULL;

    (void)ssl;
    (void)name;
    (void)len;
    (void)arg;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return status == SSL_TICKET_EMPTY || status == SSL_TICKET_NO_DECRYPT ? SSL_TICKET_RETURN_IGNORE_RENEW
                                                                            : SSL_TICKET_RETURN_ABORT;
    if (cert && X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

void tls_tickets_enable(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_timeout(ctx, TLS_TICKET_LIFE_S);
    (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key);
    (void)SSL_CTX_set_session_ticket_cb(ctx, NULL, on_opened, NULL);
}

/* tls_pair.c: see tls_pair.h. */
#include "core/tls/tls_pair.h"

#include <limits.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define CHAIN_MAX 20

const char *tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return text ? text : "OpenSSL refused it";
}

static BIO *part_bio(const struct tls_part *p)
{
    return BIO_new_mem_buf(p->bytes ? p->bytes : "", p->len < INT_MAX ? (int)p->len : INT_MAX);
}

/* A key with a passphrase is refused: nobody is there to type it. */
static int no_passphrase(char *to, int room, int writing, void *arg)
{
    (void)to;
    (void)room;
    (void)writing;
    *(bool *)arg = true;
    return -1;
}

/* Appends the certificates of `bio`; false: something in it is none. */
static bool chain_read(STACK_OF(X509) *chain, BIO *bio, int most)
{
    X509 *cert;

    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (sk_X509_num(chain) >= most || !sk_X509_push(chain, cert)) {
            X509_free(cert);
            return false;
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return false;
    ERR_clear_error();
    return true;
}

static int pair_certs(const struct tls_material *m, struct tls_pair *pair, char *error, size_t size)
{
    const struct tls_part *parts[] = {&m->parts[TLS_PART_CERT], &m->parts[TLS_PART_CHAIN]};

    pair->chain = sk_X509_new_null();
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        BIO *bio = part_bio(parts[i]);
        bool ok;

        if (i == 0) {
            pair->cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
            if (!pair->cert) {
                snprintf(error, size, "%s holds no certificate (%s); write a PEM file that begins with one",
                         parts[i]->path.s, tls_reason());
                BIO_free(bio);
                return -1;
            }
        }
        ok = chain_read(pair->chain, bio, CHAIN_MAX);
        BIO_free(bio);
        if (!ok) {
            snprintf(error, size, "%s has a chain that cannot be read (%s); write at most %d certificates in PEM",
                     parts[i]->path.s, tls_reason(), CHAIN_MAX);
            return -1;
        }
        if (i == 1 && parts[1]->path.len && sk_X509_num(pair->chain) == 0) {
            snprintf(error, size, "%s holds no certificate; write a PEM file with those of the authorities",
                     parts[i]->path.s);
            return -1;
        }
    }
    return 0;
}

#define PARSER_KINDS 3 /* of keys: more are decoded anew each time */

struct tls_parser {
    EVP_PKEY *key; /* where decoders put what they have read */
    const char *kinds[PARSER_KINDS];
    OSSL_DECODER_CTX *decoders[PARSER_KINDS];
};

struct tls_parser *tls_parser_new(void)
{
    struct tls_parser *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    return p;
}

void tls_parser_free(struct tls_parser *p)
{
    for (size_t i = 0; i < PARSER_KINDS; i++)
        OSSL_DECODER_CTX_free(p->decoders[i]);
    free(p);
}

/*
 * A decoder for one kind of key: PEM_read_bio_PrivateKey() tries all that there are, which takes several times as long.
 * `kind` is OpenSSL's own text.  NULL: there is none, or no room for it.
 */
static OSSL_DECODER_CTX *parser_decoder(struct tls_parser *p, const char *kind)
{
    for (size_t i = 0; i < PARSER_KINDS; i++) {
        if (!p->kinds[i]) {
            p->kinds[i] = kind;
            p->decoders[i] =
                OSSL_DECODER_CTX_new_for_pkey(&p->key, "DER", NULL, kind, EVP_PKEY_KEYPAIR, NULL, NULL);
        }
        if (strcmp(p->kinds[i], kind) == 0)
            return p->decoders[i];
    }
    return NULL;
}

/* The first block that is a private key and not encrypted, for OPENSSL_clear_free(); NULL: there is none. */
static unsigned char *key_block(const struct tls_part *part, long *len)
{
    BIO *bio = part_bio(part);
    unsigned char *block = NULL;
    char *name, *header;

    while (!block && PEM_read_bio(bio, &name, &header, &block, len)) {
        if (!str_has_suffix(str_of(name), STR("PRIVATE KEY")) || str_eq(str_of(name), STR("ENCRYPTED PRIVATE KEY")) ||
            header[0]) {
            OPENSSL_clear_free(block, (size_t)*len);
            block = NULL;
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
    }
    BIO_free(bio);
    return block;
}

static EVP_PKEY *key_of_kind(struct tls_parser *p, const struct tls_part *part, const char *kind)
{
    OSSL_DECODER_CTX *decoder = parser_decoder(p, kind);
    long len = 0;
    unsigned char *block = key_block(part, &len);
    const unsigned char *at = block;
    size_t left = (size_t)len;
    EVP_PKEY *key;

    p->key = NULL;
    if (decoder && block && OSSL_DECODER_from_data(decoder, &at, &left) != 1) {
        EVP_PKEY_free(p->key);
        p->key = NULL;
    }
    key = p->key;
    p->key = NULL;
    OPENSSL_clear_free(block, (size_t)len);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *key_read(const struct tls_part *part, bool *has_passphrase)
{
    BIO *bio = part_bio(part);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, has_passphrase);

    BIO_free(bio);
    return key;
}

static int pair_key(struct tls_parser *p, const struct tls_material *m, struct tls_pair *pair, char *error, size_t size)
{
    const struct tls_part *part = tls_material_key(m);
    const EVP_PKEY *public = X509_get0_pubkey(pair->cert);
    bool asked = false;

    if (public)
        pair->key = key_of_kind(p, part, EVP_PKEY_get0_type_name(public));
    if (!pair->key)
        pair->key = key_read(part, &asked);
    if (pair->key && X509_check_private_key(pair->cert, pair->key) == 1)
        return 0;
    if (pair->key)
        snprintf(error, size, "the key in %s is not that of the certificate in %s; write the one that it was made "
                 "with", part->path.s, m->parts[TLS_PART_CERT].path.s);
    else if (asked)
        snprintf(error, size, "the key in %s has a passphrase; write it without (openssl pkey)", part->path.s);
    else
        snprintf(error, size, "%s holds no private key (%s); write key = \"FILE\" with one in PEM", part->path.s,
                 tls_reason());
    ERR_clear_error();
    return -1;
}

int tls_pair_parse(struct tls_parser *parser, const struct tls_material *m, struct tls_pair *pair, char *error,
                   size_t error_size)
{
    struct tls_parser *p = parser ? parser : tls_parser_new();
    int rc = -1;

    *pair = (struct tls_pair){NULL, NULL, NULL};
    ERR_clear_error();
    if (pair_certs(m, pair, error, error_size) == 0)
        rc = pair_key(p, m, pair, error, error_size);
    if (rc != 0)
        tls_pair_free(pair);
    if (!parser)
        tls_parser_free(p);
    return rc;
}

void tls_pair_free(struct tls_pair *pair)
{
    X509_free(pair->cert);
    EVP_PKEY_free(pair->key);
    sk_X509_pop_free(pair->chain, X509_free);
    *pair = (struct tls_pair){NULL, NULL, NULL};
}

X509 *tls_pair_cert(const struct tls_material *m)
{
    BIO *bio = part_bio(&m->parts[TLS_PART_CERT]);
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

    BIO_free(bio);
    ERR_clear_error();
    return cert;
}

static struct str text_of(const ASN1_STRING *s)
{
    return (struct str){(const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

static void subject_name(const X509 *cert, void (*fn)(struct str, void *), void *arg)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    struct str name = at < 0 ? STR_NONE : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

    if (name.len && str_is_printable(name))
        fn(name, arg);
}

void tls_cert_names(const X509 *cert, void (*fn)(struct str name, void *arg), void *arg)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    unsigned found = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_DNS || !str_is_printable(text_of(name->d.dNSName)))
            continue;
        fn(text_of(name->d.dNSName), arg);
        found++;
    }
    GENERAL_NAMES_free(names);
    if (!found)
        subject_name(cert, fn, arg);
}

struct name_search {
    struct str host;
    bool found;
};

/* A wildcard stands for one label (RFC 6125 6.4.3). */
static bool name_covers(struct str name, struct str host)
{
    const char *dot;

    if (str_ieq(name, host))
        return true;
    if (name.len < 3 || name.s[0] != '*' || name.s[1] != '.')
        return false;
    dot = host.len ? memchr(host.s, '.', host.len) : NULL;
    return dot && dot > host.s && str_ieq(str_from(name, 1), str_from(host, (size_t)(dot - host.s)));
}

static void search_name(struct str name, void *arg)
{
    struct name_search *s = arg;

    s->found |= name_covers(name, s->host);
}

bool tls_cert_has(const X509 *cert, struct str host)
{
    struct name_search s = {host, false};

    tls_cert_names(cert, search_name, &s);
    return s.found;
}

int64_t tls_seconds(const ASN1_TIME *time)
{
    struct tm tm;

    return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t tls_cert_not_after(const X509 *cert)
{
    return tls_seconds(X509_get0_notAfter(cert));
}

STACK_OF(X509) *tls_authorities(const struct tls_material *m, char *error, size_t error_size)
{
    BIO *bio = part_bio(&m->parts[0]);
    STACK_OF(X509) *all = sk_X509_new_null();
    bool ok;

    ERR_clear_error();
    ok = chain_read(all, bio, INT_MAX);
    BIO_free(bio);
    if (ok && sk_X509_num(all) > 0)
        return all;
    snprintf(error, error_size, "%s holds no certificates of authorities (%s); write a PEM file with some",
             m->parts[0].path.s, ok ? "there is none" : tls_reason());
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

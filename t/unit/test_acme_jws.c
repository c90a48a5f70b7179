/* test_acme_jws.c: thumbprints as others compute them, and signatures that the key's other half accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/base64url.h"
#include "core/acme/acme_http.h"
#include "core/acme/acme_jws.h"
#include "core/tls/tls_make.h"
#include "core/tls/tls_pair.h"

/* Made with openssl ecparam -name prime256v1 -genkey; its thumbprint with sha256sum over the members in their order. */
static const char pem[] = "-----BEGIN EC PRIVATE KEY-----\n"
                          "MHcCAQEEIFHUwz46MBDwEgUHmYdm/M5VuVnRMaAglsSD7GIaYOUZoAoGCCqGSM49\n"
                          "AwEHoUQDQgAEP+iDBHc9bjqe5luPAdgT3XT+zMlrkIrULo+hVfY93U6v1RMWKjdJ\n"
                          "+35Cxk/4IdM8wZa9dNoUy32LWFKnAQSEYw==\n"
                          "-----END EC PRIVATE KEY-----\n";
static const char thumbprint[] = "dFp3-A3flqzJRuz4T_Ajb9pZjIvnqiX01mU2lgIBLOQ";

static EVP_PKEY *fixed_key(void)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(key);
    return key;
}

/* RFC 4648 10, in the other alphabet and without padding. */
static void test_base64url(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},         {"f", "Zg"},         {"fo", "Zm8"},        {"foo", "Zm9v"},
                 {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    struct pool *pool = pool_new(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(base64url(pool, cases[i].bytes, strlen(cases[i].bytes)).s, cases[i].text);
    assert_true(base64url_is(STR("abc_DEF-123")));
    assert_false(base64url_is(STR("")));
    assert_false(base64url_is(STR("a/b")));
    assert_false(base64url_is(STR("a=")));
    assert_false(base64url_is((struct str){"a\0b", 3}));
    pool_free(pool);
}

static void test_thumbprint(void **state)
{
    struct pool *pool = pool_new(1024);
    EVP_PKEY *key = fixed_key();
    struct str text = acme_thumbprint(pool, key);

    (void)state;
    assert_int_equal(text.len, 43);
    assert_string_equal(text.s, thumbprint);
    text = acme_key_authorization(pool, key, STR("token"));
    assert_string_equal(text.s, pool_printf(pool, "token.%s", thumbprint).s);
    EVP_PKEY_free(key);
    pool_free(pool);
}

static void test_other_keys(void **state)
{
    struct pool *pool = pool_new(1024);
    EVP_PKEY *key = EVP_EC_gen("P-384");

    (void)state;
    assert_int_equal(acme_jwk(pool, key).len, 0);
    assert_int_equal(acme_thumbprint(pool, key).len, 0);
    EVP_PKEY_free(key);
    pool_free(pool);
}

static size_t decode(const char *text, uint8_t *out)
{
    char padded[4096];
    size_t n = strlen(text);

    memcpy(padded, text, n);
    for (size_t i = 0; i < n; i++)
        padded[i] = padded[i] == '-' ? '+' : padded[i] == '_' ? '/' : padded[i];
    while (n % 4)
        padded[n++] = '=';
    return (size_t)EVP_DecodeBlock(out, (const unsigned char *)padded, (int)n) - (n - strlen(text));
}

static bool verifies(EVP_PKEY *key, const char *signed_text, const uint8_t flat[64])
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *der = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int len;
    bool ok;

    ECDSA_SIG_set0(sig, BN_bin2bn(flat, 32, NULL), BN_bin2bn(flat + 32, 32, NULL));
    len = i2d_ECDSA_SIG(sig, &der);
    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key);
    ok = EVP_DigestVerify(ctx, der, (size_t)len, (const unsigned char *)signed_text, strlen(signed_text)) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return ok;
}

static json_t *part(const json_t *jws, const char *name)
{
    uint8_t bytes[4096] = {0};
    size_t n = decode(json_string_value(json_object_get(jws, name)), bytes);

    return json_loadb((const char *)bytes, n, 0, NULL);
}

static void check_jws(struct pool *pool, EVP_PKEY *key, struct str kid)
{
    struct str text = acme_jws(pool, key, kid, STR("nonce"), STR("https://a.test/x"), STR("{\"a\":1}"));
    json_t *jws = json_loadb(text.s, text.len, 0, NULL), *head, *body;
    uint8_t flat[100];
    struct str signed_text;

    assert_non_null(jws);
    signed_text = pool_printf(pool, "%s.%s", json_string_value(json_object_get(jws, "protected")),
                              json_string_value(json_object_get(jws, "payload")));
    assert_int_equal(decode(json_string_value(json_object_get(jws, "signature")), flat), 64);
    assert_true(verifies(key, signed_text.s, flat));
    flat[10] ^= 1;
    assert_false(verifies(key, signed_text.s, flat));
    head = part(jws, "protected");
    body = part(jws, "payload");
    assert_string_equal(json_string_value(json_object_get(head, "alg")), "ES256");
    assert_string_equal(json_string_value(json_object_get(head, "nonce")), "nonce");
    assert_string_equal(json_string_value(json_object_get(head, "url")), "https://a.test/x");
    assert_int_equal(json_object_size(head), 4);
    assert_int_equal(json_object_get(head, "kid") != NULL, kid.len > 0);
    assert_int_equal(json_object_get(head, "jwk") != NULL, kid.len == 0);
    assert_int_equal(json_integer_value(json_object_get(body, "a")), 1);
    json_decref(head);
    json_decref(body);
    json_decref(jws);
}

/* Many, as numbers with leading zeros are rare. */
static void test_jws(void **state)
{
    struct pool *pool = pool_new(1024);
    EVP_PKEY *key = fixed_key();

    (void)state;
    for (int i = 0; i < 300; i++)
        check_jws(pool, key, i % 2 ? STR("https://a.test/account/1") : STR(""));
    EVP_PKEY_free(key);
    pool_free(pool);
}

static void test_plain(void **state)
{
    (void)state;
    assert_true(acme_is_plain(STR("https://a.test/x?y=1&z")));
    assert_false(acme_is_plain(STR("")));
    assert_false(acme_is_plain(STR("a b")));
    assert_false(acme_is_plain(STR("a\"b")));
    assert_false(acme_is_plain(STR("a\\b")));
    assert_false(acme_is_plain(STR("a\r\n")));
    assert_false(acme_is_plain(STR("\xc3\xa4")));
}

static void test_urls(void **state)
{
    static const char *const good[] = {"https://a.test", "https://a.test/x", "https://a.test:8443/x", "https://[::1]:1/",
                                       "http://localhost:1/x", "http://127.0.0.1/x", "http://[::1]/x"};
    static const char *const bad[] = {"", "a.test", "http://a.test/x", "ftp://a.test/", "https://", "https:///x",
                                      "https://u@a.test/", "https://a.test:0/", "https://a.test:65536/",
                                      "https://a.test:x/", "https://[::1/", "http://127.0.0.1.a.test/", "http://127.a.test/",
                                      "http://127.1/", "http://[::2]/", "https://a.test/\"", "https://a.test/ x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(acme_url_is_good(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (acme_url_is_good(str_of(bad[i])))
            fail_msg("%s", bad[i]);
    }
}

static void test_made_certificates(void **state)
{
    static const uint8_t digest[TLS_DIGEST_BYTES] = {1, 2, 3};
    EVP_PKEY *key = tls_make_key();
    X509 *plain = tls_make_cert(key, STR("a.test"), NULL), *answer = tls_make_cert(key, STR("a.test"), digest);
    ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    int at = X509_get_ext_by_OBJ(answer, object, -1);
    const ASN1_OCTET_STRING *value;

    (void)state;
    assert_true(tls_cert_has(plain, STR("a.test")));
    assert_false(tls_cert_has(plain, STR("b.test")));
    assert_int_equal(X509_verify(plain, key), 1);
    assert_int_equal(X509_get_ext_by_OBJ(plain, object, -1), -1);
    assert_true(at >= 0);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(answer, at)), 1);
    value = X509_EXTENSION_get_data(X509_get_ext(answer, at));
    assert_int_equal(ASN1_STRING_length(value), 34);
    assert_memory_equal(ASN1_STRING_get0_data(value), "\x04\x20\x01\x02\x03", 5);
    ASN1_OBJECT_free(object);
    X509_free(plain);
    X509_free(answer);
    EVP_PKEY_free(key);
}

static void test_request(void **state)
{
    struct pool *pool = pool_new(1024);
    EVP_PKEY *key = tls_make_key();
    struct str der = tls_make_request(pool, key, STR("a.test"));
    const unsigned char *at = (const unsigned char *)der.s;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
    STACK_OF(X509_EXTENSION) *all;

    (void)state;
    assert_non_null(request);
    assert_int_equal(X509_REQ_verify(request, key), 1);
    all = X509_REQ_get_extensions(request);
    assert_int_equal(sk_X509_EXTENSION_num(all), 1);
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64url), cmocka_unit_test(test_thumbprint),        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_jws),       cmocka_unit_test(test_plain),             cmocka_unit_test(test_urls),
        cmocka_unit_test(test_request),   cmocka_unit_test(test_made_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

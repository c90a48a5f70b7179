/*
 * test_tls_server.c: from a client's hello to certificate and settings; certificates that are replaced; what a check
 * says of certificates whose time is over; bytes on their way to a worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/board/board.h"
#include "core/board/board_challenge.h"
#include "core/route/regex.h"
#include "core/tls/tls_challenge.h"
#include "core/tls/tls_check.h"
#include "core/tls/tls_expiry.h"
#include "core/tls/tls_names.h"
#include "core/tls/tls_pair.h"
#include "core/tls/tls_server.h"
#include "core/worker.h"
#include "io/loop.h"

#define DAY_S 86400

struct fixture {
    char dir[64];
    struct worker worker;
    struct loop loop; /* its clock alone is asked */
    struct log log;
    struct pool *pool;
    struct conf_report report;
    struct config *config;
    struct tls_server *server;
};

/* ---- certificates ---- */

static void add_names(X509 *cert, const char *names)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

    assert_non_null(e);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

/* DIR/NAME with certificate and key; `names` as "DNS:a,DNS:b" or NULL; from and until: days from now. */
static void make(const struct fixture *f, const char *name, EVP_PKEY *key, const char *names, int from, int until)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    char path[128];
    FILE *to;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_time_adj_ex(X509_getm_notBefore(cert), from, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(cert), until, 60, NULL);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_set_pubkey(cert, key);
    if (names)
        add_names(cert, names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(chmod(path, 0600), 0);
    PEM_write_X509(to, cert);
    PEM_write_PrivateKey(to, key, NULL, NULL, 0, NULL, NULL);
    fclose(to);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static EVP_PKEY *ec(void)
{
    return EVP_EC_gen("P-256");
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "/tmp/weir-tls-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->pool = pool_new(4096);
    conf_report_init(&f->report, f->pool);
    log_init(&f->log, STDERR_FILENO, LOG_LEVEL_CRIT, "test");
    make(f, "one", ec(), "DNS:one.test,DNS:both.test", 0, 90);
    make(f, "rsa", EVP_RSA_gen(2048), "DNS:both.test", 0, 90);
    make(f, "wild", ec(), "DNS:*.wild.test", 0, 90);
    make(f, "exact", ec(), "DNS:a.wild.test", 0, 90);
    make(f, "own", ec(), "DNS:own.test", 0, 90);
    make(f, "bare", ec(), NULL, 0, 90);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    tls_server_free(f->server);
    if (f->worker.pool)
        pool_free(f->worker.pool);
    config_free(f->config);
    pool_free(f->pool);
    snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* `text` with the directory for "@". */
static struct config *load(struct fixture *f, const char *text)
{
    struct str full = STR("");

    for (; *text; text++)
        full = *text == '@' ? pool_printf(f->pool, "%.*s%s", STR_ARG(full), f->dir)
                            : pool_printf(f->pool, "%.*s%c", STR_ARG(full), *text);
    return config_from_text(full, "text", &f->report);
}

static void serve(struct fixture *f, const char *text)
{
    f->config = load(f, text);
    if (!f->config) {
        conf_report_print(&f->report, stderr);
        fail_msg("%s", "the text was refused");
    }
    f->worker = (struct worker){.config = f->config, .log = &f->log, .loop = &f->loop, .pool = pool_new(4096)};
    f->worker.regex = regex_scratch_new(f->worker.pool);
    f->server = tls_server_new(&f->worker);
    assert_non_null(f->server);
}

/* ---- handshakes, in memory ---- */

struct session {
    SSL *client, *server;
    char shown[64]; /* the subject of the certificate that the client got; empty: it failed */
    const struct tls_conf *conf;
};

/* `session`: to go on with, or NULL. */
static void session_run(struct session *s, SSL_CTX *of_client, SSL_CTX *of_server, const char *name,
                        SSL_SESSION *session)
{
    BIO *a, *b;
    X509 *cert;

    s->client = SSL_new(of_client);
    s->server = SSL_new(of_server);
    assert_int_equal(BIO_new_bio_pair(&a, 64 * 1024, &b, 64 * 1024), 1);
    SSL_set_bio(s->client, a, a);
    SSL_set_bio(s->server, b, b);
    SSL_set_connect_state(s->client);
    SSL_set_accept_state(s->server);
    if (name)
        assert_int_equal(SSL_set_tlsext_host_name(s->client, name), 1);
    if (session)
        assert_int_equal(SSL_set_session(s->client, session), 1);
    for (int i = 0; i < 10; i++) {
        (void)SSL_do_handshake(s->client);
        (void)SSL_do_handshake(s->server);
    }
    s->shown[0] = 0;
    s->conf = tls_server_conf(s->server);
    if (!SSL_is_init_finished(s->server) || !SSL_is_init_finished(s->client))
        return;
    cert = SSL_get1_peer_certificate(s->client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, s->shown, sizeof(s->shown));
    X509_free(cert);
}

static void session_end(struct session *s)
{
    SSL_free(s->client);
    SSL_free(s->server);
}

/* The certificate that a client with these signatures gets ("" : any); "" when it gets none. */
static const char *shown(struct fixture *f, size_t listener, const char *name, const char *signatures, int version)
{
    static char text[64]; /* of the last call */
    struct session s;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (signatures[0])
        assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, signatures), 1);
    if (version)
        SSL_CTX_set_max_proto_version(ctx, version);
    session_run(&s, ctx, tls_server_context(f->server, &f->config->listeners[listener]), name, NULL);
    session_end(&s);
    SSL_CTX_free(ctx);
    memcpy(text, s.shown, sizeof(text));
    return text;
}

static const char many[] =
    "listeners = ( { address = \"127.0.0.1:1\"; tls = { min_version = \"1.2\"; certificates = ( \"@/one\", \"@/rsa\", "
    "\"@/wild\", \"@/exact\" ); }; },\n"
    "  { address = \"127.0.0.1:2\"; tls = true; } );\n"
    "sites = ( { respond = 200; },\n"
    "  { hosts = \"own.test\"; respond = 200; tls = { min_version = \"1.3\"; certificates = \"@/own\"; }; },\n"
    "  { hosts = \"strict.test\"; respond = 200; tls = { client_ca = \"@/own\"; client_verify = \"required\"; }; } );";

static void test_selection(void **state)
{
    static const struct {
        const char *name, *signatures, *shown;
        int version;
    } rows[] = {
        {NULL, "", "one", 0},
        {"one.test", "", "one", 0},
        {"nobody.test", "", "one", 0},
        {"both.test", "ECDSA+SHA256", "one", 0},
        {"both.test", "RSA-PSS+SHA256", "rsa", 0},
        {"both.test", "RSA-PSS+SHA256", "rsa", TLS1_2_VERSION},
        {NULL, "RSA-PSS+SHA256", "", 0}, /* the first certificate's first name has no RSA one */
        {"x.wild.test", "", "wild", 0},
        {"X.WILD.test", "", "wild", 0},
        {"x.wild.test.", "", "wild", 0},
        {"a.wild.test", "", "exact", 0},
        {"y.x.wild.test", "", "one", 0},
        {"own.test", "", "own", 0},
        {"own.test", "", "", TLS1_2_VERSION},
        {"one.test", "", "one", TLS1_2_VERSION},
        {"one.test", "", "", TLS1_1_VERSION},
        {"strict.test", "", "", TLS1_2_VERSION}, /* no certificate of the client */
    };
    struct fixture *f = *state;

    serve(f, many);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *got = shown(f, 0, rows[i].name, rows[i].signatures, rows[i].version);

        if (strcmp(got, rows[i].shown) != 0)
            fail_msg("%s, %s: \"%s\" is not \"%s\"", rows[i].name ? rows[i].name : "no name", rows[i].signatures, got,
                     rows[i].shown);
    }
    assert_string_equal(shown(f, 1, NULL, "", 0), "own");
}

static void test_policies(void **state)
{
    struct fixture *f = *state;
    const struct listener_conf *l;
    const struct tls_conf *rest, *own, *strict;
    struct session s;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    serve(f, many);
    l = &f->config->listeners[0];
    rest = tls_conf_of(l, &f->config->sites[0]);
    own = tls_conf_of(l, &f->config->sites[1]);
    strict = tls_conf_of(l, &f->config->sites[2]);
    assert_ptr_equal(rest, l->tls);
    assert_ptr_equal(tls_conf_of(l, NULL), l->tls);
    assert_true(own->policy->only_1_3 && !rest->policy->only_1_3);
    assert_int_equal(strict->policy->verify, TLS_VERIFY_REQUIRED);
    assert_false(tls_policy_same(rest->policy, own->policy));
    assert_false(tls_policy_same(rest->policy, strict->policy));
    /* Only on this listener the site has its certificates, and on both the same rules. */
    assert_int_equal(strict->pair_count, 4);
    assert_int_equal(tls_conf_of(&f->config->listeners[1], &f->config->sites[2])->pair_count, 0);
    assert_true(tls_policy_same(own->policy, tls_conf_of(&f->config->listeners[1], &f->config->sites[1])->policy));
    session_run(&s, ctx, tls_server_context(f->server, l), "own.test", NULL);
    assert_ptr_equal(s.conf, own);
    assert_ptr_equal(tls_server_policy(s.server), own->policy);
    session_end(&s);
    session_run(&s, ctx, tls_server_context(f->server, l), NULL, NULL);
    assert_ptr_equal(s.conf, rest);
    session_end(&s);
    SSL_CTX_free(ctx);
}

/* A session of one site is not gone on with at another that has its own tls. */
static void test_sessions(void **state)
{
    struct fixture *f = *state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct session first, second;
    const char *names[] = {"one.test", "own.test"};
    SSL_CTX *of_server;

    serve(f, many);
    of_server = tls_server_context(f->server, &f->config->listeners[0]);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char byte;
        SSL_SESSION *session;

        session_run(&first, ctx, of_server, "one.test", NULL);
        (void)SSL_read(first.client, &byte, 1); /* the ticket comes after the handshake */
        session = SSL_get1_session(first.client);
        assert_true(SSL_SESSION_is_resumable(session));
        session_run(&second, ctx, of_server, names[i], session);
        assert_true(SSL_is_init_finished(second.server));
        assert_int_equal(SSL_session_reused(second.server), i == 0);
        SSL_SESSION_free(session);
        session_end(&first);
        session_end(&second);
    }
    SSL_CTX_free(ctx);
}

/* ---- a second hello, after a HelloRetryRequest (RFC 8446 4.1.2) ---- */

struct hello {
    const char *name;
    const char *alpn; /* as it is written in a hello */
};

struct retry {
    struct hello second;
    unsigned hellos;
};

static void say(SSL *ssl, const struct hello *h)
{
    assert_int_equal(SSL_set_tlsext_host_name(ssl, h->name), 1);
    assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)h->alpn, (unsigned)strlen(h->alpn)), 0);
}

static void on_message(int out, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    struct retry *r = arg;

    (void)version;
    if (out && type == SSL3_RT_HANDSHAKE && len && *(const uint8_t *)bytes == SSL3_MT_CLIENT_HELLO && ++r->hellos == 1)
        say(ssl, &r->second);
}

/* Whether the server took it; the client's last error is empty or tells of the alert for another hello. */
static bool takes_hellos(struct fixture *f, struct session *s, const struct hello *first, const struct hello *second)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct retry r = {*second, 0};
    bool taken;

    ERR_clear_error();
    assert_int_equal(SSL_CTX_set1_groups_list(ctx, "P-521:P-256"), 1);
    assert_int_equal(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)first->alpn, (unsigned)strlen(first->alpn)), 0);
    SSL_CTX_set_msg_callback(ctx, on_message);
    SSL_CTX_set_msg_callback_arg(ctx, &r);
    session_run(s, ctx, tls_server_context(f->server, &f->config->listeners[0]), first->name, NULL);
    assert_int_equal(r.hellos, 2);
    taken = SSL_is_init_finished(s->server);
    if (!taken) {
        bool told = false;
        unsigned long code;

        while ((code = ERR_get_error()))
            told |= ERR_GET_REASON(code) == SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER;
        if (!told)
            fail_msg("%s, then %s: another failure", first->name, second->name ? second->name : "no name");
    }
    SSL_CTX_free(ctx);
    return taken;
}

static const char guarded[] =
    "listeners = ( { address = \"127.0.0.1:1\"; tls = { certificates = \"@/one\"; client_ca = \"@/own\"; "
    "client_verify = \"required\"; }; } );\n"
    "sites = ( { respond = 200; },\n"
    "  { hosts = \"secret.test\"; respond = 200; },\n"
    "  { hosts = \"public.test\"; respond = 200; tls = { client_verify = \"none\"; }; } );";

#define HTTP1 "\x08" "http/1.1"
#define ACME "\x0a" "acme-tls/1"

static void test_retry(void **state)
{
    static const struct {
        const char *first, *second;
        bool taken;
    } rows[] = {
        {"public.test", "public.test", true},
        {"PUBLIC.test", "public.test", true},
        {"public.test", "secret.test", false},
        {"public.test", NULL, false},
        {"public.test", "nobody.test", false},
        {"secret.test", "public.test", false},
    };
    struct fixture *f = *state;

    serve(f, guarded);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct hello first = {rows[i].first, HTTP1}, second = {rows[i].second, HTTP1};
        struct session s;

        if (takes_hellos(f, &s, &first, &second) != rows[i].taken)
            fail_msg("%s, then %s", first.name, second.name ? second.name : "no name");
        if (rows[i].taken)
            assert_ptr_equal(s.conf, tls_conf_of(&f->config->listeners[0], &f->config->sites[2]));
        session_end(&s);
    }
}

/* An authority is let in without a certificate: whoever began as one must not go on as a client. */
static void test_retry_challenge(void **state)
{
    static const struct {
        struct hello first, second;
        bool taken;
    } rows[] = {
        {{"one.test", ACME}, {"one.test", ACME}, true},
        {{"one.test", ACME}, {"one.test", HTTP1}, false},
        {{"one.test", ACME}, {"one.test", ""}, false},
        {{"one.test", ACME}, {"public.test", ACME}, false},
        {{"one.test", ACME}, {"public.test", HTTP1}, false},
        {{"public.test", HTTP1}, {"public.test", ACME}, false},
    };
    struct fixture *f = *state;
    struct board *board = board_new();

    serve(f, guarded);
    f->worker.board = board;
    assert_true(board_challenge_begin(board, BOARD_CHALLENGE_NAME, STR("one.test"),
                                      STR("0123456789abcdef0123456789abcdef")) >= 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct session s;

        if (takes_hellos(f, &s, &rows[i].first, &rows[i].second) != rows[i].taken)
            fail_msg("row %zu", i);
        assert_int_equal(tls_challenge_answered(s.server), rows[i].taken);
        session_end(&s);
    }
    f->worker.board = NULL;
    board_close(board);
}

/* What a policy's id tells apart: every setting that guards a connection, and no other. */
static void test_policy_id(void **state)
{
    static const struct {
        const char *settings;
        bool same;
    } rows[] = {
        {"", true},
        {"certificates = \"@/own\";", true},
        {"session_tickets = false;", true},
        {"hsts = true;", true},
        {"ocsp_stapling = true;", true},
        {"min_version = \"1.2\";", true},
        {"min_version = \"1.3\";", false},
        {"ciphers = \"ECDHE-RSA-AES128-GCM-SHA256\";", false},
        {"ciphersuites = \"TLS_AES_128_GCM_SHA256\";", false},
        {"curves = \"P-256\";", false},
        {"client_verify = \"optional\";", false},
        {"client_ca = \"@/wild\";", false},
        {"client_ca = \"@/twin\";", true},
    };
    struct fixture *f = *state;
    char command[160];

    snprintf(command, sizeof(command), "cp %s/own %s/twin", f->dir, f->dir);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str text = pool_printf(
            f->pool,
            "listeners = ( { address = \"127.0.0.1:1\"; tls = { certificates = \"@/one\"; client_ca = \"@/own\"; "
            "client_verify = \"required\"; }; } );\n"
            "sites = ( { hosts = \"a.test\"; respond = 200; tls = { %s }; } );", rows[i].settings);
        const struct listener_conf *l;

        f->config = load(f, text.s);
        assert_non_null(f->config);
        l = &f->config->listeners[0];
        if (tls_policy_same(l->tls->policy, tls_conf_of(l, &f->config->sites[0])->policy) != rows[i].same)
            fail_msg("%s", rows[i].settings);
        config_free(f->config);
        f->config = NULL;
    }
}

static size_t material_of(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->config->tls_material_count; i++)
        if (str_has_suffix(f->config->tls_materials[i]->parts[0].path, str_of(name)))
            return i;
    fail_msg("no material %s", name);
    return 0;
}

/* The way of new bytes: read, packed, unpacked in the worker, taken. */
static int replace(struct fixture *f, size_t i, const char *with, char *error, size_t size)
{
    struct tls_material *old = f->config->tls_materials[i];
    struct tls_material read = tls_material_like(old), come = tls_material_like(old);
    struct str path = pool_printf(f->pool, "%s/%s", f->dir, with);
    int fd, rc;

    read.parts[TLS_PART_CERT].path = path;
    assert_int_equal(tls_material_read(&read, error, size), 0);
    fd = tls_material_pack(&read);
    assert_true(fd >= 0);
    assert_int_equal(tls_material_unpack(fd, &come), 0);
    assert_memory_equal(come.parts[0].bytes, read.parts[0].bytes, read.parts[0].len);
    close(fd);
    tls_material_free(&read);
    rc = tls_server_replace(f->server, i, &come, error, size);
    tls_material_free(&come);
    return rc;
}

static void test_replace(void **state)
{
    struct fixture *f = *state;
    char error[512];

    serve(f, many);
    make(f, "next", ec(), "DNS:one.test,DNS:new.test", 0, 90);
    make(f, "other", ec(), "DNS:own.test", 0, 90);
    assert_string_equal(shown(f, 0, "new.test", "", 0), "one");
    assert_int_equal(replace(f, material_of(f, "/one"), "next", error, sizeof(error)), 0);
    assert_string_equal(shown(f, 0, NULL, "", 0), "next");
    assert_string_equal(shown(f, 0, "new.test", "", 0), "next");
    assert_string_equal(shown(f, 0, "x.wild.test", "", 0), "wild");
    /* Both listeners show it, in the first one's case only to those who ask for it. */
    assert_int_equal(replace(f, material_of(f, "/own"), "other", error, sizeof(error)), 0);
    assert_string_equal(shown(f, 0, "own.test", "", 0), "other");
    assert_string_equal(shown(f, 1, NULL, "", 0), "other");
}

static void test_replace_refused(void **state)
{
    struct fixture *f = *state;
    char path[128], error[512] = "";
    FILE *bad;

    serve(f, many);
    snprintf(path, sizeof(path), "%s/bad", f->dir);
    bad = fopen(path, "w");
    assert_non_null(bad);
    fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", bad);
    fclose(bad);
    assert_int_equal(replace(f, material_of(f, "/one"), "bad", error, sizeof(error)), -1);
    assert_non_null(strstr(error, "holds no certificate"));
    assert_string_equal(shown(f, 0, NULL, "", 0), "one");
}

static void test_unpack(void **state)
{
    struct fixture *f = *state;
    struct tls_material m = {.kind = TLS_MATERIAL_PAIR};
    FILE *file = tmpfile();
    uint64_t lens[TLS_PARTS] = {100, 0, 0};

    (void)f;
    assert_int_equal(tls_material_unpack(fileno(file), &m), -1); /* empty */
    assert_int_equal(fwrite(lens, sizeof(lens), 1, file), 1);
    fflush(file);
    assert_int_equal(tls_material_unpack(fileno(file), &m), -1); /* cut off */
    assert_null(m.parts[0].bytes);
    lens[0] = UINT64_MAX;
    assert_int_equal(pwrite(fileno(file), lens, sizeof(lens), 0), sizeof(lens));
    assert_int_equal(tls_material_unpack(fileno(file), &m), -1); /* more than a file may have */
    fclose(file);
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    struct tls_names *names;
    struct tls_choice choice;

    serve(f, many);
    names = tls_names_new(f->config->listeners[0].tls->pairs, 4, (struct hash_key){1, 2}, NULL);
    assert_true(tls_names_has(names, STR("x.wild.test")));
    assert_true(tls_names_has(names, STR("*.wild.test")));
    assert_false(tls_names_has(names, STR("wild.test")));
    assert_false(tls_names_has(names, STR(".wild.test")));
    assert_false(tls_names_has(names, STR("own.test")));
    choice = tls_names_find(names, STR("both.test"));
    assert_int_equal(choice.pairs[0], 1); /* RSA */
    assert_int_equal(choice.pairs[1], 0); /* ECDSA */
    tls_names_free(names);
}

/* Checked a year later, or before. */
static void test_check(void **state)
{
    static const struct {
        const char *name;
        int from, until;
        const char *warning; /* NULL: none */
    } rows[] = {
        {"good", -1, 90, NULL},
        {"soon", -1, 13, "expires in 13 days"},
        {"over", -10, -1, "has expired"},
        {"early", 2, 90, "is not valid yet"},
    };
    struct fixture *f = *state;
    struct conf_report report;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[256];

        make(f, rows[i].name, ec(), "DNS:x.test", rows[i].from, rows[i].until);
        snprintf(text, sizeof(text),
                 "listeners = ( { address = \"127.0.0.1:1\"; tls = { certificates = \"@/%s\"; }; } );\n"
                 "sites = ( { hosts = \"x.test\"; respond = 200; } );", rows[i].name);
        f->config = load(f, text);
        assert_non_null(f->config);
        conf_report_init(&report, f->pool);
        tls_check(f->config, time(NULL), &report);
        assert_int_equal(report.n, 0);
        assert_int_equal(report.warnings ? report.warnings->n : 0, rows[i].warning != NULL);
        if (rows[i].warning && !strstr(report.warnings->errors[0].what.s, rows[i].warning))
            fail_msg("\"%s\" is not \"%s\"", report.warnings->errors[0].what.s, rows[i].warning);
        config_free(f->config);
        f->config = NULL;
    }
}

static void test_expiry(void **state)
{
    struct fixture *f = *state;
    struct pool *pool = pool_new(1024);
    const struct tls_expiry *x;
    struct tls_expiries *all;
    size_t i;

    serve(f, many);
    all = tls_expiries_new(f->config, pool, NULL);
    i = material_of(f, "/one");
    assert_null(tls_expiry_of(all, i));
    tls_expiries_tick(all, time(NULL));
    x = tls_expiry_of(all, i);
    assert_non_null(x);
    assert_int_equal(x->name_count, 2);
    assert_true(str_eq(x->names[1], STR("both.test")));
    assert_int_equal(tls_expiry_days(x, time(NULL)), 90);
    assert_int_equal(tls_expiry_days(x, x->not_after_s), 0);
    assert_int_equal(tls_expiry_days(x, x->not_after_s + 1), -1);
    assert_int_equal(tls_expiry_days(x, x->not_after_s + DAY_S + 1), -2);
    tls_expiries_forget(all, i);
    assert_null(tls_expiry_of(all, i));
    tls_expiries_tick(all, time(NULL));
    assert_non_null(tls_expiry_of(all, i));
    pool_free(pool);
}

/* The subject's name counts only where there is no other (RFC 6125 6.4.4). */
static void test_subject(void **state)
{
    struct fixture *f = *state;
    struct tls_material m = {.kind = TLS_MATERIAL_PAIR};
    char error[512];
    X509 *cert;

    m.parts[0].path = pool_printf(f->pool, "%s/bare", f->dir);
    assert_int_equal(tls_material_read(&m, error, sizeof(error)), 0);
    cert = tls_pair_cert(&m);
    assert_true(tls_cert_has(cert, STR("bare")));
    X509_free(cert);
    tls_material_free(&m);
    m.parts[0].path = pool_printf(f->pool, "%s/one", f->dir);
    assert_int_equal(tls_material_read(&m, error, sizeof(error)), 0);
    cert = tls_pair_cert(&m);
    assert_true(tls_cert_has(cert, STR("One.Test")));
    assert_false(tls_cert_has(cert, STR("one")));
    X509_free(cert);
    tls_material_free(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_selection), TEST(test_policies), TEST(test_sessions), TEST(test_retry),
        TEST(test_retry_challenge), TEST(test_policy_id), TEST(test_replace), TEST(test_replace_refused),
        TEST(test_unpack), TEST(test_names), TEST(test_check), TEST(test_expiry), TEST(test_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

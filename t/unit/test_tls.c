/*
 * test_tls.c: both sides of TLS over socket pairs, with what networks and strangers do in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "io/tls.h"

#define BIG ((size_t)1024 * 1024)
/* Others that are used after a session, so that it counts as idle. */
#define OTHERS 64

/* Bytes that OpenSSL holds now. */
static size_t held;

static void *count_malloc(size_t n, const char *file, int line)
{
    void *p = malloc(n);

    (void)file;
    (void)line;
    held += p ? malloc_usable_size(p) : 0;
    return p;
}

static void *count_realloc(void *old, size_t n, const char *file, int line)
{
    void *p;

    (void)file;
    (void)line;
    held -= old ? malloc_usable_size(old) : 0;
    p = realloc(old, n);
    held += p ? malloc_usable_size(p) : 0;
    return p;
}

static void count_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    held -= p ? malloc_usable_size(p) : 0;
    free(p);
}

/* A server's and a client's session, and the socket pair between them. */
struct fixture {
    int64_t now;
    struct tls_scratch *scratch;
    SSL_CTX *server_ctx, *client_ctx;
    struct tls *server, *client;
    int fd[2]; /* server, client */
    char *big; /* BIG bytes that are all different in their places */
    char *got;
};

static void make_certificate(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"weir", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void connect_pair(struct fixture *f)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->fd), 0);
    f->server = tls_new(f->server_ctx, f->fd[0], true, f->scratch);
    f->client = tls_new(f->client_ctx, f->fd[1], false, f->scratch);
    assert_non_null(f->server);
    assert_non_null(f->client);
}

static void part_pair(struct fixture *f)
{
    tls_free(f->server);
    tls_free(f->client);
    f->server = f->client = NULL;
    for (int i = 0; i < 2; i++) {
        if (f->fd[i] >= 0)
            close(f->fd[i]);
        f->fd[i] = -1;
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->now = 5000;
    f->scratch = tls_scratch_new(&f->now);
    f->server_ctx = SSL_CTX_new(TLS_server_method());
    f->client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(f->server_ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_cache_mode(f->client_ctx, SSL_SESS_CACHE_OFF);
    make_certificate(f->server_ctx);
    f->big = malloc(BIG);
    f->got = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        f->big[i] = (char)(i * 2654435761u >> 13);
    connect_pair(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    part_pair(f);
    SSL_CTX_free(f->server_ctx);
    SSL_CTX_free(f->client_ctx);
    tls_scratch_free(f->scratch);
    free(f->big);
    free(f->got);
    free(f);
    return 0;
}

static void shake_hands(struct fixture *f)
{
    enum tls_step server = TLS_WAIT, client = TLS_WAIT;

    for (int i = 0; i < 10 && (server != TLS_DONE || client != TLS_DONE); i++) {
        if (client != TLS_DONE)
            client = tls_handshake(f->client);
        if (server != TLS_DONE)
            server = tls_handshake(f->server);
        assert_int_not_equal(client, TLS_FAILED);
        assert_int_not_equal(server, TLS_FAILED);
    }
    assert_int_equal(server, TLS_DONE);
    assert_int_equal(client, TLS_DONE);
    /* Tickets are taken in. */
    assert_int_equal(tls_recv(f->client, f->got, BIG), -1);
    assert_int_equal(errno, EAGAIN);
}

static ssize_t send_text(struct tls *t, const char *text, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)text, len};

    return tls_send(t, &iov, 1);
}

static void expect_bytes(struct fixture *f, struct tls *t, const char *text)
{
    ssize_t n = tls_recv(t, f->got, BIG);

    assert_int_equal(n, strlen(text));
    assert_memory_equal(f->got, text, (size_t)n);
}

static void only_version(struct fixture *f, int version)
{
    SSL_set_max_proto_version(tls_ssl(f->client), version);
    SSL_set_min_proto_version(tls_ssl(f->client), version);
}

static void test_versions(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        part_pair(f);
        connect_pair(f);
        only_version(f, versions[i]);
        shake_hands(f);
        assert_int_equal(SSL_version(tls_ssl(f->server)), versions[i]);
        assert_int_equal(send_text(f->client, "question", 8), 8);
        expect_bytes(f, f->server, "question");
        assert_false(tls_has_pending(f->server));
        assert_int_equal(send_text(f->server, "answer", 6), 6);
        expect_bytes(f, f->client, "answer");
        assert_int_equal(tls_recv(f->server, f->got, BIG), -1);
        assert_int_equal(errno, EAGAIN);
    }
}

/* The first bytes of a client come with the end of its handshake. */
static void test_data_behind_handshake(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tls_handshake(f->client), TLS_WAIT);
    assert_int_equal(tls_handshake(f->server), TLS_WAIT);
    assert_int_equal(tls_handshake(f->client), TLS_DONE);
    assert_int_equal(send_text(f->client, "early bird", 10), 10);
    assert_int_equal(tls_handshake(f->server), TLS_DONE);
    expect_bytes(f, f->server, "early bird");
}

/* Pieces of odd sizes, some of them empty. */
static int cut(struct iovec iov[5], char *from, size_t len)
{
    size_t sizes[5] = {len > 0 ? 1 : 0, 0, len / 3, len > 7 ? 5 : 0, 0};
    size_t at = 0;

    sizes[4] = len - sizes[0] - sizes[2] - sizes[3];
    for (int i = 0; i < 5; i++) {
        iov[i] = (struct iovec){from + at, sizes[i]};
        at += sizes[i];
    }
    return 5;
}

static void test_big(void **state)
{
    struct fixture *f = *state;
    size_t sent = 0, received = 0, blocked = 0;
    int small = 4096;

    assert_int_equal(setsockopt(f->fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    shake_hands(f);
    while (received < BIG) {
        struct iovec iov[5];
        ssize_t n;

        if (sent < BIG) {
            n = tls_send(f->server, iov, cut(iov, f->big + sent, BIG - sent));
            if (n < 0)
                assert_int_equal(errno, EAGAIN);
            else
                sent += (size_t)n;
        }
        if (tls_is_blocked(f->server)) {
            blocked++;
            /* Nothing is taken meanwhile. */
            assert_int_equal(send_text(f->server, "x", 1), -1);
            assert_int_equal(errno, EAGAIN);
            assert_int_equal(tls_flush(f->server), -1);
            assert_int_equal(errno, EAGAIN);
        }
        n = tls_recv(f->client, f->got + received, BIG - received);
        if (n < 0)
            assert_int_equal(errno, EAGAIN);
        else
            received += (size_t)n;
        if (sent == BIG)
            (void)!tls_flush(f->server);
    }
    assert_true(blocked > 10);
    assert_int_equal(sent, BIG);
    assert_memory_equal(f->got, f->big, BIG);
    assert_int_equal(tls_flush(f->server), 0);
    assert_false(tls_is_blocked(f->server));
}

/* A client that reads nothing makes the server keep no more than was promised. */
static void test_kept(void **state)
{
    struct fixture *f = *state;
    int small = 4096;
    size_t before, after;
    ssize_t n;

    assert_int_equal(setsockopt(f->fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    shake_hands(f);
    before = (size_t)mallinfo2().uordblks;
    n = send_text(f->server, f->big, BIG);
    after = (size_t)mallinfo2().uordblks;
    assert_in_range(n, 1, TLS_KEPT_MAX);
    assert_true(tls_is_blocked(f->server));
    assert_true(after < before + TLS_KEPT_MAX + 1024);
    /* Those are all that come. */
    for (size_t got = 0; got < (size_t)n;) {
        ssize_t m = tls_recv(f->client, f->got + got, BIG - got);

        if (m > 0)
            got += (size_t)m;
        else
            assert_int_equal(errno, EAGAIN);
        (void)!tls_flush(f->server);
        assert_true(got <= (size_t)n);
    }
    assert_memory_equal(f->got, f->big, (size_t)n);
}

/* Carries what `from` has written to `to`, byte by byte, with a try at reading after each. */
static void dribble(struct tls *reader, int from, int to)
{
    char byte;

    while (read(from, &byte, 1) == 1) {
        char got[64];

        assert_int_equal(write(to, &byte, 1), 1);
        if (!SSL_is_init_finished(tls_ssl(reader)))
            assert_int_not_equal(tls_handshake(reader), TLS_FAILED);
        else if (tls_recv(reader, got, sizeof(got)) < 0)
            assert_int_equal(errno, EAGAIN);
        else
            fail_msg("data before the record was whole");
    }
}

static void test_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    int client[2], server[2];
    char last[2];
    size_t len;

    part_pair(f);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, server), 0);
    f->server = tls_new(f->server_ctx, server[0], true, f->scratch);
    f->client = tls_new(f->client_ctx, client[0], false, f->scratch);
    assert_int_equal(tls_handshake(f->client), TLS_WAIT);
    for (int i = 0; i < 3 && !SSL_is_init_finished(tls_ssl(f->server)); i++) {
        dribble(f->server, client[1], server[1]);
        dribble(f->client, server[1], client[1]);
    }
    dribble(f->client, server[1], client[1]);
    assert_true(SSL_is_init_finished(tls_ssl(f->server)));
    assert_true(SSL_is_init_finished(tls_ssl(f->client)));
    assert_int_equal(send_text(f->client, "slow", 4), 4);
    /* All but the last byte, then that. */
    len = (size_t)recv(client[1], f->got, BIG, 0);
    for (size_t i = 0; i + 1 < len; i++) {
        assert_int_equal(write(server[1], f->got + i, 1), 1);
        assert_int_equal(tls_recv(f->server, last, sizeof(last)), -1);
        assert_int_equal(errno, EAGAIN);
    }
    assert_int_equal(write(server[1], f->got + len - 1, 1), 1);
    assert_int_equal(tls_recv(f->server, last, sizeof(last)), 2);
    assert_true(tls_has_pending(f->server));
    assert_memory_equal(last, "sl", 2);
    expect_bytes(f, f->server, "ow");
    assert_false(tls_has_pending(f->server));
    for (int i = 0; i < 2; i++) {
        close(client[i]);
        close(server[i]);
    }
    f->fd[0] = f->fd[1] = -1;
}

static void test_pipelined(void **state)
{
    struct fixture *f = *state;

    shake_hands(f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_text(f->client, "abcdef", 6), 6);
    /* Several records at once, as many as there is room for. */
    assert_int_equal(tls_recv(f->server, f->got, 8), 8);
    assert_memory_equal(f->got, "abcdefab", 8);
    assert_true(tls_has_pending(f->server));
    expect_bytes(f, f->server, "cdefabcdef");
    assert_false(tls_has_pending(f->server));
}

static void test_ends(void **state)
{
    static const struct {
        bool goodbye, with_data;
    } rows[] = {{true, false}, {false, false}, {true, true}, {false, true}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        part_pair(f);
        connect_pair(f);
        shake_hands(f);
        if (rows[i].with_data)
            assert_int_equal(send_text(f->client, "last words", 10), 10);
        if (rows[i].goodbye)
            tls_goodbye(f->client);
        close(f->fd[1]);
        f->fd[1] = -1;
        if (rows[i].with_data)
            expect_bytes(f, f->server, "last words");
        assert_int_equal(tls_recv(f->server, f->got, BIG), 0);
        assert_int_equal(tls_was_cut(f->server), !rows[i].goodbye);
        /* Still so when asked again, and nothing can be sent into the void. */
        assert_int_equal(tls_recv(f->server, f->got, BIG), 0);
        assert_int_equal(send_text(f->server, "hello?", 6), -1);
        assert_int_equal(errno, EPIPE);
        tls_goodbye(f->server);
    }
}

static void test_first_bytes(void **state)
{
    static const struct {
        struct str bytes;
        bool plain;
        const char *error;
    } rows[] = {
        {STR("GET / HTTP/1.1\r\n\r\n"), true, "an HTTP request in the clear where TLS is spoken"},
        {STR("PRI * HTTP/2.0\r\n"), true, "an HTTP request in the clear where TLS is spoken"},
        {STR("BREW"), true, "an HTTP request in the clear where TLS is spoken"},
        {STR("SSH-2.0-x\r\n"), false, "what came is not TLS"},
        {STR("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"), false, "what came is not TLS"},
        {STR("\26\3\1\0\5\1\0\0\1\0"), false, NULL},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char answer[64];

        part_pair(f);
        connect_pair(f);
        assert_int_equal(write(f->fd[1], rows[i].bytes.s, rows[i].bytes.len), rows[i].bytes.len);
        assert_int_equal(tls_handshake(f->server), TLS_FAILED);
        assert_int_equal(tls_is_plain_http(f->server), rows[i].plain);
        if (rows[i].error)
            assert_string_equal(tls_error(f->server), rows[i].error);
        if (rows[i].plain)
            assert_int_equal(recv(f->fd[1], answer, sizeof(answer), 0), -1);
        assert_int_equal(tls_recv(f->server, f->got, BIG), -1);
        assert_int_not_equal(errno, EAGAIN);
        tls_goodbye(f->server);
    }
}

static void test_nothing_in_common(void **state)
{
    struct fixture *f = *state;

    SSL_set_min_proto_version(tls_ssl(f->server), TLS1_3_VERSION);
    only_version(f, TLS1_2_VERSION);
    assert_int_equal(tls_handshake(f->client), TLS_WAIT);
    assert_int_equal(tls_handshake(f->server), TLS_FAILED);
    assert_string_equal(tls_error(f->server), "no version of TLS in common");
    /* The alert has gone out. */
    assert_int_equal(tls_handshake(f->client), TLS_FAILED);
    assert_string_equal(tls_error(f->client),
                        "the other side wants another version of TLS (alert protocol_version)");
}

static void test_refused_certificate(void **state)
{
    struct fixture *f = *state;
    enum tls_step step = TLS_WAIT;

    SSL_set_verify(tls_ssl(f->client), SSL_VERIFY_PEER, NULL);
    assert_int_equal(tls_handshake(f->client), TLS_WAIT);
    assert_int_equal(tls_handshake(f->server), TLS_WAIT);
    assert_int_equal(tls_handshake(f->client), TLS_FAILED);
    assert_string_equal(tls_error(f->client), "self-signed certificate");
    for (int i = 0; i < 3 && step == TLS_WAIT; i++)
        step = tls_handshake(f->server);
    assert_int_equal(step, TLS_FAILED);
    assert_string_equal(tls_error(f->server),
                        "the other side does not know who issued the certificate (alert unknown_ca)");
}

static void test_closed_in_handshake(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tls_handshake(f->client), TLS_WAIT);
    assert_int_equal(tls_handshake(f->server), TLS_WAIT);
    assert_true(recv(f->fd[1], f->got, BIG, 0) > 0);
    close(f->fd[1]);
    f->fd[1] = -1;
    assert_int_equal(tls_handshake(f->server), TLS_FAILED);
    assert_string_equal(tls_error(f->server), "the other side closed the connection");
}

/* A ClientHello that is promised to be long: it is not taken in for ever. */
static void test_long_handshake(void **state)
{
    static const char hello[] = "\1\1\0\0\3\3";
    struct fixture *f = *state;
    enum tls_step step = TLS_WAIT;
    char record[5 + 8192] = {22, 3, 1, 32, 0};
    size_t sent = 0;

    memcpy(record + 5, hello, sizeof(hello) - 1);
    while (step == TLS_WAIT && sent < 16 * sizeof(record)) {
        assert_int_equal(write(f->fd[1], record, sizeof(record)), sizeof(record));
        sent += sizeof(record);
        step = tls_handshake(f->server);
        memset(record + 5, 'x', sizeof(record) - 5);
    }
    assert_int_equal(step, TLS_FAILED);
    assert_string_equal(tls_error(f->server), "the handshake is too long");
    assert_true(sent <= 10 * sizeof(record));
}

static void test_changed_record(void **state)
{
    struct fixture *f = *state;
    char record[256];
    ssize_t n;

    shake_hands(f);
    assert_int_equal(send_text(f->client, "money for alice", 15), 15);
    n = recv(f->fd[0], record, sizeof(record), 0);
    record[10] = (char)(record[10] ^ 1);
    assert_int_equal(write(f->fd[1], record, (size_t)n), n);
    assert_int_equal(tls_recv(f->server, f->got, BIG), -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(tls_error(f->server), "a record was changed on its way");
    /* It stays so. */
    assert_int_equal(tls_recv(f->server, f->got, BIG), -1);
    assert_int_equal(errno, EPROTO);
}

static void test_key_update(void **state)
{
    struct fixture *f = *state;

    only_version(f, TLS1_3_VERSION);
    shake_hands(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(tls_ssl(f->client), SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(send_text(f->client, "new key", 7), 7);
        expect_bytes(f, f->server, "new key");
        assert_int_equal(send_text(f->server, "mine too", 8), 8);
        expect_bytes(f, f->client, "mine too");
    }
}

/* New keys without end cost more than they may. */
static void test_key_update_flood(void **state)
{
    struct fixture *f = *state;
    ssize_t n = 1;
    int i;

    only_version(f, TLS1_3_VERSION);
    shake_hands(f);
    for (i = 0; i < 200 && n > 0; i++) {
        assert_int_equal(SSL_key_update(tls_ssl(f->client), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(send_text(f->client, "x", 1), 1);
        n = tls_recv(f->server, f->got, BIG);
    }
    assert_int_equal(n, -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(tls_error(f->server), "too many messages that are no data");
    /* At a decent pace there may be any number. */
    part_pair(f);
    connect_pair(f);
    only_version(f, TLS1_3_VERSION);
    shake_hands(f);
    for (i = 0; i < 200; i++) {
        f->now += 100;
        assert_int_equal(SSL_key_update(tls_ssl(f->client), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(send_text(f->client, "x", 1), 1);
        expect_bytes(f, f->server, "x");
    }
}

static void test_no_renegotiation(void **state)
{
    struct fixture *f = *state;

    only_version(f, TLS1_2_VERSION);
    SSL_clear_options(tls_ssl(f->client), SSL_OP_NO_RENEGOTIATION);
    shake_hands(f);
    assert_int_equal(SSL_renegotiate(tls_ssl(f->client)), 1);
    (void)tls_handshake(f->client);
    assert_int_equal(tls_recv(f->server, f->got, BIG), -1);
    (void)tls_handshake(f->client);
    assert_int_equal(SSL_num_renegotiations(tls_ssl(f->server)), 0);
    assert_string_not_equal(tls_error(f->client), "no error");
}

/* Lengths of the records that lie in `bytes`. */
static int records(const char *bytes, size_t len, size_t *lengths, int most)
{
    int n = 0;

    for (size_t at = 0; at + 5 <= len && n < most; n++) {
        lengths[n] = (size_t)((uint8_t)bytes[at + 3] << 8 | (uint8_t)bytes[at + 4]);
        at += 5 + lengths[n];
    }
    return n;
}

static int received_records(struct fixture *f, size_t *lengths, int most)
{
    size_t have = 0;
    ssize_t n;

    while ((n = recv(f->fd[1], f->got + have, BIG - have, 0)) > 0)
        have += (size_t)n;
    return records(f->got, have, lengths, most);
}

static int sent_records(struct fixture *f, size_t len, size_t *lengths, int most)
{
    assert_int_equal(send_text(f->server, f->big, len), len);
    return received_records(f, lengths, most);
}

static void test_record_sizes(void **state)
{
    struct fixture *f = *state;
    size_t lengths[128];
    int n;

    only_version(f, TLS1_3_VERSION);
    shake_hands(f);
    assert_int_equal(sent_records(f, 900, lengths, 128), 1);
    assert_int_equal(lengths[0], 900 + 17);
    n = sent_records(f, 65000, lengths, 128);
    assert_true(n >= 50);
    for (int i = 0; i + 1 < n; i++)
        assert_int_equal(lengths[i], 1300 + 17);
    n = sent_records(f, 16384, lengths, 128);
    assert_int_equal(n, 1);
    n = sent_records(f, 40000, lengths, 128);
    assert_int_equal(n, 3);
    /* A head and a body that do not fit into one: the body is not cut for it. */
    {
        struct iovec iov[2] = {{f->big, 200}, {f->big + 200, 16384}};

        assert_int_equal(tls_send(f->server, iov, 2), 16584);
        n = received_records(f, lengths, 128);
        assert_int_equal(n, 2);
        assert_int_equal(lengths[0], 200 + 17);
        assert_int_equal(lengths[1], 16384 + 17);
        iov[1].iov_len = 16384 - 200;
        assert_int_equal(tls_send(f->server, iov, 2), 16384);
        assert_int_equal(received_records(f, lengths, 128), 1);
    }
    /* After a silence the path is a stranger again. */
    f->now += 1500;
    n = sent_records(f, 2600, lengths, 128);
    assert_int_equal(n, 2);
}

/* What an idle session holds: OpenSSL's own 14.4 KB, and no buffer; one that is used holds two. */
static void test_memory(void **state)
{
    struct fixture *f = *state;
    struct tls *others[OTHERS];
    size_t busy, before;

    only_version(f, TLS1_3_VERSION);
    shake_hands(f);
    assert_int_equal(send_text(f->client, "x", 1), 1);
    expect_bytes(f, f->server, "x");
    for (int i = 0; i < 4; i++) {
        ssize_t n = send_text(f->server, f->big, 60000);

        assert_int_equal(n, 60000);
        for (size_t got = 0; got < 60000; got += (size_t)n) {
            n = tls_recv(f->client, f->got, BIG);
            assert_true(n > 0);
            if (tls_is_blocked(f->server))
                (void)!tls_flush(f->server);
        }
    }
    busy = held;
    for (size_t i = 0; i < OTHERS; i++) {
        others[i] = tls_new(f->client_ctx, f->fd[1], false, f->scratch);
        assert_int_equal(tls_recv(others[i], f->got, 1), -1);
    }
    for (size_t i = 0; i < OTHERS; i++)
        tls_free(others[i]);
    /* Both sides have given theirs back. */
    assert_true(held + 60000 < busy);
    before = held;
    tls_free(f->server);
    f->server = NULL;
    print_message("an idle session: %zu bytes\n", before - held);
    assert_true(before - held > 4096);
    assert_true(before - held <= 15 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_data_behind_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_big, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_in_common, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_in_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_update, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_update_flood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_renegotiation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_record_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };

    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

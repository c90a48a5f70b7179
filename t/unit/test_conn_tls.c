/*
 * test_conn_tls.c: handshakes of a worker with many clients at once: how many it takes a turn, in which order, and what
 * is left when they go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/board/stats.h"
#include "core/client/conn.h"
#include "core/client/conn_tls.h"
#include "core/route/regex.h"
#include "core/tls/tls_server.h"
#include "io/tls.h"

#define CLIENTS 30
/* The first steps of so many are taken in a turn. */
#define A_TURN 8

struct client {
    int fd;
    struct tls *tls;
    bool answered;
};

struct fixture {
    struct worker worker;
    struct log log;
    struct process_stats stats;
    struct config *config;
    struct pool *pool;
    struct conf_report report;
    struct tls_scratch *scratch;
    SSL_CTX *ctx;
    char directory[64];
    struct client clients[CLIENTS];
    size_t count;
};

static void write_pem(const char *directory)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    char path[128];
    FILE *file;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"weir", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    snprintf(path, sizeof(path), "%s/c.pem", directory);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
    snprintf(path, sizeof(path), "%s/k.pem", directory);
    file = fopen(path, "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static struct config *load(struct fixture *f)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "listeners = ( { address = \"127.0.0.1:8443\"; timeouts = { client_header = \"400ms\"; };\n"
             "  tls = { certificates = ( { cert = \"%s/c.pem\"; key = \"%s/k.pem\"; } ); }; } );\n"
             "sites = ( { name = \"a\"; routes = ( { respond = { status = 204; }; } ); } );\n",
             f->directory, f->directory);
    conf_report_init(&f->report, f->pool);
    return config_from_text(str_of(text), "test.conf", &f->report);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct worker *w = &f->worker;

    snprintf(f->directory, sizeof(f->directory), "/tmp/weir-conn-tls-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    write_pem(f->directory);
    f->pool = pool_new(4096);
    f->config = load(f);
    assert_non_null(f->config);
    log_init(&f->log, 2, LOG_LEVEL_CRIT, "test");
    w->loop = loop_new(NULL, NULL);
    w->config = f->config;
    w->log = &f->log;
    w->count = 1;
    w->pool = pool_new(4096);
    w->receive = malloc(WORKER_BUFFER_BYTES);
    w->write = malloc(WORKER_BUFFER_BYTES);
    w->stats = &f->stats;
    w->regex = regex_scratch_new(w->pool);
    deadlines_init(&w->deadlines, w->loop->clock.mono_ms);
    list_init(&w->conns);
    list_init(&w->fresh_conns);
    w->tls_scratch = tls_scratch_new(&w->loop->clock.mono_ms);
    w->handshakes = handshakes_new(w);
    w->tls_server = tls_server_new(w);
    assert_non_null(w->tls_server);
    f->ctx = SSL_CTX_new(TLS_client_method());
    f->scratch = tls_scratch_new(&w->loop->clock.mono_ms);
    *state = f;
    return 0;
}

static void end_all(struct fixture *f)
{
    struct list *both[] = {&f->worker.conns, &f->worker.fresh_conns};

    for (size_t i = 0; i < 2; i++) {
        list_each_safe(link, both[i])
            conn_give_up(container_of(link, struct conn, link), "the end of the test");
    }
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct worker *w = &f->worker;
    char path[128];

    end_all(f);
    loop_settle(w->loop);
    assert_int_equal(w->conn_count, 0);
    handshakes_free(w->handshakes);
    loop_free(w->loop);
    tls_server_free(w->tls_server);
    tls_scratch_free(w->tls_scratch);
    for (size_t i = 0; i < f->count; i++) {
        tls_free(f->clients[i].tls);
        close(f->clients[i].fd);
    }
    tls_scratch_free(f->scratch);
    SSL_CTX_free(f->ctx);
    snprintf(path, sizeof(path), "%s/c.pem", f->directory);
    unlink(path);
    snprintf(path, sizeof(path), "%s/k.pem", f->directory);
    unlink(path);
    rmdir(f->directory);
    config_free(f->config);
    pool_free(f->pool);
    pool_free(w->pool);
    free(w->receive);
    free(w->write);
    free(f);
    return 0;
}

/* A client that has said hello; the worker takes it in. */
static void come(struct fixture *f)
{
    struct client *client = &f->clients[f->count++];
    struct sockaddr_storage peer = {.ss_family = AF_UNIX};
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    client->fd = fd[0];
    client->tls = tls_new(f->ctx, fd[0], false, f->scratch);
    assert_int_equal(tls_handshake(client->tls), TLS_WAIT);
    conn_accept(&f->worker, &f->config->listeners[0], fd[1], &peer, sizeof(sa_family_t), true);
}

/* How many have had an answer to their hello; all of them came before those that have not. */
static size_t answered(struct fixture *f)
{
    size_t n = 0;
    char byte;

    for (size_t i = 0; i < f->count; i++) {
        struct client *client = &f->clients[i];

        client->answered = client->answered || recv(client->fd, &byte, 1, MSG_PEEK) == 1;
        if (client->answered) {
            assert_int_equal(n, i);
            n++;
        }
    }
    return n;
}

static void turn(struct fixture *f)
{
    assert_int_equal(loop_turn(f->worker.loop), 0);
}

static void test_few_a_turn(void **state)
{
    struct fixture *f = *state;
    size_t before;

    while (f->count < 20)
        come(f);
    assert_int_equal(answered(f), A_TURN);
    turn(f);
    before = answered(f);
    assert_in_range(before, A_TURN, 2 * A_TURN);
    /* Who comes now waits behind the others. */
    while (f->count < CLIENTS)
        come(f);
    for (int i = 0; i < 6; i++) {
        size_t now;

        turn(f);
        now = answered(f);
        assert_true(now - before <= A_TURN);
        before = now;
    }
    assert_int_equal(before, CLIENTS);
}

static void test_finished(void **state)
{
    struct fixture *f = *state;

    while (f->count < CLIENTS)
        come(f);
    for (int i = 0; i < 20 && f->stats.tls_handshakes < CLIENTS; i++) {
        turn(f);
        for (size_t at = 0; at < f->count; at++) {
            if (!SSL_is_init_finished(tls_ssl(f->clients[at].tls)))
                assert_int_not_equal(tls_handshake(f->clients[at].tls), TLS_FAILED);
        }
    }
    assert_int_equal(f->stats.tls_handshakes, CLIENTS);
    assert_int_equal(f->stats.tls_failures, 0);
    assert_int_equal(f->stats.connections, CLIENTS);
}

/* Those that wait in line and go are no longer in it. */
static void test_gone_while_waiting(void **state)
{
    struct fixture *f = *state;

    while (f->count < CLIENTS)
        come(f);
    end_all(f);
    for (int i = 0; i < 6; i++)
        turn(f);
    assert_int_equal(f->stats.connections, 0);
    assert_int_equal(f->stats.tls_handshakes, 0);
}

static void test_deadline(void **state)
{
    struct fixture *f = *state;

    come(f);
    for (int i = 0; i < 100 && f->stats.connections > 0; i++) {
        turn(f);
        deadlines_check(&f->worker.deadlines, f->worker.loop->clock.mono_ms);
    }
    assert_int_equal(f->stats.connections, 0);
    assert_int_equal(f->stats.tls_failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_few_a_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_while_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deadline, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

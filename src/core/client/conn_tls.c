/* conn_tls.c: see conn_tls.h. */
#include "core/client/conn_tls.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/board/stats.h"
#include "core/client/conn_io.h"
#include "core/client/h1_server.h"
#include "core/client/h2_session.h"
#include "core/client/tcp_server.h"
#include "core/request.h"
#include "core/tls/tls_challenge.h"
#include "core/tls/tls_server.h"

/* Steps of handshakes in a turn: the first of each signs, which is most of the work. */
#define STEPS_TURN 16
#define FIRST_STEP 2
/* Failed handshakes that are logged in a second; the others are counted. */
#define LINES_SECOND 8

/* A connection's part in the line. */
struct handshake {
    struct list link; /* in `waiting`, or alone */
    struct conn *conn;
};

struct handshakes {
    struct worker *worker;
    struct list waiting; /* of struct handshake */
    struct loop_deferred deferred;
    unsigned left; /* steps left in this turn */
    bool queued; /* `deferred` is */
    bool orphan; /* the worker is gone: frees itself when called */
    int64_t second; /* in which `lines` were written */
    unsigned lines;
    uint64_t silent; /* not written since */
};

#define PLAIN_PAGE \
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>400 Bad Request</title></head>\n" \
    "<body><h1>400 Bad Request</h1>\n<p>Use https:// here: this port speaks TLS.</p></body></html>\n"

static void go_on(struct conn *);

/* ---- the line ---- */

static void on_turn_over(struct loop_deferred *);
static void on_next_turn(struct loop_deferred *);

static void schedule(struct handshakes *h)
{
    if (h->queued)
        return;
    h->queued = true;
    loop_defer(h->worker->loop, &h->deferred, on_turn_over);
}

static void on_turn_over(struct loop_deferred *d)
{
    struct handshakes *h = container_of(d, struct handshakes, deferred);

    h->queued = false;
    if (h->orphan) {
        free(h);
        return;
    }
    if (list_empty(&h->waiting)) {
        h->left = STEPS_TURN;
        return;
    }
    /* Those that come in the next turn shall not pass those that wait. */
    h->left = 0;
    h->queued = true;
    loop_next_turn(h->worker->loop, d, on_next_turn);
}

static void on_next_turn(struct loop_deferred *d)
{
    struct handshakes *h = container_of(d, struct handshakes, deferred);

    h->queued = false;
    if (h->orphan) {
        free(h);
        return;
    }
    h->left = STEPS_TURN;
    schedule(h);
    while (h->left > 0 && !list_empty(&h->waiting)) {
        struct handshake *first = container_of(h->waiting.next, struct handshake, link);

        list_remove(&first->link);
        list_init(&first->link);
        go_on(first->conn);
    }
}

/* Whether it is this connection's turn; if not, it gets in line. */
static bool may_step(struct conn *c)
{
    struct handshakes *h = c->worker->handshakes;
    unsigned cost = SSL_in_before(tls_ssl(c->tls)) ? FIRST_STEP : 1;

    if (!list_empty(&c->handshake->link))
        return false;
    schedule(h);
    if (h->left == 0) {
        list_append(&h->waiting, &c->handshake->link);
        h->worker->stats->tls_waits++;
        return false;
    }
    h->left -= cost < h->left ? cost : h->left;
    return true;
}

struct handshakes *handshakes_new(struct worker *w)
{
    struct handshakes *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->worker = w;
    h->left = STEPS_TURN;
    list_init(&h->waiting);
    return h;
}

void handshakes_free(struct handshakes *h)
{
    if (!h)
        return;
    h->orphan = true;
    if (!h->queued)
        free(h);
}

/* ---- ends ---- */

static void leave_line(struct conn *c)
{
    struct handshake *handshake = c->handshake;

    c->handshake = NULL;
    if (!handshake)
        return;
    list_remove(&handshake->link);
    free(handshake);
}

static void end(struct conn *c)
{
    leave_line(c);
    conn_close(c);
}

/* Whether one more line may be written: a stranger must not fill the log. */
static bool may_log(struct handshakes *h)
{
    int64_t second = h->worker->loop->clock.mono_ms / 1000;

    if (!log_is_on(h->worker->log, LOG_LEVEL_INFO))
        return false;
    if (second != h->second) {
        if (h->silent > 0)
            log_write(h->worker->log, LOG_LEVEL_INFO, "%llu more TLS handshakes failed",
                      (unsigned long long)h->silent);
        h->second = second;
        h->lines = 0;
        h->silent = 0;
    }
    if (h->lines == LINES_SECOND) {
        h->silent++;
        return false;
    }
    h->lines++;
    return true;
}

static void log_failure(struct conn *c, const char *why)
{
    const char *name = SSL_get_servername(tls_ssl(c->tls), TLSEXT_NAMETYPE_host_name);
    struct addr peer = conn_peer(c);
    char address[ADDR_TEXT_MAX], escaped[LOG_ESCAPED_MAX];
    struct str sni = STR_NONE;

    c->worker->stats->tls_failures++;
    if (!may_log(c->worker->handshakes))
        return;
    addr_print(&peer, address);
    if (name)
        sni = log_escape(str_of(name), escaped, sizeof(escaped));
    log_write(c->worker->log, LOG_LEVEL_INFO, "client %s listener %.*s%s%.*s: TLS handshake failed: %s", address,
              STR_ARG(c->listener->text), name ? " name " : "", STR_ARG(sni), why);
}

static void fail(struct conn *c, const char *why)
{
    log_failure(c, why);
    end(c);
}

/* In the clear, to one that speaks so. */
static void answer_plain(struct conn *c)
{
    char text[1024];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=utf-8\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       sizeof(PLAIN_PAGE) - 1, PLAIN_PAGE);

    (void)!send(conn_fd(c), text, (size_t)len, MSG_NOSIGNAL);
}

static void handshake_failed(struct conn *c)
{
    log_failure(c, tls_error(c->tls));
    if (tls_is_plain_http(c->tls))
        answer_plain(c);
    leave_line(c);
    tls_free(c->tls);
    c->tls = NULL;
    /* The alert must not be lost to a reset because bytes are left that nobody reads. */
    conn_linger(c);
}

/* ---- the handshake ---- */

/* What is spoken from now on, as was agreed by ALPN (RFC 7301); without it, HTTP/1. */
static const struct conn_protocol *agreed_protocol(const struct conn *c)
{
    const unsigned char *name;
    unsigned len;

    if (c->listener->tcp)
        return &tcp_protocol;
    SSL_get0_alpn_selected(tls_ssl(c->tls), &name, &len);
    return str_eq((struct str){(const char *)name, len}, STR("h2")) ? &h2_protocol : &h1_protocol;
}

static void finish(struct conn *c)
{
    struct process_stats *stats = c->worker->stats;

    stats->tls_handshakes++;
    if (SSL_session_reused(tls_ssl(c->tls)))
        stats->tls_resumptions++;
    leave_line(c);
    if (tls_challenge_answered(tls_ssl(c->tls))) {
        end(c);
        return;
    }
    /* The first request may have come with the handshake's last bytes. */
    c->readable = true;
    conn_next_protocol(c, agreed_protocol(c));
}

static void step(struct conn *c)
{
    switch (tls_handshake(c->tls)) {
    case TLS_DONE:
        if (!conn_is_blocked(c))
            finish(c);
        return;
    case TLS_WAIT:
        c->readable = false;
        return;
    case TLS_FAILED:
        handshake_failed(c);
        return;
    }
}

static void go_on(struct conn *c)
{
    if (c->freed || c->phase == CONN_LINGER)
        return;
    if (conn_flush(c) < 0) {
        if (errno != EAGAIN)
            fail(c, strerror(errno));
        return;
    }
    if (SSL_is_init_finished(tls_ssl(c->tls)))
        finish(c);
    else if (c->readable && may_step(c))
        step(c);
}

static void begin(struct conn *c)
{
    struct worker *w = c->worker;
    SSL_CTX *context = w->tls_server ? tls_server_context(w->tls_server, c->listener) : NULL;
    struct handshake *handshake = calloc(1, sizeof(*handshake));

    if (context)
        c->tls = tls_new(context, conn_fd(c), true, w->tls_scratch);
    if (!c->tls || !handshake) {
        log_write(w->log, LOG_LEVEL_CRIT, "listener %.*s: no memory for TLS, or no certificate",
                  STR_ARG(c->listener->text));
        free(handshake);
        conn_close(c);
        return;
    }
    handshake->conn = c;
    list_init(&handshake->link);
    c->handshake = handshake;
    conn_phase(c, CONN_HEAD, c->listener->timeouts.client_header);
    if (c->readable)
        go_on(c);
    if (!c->freed && c->protocol == &conn_tls_protocol && conn_register(c) < 0)
        end(c);
}

static void on_event(struct conn *c, bool writable WEIR_UNUSED)
{
    if (c->readable || conn_is_blocked(c))
        go_on(c);
}

static void on_deadline(struct conn *c)
{
    fail(c, "it was not finished within timeouts.client_header");
}

static void give_up(struct conn *c, const char *reason WEIR_UNUSED)
{
    end(c);
}

void conn_tls_tell(const struct conn *c, struct request *req)
{
    req->tls = c->tls != NULL;
    req->sni = STR("");
    if (!c->tls)
        return;
    req->sni = tls_server_name(tls_ssl(c->tls));
    req->tls_policy = tls_server_policy(tls_ssl(c->tls));
}

const struct conn_protocol conn_tls_protocol = {
    .name = "the TLS handshake",
    .begin = begin,
    .on_event = on_event,
    .on_deadline = on_deadline,
    .go_on = go_on,
    .give_up = give_up,
    .take_leave = give_up,
};

/* tls_sessions.c: see tls_sessions.h. */
#include "core/tls/tls_sessions.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* Servers give two tickets a handshake; more than so many connections are hardly made at once. */
#define SESSIONS_MAX 8

struct tls_sessions {
    SSL_SESSION *items[SESSIONS_MAX]; /* the newest last */
    size_t count;
};

static void drop(struct tls_sessions *s, size_t at)
{
    SSL_SESSION_free(s->items[at]);
    s->count--;
    memmove(s->items + at, s->items + at + 1, (s->count - at) * sizeof(SSL_SESSION *));
}

/* Takes the session over. */
static int on_new(SSL *ssl, SSL_SESSION *session)
{
    struct tls_sessions *s = SSL_get_app_data(ssl);

    if (!s || !SSL_SESSION_is_resumable(session))
        return 0;
    /* Another of TLS 1.2 takes the place of the one before: it is used again and again. */
    if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION)
        while (s->count > 0)
            drop(s, 0);
    if (s->count == SESSIONS_MAX)
        drop(s, 0);
    s->items[s->count++] = session;
    return 1;
}

void tls_sessions_enable(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_new);
}

struct tls_sessions *tls_sessions_new(void)
{
    return calloc(1, sizeof(struct tls_sessions));
}

void tls_sessions_free(struct tls_sessions *s)
{
    if (!s)
        return;
    while (s->count > 0)
        drop(s, s->count - 1);
    free(s);
}

void tls_sessions_attach(struct tls_sessions *s, SSL *ssl)
{
    SSL_set_app_data(ssl, s);
    while (s->count > 0) {
        SSL_SESSION *newest = s->items[s->count - 1];
        bool fits = SSL_SESSION_is_resumable(newest) && SSL_set_session(ssl, newest) == 1;
        bool once = SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION;

        if (!fits || once)
            drop(s, s->count - 1);
        if (fits)
            return;
    }
}

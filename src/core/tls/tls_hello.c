/* tls_hello.c: from a client's hello to a context, and what else is agreed upon in a handshake. */
#include <openssl/err.h>

#include "core/route/host_table.h"
#include "core/tls/tls_context.h"
#include "core/tls/tls_challenge.h"
#include "core/tls/tls_ocsp.h"
#include "core/tls/tls_server_state.h"
#include "core/worker.h"

#define SNI_MAX 255

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len,
                   void *arg)
{
    static const unsigned char both[] = "\2h2\10http/1.1";
    const struct tls_listener *l = arg;
    const unsigned char *own = l->conf->http2 ? both : both + 3;
    unsigned own_len = (unsigned)sizeof(both) - 1 - (l->conf->http2 ? 0 : 3);

    (void)ssl;
    /* What is spoken inside is between client and server. */
    if (l->conf->tcp)
        return SSL_TLSEXT_ERR_NOACK;
    /* What it gives points into our own list, not into the client's. */
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, own, own_len, in, in_len) == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The name was looked at in the hello; this tells the client so, and keeps it with the session. */
static int on_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    (void)arg;
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* The client asks what the authority says of the certificate that was chosen. */
static int on_status(SSL *ssl, void *arg)
{
    const struct tls_listener *l = arg;
    const struct worker *w = l->server->worker;
    const X509 *cert = SSL_get_certificate(ssl);
    struct board_staple staple;
    uint8_t id[BOARD_STAPLE_ID];
    unsigned char *bytes;

    if (!tls_server_conf(ssl)->ocsp_stapling || !cert || !w->board)
        return SSL_TLSEXT_ERR_NOACK;
    tls_ocsp_id(cert, id);
    if (!board_staple_get(w->board, id, &staple) || staple.until_s <= w->loop->clock.wall_s ||
        !(bytes = OPENSSL_memdup(staple.bytes, staple.len)))
        return SSL_TLSEXT_ERR_NOACK;
    (void)SSL_set_tlsext_status_ocsp_resp(ssl, bytes, (long)staple.len);
    return SSL_TLSEXT_ERR_OK;
}

static const struct tls_conf *find_conf(const struct tls_listener *l, struct str name)
{
    void *site = NULL;

    if (!l->conf->site_tls)
        return l->conf->tls;
    if (host_table_find(l->conf->hosts, name, l->server->worker->regex, NULL, &site) != REGEX_MATCH)
        site = l->conf->default_site;
    return tls_conf_of(l->conf, site);
}

/* The name asked for, in lower case, in `buf`; empty: none, or not one (RFC 6066 3). */
static struct str hello_name(SSL *ssl, char buf[SNI_MAX])
{
    const unsigned char *at;
    size_t len, n;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &at, &len) != 1 || len < 5 || at[2] != 0)
        return STR_NONE;
    n = (size_t)at[3] << 8 | at[4];
    if (n > len - 5 || n > SNI_MAX)
        return STR_NONE;
    for (size_t i = 0; i < n; i++)
        buf[i] = ascii_lower((char)at[5 + i]);
    if (n > 1 && buf[n - 1] == '.')
        n--;
    return (struct str){buf, n};
}

/* What a hello asks for, as a number that is not 0: the name, and whether it is an authority's challenge. */
static uintptr_t hello_mark(const struct tls_server *s, struct str name, bool is_challenge)
{
    return ((uintptr_t)hash_bytes(&s->key, name.s, name.len) & ~(uintptr_t)3) | (is_challenge ? 2 : 0) | 1;
}

static int on_hello(SSL *, int *alert, void *arg);

static int answer_challenge(SSL *ssl, struct tls_listener *l, struct str name, int *alert)
{
    void *base = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    int rc = tls_challenge_answer(ssl, l->server->worker->board, name, alert);
    SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);

    if (rc != SSL_CLIENT_HELLO_SUCCESS)
        return rc;
    (void)SSL_CTX_set_app_data(ctx, base);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, l);
    return rc;
}

static int use_context(SSL *ssl, struct tls_listener *l, struct str name)
{
    const struct tls_conf *conf = name.len ? find_conf(l, name) : l->conf->tls;
    struct tls_context *c = tls_context_find(l, conf, name);
    char shown[SNI_MAX], error[512];

    if (!c->ctx)
        c->ctx = tls_context_make(c, error, sizeof(error));
    if (!c->ctx) {
        log_write(l->server->worker->log, LOG_LEVEL_ERROR, "no TLS for \"%.*s\": %s",
                  STR_ARG(log_escape(name, shown, sizeof(shown))), error);
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (SSL_set_ex_data(ssl, l->server->index, (void *)(uintptr_t)conf) != 1)
        return SSL_CLIENT_HELLO_ERROR;
    if (c->ctx != SSL_get_SSL_CTX(ssl) && tls_context_switch(ssl, c->ctx, conf->policy) < 0)
        return SSL_CLIENT_HELLO_ERROR;
    if (SSL_set_session_id_context(ssl, conf->session_context, TLS_ID_BYTES) != 1)
        return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
}

/*
 * Called for the first hello, and for a second one after a HelloRetryRequest: that has to ask for the same (RFC 8446
 * 4.1.2), and stays with what the first came to.
 */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
    struct tls_listener *l = arg;
    struct tls_server *s = l->server;
    char buf[SNI_MAX];
    struct str name = hello_name(ssl, buf);
    bool is_challenge = tls_challenge_asked(ssl);
    uintptr_t mark = hello_mark(s, name, is_challenge);
    uintptr_t first = (uintptr_t)SSL_get_ex_data(ssl, s->hello_index);

    *alert = SSL_AD_ILLEGAL_PARAMETER;
    if (first)
        return first == mark ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    *alert = SSL_AD_INTERNAL_ERROR;
    if (SSL_set_ex_data(ssl, s->hello_index, (void *)mark) != 1)
        return SSL_CLIENT_HELLO_ERROR;
    return is_challenge ? answer_challenge(ssl, l, name, alert) : use_context(ssl, l, name);
}

void tls_hello_callbacks(SSL_CTX *ctx, struct tls_context *c)
{
    struct tls_listener *l = (struct tls_listener *)(uintptr_t)c->key.listener;

    (void)SSL_CTX_set_app_data(ctx, c);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, l);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, l);
    (void)SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
    tls_tickets_enable(ctx);
    (void)SSL_CTX_set_tlsext_status_cb(ctx, on_status);
    (void)SSL_CTX_set_tlsext_status_arg(ctx, l);
    (void)SSL_CTX_set_session_id_context(ctx, l->conf->tls->session_context, TLS_ID_BYTES);
}

struct str tls_server_name(const SSL *ssl)
{
    const char *text = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct str name = text ? str_of(text) : STR("");

    if (name.len > 1 && name.s[name.len - 1] == '.')
        name.len--;
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.s[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return STR("");
    }
    return name;
}

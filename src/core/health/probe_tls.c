/* probe_tls.c: see probe_tls.h. */
#include "core/health/probe_tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/log.h"

static SSL_CTX *tls_context(struct probes *all)
{
    SSL_CTX *ctx = all->tls;

    if (ctx)
        return ctx;
    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_default_verify_paths(ctx) != 1)
        log_write(all->log, LOG_LEVEL_WARN,
                  "https checks: the system's certificate authorities cannot be read");
    all->tls = ctx;
    return ctx;
}

/* "name:443", "[::1]:443" or "name" without its port. */
static struct str without_port(struct str host)
{
    const char *colon = memrchr(host.s, ':', host.len);

    if (host.len > 2 && host.s[0] == '[') {
        const char *end = memchr(host.s, ']', host.len);

        return end ? (struct str){host.s + 1, (size_t)(end - host.s) - 1} : host;
    }
    return colon && memchr(host.s, ':', host.len) == colon ? (struct str){host.s, (size_t)(colon - host.s)}
                                                           : host;
}

static bool tls_expect(struct probe *p)
{
    struct str name = pool_str(p->pool, without_port(p->job.host));
    X509_VERIFY_PARAM *param = SSL_get0_param(p->ssl);
    struct addr ip;

    if (addr_parse_ip(name, 443, &ip) == 0)
        return X509_VERIFY_PARAM_set1_ip_asc(param, name.s) == 1;
    return SSL_set_tlsext_host_name(p->ssl, name.s) == 1 &&
           X509_VERIFY_PARAM_set1_host(param, name.s, name.len) == 1;
}

enum check_step probe_tls_begin(struct probe *p)
{
    SSL_CTX *ctx = tls_context(p->owner);

    p->ssl = ctx ? SSL_new(ctx) : NULL;
    if (!p->ssl || SSL_set_fd(p->ssl, p->fd) != 1 || !tls_expect(p)) {
        ERR_clear_error();
        return probe_fail(p, "TLS cannot be begun");
    }
    SSL_set_connect_state(p->ssl);
    return CHECK_GOES_ON;
}

enum check_step probe_tls_handshake(struct probe *p)
{
    int rc, error;
    unsigned long code;
    long verdict;

    ERR_clear_error();
    rc = SSL_do_handshake(p->ssl);
    if (rc == 1)
        return CHECK_PASSED;
    error = SSL_get_error(p->ssl, rc);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return CHECK_GOES_ON;
    verdict = SSL_get_verify_result(p->ssl);
    if (verdict != X509_V_OK)
        return probe_fail(p, "certificate: %s", X509_verify_cert_error_string(verdict));
    code = ERR_get_error();
    ERR_clear_error();
    return probe_fail(p, "TLS handshake: %s",
                      code && ERR_reason_error_string(code) ? ERR_reason_error_string(code)
                                                            : "the server closed the connection");
}

static ssize_t tls_result(struct probe *p, int rc)
{
    int error;

    if (rc > 0)
        return rc;
    error = SSL_get_error(p->ssl, rc);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else if (error != SSL_ERROR_SYSCALL || errno == 0)
        errno = EPROTO;
    return -1;
}

ssize_t probe_tls_read(struct probe *p, char *buf, size_t room)
{
    ERR_clear_error();
    return tls_result(p, SSL_read(p->ssl, buf, room < INT_MAX ? (int)room : INT_MAX));
}

ssize_t probe_tls_write(struct probe *p, struct str bytes)
{
    ERR_clear_error();
    return tls_result(p, SSL_write(p->ssl, bytes.s, bytes.len < INT_MAX ? (int)bytes.len : INT_MAX));
}

void probe_tls_end(struct probe *p)
{
    ERR_clear_error();
    if (SSL_is_init_finished(p->ssl))
        (void)SSL_shutdown(p->ssl);
    ERR_clear_error();
    SSL_free(p->ssl);
    p->ssl = NULL;
}

void probe_tls_free(struct probes *all)
{
    SSL_CTX_free(all->tls);
    all->tls = NULL;
}

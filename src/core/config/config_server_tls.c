/* config_server_tls.c: `tls` of servers: the files that it names are read now, by who may. */
#include <openssl/ssl.h>
#include <time.h>

#include "core/config/config_build.h"
#include "core/config/settings_server_tls.h"
#include "core/tls/tls_check.h"
#include "core/tls/tls_client.h"

static struct conf_place place(const struct server_tls_settings *s, const char *name)
{
    return conf_place_of(&settings_server_tls_group, &s->head, name);
}

static void context_free(void *ctx)
{
    SSL_CTX_free(ctx);
}

static void use_ca(struct build *b, const struct server_tls_settings *s, SSL_CTX *ctx)
{
    char error[256];

    if (!s->verify)
        return;
    if (s->ca.len) {
        if (tls_client_use_ca(ctx, s->ca.s, error, sizeof(error)) < 0)
            conf_report_add(b->report, place(s, "ca"),
                            "the authorities in %s cannot be used: %s; write a PEM file of certificates", s->ca.s, error);
    } else if (tls_client_use_system(ctx, &b->tls_system) < 0) {
        conf_report_add(b->report, s->head.at,
                        "the system's certificate authorities cannot be read; write ca = \"FILE\"");
    }
}

static void use_cert(struct build *b, const struct server_tls_settings *s, SSL_CTX *ctx)
{
    const char *key_file = s->key.len ? s->key.s : s->cert.s;
    const char *key_name = s->key.len ? "key" : "cert";
    char error[256];

    if (s->key.len && !s->cert.len)
        conf_report_add(b->report, place(s, "key"), "'key' is of no use without its certificate; write cert = \"FILE\"");
    if (!s->cert.len)
        return;
    if (tls_client_use_cert(ctx, s->cert.s, error, sizeof(error)) < 0)
        conf_report_add(b->report, place(s, "cert"),
                        "the certificate in %s cannot be used: %s; write a PEM file of certificates", s->cert.s, error);
    else if (tls_client_use_key(ctx, key_file, error, sizeof(error)) < 0)
        conf_report_add(b->report, place(s, key_name),
                        "the key in %s cannot be used: %s; write key = the PEM file of that certificate's key", key_file,
                        error);
    else
        tls_check_time(b->report, place(s, "cert"), s->cert.s, SSL_CTX_get0_certificate(ctx), time(NULL));
}

/* One for each set of files. */
static SSL_CTX *context_of(struct build *b, const struct server_tls_settings *s)
{
    struct str id = pool_printf(b->pool, "%d\n%.*s\n%.*s\n%.*s", s->verify, STR_ARG(s->ca), STR_ARG(s->cert),
                                STR_ARG(s->key));
    SSL_CTX *ctx = hash_table_get(b->tls_clients, id);

    if (ctx)
        return ctx;
    ctx = tls_client_context(s->verify);
    if (!ctx)
        abort();
    pool_on_free(b->pool, context_free, ctx);
    hash_table_set(b->tls_clients, id, ctx);
    use_ca(b, s, ctx);
    use_cert(b, s, ctx);
    return ctx;
}

static struct tls_client_conf *conf_new(struct build *b, const struct server_tls_settings *s, struct str name)
{
    struct tls_client_conf *c = pool_zalloc(b->pool, sizeof(*c));

    *c = (struct tls_client_conf){
        .ctx = context_of(b, s),
        .name = name.len ? pool_str(b->pool, name) : STR_NONE,
        .ca = s->verify ? s->ca : STR_NONE,
        .cert = s->cert,
        .verify = s->verify,
    };
    return c;
}

const struct tls_client_conf *config_server_tls(struct build *b, const struct server_tls_settings *s, struct str host,
                                                bool is_unix)
{
    struct addr ip;

    if (!s || s->head.broken)
        return NULL;
    if (memchr(s->sni.s ? s->sni.s : "", ':', s->sni.len) && addr_parse_ip(s->sni, 1, &ip) != 0)
        conf_report_add(b->report, place(s, "sni"), "'sni' is \"%.*s\"; write a name without a port", STR_ARG(s->sni));
    if (is_unix && s->verify && !s->sni.len)
        conf_report_add(b->report, s->head.at,
                        "a unix socket has no name that a certificate could be for; write sni = \"NAME\"");
    return conf_new(b, s, s->sni.len ? s->sni : is_unix ? STR_NONE : host);
}

const struct tls_client_conf *config_default_tls(struct build *b, struct str host)
{
    static const struct server_tls_settings usual = {.verify = true};

    return conf_new(b, &usual, host);
}

/* "name:443", "[::1]:443" or "name" without its port. */
static struct str without_port(struct str host)
{
    const char *colon = memrchr(host.s, ':', host.len);

    if (host.len > 2 && host.s[0] == '[') {
        const char *end = memchr(host.s, ']', host.len);

        return end ? (struct str){host.s + 1, (size_t)(end - host.s) - 1} : host;
    }
    return colon && memchr(host.s, ':', host.len) == colon ? (struct str){host.s, (size_t)(colon - host.s)} : host;
}

const struct tls_client_conf *config_check_tls_of(struct build *b, const struct check_conf *check,
                                                  const struct tls_client_conf *tls, struct str host)
{
    if (!check)
        return NULL;
    if (check->type == CHECK_HTTPS)
        return tls ? tls : config_default_tls(b, check->host.len ? without_port(check->host) : host);
    /* MySQL begins TLS within its own conversation, and another port is likely there to be asked in the clear. */
    return check->type == CHECK_MYSQL || check->port ? NULL : tls;
}

/* tls_check.c: see tls_check.h. */
#include "core/tls/tls_check.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/config/config.h"
#include "core/tls/tls_context.h"
#include "core/tls/tls_names.h"
#include "core/tls/tls_ocsp.h"
#include "core/tls/tls_pair.h"

#define DAY_S 86400

struct check {
    const struct config *config;
    int64_t now_s;
    struct conf_report *report;
    struct tls_names **names; /* by index of the struct tls_conf */
    X509 **certs; /* by index of the material */
    const X509 *former; /* only hosts that it had are looked at; NULL: all */
    struct tls_parser *parser;
    SSL_CTX *ctx; /* to try certificates with */
    const struct tls_policy *last; /* checked last: most sites share one */
};

/* Each certificate of the chain has to sign one before it. */
static int chain_unrelated(const struct tls_pair *pair)
{
    for (int i = 0; i < sk_X509_num(pair->chain); i++) {
        X509 *issuer = sk_X509_value(pair->chain, i);
        bool signs = X509_check_issued(issuer, pair->cert) == X509_V_OK;

        for (int k = 0; k < i && !signs; k++)
            signs = X509_check_issued(issuer, sk_X509_value(pair->chain, k)) == X509_V_OK;
        if (!signs)
            return i + 1;
    }
    return 0;
}

static int check_parsed(SSL_CTX *ctx, const struct tls_material *m, const struct tls_pair *pair, char *error, size_t size)
{
    int wrong = chain_unrelated(pair);

    if (wrong) {
        snprintf(error, size, "the chain in %s is not in order: its certificate number %d signs none before it; write "
                 "the certificate first, then each behind the one that it has signed",
                 m->parts[m->parts[TLS_PART_CHAIN].path.len ? TLS_PART_CHAIN : TLS_PART_CERT].path.s, wrong);
        return -1;
    }
    if (!ctx || SSL_CTX_use_cert_and_key(ctx, pair->cert, pair->key, pair->chain, 1) != 1) {
        snprintf(error, size, "%s cannot be used (%s); write another certificate", m->parts[TLS_PART_CERT].path.s,
                 tls_reason());
        return -1;
    }
    return 0;
}

void tls_check_time(struct conf_report *report, struct conf_place at, const char *file, const X509 *cert, int64_t now_s)
{
    int64_t end = tls_cert_not_after(cert);
    time_t now = (time_t)now_s;

    if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
        conf_report_warn(report, at, "the certificate in %s is not valid yet", file);
    else if (end < now_s)
        conf_report_warn(report, at, "the certificate in %s has expired", file);
    else if (end - now_s < 14 * DAY_S)
        conf_report_warn(report, at, "the certificate in %s expires in %lld days", file,
                         (long long)((end - now_s) / DAY_S));
}

int tls_check_pair(const struct tls_material *m, char *error, size_t error_size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    struct tls_pair pair;
    int rc = tls_pair_parse(NULL, m, &pair, error, error_size);

    if (rc == 0)
        rc = check_parsed(ctx, m, &pair, error, error_size);
    tls_pair_free(&pair);
    SSL_CTX_free(ctx);
    return rc;
}

static void check_pair(struct check *c, const struct tls_material *m)
{
    char error[512];
    struct tls_pair pair;

    if (tls_pair_parse(c->parser, m, &pair, error, sizeof(error)) < 0) {
        conf_report_add(c->report, m->at, "%s", error);
        return;
    }
    if (check_parsed(c->ctx, m, &pair, error, sizeof(error)) < 0)
        conf_report_add(c->report, m->at, "%s", error);
    tls_check_time(c->report, m->at, m->parts[TLS_PART_CERT].path.s, pair.cert, c->now_s);
    if (tls_material_key(m)->exposed)
        conf_report_warn(c->report, m->at, "the key in %s may be read or changed by others than its owner; write "
                        "`chmod 600` for it", tls_material_key(m)->path.s);
    c->certs[m->index] = pair.cert;
    pair.cert = NULL;
    tls_pair_free(&pair);
}

static void check_authorities(struct check *c, const struct tls_material *m)
{
    char error[512];
    STACK_OF(X509) *all = tls_authorities(m, error, sizeof(error));

    if (!all)
        conf_report_add(c->report, m->at, "%s", error);
    sk_X509_pop_free(all, X509_free);
}

static void check_ticket_key(struct check *c, const struct tls_material *m)
{
    const struct tls_part *p = &m->parts[0];

    if (p->len != 48 && p->len != 80)
        conf_report_add(c->report, m->at, "%s has %zu bytes; write a file of 48 or 80 random ones "
                        "(openssl rand -out FILE 80)", p->path.s, p->len);
    if (p->exposed)
        conf_report_warn(c->report, m->at, "the key in %s may be read or changed by others than its owner; write "
                        "`chmod 600` for it", p->path.s);
}

/* OpenSSL passes over names that it does not know as long as it knows one; those with a sign may be unknown. */
static void check_cipher_names(struct check *c, SSL_CTX *ctx, const struct tls_policy *p)
{
    struct str rest = p->texts[TLS_CIPHERS_1_2];
    char name[128];

    while (rest.len) {
        size_t n = 0;

        while (n < rest.len && !strchr(": ,;", rest.s[n]))
            n++;
        snprintf(name, sizeof(name), "%.*s", (int)n, rest.s);
        if (n && !strchr("!-+@", name[0]) && SSL_CTX_set_cipher_list(ctx, name) != 1)
            conf_report_add(c->report, p->text_at[TLS_CIPHERS_1_2], "OpenSSL has no cipher \"%s\"; write one of "
                            "`openssl ciphers -s -tls1_2`", name);
        rest = str_from(rest, n < rest.len ? n + 1 : n);
    }
    ERR_clear_error();
}

static void check_policy(struct check *c, const struct tls_policy *p)
{
    SSL_CTX *ctx;
    char error[512];
    size_t before = c->report->n;

    if (p == c->last)
        return;
    c->last = p;
    ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return;
    check_cipher_names(c, ctx, p);
    for (int i = c->report->n > before ? 1 : 0; i < TLS_POLICY_TEXTS; i++) {
        if (tls_context_set_text(ctx, p, (enum tls_policy_text)i, error, sizeof(error)) < 0)
            conf_report_add(c->report, p->text_at[i], "%s", error);
    }
    SSL_CTX_free(ctx);
}

/* ---- what authorities are asked ---- */

static void check_stapling(struct check *c, const struct tls_conf *conf, const struct tls_material *m)
{
    const char *file = m->parts[TLS_PART_CERT].path.s;
    struct tls_ocsp_question question;
    struct pool *pool;
    char error[512];

    if (!c->certs[m->index])
        return;
    if (!conf->ocsp_stapling) {
        if (tls_ocsp_is_must(c->certs[m->index]))
            conf_report_warn(c->report, conf->at, "clients refuse %s without what its authority says; write "
                             "ocsp_stapling = true", file);
        return;
    }
    pool = pool_new(4096);
    if (tls_ocsp_ask(m, pool, &question, error, sizeof(error)) < 0)
        conf_report_warn(c->report, conf->at, "'ocsp_stapling' does nothing for %s: %s", file, error);
    pool_free(pool);
}

static void check_stapled(struct check *c, const struct tls_conf *conf)
{
    for (size_t i = 0; i < conf->pair_count; i++)
        check_stapling(c, conf, conf->pairs[i]);
}

/* ---- hosts that no certificate has ---- */

static const struct tls_names *names_of(struct check *c, const struct tls_conf *conf)
{
    struct tls_names **names = &c->names[conf->index];

    if (!*names)
        *names = tls_names_new(conf->pairs, conf->pair_count, (struct hash_key){0, 0}, c->certs);
    return *names;
}

/* In lower case; empty for those that no certificate can name. */
static struct str host_name(struct conf_report *report, struct str host)
{
    if (host.len == 0 || host.s[0] == '~' || host.s[host.len - 1] == '*')
        return STR_NONE;
    if (host.s[0] == '.')
        host = pool_printf(report->pool, "*%.*s", STR_ARG(host));
    return pool_lower(report->pool, host);
}

static void check_hosts(struct check *c, const struct listener_conf *l, const struct site *site)
{
    const struct tls_conf *conf = tls_conf_of(l, site);

    if (!conf->pair_count)
        conf = l->tls;
    if (!conf->pair_count || conf->acme)
        return;
    for (size_t i = 0; i < site->host_count; i++) {
        struct str host = host_name(c->report, site->hosts[i]);

        if (host.len && (!c->former || tls_cert_has(c->former, host)) && !tls_names_has(names_of(c, conf), host))
            conf_report_warn(c->report, site->tls ? site->tls->at : site->at,
                            "no certificate is for \"%.*s\", a host of this site: clients refuse what they are shown "
                            "there", STR_ARG(site->hosts[i]));
    }
}

static bool has_pair(const struct tls_conf *conf, size_t index)
{
    for (size_t i = 0; i < conf->pair_count; i++) {
        if (conf->pairs[i]->index == index)
            return true;
    }
    return false;
}

static void check_hosts_of(struct check *c, const struct listener_conf *l, size_t index)
{
    for (size_t i = 0; l->tls && i < l->site_count; i++) {
        const struct tls_conf *conf = tls_conf_of(l, l->sites[i]);

        if (has_pair(conf->pair_count ? conf : l->tls, index))
            check_hosts(c, l, l->sites[i]);
    }
}

void tls_check_hosts(const struct config *config, const struct tls_material *fresh, struct conf_report *report)
{
    struct check c = {.config = config, .report = report};
    struct pool *pool = pool_new(4096);
    X509 *cert = tls_pair_cert(fresh), *former = tls_pair_cert(config->tls_materials[fresh->index]);

    c.former = former;
    c.names = pool_zalloc(pool, (config->tls_conf_count + 1) * sizeof(struct tls_names *));
    c.certs = pool_zalloc(pool, (config->tls_material_count + 1) * sizeof(X509 *));
    c.certs[fresh->index] = cert;
    for (size_t i = 0; i < config->listener_count; i++)
        check_hosts_of(&c, &config->listeners[i], fresh->index);
    for (size_t i = 0; i < config->tls_conf_count; i++)
        tls_names_free(c.names[i]);
    X509_free(cert);
    X509_free(former);
    pool_free(pool);
}

static void check_listener(struct check *c, const struct listener_conf *l)
{
    if (!l->tls)
        return;
    check_policy(c, l->tls->policy);
    check_stapled(c, l->tls);
    for (size_t i = 0; i < l->site_count; i++) {
        if (tls_conf_of(l, l->sites[i]) != l->tls)
            check_stapled(c, tls_conf_of(l, l->sites[i]));
        check_policy(c, tls_conf_of(l, l->sites[i])->policy);
        check_hosts(c, l, l->sites[i]);
    }
}

static void check_material(struct check *c, const struct tls_material *m)
{
    switch (m->kind) {
    case TLS_MATERIAL_PAIR:
        check_pair(c, m);
        break;
    case TLS_MATERIAL_CA:
        check_authorities(c, m);
        break;
    case TLS_MATERIAL_TICKET_KEY:
        check_ticket_key(c, m);
        break;
    }
}

void tls_check(const struct config *config, int64_t now_s, struct conf_report *report)
{
    struct check c = {.config = config, .now_s = now_s, .report = report};
    struct pool *pool = pool_new(4096);

    c.names = pool_zalloc(pool, (config->tls_conf_count + 1) * sizeof(struct tls_names *));
    c.certs = pool_zalloc(pool, (config->tls_material_count + 1) * sizeof(X509 *));
    c.parser = tls_parser_new();
    c.ctx = SSL_CTX_new(TLS_server_method());
    for (size_t i = 0; i < config->tls_material_count; i++)
        check_material(&c, config->tls_materials[i]);
    for (size_t i = 0; i < config->listener_count; i++)
        check_listener(&c, &config->listeners[i]);
    for (size_t i = 0; i < config->tls_conf_count; i++)
        tls_names_free(c.names[i]);
    for (size_t i = 0; i < config->tls_material_count; i++)
        X509_free(c.certs[i]);
    tls_parser_free(c.parser);
    SSL_CTX_free(c.ctx);
    pool_free(pool);
}

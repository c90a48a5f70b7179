/* config_acme.c: `acme`: for which names certificates are got, and what is shown until they are there. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "core/acme/acme_http.h"
#include "core/acme/acme_jws.h"
#include "core/config/config_build.h"
#include "core/tls/tls_make.h"

#define HOST_MAX 253

static struct conf_place acme_place(const struct acme_settings *s, const char *name)
{
    return conf_place_of(&settings_acme_group, &s->head, name);
}

const struct acme_conf *config_acme(struct build *b, const struct acme_settings *s)
{
    struct acme_conf *a;

    if (!s)
        return NULL;
    a = pool_zalloc(b->pool, sizeof(*a));
    a->email = s->email;
    a->directory = s->directory;
    a->challenge = (enum acme_challenge)s->challenge;
    a->storage = s->storage.len ? s->storage : pool_printf(b->pool, "%.*s/acme", STR_ARG(b->config->state_dir));
    a->at = s->head.at;
    return a;
}

void config_acme_check(struct build *b, const struct tls_settings *tls)
{
    const struct acme_settings *s = tls->acme;

    if (!s)
        return;
    if (tls->certificates.n)
        conf_report_add(b->report, s->head.at,
                        "there are certificates beside 'acme'; write one of them, and put a site that is to have the "
                        "other into a site of its own");
    if (s->directory.len && !acme_url_is_good(s->directory))
        conf_report_add(b->report, acme_place(s, "directory"),
                        "'directory' is \"%.*s\"; write \"https://HOST/PATH\" (http is taken for this machine alone)",
                        STR_ARG(s->directory));
    if (s->email.len && (!acme_is_plain(s->email) || !memchr(s->email.s, '@', s->email.len)))
        conf_report_add(b->report, acme_place(s, "email"), "'email' is \"%.*s\"; write one address, \"NAME@HOST\"",
                        STR_ARG(s->email));
}

/* ---- what is shown before a certificate is there ---- */

static void key_free(void *key)
{
    EVP_PKEY_free(key);
}

/* All of a configuration have one key. */
static EVP_PKEY *placeholder_key(struct build *b)
{
    if (!b->acme_key) {
        b->acme_key = tls_make_key();
        if (!b->acme_key)
            abort();
        pool_on_free(b->pool, key_free, b->acme_key);
    }
    return b->acme_key;
}

static void placeholder(struct build *b, struct tls_material *m)
{
    EVP_PKEY *key = placeholder_key(b);
    X509 *cert = tls_make_cert(key, m->acme_host, NULL);
    size_t len = 0;
    char *pem = cert ? tls_make_pem(key, cert, &len) : NULL;

    X509_free(cert);
    if (pem)
        tls_material_make(m, pem, len);
    else
        conf_report_add(b->report, m->at, "no certificate can be made for \"%.*s\"; write another name",
                        STR_ARG(m->acme_host));
}

static struct tls_material *material(struct build *b, const struct acme_conf *acme, struct str host,
                                     struct conf_place at)
{
    struct str path = pool_printf(b->pool, "%.*s/%.*s.pem", STR_ARG(acme->storage), STR_ARG(host));
    struct str key = pool_printf(b->pool, "acme\n%.*s", STR_ARG(path));
    struct tls_material *m = hash_table_get(b->tls_materials, key);
    char error[512];
    struct stat st;

    if (m)
        return m;
    m = pool_zalloc(b->pool, sizeof(*m));
    m->kind = TLS_MATERIAL_PAIR;
    m->at = at;
    m->acme = acme;
    m->acme_host = host;
    m->parts[TLS_PART_CERT].path = path;
    hash_table_set(b->tls_materials, key, m);
    config_keep_material(b, m);
    if (stat(path.s, &st) < 0 && errno == ENOENT)
        placeholder(b, m);
    else if (tls_part_read(m, TLS_PART_CERT, error, sizeof(error)) < 0)
        conf_report_add(b->report, at, "%s; it is what 'acme' has stored: remove it, or let Weir read it", error);
    return m;
}

/* ---- names ---- */

/* What is wrong with it as a name for a certificate; NULL: nothing. */
static const char *host_fault(struct str host)
{
    struct addr ip;

    if (host.s[0] == '~')
        return "is a regex; write the names one by one";
    if (host.s[0] == '.' || memchr(host.s, '*', host.len))
        return "stands for many names, and a wildcard needs a challenge that Weir has not; write the names one by one, "
               "or certificates";
    if (addr_parse_ip(host, 1, &ip) == 0)
        return "is an address; write a name";
    if (host.len > HOST_MAX)
        return "is too long; write a name of 253 bytes at most";
    for (size_t i = 0; i < host.len; i++) {
        char c = ascii_lower(host.s[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && (c != '.' || host.s[i - 1] == '.'))
            return "is not a name of DNS; write letters, digits, '-' and '.' (others as xn--...)";
    }
    return NULL;
}

static void add_host(struct build *b, struct tls_conf *conf, struct str host, bool report)
{
    const char *fault = host.len ? host_fault(host) : "is empty; write a name";

    if (!fault)
        conf->pairs[conf->pair_count++] = material(b, conf->acme, pool_lower(b->pool, host), conf->at);
    else if (report)
        conf_report_add(b->report, conf->acme->at, "'acme' cannot get a certificate: the host \"%.*s\" %s",
                        STR_ARG(host), fault);
}

void config_acme_site(struct build *b, struct tls_conf *conf, const struct site *site, bool report)
{
    if (!conf->acme)
        return;
    conf->pairs = pool_zalloc(b->pool, (site->host_count + 1) * sizeof(struct tls_material *));
    conf->pair_count = 0;
    for (size_t i = 0; i < site->host_count; i++)
        add_host(b, conf, site->hosts[i], report);
    if (site->host_count == 0 && report)
        conf_report_add(b->report, conf->acme->at,
                        "'acme' cannot get a certificate: the site has no names; write hosts = [ \"NAME\" ];");
}

static const struct tls_conf *first_of(const struct listener_conf *l)
{
    for (size_t i = 0; l->site_tls && i < l->site_count; i++) {
        const struct tls_conf *conf = l->site_tls[l->sites[i]->index];

        if (conf && conf->pair_count)
            return conf;
    }
    return NULL;
}

void config_acme_listener(struct build *b, const struct listener_conf *l, struct tls_conf *own)
{
    size_t count = 0;

    if (!own->acme)
        return;
    for (size_t i = 0; i < l->site_count; i++)
        count += l->sites[i]->tls ? 0 : l->sites[i]->host_count;
    own->pairs = pool_zalloc(b->pool, (count + 1) * sizeof(struct tls_material *));
    own->pair_count = 0;
    for (size_t i = 0; i < l->site_count; i++) {
        for (size_t k = 0; k < l->sites[i]->host_count && !l->sites[i]->tls; k++)
            add_host(b, own, l->sites[i]->hosts[k], true);
    }
    if (own->pair_count == 0 && first_of(l)) {
        own->pairs = first_of(l)->pairs;
        own->pair_count = first_of(l)->pair_count;
    }
    if (own->pair_count == 0 && b->loaded && count == 0)
        conf_report_add(b->report, own->acme->at,
                        "'acme' cannot get a certificate: no site of the listener has a name; write hosts = "
                        "[ \"NAME\" ]; in one");
}

void config_acme_warn(struct build *b)
{
    const struct config *c = b->config;
    const struct acme_conf *asks = NULL;

    for (size_t i = 0; i < c->listener_count; i++) {
        if (!c->listeners[i].tls && !c->listeners[i].admin && !c->listeners[i].tcp)
            return;
    }
    for (size_t i = 0; i < c->tls_material_count && !asks; i++) {
        if (c->tls_materials[i]->acme && c->tls_materials[i]->acme->challenge == ACME_HTTP_01)
            asks = c->tls_materials[i]->acme;
    }
    if (asks && b->loaded)
        conf_report_warn(b->report, asks->at,
                         "the authority asks over port 80 (http-01), but no listener is without tls; add one, or write "
                         "challenge = \"tls-alpn-01\"");
}

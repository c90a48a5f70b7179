/* explain_tls.c: see explain_tls.h. */
#include "main/explain_tls.h"

#include <time.h>

#include "core/config/config_tls.h"
#include "core/config/settings_tls.h"
#include "core/route/host_table.h"
#include "core/tls/tls_names.h"
#include "core/tls/tls_pair.h"

struct explain_tls {
    const struct tls_conf *conf;
    struct tls_material *pairs[TLS_KINDS];
    size_t pair_count;
};

static const struct tls_conf *tls_conf_for(const struct explain *e)
{
    const struct listener_conf *l = e->req.listener;
    void *site = NULL;

    if (!e->sni.len)
        return l->tls;
    if (host_table_find(l->hosts, e->sni, e->req.regex, NULL, &site) != REGEX_MATCH)
        site = l->default_site;
    return tls_conf_of(l, site);
}

const struct tls_policy *explain_tls_policy(const struct explain *e)
{
    return e->req.tls && e->req.listener->tls ? tls_conf_for(e)->policy : NULL;
}

/* False: it is not a matter of TLS. */
static bool explain_tls(const struct explain *e, struct explain_tls *t)
{
    const struct listener_conf *l = e->req.listener;
    const struct tls_conf *list;
    struct tls_names *names;
    struct tls_choice choice;

    *t = (struct explain_tls){.pair_count = 0};
    if (!e->req.tls || !l->tls)
        return false;
    t->conf = tls_conf_for(e);
    list = t->conf->pair_count ? t->conf : l->tls;
    names = tls_names_new(list->pairs, list->pair_count, (struct hash_key){0, 0}, NULL);
    choice = tls_names_find(names, e->sni);
    for (size_t i = 0; i < TLS_KINDS; i++) {
        if (choice.pairs[i] >= 0)
            t->pairs[t->pair_count++] = list->pairs[choice.pairs[i]];
    }
    tls_names_free(names);
    return true;
}

struct names_text {
    struct pool *pool;
    struct str text;
};

static void add_name(struct str name, void *arg)
{
    struct names_text *n = arg;

    n->text = n->text.len ? pool_printf(n->pool, "%.*s, %.*s", STR_ARG(n->text), STR_ARG(name))
                          : pool_str(n->pool, name);
}

static struct str time_text(int64_t when_s, struct pool *pool)
{
    time_t when = (time_t)when_s;
    char text[40] = "?";
    struct tm tm;

    if (gmtime_r(&when, &tm))
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return pool_str(pool, str_of(text));
}

static void print_acme(const struct acme_conf *acme, const struct tls_material *m, FILE *to)
{
    if (m->acme)
        fprintf(to, "%-11s%s from %.*s by %s\n", "acme", m->made ? "a placeholder until there is one" : "it is",
                STR_ARG(acme->directory), settings_acme_challenge_names[acme->challenge]);
}

static void print_pair(const struct tls_material *m, bool first, struct pool *pool, FILE *to)
{
    X509 *cert = tls_pair_cert(m);
    struct names_text names = {pool, STR("")};
    struct str end;

    if (!cert)
        return;
    tls_cert_names(cert, add_name, &names);
    end = time_text(tls_cert_not_after(cert), pool);
    fprintf(to, "%-11s%s %s for %.*s, until %.*s\n", first ? "shows" : "", m->parts[TLS_PART_CERT].path.s,
            EVP_PKEY_get0_type_name(X509_get0_pubkey(cert)), STR_ARG(names.text), STR_ARG(end));
    X509_free(cert);
}

/* Where the keys come from with which sessions are gone on. */
static const char *tickets_text(const struct explain *e, const struct tls_policy *p)
{
    if (!p->session_tickets)
        return "none: each handshake is a whole one";
    if (p->ticket_key_count > 0)
        return "sealed by the first of ticket_keys";
    return e->config->has_secret ? "sealed by keys from `secret` and the time" : "sealed by keys of this instance";
}

void explain_print_tls(const struct explain *e, FILE *to)
{
    struct pool *pool = e->req.pool;
    const struct tls_policy *p;
    struct explain_tls t;
    struct str at;

    if (!explain_tls(e, &t)) {
        if (e->req.tls && !e->listener_assumed)
            fprintf(to, "%-11s%s\n", "tls", "the listener has none: a client that begins with it fails");
        else if (!e->req.tls && e->req.listener->tls)
            fprintf(to, "%-11s%s\n", "tls", "the listener has it: a client has to say https");
        return;
    }
    p = t.conf->policy;
    at = explain_place(t.conf->at, pool);
    fprintf(to, "%-11sof %s%.*s: TLS 1.%c and later, certificates of clients: %s  (%.*s)\n", "tls",
            t.conf->site ? "site " : "the listener", STR_ARG(t.conf->site ? t.conf->site->name : STR("")),
            p->only_1_3 ? '3' : '2', settings_tls_verify_names[p->verify], STR_ARG(at));
    for (size_t i = 0; i < t.pair_count; i++) {
        print_pair(t.pairs[i], i == 0, pool, to);
        print_acme(t.pairs[i]->acme, t.pairs[i], to);
    }
    fprintf(to, "%-11s%s\n", "tickets", tickets_text(e, p));
    if (t.conf->hsts)
        fprintf(to, "%-11sStrict-Transport-Security: %.*s\n", "hsts", STR_ARG(t.conf->hsts->value));
}

static void put_name(struct str name, void *arg)
{
    json_str(arg, NULL, name);
}

static void put_pair(struct json *j, const struct tls_material *m)
{
    X509 *cert = tls_pair_cert(m);

    if (!cert)
        return;
    json_object(j, NULL);
    json_str(j, "file", m->parts[TLS_PART_CERT].path);
    json_str(j, "key", str_of(EVP_PKEY_get0_type_name(X509_get0_pubkey(cert))));
    json_array(j, "names");
    tls_cert_names(cert, put_name, j);
    json_array_end(j);
    json_str(j, "not_after", time_text(tls_cert_not_after(cert), j->pool));
    json_str(j, "acme", m->acme ? m->acme->directory : STR_NONE);
    json_bool(j, "placeholder", m->made);
    json_object_end(j);
    X509_free(cert);
}

void explain_put_tls(struct json *j, const struct explain *e)
{
    const struct tls_policy *p;
    struct explain_tls t;

    if (!explain_tls(e, &t)) {
        json_null(j, "tls");
        return;
    }
    p = t.conf->policy;
    json_object(j, "tls");
    json_str(j, "name", e->sni.len ? e->sni : STR_NONE);
    json_str(j, "site", t.conf->site ? t.conf->site->name : STR_NONE);
    json_str(j, "at", explain_place(t.conf->at, j->pool));
    json_str(j, "min_version", p->only_1_3 ? STR("1.3") : STR("1.2"));
    json_str(j, "client_verify", str_of(settings_tls_verify_names[p->verify]));
    json_bool(j, "http2", e->req.listener->http2);
    json_array(j, "certificates");
    for (size_t i = 0; i < t.pair_count; i++)
        put_pair(j, t.pairs[i]);
    json_array_end(j);
    json_bool(j, "session_tickets", p->session_tickets);
    json_str(j, "hsts", t.conf->hsts ? t.conf->hsts->value : STR_NONE);
    json_object_end(j);
}

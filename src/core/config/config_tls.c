/* config_tls.c: `tls` of listeners and sites: what a site lacks comes from each listener that serves it. */
#include <stdio.h>
#include <stdlib.h>

#include "conf/print.h"
#include "core/config/config_build.h"
#include "io/hmac.h"

static struct conf_place tls_place(const struct tls_settings *s, const char *name)
{
    return conf_place_of(&settings_tls_group, &s->head, name);
}

static void material_free(void *arg)
{
    tls_material_free(arg);
}

static void material_read(struct build *b, struct tls_material *m, const struct conf_place at[TLS_PARTS])
{
    char error[512];

    for (size_t i = 0; i < TLS_PARTS; i++) {
        if (m->parts[i].path.len && tls_part_read(m, (enum tls_part_kind)i, error, sizeof(error)) != 0)
            conf_report_add(b->report, at[i], "%s; write a file that is there and may be read", error);
    }
}

void config_keep_material(struct build *b, struct tls_material *m)
{
    struct config *c = b->config;

    if (c->tls_material_count == b->tls_material_room) {
        size_t room = b->tls_material_room ? b->tls_material_room * 2 : 16;
        struct tls_material **all = pool_alloc(b->pool, room * sizeof(struct tls_material *));

        if (c->tls_material_count)
            memcpy(all, c->tls_materials, c->tls_material_count * sizeof(struct tls_material *));
        c->tls_materials = all;
        b->tls_material_room = room;
    }
    m->index = c->tls_material_count;
    c->tls_materials[c->tls_material_count++] = m;
    pool_on_free(b->pool, material_free, m);
}

/* The material of these files, read once however often it is named. */
static struct tls_material *material_of(struct build *b, enum tls_material_kind kind, const struct str paths[TLS_PARTS],
                                        const struct conf_place at[TLS_PARTS])
{
    struct str key = pool_printf(b->pool, "%d\n%.*s\n%.*s\n%.*s", (int)kind, STR_ARG(paths[0]), STR_ARG(paths[1]),
                                 STR_ARG(paths[2]));
    struct tls_material *m = hash_table_get(b->tls_materials, key);

    if (m)
        return m;
    m = pool_zalloc(b->pool, sizeof(*m));
    m->kind = kind;
    m->at = at[0];
    for (size_t i = 0; i < TLS_PARTS; i++)
        m->parts[i].path = paths[i];
    hash_table_set(b->tls_materials, key, m);
    config_keep_material(b, m);
    material_read(b, m, at);
    return m;
}

static struct tls_material *material_single(struct build *b, enum tls_material_kind kind, struct str path,
                                            struct conf_place at)
{
    return material_of(b, kind, (struct str[TLS_PARTS]){path}, (struct conf_place[TLS_PARTS]){at, at, at});
}

static void conf_pairs(struct build *b, const struct tls_settings *s, struct tls_conf *conf)
{
    const struct certificate_settings *list = s->certificates.items;

    conf->pairs = config_made(b, list);
    conf->pair_count = s->certificates.n;
    if (conf->pairs)
        return;
    conf->pair_count = 0;
    conf->pairs = pool_zalloc(b->pool, (s->certificates.n + 1) * sizeof(struct tls_material *));
    for (size_t i = 0; i < s->certificates.n; i++) {
        const struct certificate_settings *c = &list[i];
        const struct conf_head *head = &c->head;
        struct str paths[TLS_PARTS] = {c->cert, c->key, c->chain};
        struct conf_place at[TLS_PARTS] = {
            conf_place_of(&settings_certificate_group, head, "cert"),
            conf_place_of(&settings_certificate_group, head, "key"),
            conf_place_of(&settings_certificate_group, head, "chain"),
        };

        if (!head->broken)
            conf->pairs[conf->pair_count++] = material_of(b, TLS_MATERIAL_PAIR, paths, at);
    }
    if (conf->pair_count)
        config_keep(b, list, conf->pairs);
}

static struct str policy_curves(struct build *b, const struct conf_list *list)
{
    const struct str *names = list->items;
    struct str all = list->n ? names[0] : STR("");

    for (size_t i = 1; i < list->n; i++)
        all = pool_printf(b->pool, "%.*s:%.*s", STR_ARG(all), STR_ARG(names[i]));
    return all;
}

static void setting_forget(struct tls_settings *s, const char *name)
{
    for (size_t i = 0; i < settings_tls_group.n_rows; i++) {
        const struct conf_row *row = &settings_tls_group.rows[i];
        size_t size = row->flags & CONF_LIST ? sizeof(struct conf_list) : conf_type_size(row->type);

        if (strcmp(row->name, name) != 0)
            continue;
        memset((char *)s + row->offset, 0, size);
        s->head.present[i / 64] &= ~((uint64_t)1 << (i % 64));
    }
}

/*
 * Of what decides who is let in, and how well the connection is guarded: all settings but those that are named here, so
 * that one which is forgotten keeps sites apart.  Of `client_ca` it is the file's bytes.
 */
static void policy_id(const struct tls_settings *s, struct tls_policy *p)
{
    static const char *const others[] = {"certificates",  "session_tickets", "ticket_keys", "client_ca",
                                         "ocsp_stapling", "hsts",            "acme"};
    static const struct str key = {"tls policy", 10};
    struct tls_settings rules = *s;
    uint8_t ca[HMAC_BYTES] = {0};
    size_t len = 0;
    char *text = NULL;
    FILE *to = open_memstream(&text, &len);

    if (!to)
        abort();
    if (p->client_ca)
        hmac_sha256(key, (struct str){p->client_ca->parts[0].bytes, p->client_ca->parts[0].len}, ca);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        setting_forget(&rules, others[i]);
    conf_print(to, &settings_tls_group, 0, &rules, 0);
    (void)fwrite(ca, 1, sizeof(ca), to);
    if (fclose(to) != 0)
        abort();
    hmac_sha256(key, (struct str){text, len}, p->id);
    free(text);
}

/* Of what is complete: a site's own may lack what its listeners have. */
static void policy_check_clients(struct build *b, const struct tls_settings *s, const struct tls_policy *p)
{
    if (p->verify != TLS_VERIFY_NONE && !p->client_ca)
        conf_report_add(b->report, tls_place(s, "client_verify"),
                        "nobody signs the certificates of clients; write client_ca = \"FILE\"");
    if (p->client_ca && !settings_has(&settings_tls_group, &s->head, "client_verify"))
        conf_report_add(b->report, tls_place(s, "client_ca"),
                        "'client_ca' does nothing alone; write client_verify = \"required\" or \"optional\"");
}

/* Equal ones are one, so that what workers make of them is made once. */
static struct tls_policy *policy_shared(struct build *b, struct tls_policy *p)
{
    size_t n = TLS_ID_BYTES + 1 + p->ticket_key_count * sizeof(struct tls_material *);
    char *key = pool_text(b->pool, n);
    struct tls_policy *first;

    memcpy(key, p->id, TLS_ID_BYTES);
    key[TLS_ID_BYTES] = p->session_tickets ? 1 : 0;
    if (p->ticket_key_count)
        memcpy(key + TLS_ID_BYTES + 1, p->ticket_keys, n - TLS_ID_BYTES - 1);
    first = hash_table_get(b->tls_policies, (struct str){key, n});
    if (!first)
        hash_table_set(b->tls_policies, (struct str){key, n}, p);
    return first ? first : p;
}

static struct tls_policy *policy_build(struct build *b, const struct tls_settings *s, bool complete)
{
    struct tls_policy *p = pool_zalloc(b->pool, sizeof(*p));
    const struct str *keys = s->ticket_keys.items;

    p->only_1_3 = s->min_version == 1;
    p->texts[TLS_CIPHERS_1_2] = s->ciphers;
    p->texts[TLS_CIPHERS_1_3] = s->ciphersuites;
    p->texts[TLS_CURVES] = policy_curves(b, &s->curves);
    p->text_at[TLS_CIPHERS_1_2] = tls_place(s, "ciphers");
    p->text_at[TLS_CIPHERS_1_3] = tls_place(s, "ciphersuites");
    p->text_at[TLS_CURVES] = tls_place(s, "curves");
    p->session_tickets = s->session_tickets;
    p->ticket_keys = pool_zalloc(b->pool, (s->ticket_keys.n + 1) * sizeof(struct tls_material *));
    p->ticket_key_count = s->ticket_keys.n;
    for (size_t i = 0; i < s->ticket_keys.n; i++)
        p->ticket_keys[i] = material_single(b, TLS_MATERIAL_TICKET_KEY, keys[i], tls_place(s, "ticket_keys"));
    p->verify = (enum tls_verify)s->client_verify;
    if (s->client_ca.len)
        p->client_ca = material_single(b, TLS_MATERIAL_CA, s->client_ca, tls_place(s, "client_ca"));
    if (complete)
        policy_check_clients(b, s, p);
    policy_id(s, p);
    return policy_shared(b, p);
}

static const struct hsts_conf *hsts_build(struct build *b, const struct hsts_settings *s)
{
    struct hsts_conf *h;

    if (!s)
        return NULL;
    h = pool_zalloc(b->pool, sizeof(*h));
    *h = (struct hsts_conf){.max_age_s = s->max_age / 1000, .subdomains = s->subdomains, .preload = s->preload};
    h->value = pool_printf(b->pool, "max-age=%lld%s%s", (long long)h->max_age_s,
                           h->subdomains ? "; includeSubDomains" : "", h->preload ? "; preload" : "");
    return h;
}

static struct tls_conf *conf_build(struct build *b, const struct tls_settings *s, const struct site *site,
                                   bool complete)
{
    struct tls_conf *conf = pool_zalloc(b->pool, sizeof(*conf));

    conf->at = s->head.at;
    conf->site = site;
    conf->index = b->config->tls_conf_count++;
    conf_pairs(b, s, conf);
    conf->policy = policy_build(b, s, complete);
    conf->ocsp_stapling = s->ocsp_stapling;
    conf->hsts = hsts_build(b, s->hsts);
    conf->acme = config_acme(b, s->acme);
    hmac_sha256((struct str){(const char *)conf->policy->id, TLS_ID_BYTES}, site ? site->name : STR(""),
                conf->session_context);
    return conf;
}

/* A copy that may be completed: the site is joined with several listeners. */
static struct tls_settings *site_settings_copy(struct build *b, const struct tls_settings *from)
{
    struct tls_settings *s = pool_zalloc(b->pool, sizeof(*s));

    *s = *from;
    if (from->hsts) {
        s->hsts = pool_zalloc(b->pool, sizeof(*s->hsts));
        *s->hsts = *from->hsts;
    }
    if (from->acme) {
        s->acme = pool_zalloc(b->pool, sizeof(*s->acme));
        *s->acme = *from->acme;
    }
    return s;
}

void config_build_site_tls(struct build *b, struct level_settings *s, struct site *site)
{
    struct tls_settings *own;
    struct tls_conf *conf;

    if (!s->tls || s->tls->head.broken)
        return;
    own = site_settings_copy(b, s->tls);
    (void)!conf_fill(&b->load, &settings_tls_group, own);
    conf = conf_build(b, own, site, false);
    site->tls = conf;
    config_acme_check(b, s->tls);
    if (s->tls->acme)
        config_acme_site(b, conf, site, true);
}

static struct level_settings *settings_of_site(const struct build *b, const struct site *site)
{
    return (struct level_settings *)b->settings->sites.items + (site - b->config->sites);
}

static void listener_site(struct build *b, const struct listener_settings *ls, struct listener_conf *l,
                          const struct site *site)
{
    const struct tls_settings *own;
    struct tls_settings *s;
    struct tls_conf *conf;

    if (!site->tls)
        return;
    own = settings_of_site(b, site)->tls;
    if (!l->site_tls)
        l->site_tls = pool_zalloc(b->pool, (b->config->site_count + 1) * sizeof(struct tls_conf *));
    s = site_settings_copy(b, own);
    (void)!settings_join(&b->load, &settings_tls_group, s, &settings_tls_group, ls->tls);
    l->site_tls[site - b->config->sites] = conf = conf_build(b, s, site, true);
    /* Its own certificates, or else those that the listener's authority gives. */
    if (own->certificates.n)
        conf->acme = NULL;
    else if (own->acme || ls->tls->acme)
        config_acme_site(b, conf, site, !own->acme);
}

/* The first site with a certificate has the one for clients that name nothing, unless the default site has one. */
static const struct tls_conf *listener_first_pairs(const struct listener_conf *l)
{
    if (l->default_site && l->default_site->tls && l->default_site->tls->pair_count)
        return l->default_site->tls;
    for (size_t i = 0; i < l->site_count; i++) {
        if (l->sites[i]->tls && l->sites[i]->tls->pair_count)
            return l->sites[i]->tls;
    }
    return NULL;
}

static void listener_pairs(struct build *b, struct listener_conf *l, struct tls_conf *own)
{
    const struct tls_conf *first = listener_first_pairs(l);

    config_acme_listener(b, l, own);
    if (own->pair_count)
        return;
    if (first) {
        own->pairs = first->pairs;
        own->pair_count = first->pair_count;
        return;
    }
    if (b->loaded && !own->acme)
        conf_report_add(b->report, own->at,
                        "the listener has no certificate; write certificates = ( { cert = \"FILE\"; key = "
                        "\"FILE\"; } ); here or in the tls of a site");
}

void config_build_listener_tls(struct build *b, const struct listener_settings *s, struct listener_conf *l)
{
    struct tls_conf *own;

    l->http2 = settings_has(&settings_listener_group, &s->head, "http2") ? s->http2 : s->tls != NULL;
    if (!s->tls || s->tls->head.broken)
        return;
    l->tls = own = conf_build(b, s->tls, NULL, true);
    config_acme_check(b, s->tls);
    for (size_t i = 0; i < l->site_count; i++)
        listener_site(b, s, l, l->sites[i]);
    listener_pairs(b, l, own);
}

static bool site_is_served(const struct config *c, const struct site *site)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener_conf *l = &c->listeners[i];

        if (l->site_tls && l->site_tls[site - c->sites])
            return true;
    }
    return false;
}

void config_check_tls(struct build *b)
{
    const struct config *c = b->config;

    for (size_t i = 0; i < c->site_count && b->loaded; i++) {
        if (c->sites[i].tls && !site_is_served(c, &c->sites[i]))
            conf_report_add(b->report, c->sites[i].tls->at,
                            "no listener with tls serves this site; write tls = true; for one or remove this");
    }
    config_acme_warn(b);
}

const struct tls_conf *tls_conf_of(const struct listener_conf *l, const struct site *site)
{
    const struct tls_conf *own = site && site->tls && l->site_tls ? l->site_tls[site->index] : NULL;

    return own ? own : l->tls;
}

bool tls_policy_same(const struct tls_policy *a, const struct tls_policy *b)
{
    return a == b || memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

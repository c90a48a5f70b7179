/* tls_server.c: the contexts of a worker, and which certificates each has. */
#include "core/tls/tls_server.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/tls/tls_context.h"
#include "core/tls/tls_pair.h"
#include "core/tls/tls_server_state.h"
#include "core/worker.h"

/* ---- contexts ---- */

static const struct tls_trust *trust_of(struct tls_server *s, const struct tls_material *m, char *error, size_t size)
{
    struct tls_trust *t = &s->trusts[m->index];
    STACK_OF(X509) *all;

    if (t->store)
        return t;
    all = tls_authorities(m, error, size);
    if (!all)
        return NULL;
    t->store = X509_STORE_new();
    t->names = sk_X509_NAME_new_null();
    for (int i = 0; i < sk_X509_num(all); i++) {
        (void)X509_STORE_add_cert(t->store, sk_X509_value(all, i));
        (void)sk_X509_NAME_push(t->names, X509_NAME_dup(X509_get_subject_name(sk_X509_value(all, i))));
    }
    sk_X509_pop_free(all, X509_free);
    return t;
}

static int context_fill(SSL_CTX *ctx, struct tls_context *c, char *error, size_t size)
{
    const struct tls_policy *policy = c->key.policy;
    const struct tls_trust *trust = NULL;

    if (policy->verify != TLS_VERIFY_NONE) {
        trust = trust_of(c->key.listener->server, policy->client_ca, error, size);
        if (!trust)
            return -1;
    }
    if (tls_context_set_policy(ctx, policy, trust ? trust->store : NULL, trust ? trust->names : NULL, error, size) < 0)
        return -1;
    for (size_t i = 0; i < TLS_KINDS; i++) {
        if (c->key.pairs[i] && tls_context_add_pair(ctx, c->key.pairs[i], error, size) < 0)
            return -1;
    }
    tls_hello_callbacks(ctx, c);
    return 0;
}

SSL_CTX *tls_context_make(struct tls_context *c, char *error, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (ctx && context_fill(ctx, c, error, size) == 0)
        return ctx;
    if (!ctx)
        snprintf(error, size, "OpenSSL: %s", tls_reason());
    SSL_CTX_free(ctx);
    return NULL;
}

static struct tls_context *context_of(struct tls_listener *l, const struct tls_policy *policy,
                                      struct tls_material *const *pairs, const struct tls_choice *choice)
{
    struct tls_server *s = l->server;
    struct tls_context_key key = {.listener = l, .policy = policy};
    struct tls_context *c;

    for (size_t i = 0; i < TLS_KINDS; i++)
        key.pairs[i] = choice->pairs[i] < 0 ? NULL : pairs[choice->pairs[i]];
    c = hash_table_get(s->contexts, (struct str){(const char *)&key, sizeof(key)});
    if (c)
        return c;
    c = pool_zalloc(s->worker->pool, sizeof(*c));
    c->key = key;
    c->next = s->all;
    s->all = c;
    hash_table_set(s->contexts, (struct str){(const char *)&c->key, sizeof(c->key)}, c);
    return c;
}

/* ---- from a name to a context ---- */

static struct tls_choice list_choose(struct tls_server *s, const struct tls_conf *conf, struct str name)
{
    struct tls_list *list = &s->lists[conf->index];

    if (conf->pair_count < 2) {
        struct tls_choice choice = tls_choice_none();

        /* Whatever its kind is: it is the only one. */
        choice.pairs[0] = conf->pair_count ? 0 : -1;
        return choice;
    }
    if (!list->names) {
        list->conf = conf;
        list->names = tls_names_new(conf->pairs, conf->pair_count, s->key, NULL);
    }
    return tls_names_find(list->names, name);
}

struct tls_context *tls_context_find(struct tls_listener *l, const struct tls_conf *conf, struct str name)
{
    /* A site that has other settings and no certificate shows one of the listener's. */
    const struct tls_conf *list = conf->pair_count ? conf : l->conf->tls;
    struct tls_choice choice = list_choose(l->server, list, name);

    return context_of(l, conf->policy, list->pairs, &choice);
}

/* ---- the worker's side ---- */

static int listener_init_tls(struct tls_server *s, const struct listener_conf *conf)
{
    struct tls_listener *l = &s->listeners[conf->index];
    char error[512];

    if (!conf->tls)
        return 0;
    *l = (struct tls_listener){.server = s, .conf = conf};
    l->base = tls_context_find(l, conf->tls, STR_NONE);
    l->base->ctx = tls_context_make(l->base, error, sizeof(error));
    if (l->base->ctx)
        return 0;
    log_write(s->worker->log, LOG_LEVEL_CRIT, "listener %.*s has no TLS: %s", STR_ARG(conf->text), error);
    return -1;
}

struct tls_server *tls_server_new(struct worker *w)
{
    const struct config *c = w->config;
    struct tls_server *s = pool_zalloc(w->pool, sizeof(*s));
    uint8_t key[16];

    s->worker = w;
    rnd_bytes(key, sizeof(key));
    s->key = hash_key_of(key);
    s->index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    s->hello_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    tls_tickets_init(&s->tickets, c->has_secret ? NULL : w->board, c->secret);
    s->listeners = pool_zalloc(w->pool, (c->listener_count + 2) * sizeof(*s->listeners));
    s->lists = pool_zalloc(w->pool, (c->tls_conf_count + 1) * sizeof(*s->lists));
    s->trusts = pool_zalloc(w->pool, (c->tls_material_count + 1) * sizeof(*s->trusts));
    s->contexts = hash_table_new(w->pool, s->key, 16);
    for (size_t i = 0; i < c->listener_count; i++) {
        if (listener_init_tls(s, &c->listeners[i]) < 0) {
            tls_server_free(s);
            return NULL;
        }
    }
    return s;
}

void tls_server_free(struct tls_server *s)
{
    const struct config *c;

    if (!s)
        return;
    c = s->worker->config;
    for (struct tls_context *context = s->all; context; context = context->next)
        SSL_CTX_free(context->ctx);
    for (size_t i = 0; i < c->tls_conf_count; i++)
        tls_names_free(s->lists[i].names);
    for (size_t i = 0; i < c->tls_material_count; i++) {
        X509_STORE_free(s->trusts[i].store);
        sk_X509_NAME_pop_free(s->trusts[i].names, X509_NAME_free);
    }
}

SSL_CTX *tls_server_context(struct tls_server *s, const struct listener_conf *conf)
{
    return s->listeners[conf->index].base->ctx;
}

const struct tls_conf *tls_server_conf(const SSL *ssl)
{
    const struct tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct tls_conf *conf = SSL_get_ex_data(ssl, c->key.listener->server->index);

    return conf ? conf : c->key.listener->conf->tls;
}

const struct tls_policy *tls_server_policy(const SSL *ssl)
{
    return tls_server_conf(ssl)->policy;
}

struct tls_tickets *tls_server_tickets(const SSL *ssl, int64_t *now_s)
{
    const struct tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct tls_server *s = c->key.listener->server;

    *now_s = s->worker->loop->clock.wall_s;
    return &s->tickets;
}

/* ---- certificates that change ---- */

static bool context_has(const struct tls_context *c, const struct tls_material *m)
{
    for (size_t i = 0; i < TLS_KINDS; i++) {
        if (c->key.pairs[i] == m)
            return true;
    }
    return false;
}

static bool conf_has(const struct tls_conf *conf, const struct tls_material *m)
{
    for (size_t i = 0; conf && i < conf->pair_count; i++) {
        if (conf->pairs[i] == m)
            return true;
    }
    return false;
}

static void forget_names(struct tls_server *s, const struct tls_material *m)
{
    for (size_t i = 0; i < s->worker->config->tls_conf_count; i++) {
        struct tls_list *list = &s->lists[i];

        if (!conf_has(list->conf, m))
            continue;
        tls_names_free(list->names);
        *list = (struct tls_list){NULL, NULL};
    }
}

static void forget_contexts(struct tls_server *s, const struct tls_material *m)
{
    for (struct tls_context *c = s->all; c; c = c->next) {
        if (!context_has(c, m))
            continue;
        SSL_CTX_free(c->ctx);
        c->ctx = NULL;
    }
}

/* The listeners' own are always there. */
static void remake_bases(struct tls_server *s)
{
    const struct config *c = s->worker->config;
    char error[512];

    for (size_t i = 0; i < c->listener_count; i++) {
        struct tls_listener *l = &s->listeners[i];
        struct tls_context *base;

        if (!l->conf)
            continue;
        base = tls_context_find(l, l->conf->tls, STR_NONE);
        if (!base->ctx)
            base->ctx = tls_context_make(base, error, sizeof(error));
        if (base->ctx)
            l->base = base;
        else
            log_write(s->worker->log, LOG_LEVEL_ERROR, "listener %.*s: %s", STR_ARG(l->conf->text), error);
    }
}

int tls_server_replace(struct tls_server *s, size_t material, struct tls_material *fresh, char *error, size_t error_size)
{
    struct tls_material *m = s->worker->config->tls_materials[material];
    SSL_CTX *probe = SSL_CTX_new(TLS_server_method());
    int rc = probe ? tls_context_add_pair(probe, fresh, error, error_size) : -1;

    SSL_CTX_free(probe);
    if (rc < 0)
        return -1;
    tls_material_move(m, fresh);
    forget_names(s, m);
    forget_contexts(s, m);
    remake_bases(s);
    return 0;
}

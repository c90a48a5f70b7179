/* config_balance.c: how servers are chosen, and which requests go to another upstream first. */
#include "core/config/config_balance.h"

#include "core/upstream/balance_key.h"

/* The arguments and the methods that have them. */
static const struct {
    const char *name;
    unsigned methods;
    const char *whose;
} arguments[] = {
    {"depth", 1u << BALANCE_URI, "\"uri\""},
    {"length", 1u << BALANCE_URI, "\"uri\""},
    {"whole", 1u << BALANCE_URI, "\"uri\""},
    {"name", 1u << BALANCE_URL_PARAM | 1u << BALANCE_HEADER | 1u << BALANCE_RDP_COOKIE,
     "\"url_param\", \"header\" and \"rdp_cookie\""},
    {"key", 1u << BALANCE_HASH, "\"hash\""},
};

static bool has(const struct balance_settings *s, const char *name)
{
    return settings_has(&settings_balance_group, &s->head, name);
}

static struct conf_place place(const struct balance_settings *s, const char *name)
{
    return conf_place_of(&settings_balance_group, &s->head, name);
}

/* What an outer level says of another method is not meant for this one. */
static void balance_drop_foreign(struct balance_settings *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
        if (settings_is_written(&settings_balance_group, &s->head, "method") &&
            !settings_is_written(&settings_balance_group, &s->head, arguments[i].name))
            settings_forget(&settings_balance_group, &s->head, arguments[i].name);
}

static void balance_check(struct build *b, const struct balance_settings *s)
{
    const char *method = settings_balance_names[s->method];

    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
        if (settings_is_written(&settings_balance_group, &s->head, arguments[i].name) &&
            !(arguments[i].methods & 1u << s->method))
            conf_report_add(b->report, place(s, arguments[i].name),
                            "'%s' says nothing about \"%s\"; it is for %s: remove it or change the method",
                            arguments[i].name, method, arguments[i].whose);
    if (s->head.broken)
        return;
    if ((s->method == BALANCE_URL_PARAM || s->method == BALANCE_HEADER) && !(has(s, "name") && s->name.len))
        conf_report_add(b->report, place(s, "method"),
                        "\"%s\" needs a name; write balance = { method = \"%s\"; name = \"...\"; };",
                        method, method);
    if (s->method == BALANCE_HASH && !(has(s, "key") && s->key.len))
        conf_report_add(b->report, place(s, "method"), "\"hash\" needs a key; write balance = "
                        "{ method = \"hash\"; key = \"$remote_addr\"; };");
}

static void balance_build(struct build *b, const struct balance_settings *s, struct upstream *u)
{
    struct balance_conf *c = &u->balance_conf;

    u->balance = (enum balance_method)s->method;
    if (u->balance == BALANCE_URI) {
        c->depth = has(s, "depth") ? (unsigned)s->depth : 0;
        c->length = has(s, "length") ? (unsigned)s->length : 0;
        c->whole = has(s, "whole") && s->whole;
    }
    c->name = has(s, "name") && s->name.len ? s->name : STR("mstshash");
    if (u->balance == BALANCE_HASH && has(s, "key") && s->key.len)
        c->key = template_new(b->pool, s->key, VAR_REQUEST, place(s, "key"), b->report);
}

/* Written for this upstream, where no hash is: it would do nothing. */
static void balance_check_hash(struct build *b, const struct upstream_settings *s, const struct upstream *u)
{
    static const char *const names[] = {"hash_method", "hash_balance_factor"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!balance_has_key(u->balance) && !(s->balance && s->balance->head.broken) &&
            settings_is_written(&settings_upstream_group, &s->head, names[i]))
            conf_report_add(b->report, conf_place_of(&settings_upstream_group, &s->head, names[i]),
                            "'%s' says nothing about \"%s\"; it is for source, uri, url_param, header, "
                            "rdp_cookie and hash: remove it or change 'balance'",
                            names[i], config_balance_name(u->balance));
}

void config_build_balance(struct build *b, struct upstream_settings *s, struct upstream *u)
{
    if (s->balance) {
        bool is_own = s->balance != b->settings->defaults->balance;

        if (is_own)
            balance_drop_foreign(s->balance);
        /* That of `defaults` once, however many upstreams have it. */
        if (is_own || !config_made(b, s->balance)) {
            balance_check(b, s->balance);
            config_keep(b, s->balance, s->balance);
        }
        balance_build(b, s->balance, u);
    }
    u->balance_conf.consistent = s->hash_method == 1;
    u->balance_conf.factor = s->hash_balance_factor > 0 ? (unsigned)s->hash_balance_factor : 0;
    balance_check_hash(b, s, u);
}

void config_build_diverts(struct build *b, const struct upstream_settings *s, struct upstream *u)
{
    const struct divert_settings *from = s->divert.items;
    struct divert_conf *diverts = pool_zalloc(b->pool, (s->divert.n + 1) * sizeof(*diverts));

    for (size_t i = 0; i < s->divert.n; i++) {
        struct divert_conf *d = &diverts[u->divert_count];

        d->at = conf_place_of(&settings_divert_group, &from[i].head, "to");
        d->when = config_match(b, &from[i].when, VAR_REQUEST);
        if (from[i].to.s)
            d->to = config_proxy_target(b, from[i].to, d->at);
        u->divert_count += d->to != NULL;
    }
    u->diverts = diverts;
}

/* The upstreams on the way from the first one. */
struct divert_way {
    const struct divert_way *before;
    const struct upstream *upstream;
};

static struct str divert_circle(struct pool *pool, const struct divert_way *way, const struct upstream *to)
{
    struct str text = pool_printf(pool, "\"%.*s\"", STR_ARG(to->name));

    for (; way; way = way->before) {
        text = pool_printf(pool, "\"%.*s\" to %.*s", STR_ARG(way->upstream->name), STR_ARG(text));
        if (way->upstream == to)
            break;
    }
    return text;
}

static bool divert_is_on(const struct divert_way *way, const struct upstream *upstream)
{
    while (way && way->upstream != upstream)
        way = way->before;
    return way != NULL;
}

/* Each upstream is gone through once; one that is met again on the way to it closes a circle. */
static void divert_follow(struct build *b, const struct upstream *u, const struct divert_way *before,
                          bool *seen)
{
    const struct divert_way way = {before, u};

    if (seen[u->index])
        return;
    for (size_t i = 0; i < u->divert_count; i++) {
        const struct divert_conf *d = &u->diverts[i];

        if (divert_is_on(&way, d->to)) {
            struct str circle = divert_circle(b->pool, &way, d->to);

            conf_report_add(b->report, d->at, "'divert' goes in a circle, %.*s; take one of them out",
                            STR_ARG(circle));
            continue;
        }
        divert_follow(b, d->to, &way, seen);
    }
    seen[u->index] = true;
}

void config_check_diverts(struct build *b)
{
    const struct config *c = b->config;
    bool *seen = pool_zalloc(b->pool, c->upstream_count + 1);

    for (size_t i = 0; i < c->upstream_count; i++)
        divert_follow(b, c->upstreams[i], NULL, seen);
}

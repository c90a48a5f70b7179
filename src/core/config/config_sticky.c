/* config_sticky.c: `sticky` of upstreams: checks and keys. */
#include "core/config/config_build.h"
#include "core/upstream/sticky_value.h"

/* The most that browsers keep a cookie (draft-ietf-httpbis-rfc6265bis 5.5). */
#define FOREVER_S (INT64_C(400) * 24 * 3600)
#define LEARN_TTL_S 3600

static struct conf_place sticky_place(const struct sticky_settings *s, const char *name)
{
    return conf_place_of(&settings_sticky_group, &s->head, name);
}

static void check_cookie(struct build *b, const struct sticky_settings *s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    bool good = s->cookie.len > 0;

    for (size_t i = 0; i < s->cookie.len; i++) {
        char c = ascii_lower(s->cookie.s[i]);

        good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(marks, c)));
    }
    if (!good)
        conf_report_add(b->report, sticky_place(s, "cookie"),
                        "'cookie' is \"%.*s\"; write a name of letters, digits and %s", STR_ARG(s->cookie),
                        marks);
    if (s->mode != STICKY_INSERT && !settings_has(&settings_sticky_group, &s->head, "cookie"))
        conf_report_add(b->report, s->head.at,
                        "'sticky' has no 'cookie'; write the name of the cookie that the servers set");
}

static void check_attribute(struct build *b, const struct sticky_settings *s, const char *name,
                            struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] == ';' || (unsigned char)text.s[i] <= 0x20 || (unsigned char)text.s[i] >= 0x7f) {
            conf_report_add(b->report, sticky_place(s, name),
                            "'%s' holds a blank, a \";\" or a byte that is not ASCII; remove it", name);
            return;
        }
}

/* What a cookie's name and attributes promise each other; else browsers drop it, and nobody stays. */
static void check_promises(struct build *b, const struct sticky_settings *s, const struct sticky_conf *c)
{
    bool host = str_has_prefix(s->cookie, STR("__Host-"));

    if ((host || str_has_prefix(s->cookie, STR("__Secure-"))) && !s->secure)
        conf_report_add(b->report, sticky_place(s, "cookie"),
                        "browsers refuse a cookie \"%.*s\" without 'secure'; write secure = true",
                        STR_ARG(s->cookie));
    if (host && (s->domain.len > 0 || !str_eq(s->path, STR("/"))))
        conf_report_add(
            b->report, sticky_place(s, "cookie"),
            "browsers refuse a cookie \"%.*s\" with a 'domain' or a 'path' other than \"/\"; remove them",
            STR_ARG(s->cookie));
    if (str_eq(c->samesite, STR("None")) && !s->secure)
        conf_report_add(
            b->report, sticky_place(s, "samesite"),
            "browsers refuse a cookie with samesite = \"none\" without 'secure'; write secure = true");
}

/* Settings that do nothing in this mode. */
static void check_mode(struct build *b, const struct sticky_settings *s)
{
    static const char *const names[] = {"path",     "domain",   "secure", "httponly",
                                        "samesite", "indirect", "ttl"};
    size_t count = ARRAY_SIZE(names) - (s->mode == STICKY_LEARN);

    if (s->mode == STICKY_INSERT)
        return;
    for (size_t i = 0; i < count; i++)
        if (settings_is_written(&settings_sticky_group, &s->head, names[i]))
            conf_report_add(b->report, sticky_place(s, names[i]),
                            "'%s' does nothing where the servers set the cookie; remove it, or write "
                            "mode = \"insert\"",
                            names[i]);
}

/* Seconds; -1: not a duration. */
static int64_t parse_ttl(struct str text)
{
    static const struct {
        struct str unit;
        int64_t seconds;
    } units[] = {{{"s", 1}, 1}, {{"m", 1}, 60}, {{"h", 1}, 3600}, {{"d", 1}, 86400}};
    int64_t factor = 1;
    uint64_t value;

    if (str_eq(text, STR("forever")))
        return FOREVER_S;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (str_has_suffix(text, units[i].unit)) {
            factor = units[i].seconds;
            text.len--;
            break;
        }
    if (str_to_u64(text, (uint64_t)(FOREVER_S / factor), &value) < 0 || value == 0)
        return -1;
    return (int64_t)value * factor;
}

static int64_t build_ttl(struct build *b, const struct sticky_settings *s)
{
    int64_t ttl = s->ttl.s ? parse_ttl(s->ttl) : s->mode == STICKY_LEARN ? LEARN_TTL_S : 0;

    if (ttl < 0)
        conf_report_add(b->report, sticky_place(s, "ttl"),
                        "'ttl' is \"%.*s\"; write a duration from \"1s\" to \"400d\", or \"forever\"",
                        STR_ARG(s->ttl));
    return ttl;
}

static void build_key(struct build *b, struct sticky_settings *s, const struct upstream *u,
                      struct sticky_conf *c)
{
    struct str secret = b->config->secret;

    c->has_key = b->config->has_secret;
    if (s->secret.s) {
        struct str text = s->secret;

        secret = config_secret(b, &text, sticky_place(s, "secret"));
        c->has_key = true;
    }
    sticky_value_key(secret, u->name, c->key);
}

void config_build_sticky(struct build *b, struct upstream *u, struct sticky_settings *s)
{
    static const struct str samesites[] = {{"Lax", 3}, {"Strict", 6}, {"None", 4}};
    struct sticky_conf *c;

    if (!s || s->head.broken)
        return;
    u->sticky = c = pool_zalloc(b->pool, sizeof(*c));
    c->mode = (enum sticky_mode)s->mode;
    c->cookie = s->cookie;
    c->ttl_s = build_ttl(b, s);
    c->path = s->path;
    c->domain = s->domain;
    c->secure = s->secure;
    c->httponly = s->httponly;
    c->indirect = s->indirect;
    if (settings_has(&settings_sticky_group, &s->head, "samesite"))
        c->samesite = samesites[s->samesite];
    build_key(b, s, u, c);
    check_cookie(b, s);
    check_mode(b, s);
    if (c->mode != STICKY_INSERT)
        return;
    check_attribute(b, s, "path", s->path);
    check_attribute(b, s, "domain", s->domain);
    if (s->path.len == 0 || s->path.s[0] != '/')
        conf_report_add(b->report, sticky_place(s, "path"),
                        "'path' is \"%.*s\"; write one that begins with \"/\"", STR_ARG(s->path));
    check_promises(b, s, c);
}

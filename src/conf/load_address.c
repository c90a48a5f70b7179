/* load_address.c: single values that are addresses and networks. */
#include <arpa/inet.h>

#include "conf/load_value.h"

static int split_address(struct conf_slot *t, struct str text, struct conf_address *out)
{
    *out = (struct conf_address){.text = text, .host = text, .port = -1};
    if (str_has_prefix(text, STR("unix:"))) {
        out->is_unix = true;
        out->host = (struct str){text.s + 5, text.len - 5};
        return out->host.len ? 0 : conf_wrong_text(t, text);
    }
    const char *colon = memrchr(text.s, ':', text.len);
    const char *bracket = memchr(text.s, ']', text.len);
    if (bracket && (text.s[0] != '[' || (bracket[1] && bracket[1] != ':'))) {
        return conf_wrong_text(t, text);
    }
    bool bare_v6 = colon && !bracket && memchr(text.s, ':', (size_t)(colon - text.s));
    if (colon && !bare_v6 && (!bracket || colon > bracket)) {
        uint64_t port;
        struct str digits = {colon + 1, (size_t)(text.s + text.len - colon - 1)};
        if (str_to_u64(digits, 65535, &port) != 0) {
            conf_report_add(t->l->report, t->at,
                "the port of \"%.*s\" is wrong; write a number from 1 to 65535", STR_ARG(text));
            return -1;
        }
        out->port = (int)port;
        out->host.len = (size_t)(colon - text.s);
    }
    if (bracket) {
        char buf[16];
        out->host = pool_str(t->l->pool, (struct str){text.s + 1, (size_t)(bracket - text.s - 1)});
        return inet_pton(AF_INET6, out->host.s, buf) == 1 ? 0 : conf_wrong_text(t, text);
    }
    return out->host.len && !bare_v6 ? 0 : conf_wrong_text(t, text);
}

/* A wrong one leaves nothing in `out`, so that nothing more is said about it. */
int conf_load_address(struct conf_slot *t, const config_setting_t *s, struct conf_address *out)
{
    if (!node_is_text(s)) {
        return conf_wrong_type(t, s);
    }
    int rc = split_address(t, pool_str(t->l->pool, node_text(s)), out);
    if (rc != 0) {
        *out = (struct conf_address){.port = -1};
    }
    return rc;
}

int conf_load_cidr(struct conf_slot *t, const config_setting_t *s, struct conf_cidr *out)
{
    if (!node_is_text(s)) {
        return conf_wrong_type(t, s);
    }
    struct str text = node_text(s);
    *out = (struct conf_cidr){0};
    if (str_eq(text, STR("all"))) {
        return 0;
    }
    const char *slash = memchr(text.s, '/', text.len);
    struct str host = {text.s, slash ? (size_t)(slash - text.s) : text.len};
    host = pool_str(t->l->pool, host);
    bool v6 = memchr(host.s, ':', host.len) != NULL;
    unsigned max = v6 ? 128 : 32;
    uint64_t bits = max;
    struct str digits = STR_NONE;
    if (slash) {
        digits = str_of(slash + 1);
    }
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host.s, out->addr) != 1 ||
        (slash && str_to_u64(digits, max, &bits) != 0)) {
        return conf_wrong_text(t, text);
    }
    out->family = v6 ? 6 : 4;
    out->bits = (uint8_t)bits;
    for (unsigned i = 0; i < max; i++) {
        if (i >= bits) {
            out->addr[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
        }
    }
    return 0;
}

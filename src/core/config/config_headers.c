/* config_headers.c: changes to header fields and to the attributes of Set-Cookie. */
#include "core/config/config_build.h"
#include "http/cookie.h"
#include "http/bytes.h"

static void header_op(struct build *b, const struct conf_header *from, enum var_scope scope,
                      struct header_op *op)
{
    op->what = from->what == CONF_HEADER_REMOVE ? HEADER_OP_REMOVE
               : from->what == CONF_HEADER_SET  ? HEADER_OP_SET
                                                : HEADER_OP_ADD;
    op->name = from->name;
    op->id = header_id_of(from->name);
    if (!bytes_are_token(from->name))
        conf_report_add(b->report, from->at,
                        "\"%.*s\" is not the name of a header field; write letters, digits and \"-\"",
                        STR_ARG(from->name));
    switch (op->id) {
    case HEADER_CONNECTION:
    case HEADER_CONTENT_LENGTH:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_UPGRADE:
    case HEADER_KEEP_ALIVE:
    case HEADER_TRAILER:
    case HEADER_TE:
        conf_report_add(b->report, from->at,
                        "\"%.*s\" is Weir's own business, as it says where messages end; remove it",
                        STR_ARG(from->name));
        break;
    case HEADER_HOST:
        if (from->what == CONF_HEADER_REMOVE)
            conf_report_add(b->report, from->at,
                            "\"%.*s\" cannot be taken out, as every request has one (RFC 9112 3.2); "
                            "write proxy_headers = { host = \"...\"; } for another",
                            STR_ARG(from->name));
        break;
    default: break;
    }
    if (from->what == CONF_HEADER_REMOVE)
        return;
    config_check_field(b, from->value, from->name.s, from->at);
    op->value = template_new(b->pool, from->value, scope, from->at, b->report);
}

static struct header_ops headers_build(struct build *b, const struct conf_headers *h, enum var_scope scope)
{
    struct header_ops *made = config_made(b, h);

    if (!h || h->n == 0)
        return (struct header_ops){NULL, 0};
    if (made)
        return *made;
    made = pool_zalloc(b->pool, sizeof(*made));
    made->count = h->n;
    made->ops = pool_zalloc(b->pool, h->n * sizeof(*made->ops));
    for (size_t i = 0; i < h->n; i++)
        header_op(b, &h->ops[i], scope, &made->ops[i]);
    config_keep(b, h, made);
    return *made;
}

/* `headers` of `respond` are set behind all that levels say. */
static void headers_of_respond(struct build *b, struct route *r, const struct respond_settings *s)
{
    const struct conf_pair *pairs = s->headers.items;
    struct header_ops *to = &r->response_headers;
    struct header_op *ops = pool_zalloc(b->pool, (to->count + s->headers.n) * sizeof(*ops));

    if (to->count)
        memcpy(ops, to->ops, to->count * sizeof(*ops));
    for (size_t i = 0; i < s->headers.n; i++) {
        struct conf_header one = {CONF_HEADER_SET, pairs[i].name, pairs[i].value, pairs[i].at};
        header_op(b, &one, VAR_REQUEST, &ops[to->count++]);
    }
    to->ops = ops;
}

static void check_cookie_text(struct build *b, const struct cookies_settings *s, const char *name,
                              struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == ';' || (unsigned char)text.s[i] < 0x20 || text.s[i] == 0x7f) {
            conf_report_add(b->report, conf_place_of(&settings_cookies_group, &s->head, name),
                            "'%s' holds a \";\" or a control character; remove it", name);
            return;
        }
    }
}

static enum cookie_flag cookie_flag(const struct cookies_settings *s, const char *name, bool value)
{
    if (!settings_has(&settings_cookies_group, &s->head, name))
        return COOKIE_KEEP;
    return value ? COOKIE_ON : COOKIE_OFF;
}

static const struct cookie_edit *cookies_build(struct build *b, const struct cookies_settings *s)
{
    struct cookie_edit *made = config_made(b, s);

    if (made)
        return made;
    made = pool_zalloc(b->pool, sizeof(*made));
    made->domain = s->domain;
    made->path = s->path;
    made->samesite = s->samesite;
    made->secure = cookie_flag(s, "secure", s->secure);
    made->httponly = cookie_flag(s, "httponly", s->httponly);
    check_cookie_text(b, s, "domain", s->domain);
    check_cookie_text(b, s, "path", s->path);
    check_cookie_text(b, s, "samesite", s->samesite);
    config_keep(b, s, made);
    return made;
}

static const struct template *host_build(struct build *b, const struct proxy_headers_settings *s)
{
    struct template *made = config_made(b, s->host.s);

    if (!made) {
        struct conf_place at = conf_place_of(&settings_proxy_headers_group, &s->head, "host");
        config_check_field(b, s->host, "host", at);
        made = template_new(b->pool, s->host, VAR_REQUEST, at, b->report);
        if (made)
            config_keep(b, s->host.s, made);
    }
    return made;
}

void config_build_headers(struct build *b, struct route *r, const struct level_settings *s)
{
    r->request_headers = headers_build(b, s->request_headers, VAR_REQUEST);
    r->response_headers = headers_build(b, s->response_headers, VAR_RESPONSE);
    if (s->respond && s->respond->headers.n)
        headers_of_respond(b, r, s->respond);
    if (s->cookies)
        r->cookies = cookies_build(b, s->cookies);
    if (!s->proxy_headers)
        return;
    r->forwarded = s->proxy_headers->forwarded;
    r->via = s->proxy_headers->via;
    if (s->proxy_headers->host.s)
        r->proxy_host = host_build(b, s->proxy_headers);
}

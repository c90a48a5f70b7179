/*
 * rewrite.c: the path on its way on, header operations, Set-Cookie.  A value made from what a client sent is
 * checked after it is made, so that no capture or argument can add a field, a second request, or a way out of
 * a directory.
 */
#include "core/route/rewrite.h"

#include "core/route/match.h"
#include "core/var.h"
#include "core/worker.h"
#include "http/cookie.h"
#include "http/uri.h"

enum { REWRITE_STATUS = 500 };

/* What became of one header operation; 0: done, or left out. */
enum { REWRITE_FULL = -1, REWRITE_TOO_LONG = -2 };

/* The path being changed: `query` with its "?", or empty. */
struct rewrite {
    struct request *req;
    struct str path, query;
    const char *reason; /* set: it failed */
};

/* One or two dots, each maybe "%2e": what a server behind would resolve. */
static bool rewrite_is_dots(struct str segment)
{
    size_t dots = 0;

    while (segment.len) {
        size_t step = segment.s[0] == '.' ? 1 : 3;

        if (step == 3 && (segment.len < 3 || !str_ieq((struct str){segment.s, 3}, STR("%2e"))))
            return false;
        segment = str_from(segment, step);
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool rewrite_has_dots(struct str path)
{
    while (path.len) {
        const char *slash = memchr(path.s, '/', path.len);
        size_t len = slash ? (size_t)(slash - path.s) : path.len;

        if (rewrite_is_dots((struct str){path.s, len}))
            return true;
        path = str_from(path, len + (slash != NULL));
    }
    return false;
}

static void rewrite_set_path(struct rewrite *r, struct str path)
{
    if (!path.len || path.s[0] != '/')
        r->reason = "a rewritten path does not begin with /";
    else if (!uri_is_clean(path))
        r->reason = "a rewritten path holds a byte that no path may hold";
    else if (rewrite_has_dots(path))
        r->reason = "a rewritten path holds a dot segment";
    r->path = path;
}

/* A value with "?" replaces the query too; with nothing behind the "?" it removes it. */
static void rewrite_set(struct rewrite *r, struct str value)
{
    const char *mark = value.len ? memchr(value.s, '?', value.len) : NULL;

    if (mark) {
        size_t len = (size_t)(mark - value.s);

        r->query = str_from(value, len);
        if (r->query.len == 1)
            r->query = STR("");
        if (!uri_is_clean(r->query))
            r->reason = "a rewritten query holds a byte that no query may hold";
        value.len = len;
    }
    if (!r->reason)
        rewrite_set_path(r, value);
}

static void rewrite_expand(struct rewrite *r, const struct template *template)
{
    struct str value = template_expand(template, r->req);

    if (!value.s)
        r->reason = "a rewritten path is too long";
    else
        rewrite_set(r, value);
}

/* The captures are the rule's while its text is put together, then the route's again.  True: the last. */
static bool rewrite_rule(struct rewrite *r, const struct rewrite_rule *rule)
{
    struct regex_captures route = r->req->captures;
    enum regex_result result = regex_match(rule->regex, match_scratch(r->req), r->path, &r->req->captures);

    if (result == REGEX_LIMIT)
        r->reason = "the regex of a rewrite met its limit";
    else if (result == REGEX_MATCH)
        rewrite_expand(r, rule->to);
    r->req->captures = route;
    return r->reason || (result == REGEX_MATCH && rule->last);
}

static void rewrite_strip(struct rewrite *r, struct str prefix)
{
    if (prefix.len && prefix.s[prefix.len - 1] == '/')
        prefix.len--;
    if (!prefix.len || !str_has_prefix(r->path, prefix))
        return;
    if (r->path.len == prefix.len)
        r->path = STR("/");
    else if (r->path.s[prefix.len] == '/')
        r->path = str_from(r->path, prefix.len);
}

static void rewrite_add(struct rewrite *r, struct str prefix)
{
    if (prefix.len && prefix.s[prefix.len - 1] == '/')
        prefix.len--;
    if (prefix.len)
        rewrite_set_path(r, pool_printf(r->req->pool, "%.*s%.*s", STR_ARG(prefix), STR_ARG(r->path)));
}

unsigned rewrite_path(struct request *req, const char **reason)
{
    const struct route *route = req->route;
    struct rewrite r = {.req = req, .path = req->path, .query = var_query_mark(req)};

    req->forward_path = req->path;
    req->forward_query = r.query;
    if (!str_has_prefix(req->path, STR("/")))
        return 0; /* "OPTIONS *" */
    for (size_t i = 0; i < route->rewrite_count; i++)
        if (rewrite_rule(&r, &route->rewrites[i]))
            break;
    if (!r.reason)
        rewrite_strip(&r, route->strip_prefix);
    if (!r.reason && route->replace_path)
        rewrite_expand(&r, route->replace_path);
    if (!r.reason)
        rewrite_add(&r, route->add_prefix);
    if (r.reason) {
        *reason = r.reason;
        return REWRITE_STATUS;
    }
    req->forward_path = r.path;
    req->forward_query = r.query;
    return 0;
}

static void rewrite_remove(struct header_list *list, const struct header_op *op)
{
    size_t kept = 0;

    if (op->id != HEADER_OTHER) {
        header_remove(list, op->id);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct header *h = &list->items[i];

        if (h->id != HEADER_OTHER || !str_ieq(h->name, op->name))
            list->items[kept++] = *h;
    }
    list->count = kept;
}

/* RFC 9110 5.5: no control byte but HTAB. */
static bool rewrite_is_safe(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.s[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static void rewrite_log_unsafe(struct request *req, const struct header_op *op, struct str value)
{
    char text[512];
    struct str shown;

    if (!req->worker || !req->worker->log)
        return;
    shown = log_escape(value, text, sizeof(text));
    log_write(req->worker->log, LOG_LEVEL_WARN,
              "header %.*s is not sent: its value holds a control byte: \"%.*s\"", STR_ARG(op->name),
              STR_ARG(shown));
}

static int rewrite_header(const struct header_op *op, struct request *req, struct header_list *headers)
{
    struct str value = STR("");

    /* Put together first: the value may name the field that is to be replaced. */
    if (op->what != HEADER_OP_REMOVE)
        value = template_expand(op->value, req);
    if (op->what != HEADER_OP_ADD)
        rewrite_remove(headers, op);
    if (!value.s)
        return REWRITE_TOO_LONG;
    value = str_trim(value);
    if (value.len == 0)
        return 0;
    if (!rewrite_is_safe(value)) {
        rewrite_log_unsafe(req, op, value);
        return 0;
    }
    return header_add(headers, op->name, value) < 0 ? REWRITE_FULL : 0;
}

/* The key of a cache is that of what GET gets; other methods have other uses for such fields. */
static bool rewrite_is_due(const struct header_op *op, const struct request *req)
{
    struct str method = req->head.method;

    return !op->for_cache || str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}

int rewrite_headers(const struct header_ops *ops, struct request *req, struct header_list *headers)
{
    int result = 0;

    for (size_t i = 0; i < ops->count && result != REWRITE_FULL; i++) {
        if (!rewrite_is_due(&ops->ops[i], req))
            continue;
        result = rewrite_header(&ops->ops[i], req, headers);
        /* An answer that is on its way goes out without the field; a request does not go on. */
        if (result == REWRITE_TOO_LONG && req->route && ops == &req->route->request_headers)
            return -1;
    }
    return result == REWRITE_FULL ? -1 : 0;
}

void rewrite_cookies(struct request *req, struct header_list *headers)
{
    if (!req->route || !req->route->cookies)
        return;
    for (size_t i = 0; i < headers->count; i++) {
        struct header *h = &headers->items[i];

        if (h->id == HEADER_SET_COOKIE)
            header_set_value(h, cookie_edit_set(h->value, req->route->cookies, req->pool));
    }
}

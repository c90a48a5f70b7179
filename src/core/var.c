/*
 * var.c: texts with variables, compiled to a list of pieces.  $uri is compiled to two, its path and its
 * query, so that every piece is one text that is copied as it lies in the request.
 */
#include "core/var.h"

#include "core/log/fault.h"
#include "core/var_table.h"
#include "core/worker.h"

enum {
    TEMPLATE_MOST = 64 * 1024, /* bytes of an expanded value */
    TEMPLATE_FIRST = 512 /* bytes of the first attempt, on the stack */
};

struct template {
    struct str text; /* as written */
    bool is_literal;
    struct str literal; /* the value, if it is one */
    struct var *pieces;
    size_t count;
};

/* One text being compiled. */
struct template_parse {
    struct template *template;
    struct pool *pool;
    struct str rest;
    enum var_scope scope;
    struct conf_place at;
    struct conf_report *report;
    char *text; /* plain text collected since the last variable */
    size_t text_len;
    bool failed;
};

/* A value being put together: on the stack first, then in the pool, never beyond TEMPLATE_MOST. */
struct template_out {
    char *s;
    size_t len, room;
    bool cut;
    struct pool *pool;
};

static void template_add(struct template_parse *p, const struct var *var)
{
    p->template->pieces[p->template->count++] = *var;
}

/* Plain text is collected in one buffer that is as long as the whole. */
static void template_end_text(struct template_parse *p)
{
    if (p->text_len)
        template_add(p, &(struct var){.kind = VAR_TEXT, .text = {p->text, p->text_len}});
    p->text += p->text_len;
    p->text_len = 0;
}

static bool template_is_name(char c)
{
    char lower = ascii_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name behind a "$", taken off the rest; empty: reported. */
static struct str template_take_name(struct template_parse *p)
{
    struct str s = p->rest;
    bool braced = s.len && s.s[0] == '{';
    size_t start = braced, end = braced;

    if (!braced && s.len && s.s[0] >= '0' && s.s[0] <= '9')
        end = 1; /* one digit: "$10" is $1 and a 0 */
    else
        while (end < s.len && template_is_name(s.s[end]))
            end++;
    if (braced && (end == s.len || s.s[end] != '}')) {
        conf_report_add(p->report, p->at, "\"${\" is not closed in \"%.*s\"; write ${name}",
                        STR_ARG(p->template->text));
        p->failed = true;
        p->rest.len = 0;
        return STR_NONE;
    }
    p->rest = (struct str){s.s + end + braced, s.len - end - braced};
    if (end == start) {
        conf_report_add(p->report, p->at, "a \"$\" without a name in \"%.*s\"; a dollar sign is written $$",
                        STR_ARG(p->template->text));
        p->failed = true;
    }
    return (struct str){s.s + start, end - start};
}

static void template_refuse(struct template_parse *p, struct str name, enum var_lookup why)
{
    struct str near = var_nearest(name);

    p->failed = true;
    if (why == VAR_NOT_HERE)
        conf_report_add(p->report, p->at,
                        "$%.*s is known only once there is a response; it may stand in response_headers, "
                        "access_log and error pages",
                        STR_ARG(name));
    else if (why == VAR_NO_TABLE)
        conf_report_add(p->report, p->at, "$%.*s: no table of that name", STR_ARG(name));
    else if (near.len)
        conf_report_add(p->report, p->at, "unknown variable $%.*s; did you mean $%.*s?", STR_ARG(name),
                        STR_ARG(near));
    else
        conf_report_add(p->report, p->at, "unknown variable $%.*s; a dollar sign is written $$",
                        STR_ARG(name));
}

static void template_take_variable(struct template_parse *p)
{
    struct str name = template_take_name(p);
    enum var_lookup found;
    struct var var;

    if (name.len == 0)
        return;
    found = var_find(name, p->scope, p->pool, &var);
    if (found != VAR_FOUND) {
        template_refuse(p, name, found);
        return;
    }
    template_end_text(p);
    if (var.kind == VAR_URI) {
        template_add(p, &(struct var){.kind = VAR_PATH, .of_head = true});
        var.kind = VAR_QUERY_MARK;
    }
    template_add(p, &var);
}

static size_t template_dollars(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.s[i] == '$';
    return count;
}

struct template *template_new(struct pool *pool, struct str text, enum var_scope scope, struct conf_place at,
                              struct conf_report *report)
{
    struct template *template = pool_zalloc(pool, sizeof(*template));
    /* Each "$" ends a text and begins at most two pieces. */
    size_t most = 3 * template_dollars(text) + 1;
    struct template_parse p = {.template = template, .pool = pool, .rest = text, .scope = scope, .at = at,
                               .report = report, .text = pool_text(pool, text.len)};

    template->text = pool_str(pool, text);
    template->pieces = pool_alloc(pool, most * sizeof(*template->pieces));
    while (p.rest.len) {
        char c = p.rest.s[0];

        p.rest = (struct str){p.rest.s + 1, p.rest.len - 1};
        if (c == '$' && !(p.rest.len && p.rest.s[0] == '$')) {
            template_take_variable(&p);
            continue;
        }
        if (c == '$')
            p.rest = (struct str){p.rest.s + 1, p.rest.len - 1};
        p.text[p.text_len++] = c;
    }
    template_end_text(&p);
    template->is_literal =
        template->count == 0 || (template->count == 1 && template->pieces[0].kind == VAR_TEXT);
    template->literal = template->is_literal && template->count ? template->pieces[0].text : STR("");
    return p.failed ? NULL : template;
}

bool template_is_literal(const struct template *template)
{
    return template->is_literal;
}

bool template_wants_head(const struct template *template)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->pieces[i].of_head)
            return true;
    return false;
}

bool template_wants_sni(const struct template *template)
{
    for (size_t i = 0; i < template->count; i++)
        if (template->pieces[i].kind == VAR_SSL_SNI)
            return true;
    return false;
}

struct str template_text(const struct template *template)
{
    return template->text;
}

const struct var *template_pieces(const struct template *template, size_t *count)
{
    *count = template->count;
    return template->pieces;
}

/* As much of the value as there is room for: `cut` says whether that is not all. */
static void template_put(struct template_out *out, struct str value)
{
    size_t left = TEMPLATE_MOST - out->len;

    if (value.len > left) {
        value.len = left;
        out->cut = true;
    }
    if (value.len == 0)
        return;
    out->s = pool_text_grow(out->pool, out->s, out->len, &out->room, value.len);
    memcpy(out->s + out->len, value.s, value.len);
    out->len += value.len;
}

/* A lone variable: borrowed where it lies in the request. */
static struct str template_alone(const struct template *template, struct request *req, bool *cut)
{
    char scratch[VAR_SCRATCH];
    struct str value = var_get(&template->pieces[0], req, scratch);

    if (value.len > TEMPLATE_MOST) {
        value.len = TEMPLATE_MOST;
        *cut = true;
    }
    if (value.len == 0)
        return STR("");
    return value.s == scratch ? pool_str(req->pool, value) : value;
}

static struct str template_make(const struct template *template, struct request *req, bool *cut)
{
    char first[TEMPLATE_FIRST], scratch[VAR_SCRATCH];
    struct template_out out = {.s = first, .room = sizeof(first), .pool = req->pool};

    *cut = false;
    if (template->is_literal)
        return template->literal;
    if (template->count == 1)
        return template_alone(template, req, cut);
    for (size_t i = 0; i < template->count && !out.cut; i++)
        template_put(&out, var_get(&template->pieces[i], req, scratch));
    *cut = out.cut;
    return out.s == first ? pool_str(req->pool, (struct str){first, out.len}) : (struct str){out.s, out.len};
}

struct str template_expand(const struct template *template, struct request *req)
{
    bool cut;
    struct str value = template_make(template, req, &cut);

    if (!cut)
        return value;
    if (req->worker && req->worker->log)
        fault_log(req, LOG_LEVEL_ERROR, "", "\"%.*s\" comes to more than 64 KB", STR_ARG(template->text));
    return STR_NONE;
}

struct str template_expand_cut(const struct template *template, struct request *req)
{
    bool cut;

    return template_make(template, req, &cut);
}

size_t template_print(const struct template *template, struct request *req, char *buf, size_t size,
                      size_t (*escape)(struct str, char *buf, size_t size))
{
    char scratch[VAR_SCRATCH];
    size_t len = 0;

    for (size_t i = 0; i < template->count; i++) {
        const struct var *piece = &template->pieces[i];
        struct str value = var_get(piece, req, scratch);

        if (escape && piece->kind != VAR_TEXT && !(piece->kind == VAR_QUERY_MARK && value.len == 0)) {
            len += escape(value, buf + len, size - len);
            continue;
        }
        if (value.len > size - len)
            value.len = size - len;
        if (value.len)
            memcpy(buf + len, value.s, value.len);
        len += value.len;
    }
    return len;
}

struct str var_value(struct request *req, struct str name)
{
    char scratch[VAR_SCRATCH];
    struct str value;
    struct var var;

    if (var_find(name, VAR_RESPONSE, NULL, &var) != VAR_FOUND)
        return STR_NONE;
    value = var_get(&var, req, scratch);
    return value.s == scratch ? pool_str(req->pool, value) : value;
}

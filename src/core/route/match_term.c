/*
 * match_term.c: see match_term.h.  Names and values of a query are compared decoded, because what is behind
 * Weir decodes them too: an escape must not carry anything past a condition.
 */
#include "core/route/match_term.h"

#include "core/route/host_table.h"
#include "core/route/percent.h"
#include "core/var.h"
#include "core/worker.h"
#include "http/accept.h"
#include "http/cookie.h"

struct regex_scratch *match_scratch(const struct request *req)
{
    if (req->worker && req->worker->regex)
        return req->worker->regex;
    return req->regex ? req->regex : regex_scratch_new(req->pool);
}

static enum match_result match_of(bool holds)
{
    return holds ? MATCH_YES : MATCH_NO;
}

static enum match_result match_regex(const struct regex *regex, const struct request *req, struct str value)
{
    switch (regex_match(regex, match_scratch(req), value, NULL)) {
    case REGEX_MATCH: return MATCH_YES;
    case REGEX_NO_MATCH: return MATCH_NO;
    default: return MATCH_UNDECIDED;
    }
}

static bool match_in(const struct match_term *term, struct str value, bool nocase)
{
    for (size_t i = 0; i < term->is_count; i++)
        if (nocase ? str_ieq(term->is[i], value) : str_eq(term->is[i], value))
            return true;
    return false;
}

/* What is asked of a value that is there. */
static enum match_result match_value(const struct match_term *term, const struct request *req,
                                     struct str value)
{
    if (term->is_count)
        return match_of(match_in(term, value, false));
    return term->regex ? match_regex(term->regex, req, value) : MATCH_YES;
}

/* `*` in the pattern stands for any bytes; goes back to the last `*` only, so it costs at most len * len. */
static bool match_name(struct str pattern, struct str name, bool nocase)
{
    size_t p = 0, n = 0, star = SIZE_MAX, back = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.s[p] == '*') {
            star = p++;
            back = n;
        } else if (p < pattern.len && (pattern.s[p] == name.s[n] ||
                                       (nocase && ascii_lower(pattern.s[p]) == ascii_lower(name.s[n])))) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++back;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.s[p] == '*')
        p++;
    return p == pattern.len;
}

/* What is known after all values of matching names: `found` any, `best` of their answers. */
struct match_sum {
    bool found;
    enum match_result best;
};

static void match_sum_add(struct match_sum *sum, const struct match_term *term, const struct request *req,
                          struct str value)
{
    enum match_result result;

    sum->found = true;
    if (sum->best == MATCH_YES)
        return;
    result = match_value(term, req, value);
    if (result != MATCH_NO)
        sum->best = result;
}

static enum match_result match_sum_end(const struct match_sum *sum, const struct match_term *term)
{
    if (!term->is_count && !term->regex)
        return match_of(sum->found == term->present);
    return sum->best;
}

static enum match_result match_headers(const struct match_term *term, const struct request *req,
                                       const struct header_list *list)
{
    struct match_sum sum = {false, MATCH_NO};

    for (size_t i = 0; i < list->count; i++)
        if (match_name(term->name, list->items[i].name, true))
            match_sum_add(&sum, term, req, list->items[i].value);
    return match_sum_end(&sum, term);
}

static enum match_result match_cookies(const struct match_term *term, const struct request *req)
{
    struct cookie_walk walk = {.fields = &req->head.headers};
    struct match_sum sum = {false, MATCH_NO};
    struct cookie cookie;

    while (cookie_next(&walk, &cookie))
        if (match_name(term->name, cookie.name, false))
            match_sum_add(&sum, term, req, cookie.value);
    return match_sum_end(&sum, term);
}

/* "%xx" and "+" decoded; a copy only where there are any. */
static struct str match_decode(struct str text, struct pool *pool)
{
    char *to;
    size_t len = 0;

    if (!text.len || (!memchr(text.s, '%', text.len) && !memchr(text.s, '+', text.len)))
        return text;
    to = pool_text(pool, text.len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];

        if (c == '%' && i + 2 < text.len && hex_digit(text.s[i + 1]) >= 0 && hex_digit(text.s[i + 2]) >= 0) {
            c = (char)(hex_digit(text.s[i + 1]) * 16 + hex_digit(text.s[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        to[len++] = c;
    }
    return (struct str){to, len};
}

static enum match_result match_query(const struct match_term *term, const struct request *req)
{
    struct str rest = req->query;
    struct match_sum sum = {false, MATCH_NO};

    while (rest.len) {
        const char *amp = memchr(rest.s, '&', rest.len);
        size_t len = amp ? (size_t)(amp - rest.s) : rest.len;
        const char *equals = len ? memchr(rest.s, '=', len) : NULL;
        size_t name_len = equals ? (size_t)(equals - rest.s) : len;
        struct str value = equals ? (struct str){equals + 1, len - name_len - 1} : STR("");

        if (len && match_name(term->name, match_decode((struct str){rest.s, name_len}, req->pool), false))
            match_sum_add(&sum, term, req, match_decode(value, req->pool));
        len += amp != NULL;
        rest = (struct str){rest.s + len, rest.len - len};
    }
    return match_sum_end(&sum, term);
}

static enum match_result match_expanded(const struct match_term *term, struct request *req)
{
    struct str value = template_expand(term->value, req);

    if (!value.s)
        return MATCH_UNDECIDED;
    if (!term->is_count && !term->regex)
        return match_of((value.len > 0) == term->present);
    return match_value(term, req, value);
}

static enum match_result match_percent(const struct match_term *term, struct request *req)
{
    struct str key = term->value ? template_expand(term->value, req) : STR("");

    if (!key.s)
        return MATCH_UNDECIDED;
    if (key.len == 0)
        key = var_value(req, STR("remote_addr"));
    return match_of(percent_holds(&term->percent_key, key, term->percent));
}

/* All Accept-Language fields as one; STR_NONE when there is none. */
static struct str match_accept_language(const struct request *req)
{
    const struct header_list *list = &req->head.headers;
    struct str all = STR_NONE;

    for (size_t i = 0; i < list->count; i++) {
        struct str value = list->items[i].value;

        if (list->items[i].id != HEADER_ACCEPT_LANGUAGE)
            continue;
        all = all.s ? pool_printf(req->pool, "%.*s, %.*s", STR_ARG(all), STR_ARG(value)) : value;
    }
    return all;
}

static enum match_result match_user_agent(const struct match_term *term, const struct request *req)
{
    const struct header *agent = header_find(&req->head.headers, HEADER_USER_AGENT);
    struct str value = agent ? agent->value : STR("");

    return term->regex ? match_regex(term->regex, req, value) : match_of(match_in(term, value, false));
}

static bool match_source(const struct match_term *term, const struct request *req)
{
    for (size_t i = 0; i < term->source_count; i++)
        if (cidr_holds(&term->sources[i], &req->client))
            return true;
    return false;
}

/* Who asked for no name matches no pattern. */
static enum match_result match_sni(const struct match_term *term, const struct request *req)
{
    char *text;
    void *value;

    if (req->sni.len == 0)
        return MATCH_NO;
    text = pool_text(req->pool, req->sni.len);
    for (size_t i = 0; i < req->sni.len; i++)
        text[i] = ascii_lower(req->sni.s[i]);
    switch (host_table_find(term->names, (struct str){text, req->sni.len}, match_scratch(req), NULL, &value)) {
    case REGEX_MATCH: return MATCH_YES;
    case REGEX_NO_MATCH: return MATCH_NO;
    default: return MATCH_UNDECIDED;
    }
}

static bool match_status(const struct match_term *term, const struct request *req)
{
    unsigned status = req->response.status;

    for (size_t i = 0; i < term->status_count; i++)
        if (status >= term->statuses[i].first && status <= term->statuses[i].last)
            return true;
    return false;
}

static bool match_longer(const struct match_term *term, const struct request *req)
{
    int64_t end = req->times.end;

    if (!end && req->worker && req->worker->loop)
        end = req->worker->loop->clock.mono_ms;
    return end - req->times.start > term->longer_than_ms;
}

enum match_result match_term_holds(const struct match_term *term, struct request *req)
{
    switch (term->subject) {
    case MATCH_METHOD: return match_of(match_in(term, req->head.method, false));
    case MATCH_SOURCE: return match_of(match_source(term, req));
    case MATCH_SCHEME: return match_of(match_in(term, req->tls ? STR("https") : STR("http"), true));
    case MATCH_LANGUAGE: return match_of(match_language_weight(term, req) > 0);
    case MATCH_USER_AGENT: return match_user_agent(term, req);
    case MATCH_PERCENT: return match_percent(term, req);
    case MATCH_SNI: return match_sni(term, req);
    case MATCH_HEADER: return match_headers(term, req, &req->head.headers);
    case MATCH_SENT_HEADER: return match_headers(term, req, &req->response.headers);
    case MATCH_COOKIE: return match_cookies(term, req);
    case MATCH_QUERY: return match_query(term, req);
    case MATCH_VALUE: return match_expanded(term, req);
    case MATCH_STATUS: return match_of(match_status(term, req));
    case MATCH_LONGER_THAN: return match_of(match_longer(term, req));
    case MATCH_ANY: break;
    }
    return MATCH_NO;
}

unsigned match_language_weight(const struct match_term *term, const struct request *req)
{
    struct str field = match_accept_language(req);
    unsigned best = 0;

    for (size_t i = 0; i < term->is_count && field.len; i++) {
        unsigned weight = accept_language(field, term->is[i]);

        if (weight > best)
            best = weight;
    }
    return best;
}

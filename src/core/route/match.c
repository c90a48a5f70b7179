/*
 * match.c: conditions joined: all of a list, one of `any`, and the questions the router asks about them.
 */
#include "core/route/match.h"

#include "core/route/match_term.h"
#include "core/var.h"

static enum match_result match_one(const struct match_term *term, struct request *req);

/* An undecided one counts only if no other holds. */
static enum match_result match_any(const struct match_term *term, struct request *req)
{
    enum match_result result = MATCH_NO;

    for (size_t i = 0; i < term->any_count; i++) {
        enum match_result one = match_one(&term->any[i], req);

        if (one == MATCH_YES)
            return MATCH_YES;
        if (one == MATCH_UNDECIDED)
            result = MATCH_UNDECIDED;
    }
    return result;
}

static enum match_result match_one(const struct match_term *term, struct request *req)
{
    enum match_result result =
        term->subject == MATCH_ANY ? match_any(term, req) : match_term_holds(term, req);

    if (result == MATCH_UNDECIDED || !term->invert)
        return result;
    return result == MATCH_YES ? MATCH_NO : MATCH_YES;
}

enum match_result match_holds(const struct match *match, struct request *req,
                              const struct match_term **failed)
{
    for (size_t i = 0; match && i < match->count; i++) {
        enum match_result result = match_one(&match->terms[i], req);

        if (result == MATCH_YES)
            continue;
        if (failed)
            *failed = &match->terms[i];
        return result;
    }
    return MATCH_YES;
}

bool match_fails_by_method(const struct match *match, struct request *req, const struct match_term **method)
{
    const struct match_term *failed = NULL;

    for (size_t i = 0; match && i < match->count; i++) {
        const struct match_term *term = &match->terms[i];

        if (match_one(term, req) == MATCH_YES)
            continue;
        if (term->subject != MATCH_METHOD)
            return false;
        failed = term;
    }
    if (method)
        *method = failed;
    return failed != NULL;
}

const struct match_term *match_language(const struct match *match)
{
    for (size_t i = 0; match && i < match->count; i++)
        if (match->terms[i].subject == MATCH_LANGUAGE && !match->terms[i].invert)
            return &match->terms[i];
    return NULL;
}

static bool match_same_template(const struct template *a, const struct template *b)
{
    if (!a || !b)
        return a == b;
    return str_eq(template_text(a), template_text(b));
}

static bool match_same_regex(const struct regex *a, const struct regex *b)
{
    return a && b ? regex_same(a, b) : a == b;
}

static bool match_same_cidr(const struct cidr *a, const struct cidr *b)
{
    return a->ip_len == b->ip_len && a->bits == b->bits && memcmp(a->ip, b->ip, a->ip_len) == 0;
}

static bool match_same_lists(const struct match_term *a, const struct match_term *b)
{
    if (a->is_count != b->is_count || a->source_count != b->source_count ||
        a->status_count != b->status_count)
        return false;
    for (size_t i = 0; i < a->is_count; i++)
        if (!str_eq(a->is[i], b->is[i]))
            return false;
    for (size_t i = 0; i < a->source_count; i++)
        if (!match_same_cidr(&a->sources[i], &b->sources[i]))
            return false;
    for (size_t i = 0; i < a->status_count; i++)
        if (a->statuses[i].first != b->statuses[i].first || a->statuses[i].last != b->statuses[i].last)
            return false;
    return true;
}

static bool match_same_term(const struct match_term *a, const struct match_term *b)
{
    if (a->subject != b->subject || a->invert != b->invert || a->present != b->present ||
        !str_eq(a->name, b->name) || a->longer_than_ms != b->longer_than_ms || a->any_count != b->any_count)
        return false;
    /* Not smaller and not larger: both are written in a file, so equal means equal. */
    if (a->percent < b->percent || a->percent > b->percent)
        return false;
    if (!match_same_template(a->value, b->value) || !match_same_regex(a->regex, b->regex) ||
        !match_same_lists(a, b))
        return false;
    for (size_t i = 0; i < a->any_count; i++)
        if (!match_same_term(&a->any[i], &b->any[i]))
            return false;
    return true;
}

/* The next term from `at` on that is not the condition of languages; NULL: no more. */
static const struct match_term *match_next_other(const struct match *match, const struct match_term *language,
                                                 size_t *at)
{
    while (match && *at < match->count) {
        const struct match_term *term = &match->terms[(*at)++];

        if (term != language)
            return term;
    }
    return NULL;
}

bool match_same_but_language(const struct match *a, const struct match *b)
{
    const struct match_term *language_a = match_language(a), *language_b = match_language(b);
    size_t at_a = 0, at_b = 0;

    for (;;) {
        const struct match_term *next_a = match_next_other(a, language_a, &at_a);
        const struct match_term *next_b = match_next_other(b, language_b, &at_b);

        if (!next_a || !next_b)
            return !next_a && !next_b;
        if (!match_same_term(next_a, next_b))
            return false;
    }
}

static struct str match_describe_list(const struct match_term *term, struct pool *pool)
{
    struct str all = STR("");
    char text[ADDR_TEXT_MAX];

    for (size_t i = 0; i < term->is_count; i++)
        all = pool_printf(pool, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "", STR_ARG(term->is[i]));
    for (size_t i = 0; i < term->source_count; i++) {
        struct str cidr = cidr_print(&term->sources[i], text);

        all = pool_printf(pool, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "", STR_ARG(cidr));
    }
    for (size_t i = 0; i < term->status_count; i++)
        all = pool_printf(pool, "%.*s%s%u-%u", STR_ARG(all), i ? ", " : "", term->statuses[i].first,
                          term->statuses[i].last);
    return all;
}

static struct str match_describe_any(const struct match_term *term, struct pool *pool)
{
    struct str all = STR("any of (");

    for (size_t i = 0; i < term->any_count; i++) {
        struct str one = match_describe(&term->any[i], pool);

        all = pool_printf(pool, "%.*s%s%.*s", STR_ARG(all), i ? "; " : "", STR_ARG(one));
    }
    return pool_printf(pool, "%s%.*s)", term->invert ? "not " : "", STR_ARG(all));
}

/* What stands before the verb: "header Accept", "cookie a*", "value of $arg_x". */
static struct str match_describe_subject(const struct match_term *term, struct pool *pool)
{
    static const char *const subjects[] = {
        [MATCH_METHOD] = "method", [MATCH_SOURCE] = "source", [MATCH_SCHEME] = "scheme",
        [MATCH_LANGUAGE] = "language", [MATCH_USER_AGENT] = "user_agent", [MATCH_PERCENT] = "percent",
        [MATCH_SNI] = "sni", [MATCH_HEADER] = "header", [MATCH_COOKIE] = "cookie", [MATCH_QUERY] = "query",
        [MATCH_VALUE] = "value", [MATCH_ANY] = "any", [MATCH_STATUS] = "status",
        [MATCH_SENT_HEADER] = "sent_header", [MATCH_LONGER_THAN] = "longer_than",
    };
    struct str subject = str_of(subjects[term->subject]);

    if (term->name.len)
        return pool_printf(pool, "%.*s %.*s", STR_ARG(subject), STR_ARG(term->name));
    if (term->subject == MATCH_VALUE)
        return pool_printf(pool, "value \"%.*s\"", STR_ARG(template_text(term->value)));
    return subject;
}

struct str match_describe(const struct match_term *term, struct pool *pool)
{
    const char *negation = term->invert ? " not" : "";
    struct str subject, list;

    if (term->subject == MATCH_ANY)
        return match_describe_any(term, pool);
    subject = match_describe_subject(term, pool);
    if (term->subject == MATCH_PERCENT)
        return pool_printf(pool, "%.*s: %.*s is%s in the first %g percent", STR_ARG(subject),
                           STR_ARG(term->value ? template_text(term->value) : STR("$remote_addr")), negation,
                           term->percent);
    if (term->subject == MATCH_LONGER_THAN)
        return pool_printf(pool, "%.*s is%s %lld ms", STR_ARG(subject), negation,
                           (long long)term->longer_than_ms);
    if (term->regex) {
        struct str text = regex_text(term->regex);

        return pool_printf(pool, "%.*s does%s match \"%.*s\"", STR_ARG(subject), negation, STR_ARG(text));
    }
    list = match_describe_list(term, pool);
    if (list.len)
        return pool_printf(pool, "%.*s is%s %.*s", STR_ARG(subject), negation, STR_ARG(list));
    return pool_printf(pool, "%.*s is %s", STR_ARG(subject),
                       term->present != term->invert ? "present" : "absent");
}

/* config_match.c: the conditions of `when`, compiled. */
#include "core/config/config_build.h"
#include "core/route/host_table.h"

static const char *const scheme_names[] = {"http", "https"};

struct subject {
    const char *name;
    enum match_subject subject;
    bool compares; /* takes `is`, `regex` or `present` */
    bool is_raw; /* needs no HTTP */
};

static const struct subject subjects[] = {
    {"method", MATCH_METHOD, false, false},
    {"source", MATCH_SOURCE, false, true},
    {"scheme", MATCH_SCHEME, false, false},
    {"language", MATCH_LANGUAGE, false, false},
    {"user_agent", MATCH_USER_AGENT, false, false},
    {"percent", MATCH_PERCENT, false, true},
    {"sni", MATCH_SNI, false, true},
    {"header", MATCH_HEADER, true, false},
    {"cookie", MATCH_COOKIE, true, false},
    {"query", MATCH_QUERY, true, false},
    {"value", MATCH_VALUE, true, false},
    {"any", MATCH_ANY, false, true},
    {"status", MATCH_STATUS, false, false},
    {"sent_header", MATCH_SENT_HEADER, true, false},
    {"longer_than", MATCH_LONGER_THAN, false, false},
};

static void match_terms(struct build *b, const struct conf_list *list, enum var_scope scope,
                        struct match_term *out);

bool config_match_is_raw(enum match_subject subject)
{
    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
        if (subjects[i].subject == subject)
            return subjects[i].is_raw;
    return false;
}

static bool has(const struct condition_settings *c, const char *name)
{
    return settings_has(&settings_condition_group, &c->head, name);
}

static struct conf_place place(const struct condition_settings *c, const char *name)
{
    return conf_place_of(&settings_condition_group, &c->head, name);
}

/* The one subject of the condition; NULL: reported. */
static const struct subject *match_subject(struct build *b, const struct condition_settings *c)
{
    const struct subject *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
        if (has(c, subjects[i].name)) {
            found = &subjects[i];
            n++;
        }
    }
    if (n == 1)
        return found;
    if (n > 1)
        conf_report_add(b->report, c->head.at,
                        "a condition has more than one subject; write one group for each");
    else if (!c->head.broken)
        conf_report_add(b->report, c->head.at,
                        "a condition has no subject; write one such as method, source, header, "
                        "cookie, query or value");
    return NULL;
}

static void match_compare(struct build *b, const struct condition_settings *c, const struct subject *s,
                          struct match_term *t)
{
    static const char *const names[] = {"is", "regex", "present"};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!has(c, names[i]))
            continue;
        n++;
        if (!s->compares)
            conf_report_add(b->report, place(c, names[i]), "'%s' says nothing about '%s'; remove it",
                            names[i], s->name);
    }
    if (n > 1)
        conf_report_add(b->report, c->head.at,
                        "a condition has more than one of is, regex and present; keep one");
    if (!s->compares)
        return;
    t->is = c->is.items;
    t->is_count = c->is.n;
    t->present = !has(c, "present") || c->present;
    if (c->regex.s)
        t->regex = config_regex(b, c->regex, false, place(c, "regex"));
}

static void match_sources(struct build *b, const struct condition_settings *c, struct match_term *t)
{
    t->sources = config_networks(b, &c->source, &t->source_count);
}

static void match_names(struct build *b, const struct conf_list *list, bool upper, struct match_term *t)
{
    t->is_count = list->n;
    t->is = pool_zalloc(b->pool, (list->n + 1) * sizeof(*t->is));
    for (size_t i = 0; i < list->n; i++) {
        t->is[i] = ((const struct str *)list->items)[i];
        if (!upper)
            continue;
        char *text = pool_text(b->pool, t->is[i].len);
        for (size_t k = 0; k < t->is[i].len; k++) {
            char ch = t->is[i].s[k];
            text[k] = ch >= 'a' && ch <= 'z' ? (char)(ch - 32) : ch;
        }
        t->is[i].s = text;
    }
}

/* The same as in `hosts`. */
static void match_sni(struct build *b, const struct condition_settings *c, struct match_term *t)
{
    struct host_table *names = host_table_new(b->pool, b->key);
    struct regex_error error;

    match_names(b, &c->sni, false, t);
    for (size_t i = 0; i < t->is_count; i++)
        if (host_table_add(names, t->is[i], names, &error) != 0)
            conf_report_add(b->report, place(c, "sni"), "the name \"%.*s\" is wrong at byte %zu: %s", STR_ARG(t->is[i]),
                            error.offset, error.text);
    host_table_freeze(names);
    t->names = names;
}

static void match_schemes(struct build *b, const struct condition_settings *c, struct match_term *t)
{
    t->is_count = c->scheme.n;
    t->is = pool_zalloc(b->pool, (c->scheme.n + 1) * sizeof(*t->is));
    for (size_t i = 0; i < c->scheme.n; i++)
        t->is[i] = str_of(scheme_names[((const int *)c->scheme.items)[i]]);
}

static void match_statuses(struct build *b, const struct condition_settings *c, struct match_term *t)
{
    const struct conf_statuses *from = c->status.items;

    t->status_count = c->status.n;
    t->statuses = pool_zalloc(b->pool, (c->status.n + 1) * sizeof(*t->statuses));
    for (size_t i = 0; i < c->status.n; i++)
        t->statuses[i] = (struct match_status){(unsigned)from[i].first, (unsigned)from[i].last};
}

static void match_percent(struct build *b, const struct condition_settings *c, struct match_term *t)
{
    t->percent = c->percent;
    t->percent_key = b->percent_key;
    t->value = template_new(b->pool, c->key.s ? c->key : STR("$remote_addr"), VAR_REQUEST, place(c, "key"),
                            b->report);
}

static void match_any(struct build *b, const struct condition_settings *c, enum var_scope scope,
                      struct match_term *t)
{
    t->any_count = c->any.n;
    t->any = pool_zalloc(b->pool, (c->any.n + 1) * sizeof(*t->any));
    match_terms(b, &c->any, scope, t->any);
}

static void match_subject_of(struct build *b, const struct condition_settings *c, enum var_scope scope,
                             struct match_term *t)
{
    switch (t->subject) {
    case MATCH_METHOD: match_names(b, &c->method, true, t); break;
    case MATCH_SOURCE: match_sources(b, c, t); break;
    case MATCH_SCHEME: match_schemes(b, c, t); break;
    case MATCH_LANGUAGE: match_names(b, &c->language, false, t); break;
    case MATCH_SNI: match_sni(b, c, t); break;
    case MATCH_USER_AGENT: t->regex = config_regex(b, c->user_agent, false, place(c, "user_agent")); break;
    case MATCH_PERCENT: match_percent(b, c, t); break;
    case MATCH_HEADER: t->name = c->header; break;
    case MATCH_COOKIE: t->name = c->cookie; break;
    case MATCH_QUERY: t->name = c->query; break;
    case MATCH_SENT_HEADER: t->name = c->sent_header; break;
    case MATCH_VALUE: t->value = template_new(b->pool, c->value, scope, place(c, "value"), b->report); break;
    case MATCH_ANY: match_any(b, c, scope, t); break;
    case MATCH_STATUS: match_statuses(b, c, t); break;
    case MATCH_LONGER_THAN: t->longer_than_ms = c->longer_than; break;
    }
}

static void match_terms(struct build *b, const struct conf_list *list, enum var_scope scope,
                        struct match_term *out)
{
    const struct condition_settings *c = list->items;

    for (size_t i = 0; i < list->n; i++) {
        const struct subject *s = match_subject(b, &c[i]);
        if (!s)
            continue;
        out[i].subject = s->subject;
        out[i].invert = c[i].not;
        match_compare(b, &c[i], s, &out[i]);
        match_subject_of(b, &c[i], scope, &out[i]);
        if (c[i].key.s && s->subject != MATCH_PERCENT)
            conf_report_add(b->report, place(&c[i], "key"), "'key' belongs to 'percent'; remove it");
    }
}

const struct match *config_match(struct build *b, const struct conf_list *conditions, enum var_scope scope)
{
    struct match *m;

    if (conditions->n == 0)
        return NULL;
    m = pool_zalloc(b->pool, sizeof(*m));
    m->count = conditions->n;
    m->terms = pool_zalloc(b->pool, conditions->n * sizeof(*m->terms));
    match_terms(b, conditions, scope, m->terms);
    return m;
}

/* config_route.c: one route: which requests it takes, and how their path is changed. */
#include "core/config/config_build.h"
#include "http/uri.h"

static struct conf_place route_place(const struct level_settings *s, const char *name)
{
    return conf_place_of(&settings_route_group, &s->head, name);
}

/* Paths are matched in their normal form, so that one in another form is never met. */
static void route_check_path(struct build *b, struct str path, const char *setting, struct conf_place at)
{
    struct str normal;

    if (path.len == 0 || path.s[0] != '/') {
        conf_report_add(b->report, at, "'%s' is \"%.*s\"; write a path that begins with \"/\"", setting,
                        STR_ARG(path));
        return;
    }
    if (memchr(path.s, '?', path.len) || memchr(path.s, '#', path.len)) {
        conf_report_add(b->report, at, "'%s' is \"%.*s\"; write the path alone, without a query", setting,
                        STR_ARG(path));
        return;
    }
    if (uri_normalise(path, 0, b->pool, &normal) != URI_OK)
        normal = uri_encode(path, b->pool);
    if (!str_eq(normal, path))
        conf_report_add(b->report, at, "no request has the path \"%.*s\"; write its normal form \"%.*s\"",
                        STR_ARG(path), STR_ARG(normal));
}

static void route_matcher(struct build *b, struct route *r, const struct level_settings *s)
{
    const char *name = s->exact.s ? "exact" : s->regex.s ? "regex" : "prefix";

    if ((s->exact.s != NULL) + (s->prefix.s != NULL) + (s->regex.s != NULL) > 1)
        conf_report_add(b->report, r->at, "the route has more than one of exact, prefix and regex; keep one");
    r->matcher = s->exact.s ? ROUTE_EXACT : s->regex.s ? ROUTE_REGEX : ROUTE_PREFIX;
    r->path = s->exact.s ? s->exact : s->regex.s ? s->regex : s->prefix.s ? s->prefix : STR("/");
    if (r->matcher == ROUTE_REGEX)
        r->regex = config_regex(b, s->regex, s->nocase, route_place(s, name));
    else if (s->exact.s || s->prefix.s)
        route_check_path(b, r->path, name, route_place(s, name));
    if (s->nocase && r->matcher != ROUTE_REGEX)
        conf_report_add(b->report, route_place(s, "nocase"), "'nocase' is for regex routes; remove it");
    if (s->final && r->matcher != ROUTE_PREFIX)
        conf_report_add(b->report, route_place(s, "final"), "'final' is for prefix routes; remove it");
    r->label = r->path;
    if (r->name.len)
        r->label = r->name;
    else if (r->matcher != ROUTE_PREFIX)
        r->label = pool_printf(b->pool, "%c %.*s", r->matcher == ROUTE_EXACT ? '=' : '~', STR_ARG(r->path));
    r->final = s->final;
    r->internal = s->internal;
    if (s->internal && !s->name.s)
        conf_report_add(b->report, r->at,
                        "an internal route without a name is never reached; write name = \"...\";");
    r->when = config_match(b, &s->when, VAR_REQUEST);
}

/* A wrong one is reported wherever it stands. */
static void route_cache(struct build *b, struct route *r, const struct level_settings *s)
{
    const struct cache_usage *use = s->cache ? config_cache_use(b, s->cache) : NULL;

    if (!use || r->action != ACTION_PROXY)
        return;
    r->cache = use;
    config_cache_fields(b, r);
}

void config_build_route(struct build *b, struct site *site, struct route *r, struct level_settings *s,
                        const struct level_settings *outer, const struct conf_group *outer_group)
{
    r->at = s->head.at;
    r->site = site;
    r->name = s->name.s ? s->name : STR("");
    (void)!settings_join(&b->load, &settings_route_group, s, outer_group, outer);
    route_matcher(b, r, s);
    config_build_path_changes(b, r, s);
    config_build_headers(b, r, s);
    config_build_shared(r, s);
    config_build_access_logs(b, s, &r->access_logs, &r->access_log_count);
    config_build_action(b, r, s, outer);
    route_cache(b, r, s);
}

static void check_prefix(struct build *b, struct str prefix, const char *name, const struct level_settings *s)
{
    if (prefix.s && (prefix.len == 0 || prefix.s[0] != '/' || !uri_is_clean(prefix)))
        conf_report_add(b->report, route_place(s, name),
                        "'%s' is \"%.*s\"; write a path that begins with \"/\"", name, STR_ARG(prefix));
}

struct rules {
    struct rewrite_rule *rules;
};

static struct rewrite_rule *path_rules(struct build *b, const struct conf_list *list)
{
    const struct rewrite_settings *s = list->items;
    struct rules *made = config_made(b, s);

    if (made)
        return made->rules;
    made = pool_zalloc(b->pool, sizeof(*made));
    made->rules = pool_zalloc(b->pool, (list->n + 1) * sizeof(*made->rules));
    for (size_t i = 0; i < list->n; i++) {
        struct conf_place at = s[i].head.at;
        if (!s[i].regex.s || !s[i].to.s)
            continue;
        made->rules[i].regex = config_regex(b, s[i].regex, false, at);
        made->rules[i].to = template_new(b->pool, s[i].to, VAR_REQUEST, at, b->report);
        made->rules[i].last = s[i].last;
    }
    config_keep(b, s, made);
    return made->rules;
}

static const struct template *path_replacement(struct build *b, const struct level_settings *s)
{
    struct template *made = config_made(b, s->replace_path.s);

    if (!made) {
        made = template_new(b->pool, s->replace_path, VAR_REQUEST, route_place(s, "replace_path"), b->report);
        if (made)
            config_keep(b, s->replace_path.s, made);
    }
    return made;
}

void config_build_path_changes(struct build *b, struct route *r, const struct level_settings *s)
{
    r->rewrite_count = s->rewrite.n;
    if (s->rewrite.n)
        r->rewrites = path_rules(b, &s->rewrite);
    r->strip_prefix = s->strip_prefix;
    r->add_prefix = s->add_prefix;
    check_prefix(b, s->strip_prefix, "strip_prefix", s);
    check_prefix(b, s->add_prefix, "add_prefix", s);
    if (s->replace_path.s)
        r->replace_path = path_replacement(b, s);
    r->rewrite_location = s->location;
}

const char *config_replay_name(enum retry_replay replay)
{
    return settings_replay_names[replay];
}

/* By the index in settings_retry_names. */
static bool *retry_reason(struct retry_conf *r, int name)
{
    bool *const reasons[] = {&r->on_connect, &r->on_timeout, &r->on_reset,
                             &r->on_502,     &r->on_503,     &r->on_504};

    return reasons[name];
}

void config_build_shared(struct route *r, const struct level_settings *s)
{
    r->timeouts = config_timeouts(s->timeouts);
    r->https_port = s->https_only ? (uint16_t)s->https_only->port : 0;
    if (s->request_body) {
        r->body_max = (uint64_t)s->request_body->max_size;
        r->body_memory = (uint64_t)s->request_body->memory;
        r->body_buffering = s->request_body->buffer == 0 ? BODY_MEMORY_DISK : BODY_STREAM;
    }
    r->retry = (struct retry_conf){.tries = 1};
    r->priority = (enum route_priority)s->priority;
    if (!s->retry)
        return;
    r->retry.tries = (unsigned)s->retry->tries;
    r->retry.replay = (enum retry_replay)s->retry->replay;
    r->retry.per_try = s->retry->per_try;
    r->retry.budget = (unsigned)s->retry->budget;
    for (size_t i = 0; i < s->retry->on.n; i++)
        *retry_reason(&r->retry, ((const int *)s->retry->on.items)[i]) = true;
}

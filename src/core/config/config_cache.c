/* config_cache.c: caches, and how each route uses its own: checks, and what is made of it. */
#include "core/config/config_cache.h"

#include <sys/stat.h>

#include "core/board/board_cache.h"
#include "core/config/config_build.h"
#include "http/bytes.h"

static const struct conf_group *const group = &settings_cache_group;

static struct conf_place place(const struct cache_settings *s, const char *name)
{
    return conf_place_of(group, &s->head, name);
}

const char *config_set_cookie_name(enum cache_set_cookie mode)
{
    return settings_set_cookie_names[mode];
}

/* ---- what both have ---- */

static void use_key(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    struct template *made = config_made(b, s->key.s);

    if (s->key.len == 0)
        conf_report_add(b->report, place(s, "key"), "'key' is empty; write one such as \"$scheme$host$uri\"");
    if (!made) {
        made = template_new(b->pool, s->key, VAR_REQUEST, place(s, "key"), b->report);
        if (made)
            config_keep(b, s->key.s, made);
    }
    use->key = made;
    use->key_is_default = !settings_has(group, &s->head, "key");
}

/* A '*' may only stand at the end. */
static bool is_argument(struct str name)
{
    size_t end = strcspn(name.s, "&=?#*");

    return name.len > 0 && (end == name.len || (name.s[end] == '*' && end + 1 == name.len));
}

static void use_query(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    const struct str *names = s->ignore_query.items;

    use->ignore_query = (struct cache_names){names, s->ignore_query.n};
    use->sort_query = s->sort_query;
    for (size_t i = 0; i < s->ignore_query.n; i++) {
        if (!is_argument(names[i]))
            conf_report_add(b->report, place(s, "ignore_query"),
                            "'ignore_query' has \"%.*s\"; write names of arguments, \"PREFIX*\", or \"*\" for the whole "
                            "query",
                            STR_ARG(names[i]));
        else if (str_eq(names[i], STR("*")) && s->ignore_query.n > 1)
            conf_report_add(b->report, place(s, "ignore_query"),
                            "'ignore_query' has \"*\", which is the whole query, beside others; keep one of them");
    }
}

static struct str lower(struct pool *pool, struct str name)
{
    char *text = pool_text(pool, name.len);

    for (size_t i = 0; i < name.len; i++)
        text[i] = ascii_lower(name.s[i]);
    return (struct str){text, name.len};
}

static void use_vary(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    const struct str *names = s->ignore_vary.items;
    struct str *made = pool_zalloc(b->pool, (s->ignore_vary.n + 1) * sizeof(*made));
    struct cache_names *all = pool_zalloc(b->pool, sizeof(*all));

    for (size_t i = 0; i < s->ignore_vary.n; i++) {
        made[i] = lower(b->pool, names[i]);
        if (!bytes_are_token(names[i]) || str_eq(names[i], STR("*")))
            conf_report_add(b->report, place(s, "ignore_vary"),
                            "'ignore_vary' has \"%.*s\"; write names of header fields", STR_ARG(names[i]));
    }
    *all = (struct cache_names){made, s->ignore_vary.n};
    use->rules.ignore_vary = all->count ? all : NULL;
}

/* Those that are never stored, or only as part of another. */
static void check_statuses(struct build *b, const struct cache_ttl_settings *s)
{
    const struct conf_statuses *statuses = s->status.items;

    for (size_t i = 0; i < s->status.n; i++) {
        int first = statuses[i].first;

        if (first < 200 || (first == statuses[i].last && (first == 206 || first == 304)))
            conf_report_add(b->report, conf_place_of(&settings_cache_ttl_group, &s->head, "status"),
                            "an answer with status %d is never stored for itself; write others, such as 200 or 404", first);
    }
}

/* Less than a second is one: in seconds caches reckon. */
static int64_t seconds(int64_t ms)
{
    return ms < 0 ? -1 : (ms + 999) / 1000;
}

static void use_ttls(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    const struct cache_ttl_settings *from = s->ttl.items;
    struct cache_ttl *made = pool_zalloc(b->pool, (s->ttl.n + 1) * sizeof(*made));

    for (size_t i = 0; i < s->ttl.n; i++) {
        const struct status_set *statuses = config_statuses(b, &from[i].status);

        check_statuses(b, &from[i]);
        if (statuses)
            made[i] = (struct cache_ttl){*statuses, seconds(from[i].ttl)};
    }
    use->rules.ttls = (struct cache_ttls){made, s->ttl.n, seconds(s->default_ttl)};
    use->rules.stale_while_revalidate = s->stale_while_revalidate < 0 ? 0 : seconds(s->stale_while_revalidate);
    use->rules.stale_if_error = s->stale_if_error < 0 ? 0 : seconds(s->stale_if_error);
}

static void use_methods(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    for (size_t i = 0; i < s->methods.n; i++)
        use->methods |= 1U << ((const int *)s->methods.items)[i];
    if (!(use->methods & CACHE_GET))
        conf_report_add(b->report, place(s, "methods"),
                        "'methods' lacks GET, and nothing else is stored; write [ \"GET\" ] or [ \"GET\", \"HEAD\" ]");
}

/* One of the conditions is enough. */
static const struct match *any_of(struct build *b, const struct conf_list *list, enum var_scope scope)
{
    struct match *made = config_made(b, list->items);
    const struct match *all;

    if (made || list->n == 0)
        return made;
    all = config_match(b, list, scope);
    made = pool_zalloc(b->pool, sizeof(*made));
    made->terms = pool_zalloc(b->pool, sizeof(*made->terms));
    made->terms[0] = (struct match_term){.subject = MATCH_ANY, .any = all->terms, .any_count = all->count};
    made->count = 1;
    config_keep(b, list->items, made);
    return made;
}

static void use_stored(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    use->max_object = settings_has(group, &s->head, "max_object") ? (uint64_t)s->max_object : use->cache->size / 8;
    if (use->cache->size && use->max_object > use->cache->size)
        conf_report_add(b->report, place(s, "max_object"),
                        "'max_object' is larger than the 'size' of the cache \"%.*s\"; write a smaller one",
                        STR_ARG(use->cache->name));
    use->max_variants = (unsigned)s->max_variants;
    use->min_uses = (unsigned)s->min_uses;
    use->rules.set_cookie = (enum cache_set_cookie)s->set_cookie;
    use->tags_header = s->tags_header;
    if (s->tags_header.s && !bytes_are_token(s->tags_header))
        conf_report_add(b->report, place(s, "tags_header"),
                        "'tags_header' is \"%.*s\"; write the name of a header field", STR_ARG(s->tags_header));
}

/* Of settings that are complete. */
static void use_build(struct build *b, const struct cache_settings *s, struct cache_usage *use)
{
    use_key(b, s, use);
    use_query(b, s, use);
    use_vary(b, s, use);
    use_ttls(b, s, use);
    use->lock = s->lock;
    use->lock_timeout = s->lock_timeout;
    use->hit_for_miss = s->hit_for_miss;
    use_stored(b, s, use);
    use_methods(b, s, use);
    use->bypass = any_of(b, &s->bypass, VAR_REQUEST);
    use->no_store = any_of(b, &s->no_store, VAR_RESPONSE);
}

/* ---- caches ---- */

static struct str without_slash(struct build *b, struct str path)
{
    while (path.len > 1 && path.s[path.len - 1] == '/')
        path.len--;
    return pool_str(b->pool, path);
}

static void cache_path(struct build *b, const struct cache_settings *s, struct cache_conf *c)
{
    struct stat st;

    c->in_memory = str_eq(s->path, STR("memory"));
    c->path = without_slash(b, s->path);
    if (c->in_memory)
        return;
    if (str_eq(c->path, STR("/")))
        conf_report_add(b->report, place(s, "path"), "'path' is /; write a directory for this cache alone");
    else if (stat(c->path.s, &st) == 0 && !S_ISDIR(st.st_mode))
        conf_report_add(b->report, place(s, "path"), "'path' is %s, which is not a directory; write the path of one",
                        c->path.s);
    else
        config_check_directory_of(b, c->path, "path", place(s, "path"));
}

static void cache_build(struct build *b, const struct cache_settings *s, struct cache_conf *c)
{
    struct cache_conf *first;

    c->at = s->head.at;
    c->name = s->name.s ? s->name : STR("");
    c->index = (size_t)(c - b->config->caches);
    c->size = (uint64_t)s->size;
    c->memory = (uint64_t)s->memory;
    if (s->path.s)
        cache_path(b, s, c);
    c->defaults.cache = c;
    use_build(b, s, &c->defaults);
    if (s->head.broken && !s->name.s)
        return;
    if (c->name.len > BOARD_CACHE_NAME_MAX)
        conf_report_add(b->report, place(s, "name"), "the name of a cache has at most %d bytes; write a shorter one",
                        BOARD_CACHE_NAME_MAX);
    if (!str_is_printable(c->name)) {
        conf_report_add(b->report, s->name.s ? place(s, "name") : s->head.at,
                        "a cache needs a name; write name = \"...\"; without control characters");
        return;
    }
    first = hash_table_get(b->caches, c->name);
    if (!first)
        hash_table_set(b->caches, c->name, c);
    else
        conf_report_add(b->report, c->at, "the cache \"%.*s\" is defined twice, first at %s:%u; keep one of them",
                        STR_ARG(c->name), first->at.file, first->at.line);
}

void config_build_caches(struct build *b)
{
    const struct conf_list *list = &b->settings->caches;
    struct config *c = b->config;

    if (list->n > BOARD_CACHES)
        conf_report_add(b->report, ((const struct cache_settings *)list->items)[BOARD_CACHES].head.at,
                        "there are %zu caches, and at most %d are possible; let routes share some", list->n, BOARD_CACHES);
    c->cache_count = list->n;
    c->caches = pool_zalloc(b->pool, (list->n + 1) * sizeof(*c->caches));
    for (size_t i = 0; i < list->n; i++)
        cache_build(b, (const struct cache_settings *)list->items + i, &c->caches[i]);
}

/* ---- of routes ---- */

const struct cache_conf *config_cache_named(struct build *b, struct str name, struct conf_place at)
{
    const struct cache_conf *c = hash_table_get(b->caches, name);

    if (!c)
        config_unknown(b, at, "cache", name, b->caches);
    return c;
}

/* Says which once, though it is asked for each route. */
static const struct cache_conf *use_cache(struct build *b, const struct cache_settings *s)
{
    if (s->name.s)
        return config_cache_named(b, s->name, place(s, "name"));
    if (!s->head.broken)
        conf_report_add(b->report, s->head.at, "'cache' says not which; write name = \"...\"; of one of 'caches'");
    return NULL;
}

const struct cache_usage *config_cache_use(struct build *b, const struct cache_settings *s)
{
    const struct cache_conf *cache;
    struct cache_settings *whole;
    struct cache_usage *use = config_made(b, s);

    if (use || s->head.broken)
        return use;
    cache = use_cache(b, s);
    if (!cache)
        return NULL;
    /* A copy: levels within may still be joined with what is written here. */
    whole = pool_zalloc(b->pool, sizeof(*whole));
    *whole = *s;
    (void)!settings_join(&b->load, &settings_cache_use_group, whole, &settings_cache_group,
                         (const struct cache_settings *)b->settings->caches.items + cache->index);
    use = pool_zalloc(b->pool, sizeof(*use));
    use->cache = cache;
    use_build(b, whole, use);
    config_keep(b, s, use);
    config_keep(b, use, whole);
    return use;
}

const struct cache_settings *config_cache_settings(const struct build *b, const struct cache_usage *use)
{
    return config_made(b, use);
}

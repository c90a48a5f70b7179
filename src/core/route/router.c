/*
 * router.c: exact paths in a hash table, prefixes in a tree, regexes in a list.  Each entry is a candidate: a
 * route and the next one that differs from it only in language.
 */
#include "core/route/router.h"

#include "core/route/host_table.h"
#include "core/route/match.h"
#include "core/route/path_table.h"
#include "core/route/radix.h"

struct candidate {
    const struct route *route;
    struct candidate *sibling; /* the next with the same matcher and, but for the language, conditions */
    const struct match_term *language;
};

struct router {
    struct path_table *exact;
    struct radix *prefixes;
    struct candidate **regexes;
    struct regex_gate *gates; /* of the regexes */
    size_t regex_count;
    struct path_table *names;
    size_t count;
    size_t bytes; /* but for the tree */
};

/* One search in progress. */
struct router_search {
    const struct router *router;
    struct request *req;
    struct router_trace *trace;
    bool limit;
};

static bool candidate_same_matcher(const struct route *a, const struct route *b)
{
    if (a->matcher != b->matcher)
        return false;
    return a->matcher == ROUTE_REGEX ? regex_same(a->regex, b->regex) : str_eq(a->path, b->path);
}

/* Links each candidate with a language to the next of its kind; few routes have one, so the loop is short. */
static void router_link_languages(struct candidate *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!all[i].language)
            continue;
        for (size_t j = i + 1; j < count && !all[i].sibling; j++)
            if (all[j].language && candidate_same_matcher(all[i].route, all[j].route) &&
                match_same_but_language(all[i].route->when, all[j].route->when))
                all[i].sibling = &all[j];
    }
}

static void router_add(struct router *router, struct candidate *candidate)
{
    const struct route *route = candidate->route;

    if (route->matcher == ROUTE_EXACT)
        path_table_add(router->exact, route->path, candidate);
    else if (route->matcher == ROUTE_PREFIX)
        radix_add(router->prefixes, route->path, candidate);
    else if (route->regex) { /* NULL: refused, and the configuration with it */
        router->gates[router->regex_count] = regex_gate(route->regex);
        router->regexes[router->regex_count++] = candidate;
    }
}

struct router *router_new(struct pool *pool, struct hash_key key, struct route *routes, size_t count)
{
    struct router *router = pool_zalloc(pool, sizeof(*router));
    struct candidate *all = pool_zalloc(pool, (count + 1) * sizeof(*all));

    router->exact = path_table_new(pool, key);
    router->prefixes = radix_new(pool);
    router->names = path_table_new(pool, key);
    router->regexes = pool_alloc(pool, (count + 1) * sizeof(struct candidate *));
    router->gates = pool_alloc(pool, (count + 1) * sizeof(*router->gates));
    for (size_t i = 0; i < count; i++) {
        if (routes[i].name.len)
            path_table_add(router->names, routes[i].name, &routes[i]);
        if (routes[i].internal)
            continue;
        all[router->count] =
            (struct candidate){.route = &routes[i], .language = match_language(routes[i].when)};
        router_add(router, &all[router->count++]);
        router->bytes += routes[i].path.len + sizeof(struct path_entry) + sizeof(struct candidate);
    }
    router_link_languages(all, router->count);
    path_table_freeze(router->exact);
    path_table_freeze(router->names);
    radix_freeze(router->prefixes);
    return router;
}

static void router_note(struct router_search *s, const struct route *route, bool taken, struct str why)
{
    if (s->trace)
        s->trace->note(s->trace, route, taken, why);
}

static void router_note_failed(struct router_search *s, const struct route *route,
                               const struct match_term *failed, bool undecided)
{
    struct str what;

    if (!s->trace)
        return;
    what = match_describe(failed, s->req->pool);
    router_note(s, route, false,
                pool_printf(s->req->pool, "%s: %.*s", undecided ? "a limit was met in" : "does not hold",
                            STR_ARG(what)));
}

/* Whether the conditions hold; an undecided one ends the search. */
static bool router_holds(struct router_search *s, const struct candidate *candidate)
{
    const struct match_term *failed = NULL;
    enum match_result result = match_holds(candidate->route->when, s->req, &failed);

    if (result == MATCH_YES)
        return true;
    s->limit = result == MATCH_UNDECIDED;
    router_note_failed(s, candidate->route, failed, s->limit);
    return false;
}

/* Of a candidate that holds and its siblings the one whose language is liked best; the first of equals. */
static const struct candidate *router_best_language(struct router_search *s, const struct candidate *first)
{
    const struct candidate *best = first;
    unsigned most = first->sibling ? match_language_weight(first->language, s->req) : 0;

    for (const struct candidate *c = first->sibling; c && !s->limit; c = c->sibling) {
        unsigned weight = match_language_weight(c->language, s->req);

        if (weight <= most || !router_holds(s, c))
            continue;
        router_note(s, best->route, false, STR("another language is preferred"));
        best = c;
        most = weight;
    }
    return best;
}

static const struct candidate *router_exact(struct router_search *s)
{
    const struct path_entry *entry = path_table_find(s->router->exact, s->req->path);

    for (; entry && !s->limit; entry = entry->next)
        if (router_holds(s, entry->value))
            return router_best_language(s, entry->value);
    return NULL;
}

/* The longest prefix whose conditions hold. */
static const struct candidate *router_prefix(struct router_search *s)
{
    struct radix_walk walk;
    const struct candidate *candidate;

    radix_walk_start(&walk, s->router->prefixes, s->req->path);
    while (!s->limit && (candidate = radix_walk_next(&walk)) != NULL)
        if (router_holds(s, candidate))
            return router_best_language(s, candidate);
    return NULL;
}

/* The first regex from number `i` on whose gate lets the path pass: no regex before it is touched. */
static size_t router_next_regex(const struct router_search *s, size_t i, uint64_t start)
{
    const struct router *router = s->router;

    while (i < router->regex_count && !regex_gate_lets(&router->gates[i], s->req->path, start)) {
        if (s->trace)
            s->trace->note(s->trace, router->regexes[i]->route, false, STR("the regex does not match"));
        i++;
    }
    return i;
}

/* The answer of regex number `i`; its captures are the request's then. */
static enum regex_result router_try_regex(struct router_search *s, size_t i)
{
    struct request *req = s->req;

    return regex_match(s->router->regexes[i]->route->regex, match_scratch(req), req->path, &req->captures);
}

/* The first regex that matches and whose conditions, which may name its captures, hold. */
static const struct candidate *router_regex(struct router_search *s)
{
    struct request *req = s->req;
    uint64_t start = regex_gate_start(req->path);

    for (size_t i = 0; !s->limit && (i = router_next_regex(s, i, start)) < s->router->regex_count; i++) {
        const struct candidate *candidate = s->router->regexes[i];
        enum regex_result result = router_try_regex(s, i);

        if (result == REGEX_LIMIT) {
            s->limit = true;
            router_note(s, candidate->route, false, STR("the regex met its limit"));
        } else if (result == REGEX_NO_MATCH) {
            router_note(s, candidate->route, false, STR("the regex does not match"));
        } else if (router_holds(s, candidate)) {
            return router_best_language(s, candidate);
        }
    }
    req->captures.count = 0;
    return NULL;
}

/* The methods of conditions that failed, each once; in the request's pool. */
static struct str router_add_methods(struct str allow, const struct match_term *term, struct pool *pool)
{
    static const char *const usual[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    size_t count = term->invert ? ARRAY_SIZE(usual) : term->is_count;

    for (size_t i = 0; i < count; i++) {
        struct str method = term->invert ? str_of(usual[i]) : term->is[i];
        struct str rest = allow, element;
        bool skip = false;

        for (size_t k = 0; term->invert && k < term->is_count; k++)
            skip = skip || str_eq(term->is[k], method);
        while (!skip && str_next_element(&rest, &element))
            skip = str_eq(element, method);
        if (!skip)
            allow = pool_printf(pool, "%.*s%s%.*s", STR_ARG(allow), allow.len ? ", " : "", STR_ARG(method));
    }
    return allow;
}

static void router_allow(struct router_search *s, const struct candidate *candidate, struct str *allow)
{
    const struct match_term *method = NULL;

    if (match_fails_by_method(candidate->route->when, s->req, &method))
        *allow = router_add_methods(*allow, method, s->req->pool);
}

/* What would have been found for another method?  Asked only when nothing was: what it costs does
 * not matter. */
static struct str router_allowed(struct router_search *s)
{
    const struct path_entry *entry = path_table_find(s->router->exact, s->req->path);
    const struct candidate *candidate;
    struct radix_walk walk;
    struct str allow = STR("");

    for (; entry; entry = entry->next)
        router_allow(s, entry->value, &allow);
    radix_walk_start(&walk, s->router->prefixes, s->req->path);
    while ((candidate = radix_walk_next(&walk)) != NULL)
        router_allow(s, candidate, &allow);
    for (size_t i = 0; i < s->router->regex_count; i++) {
        if (router_try_regex(s, i) == REGEX_MATCH)
            router_allow(s, s->router->regexes[i], &allow);
    }
    s->req->captures.count = 0;
    return allow;
}

static const struct candidate *router_search(struct router_search *s)
{
    const struct candidate *remembered, *found = router_exact(s);

    if (found || s->limit)
        return found;
    remembered = router_prefix(s);
    if (s->limit || (remembered && remembered->route->final))
        return remembered;
    found = router_regex(s);
    if (found || s->limit)
        return found;
    return remembered;
}

enum router_result router_find(const struct router *router, struct request *req, struct str *allow,
                               struct router_trace *trace)
{
    struct router_search s = {.router = router, .req = req, .trace = trace};
    const struct candidate *found;

    req->route = NULL;
    req->captures.count = 0;
    found = router_search(&s);
    if (s.limit) {
        req->captures.count = 0;
        return ROUTER_LIMIT;
    }
    if (found) {
        req->route = found->route;
        router_note(&s, found->route, true, STR(""));
        return ROUTER_FOUND;
    }
    *allow = router_allowed(&s);
    return allow->len ? ROUTER_METHOD : ROUTER_NONE;
}

const struct route *router_by_name(const struct site *site, struct str name)
{
    const struct path_entry *entry = path_table_find(site->router->names, name);

    return entry ? entry->value : NULL;
}

const struct site *router_site(const struct listener_conf *listener, struct request *req, bool *limit)
{
    void *value = NULL;
    enum regex_result result = REGEX_NO_MATCH;

    *limit = false;
    req->host_captures.count = 0;
    if (listener->hosts && req->host.len) {
        result = host_table_find(listener->hosts, req->host, match_scratch(req), &req->host_captures, &value);
        *limit = result == REGEX_LIMIT;
    }
    if (*limit)
        return NULL;
    return result == REGEX_MATCH ? value : listener->default_site;
}

/* cache_vary.c: see cache_vary.h. */
#include "http/cache_vary.h"

#include <stdlib.h>

#include "http/accept.h"
#include "http/bytes.h"

/* More languages than these are taken as they came. */
#define LANGUAGES_MAX 32

struct text {
    struct pool *pool;
    char *s;
    size_t len, room;
};

static void put(struct text *to, struct str s)
{
    if (to->len + s.len > to->room)
        to->s = pool_text_grow(to->pool, to->s, to->len, &to->room, s.len);
    if (s.len)
        memcpy(to->s + to->len, s.s, s.len);
    to->len += s.len;
}

static void put_lower(struct text *to, struct str s)
{
    size_t at = to->len;

    put(to, s);
    for (; at < to->len; at++)
        to->s[at] = ascii_lower(to->s[at]);
}

static struct text text_new(struct pool *pool, size_t room)
{
    return (struct text){pool, pool_text(pool, room), 0, room};
}

/* Walks the elements of all lines of a field, whose first line is `field`. */
struct walk {
    const struct header *field, *end;
    struct str rest;
};

static struct walk walk_of(const struct header_list *list, const struct header *first)
{
    return (struct walk){first, list->items + list->count, first ? first->value : STR_NONE};
}

static bool same_name(const struct header *a, const struct header *b)
{
    return a->id == b->id && (a->id != HEADER_OTHER || str_ieq(a->name, b->name));
}

static bool walk_next(struct walk *walk, struct str *element)
{
    const struct header *line;

    if (!walk->field)
        return false;
    while (!str_next_element(&walk->rest, element)) {
        for (line = walk->field + 1; line < walk->end && !same_name(line, walk->field); line++)
            ;
        if (line >= walk->end)
            return false;
        walk->field = line;
        walk->rest = line->value;
    }
    return true;
}

static bool says_who_client_is(struct str name)
{
    switch (header_id_of(name)) {
    case HEADER_X_FORWARDED_FOR:
    case HEADER_X_REAL_IP:
    case HEADER_FORWARDED:
    case HEADER_X_REQUEST_ID:
        return true;
    default:
        return false;
    }
}

enum cache_reason cache_vary_check(const struct header_list *response, const struct cache_names *ignored)
{
    struct walk walk = walk_of(response, header_find(response, HEADER_VARY));
    enum cache_reason reason = CACHE_REASON_NONE;
    struct str name;
    size_t count = 0;

    while (walk_next(&walk, &name)) {
        if (str_eq(name, STR("*")))
            return CACHE_REASON_VARY_STAR;
        if (cache_names_have(ignored, name))
            continue;
        if (says_who_client_is(name))
            reason = CACHE_REASON_VARY_CLIENT;
        else if (++count > CACHE_VARY_MAX || !bytes_are_token(name))
            reason = CACHE_REASON_VARY_MANY;
    }
    return reason;
}

static int by_name(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->s, y->s, len);

    return order ? order : (x->len > y->len) - (x->len < y->len);
}

struct str cache_vary_names(const struct header_list *response, const struct cache_names *ignored,
                            struct pool *pool)
{
    struct walk walk = walk_of(response, header_find(response, HEADER_VARY));
    struct str names[CACHE_VARY_MAX + 1], name;
    struct text out = {.pool = pool};
    size_t count = 0;

    if (header_find(response, HEADER_CONTENT_ENCODING) && !cache_names_have(ignored, STR("Accept-Encoding")))
        names[count++] = STR("accept-encoding");

    while (count <= CACHE_VARY_MAX && walk_next(&walk, &name)) {
        struct text lower;

        if (cache_names_have(ignored, name))
            continue;
        lower = text_new(pool, name.len);
        put_lower(&lower, name);
        names[count++] = (struct str){lower.s, lower.len};
    }
    if (count == 0)
        return STR_NONE;
    qsort(names, count, sizeof(names[0]), by_name);
    out = text_new(pool, 64);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(names[i], names[i - 1]))
            continue;
        if (out.len)
            put(&out, STR(","));
        put(&out, names[i]);
    }
    return (struct str){out.s, out.len};
}

struct str cache_vary_encoding(const struct header_list *request)
{
    static const char *const sets[] = {"",     "br",       "gzip",       "br, gzip",
                                       "zstd", "br, zstd", "gzip, zstd", "br, gzip, zstd"};
    static const struct str codings[] = {{"br", 2}, {"gzip", 4}, {"zstd", 4}};
    const struct header *field = header_find(request, HEADER_ACCEPT_ENCODING);
    unsigned set = 0;

    for (; field && field < request->items + request->count; field++) {
        if (field->id != HEADER_ACCEPT_ENCODING)
            continue;
        for (unsigned i = 0; i < ARRAY_SIZE(codings); i++) {
            if (accept_encoding(field->value, codings[i]) > 0)
                set |= 1U << i;
        }
    }
    return str_of(sets[set]);
}

struct language {
    struct str range;
    unsigned weight;
};

static int by_weight(const void *a, const void *b)
{
    const struct language *x = a, *y = b;
    size_t len = x->range.len < y->range.len ? x->range.len : y->range.len;

    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    for (size_t i = 0; i < len; i++) {
        int order = ascii_lower(x->range.s[i]) - ascii_lower(y->range.s[i]);

        if (order)
            return order;
    }
    return (x->range.len > y->range.len) - (x->range.len < y->range.len);
}

/* A language range and its weight: accept_language() of the element alone, which is its own closest match. */
static struct language language_of(struct str element)
{
    const char *end = memchr(element.s, ';', element.len);
    struct str range = str_trim((struct str){element.s, end ? (size_t)(end - element.s) : element.len});

    return (struct language){range, accept_language(element, range)};
}

static void put_elements(struct text *to, struct walk walk)
{
    struct str element;
    bool first = true;

    for (; walk_next(&walk, &element); first = false) {
        if (!first)
            put(to, STR(","));
        put(to, element);
    }
}

/*
 * Accept-Language by falling weight; ranges of one weight are equally good (RFC 9110 12.4.2) and sorted. Only
 * the order of the weights is told, not their size.
 */
static void put_languages(struct text *to, struct walk walk)
{
    struct language languages[LANGUAGES_MAX];
    struct walk all = walk;
    struct str element;
    size_t count = 0;

    while (walk_next(&walk, &element)) {
        if (count == LANGUAGES_MAX) {
            put_elements(to, all);
            return;
        }
        languages[count++] = language_of(element);
    }
    if (count)
        qsort(languages, count, sizeof(languages[0]), by_weight);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(to, languages[i].weight < languages[i - 1].weight ? STR(";") : STR(","));
        put_lower(to, languages[i].range);
        if (languages[i].weight == 0)
            put(to, STR("!"));
    }
}

static void put_field(struct text *to, struct str name, const struct header_list *request)
{
    enum header_id id = header_id_of(name);
    const struct header *field =
        id == HEADER_OTHER ? header_find_name(request, name) : header_find(request, id);

    put(to, name);
    if (id == HEADER_ACCEPT_ENCODING) {
        put(to, STR("="));
        put(to, cache_vary_encoding(request));
    } else if (field) {
        put(to, STR("="));
        if (id == HEADER_ACCEPT_LANGUAGE)
            put_languages(to, walk_of(request, field));
        else
            put_elements(to, walk_of(request, field));
    }
    put(to, STR("\n"));
}

struct str cache_vary_key(struct str names, const struct header_list *request, struct pool *pool)
{
    struct text out;
    struct str name;

    if (names.len == 0)
        return STR_NONE;
    out = text_new(pool, 128);
    while (str_next_element(&names, &name))
        put_field(&out, name, request);
    return (struct str){out.s, out.len};
}

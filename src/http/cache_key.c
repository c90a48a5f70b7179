/* cache_key.c: see cache_key.h. */
#include "http/cache_key.h"

#include <stdlib.h>

#include "http/bytes.h"

/* A query with more arguments than these goes into the key as it is. */
#define ARGUMENTS_MAX 256

static struct str name_of(struct str argument)
{
    const char *equals = argument.len ? memchr(argument.s, '=', argument.len) : NULL;

    return equals ? (struct str){argument.s, (size_t)(equals - argument.s)} : argument;
}

static bool matches(struct str pattern, struct str name)
{
    if (pattern.len && pattern.s[pattern.len - 1] == '*')
        return str_has_prefix(name, (struct str){pattern.s, pattern.len - 1});
    return str_eq(pattern, name);
}

static bool is_ignored(struct str argument, const struct cache_names *ignored)
{
    struct str name = name_of(argument);

    for (size_t i = 0; ignored && i < ignored->count; i++) {
        if (matches(ignored->names[i], name))
            return !bytes_hold(argument, ';');
    }
    return false;
}

/* Takes the text before the next '&' off the front. */
static struct str take_argument(struct str *rest)
{
    const char *end = memchr(rest->s, '&', rest->len);
    size_t len = end ? (size_t)(end - rest->s) : rest->len;
    struct str argument = {rest->s, len};

    *rest = str_from(*rest, len + (end != NULL));
    return argument;
}

static int by_name(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    struct str n = name_of(*x), m = name_of(*y);
    size_t len = n.len < m.len ? n.len : m.len;
    int order = len ? memcmp(n.s, m.s, len) : 0;

    if (order)
        return order;
    if (n.len != m.len)
        return n.len < m.len ? -1 : 1;
    return (x->s > y->s) - (x->s < y->s); /* as they came */
}

static size_t count_arguments(struct str query)
{
    size_t count = 1;

    for (size_t i = 0; i < query.len; i++)
        count += query.s[i] == '&';
    return count;
}

static struct str join(const struct str *arguments, size_t count, size_t room, struct pool *pool)
{
    char *out = pool_text(pool, room), *to = out;

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *to++ = '&';
        if (arguments[i].len)
            memcpy(to, arguments[i].s, arguments[i].len);
        to += arguments[i].len;
    }
    return (struct str){out, (size_t)(to - out)};
}

struct str cache_key_query(struct str query, const struct cache_names *ignored, bool sort, struct pool *pool)
{
    bool drop = ignored && ignored->count;
    struct str rest = query, arguments[ARGUMENTS_MAX];
    size_t count = 0, dropped = 0;

    if (query.len == 0 || (!drop && !sort))
        return query;
    if (cache_names_have(ignored, STR("*")))
        return STR_NONE;
    if (count_arguments(query) > ARGUMENTS_MAX)
        return query;
    while (rest.len) {
        struct str argument = take_argument(&rest);

        if (is_ignored(argument, ignored) || (sort && argument.len == 0))
            dropped++;
        else
            arguments[count++] = argument;
    }
    if (sort && count > 1)
        qsort(arguments, count, sizeof(*arguments), by_name);
    else if (dropped == 0 && !(sort && query.s[query.len - 1] == '&'))
        return query;
    return join(arguments, count, query.len, pool);
}

/* cache_invalidate.c: see cache_invalidate.h. */
#include "http/cache_invalidate.h"

#include "http/cache_control.h"
#include "http/cache_target.h"

bool cache_invalidate_is_safe(struct str method)
{
    static const char *const safe[] = {"GET",      "HEAD",   "OPTIONS", "TRACE",
                                       "PROPFIND", "REPORT", "SEARCH",  "QUERY"};

    for (size_t i = 0; i < ARRAY_SIZE(safe); i++) {
        if (str_eq(method, str_of(safe[i])))
            return true;
    }
    return false;
}

static size_t find(struct str s, const char *marks)
{
    size_t at = 0;

    while (at < s.len && !(s.s[at] != '\0' && strchr(marks, s.s[at])))
        at++;
    return at;
}

static struct str head_of(struct str s, size_t len)
{
    return (struct str){s.s, len};
}

/* "scheme:" at the front, which is taken off; empty: there is none. */
static struct str take_scheme(struct str *reference)
{
    size_t at = find(*reference, ":/?#");
    struct str scheme;

    if (at == 0 || at == reference->len || reference->s[at] != ':')
        return STR_NONE;
    scheme = head_of(*reference, at);
    *reference = str_from(*reference, at + 1);
    return scheme;
}

/* Whether two authorities are the same for a scheme, of which either may name the default port. */
static bool same_authority(struct str scheme, struct str a, struct str b)
{
    struct str port = str_ieq(scheme, STR("https")) ? STR(":443") : STR(":80");

    if (str_has_suffix(a, port))
        a.len -= port.len;
    if (str_has_suffix(b, port))
        b.len -= port.len;
    return str_ieq(a, b);
}

/* Takes "//authority" off the front; false: it is another's. */
static bool take_authority(const struct cache_place *place, struct str *reference)
{
    struct str authority;

    if (!str_has_prefix(*reference, STR("//")))
        return true;
    *reference = str_from(*reference, 2);
    authority = head_of(*reference, find(*reference, "/?#"));
    *reference = str_from(*reference, authority.len);
    return same_authority(place->scheme, authority, place->authority);
}

static struct str join(struct pool *pool, struct str a, struct str b)
{
    return pool_printf(pool, "%.*s%.*s", STR_ARG(a), STR_ARG(b));
}

/* The path of the target up to and with its last '/' (RFC 3986 5.2.3). */
static struct str directory_of(struct str target)
{
    size_t len = find(target, "?");

    while (len > 0 && target.s[len - 1] != '/')
        len--;
    return len ? head_of(target, len) : STR("/");
}

bool cache_invalidate_resolve(const struct cache_place *place, struct str reference, struct pool *pool,
                              struct str *target)
{
    struct str rest = str_trim(reference), scheme, path = head_of(place->target, find(place->target, "?"));
    bool absolute;

    rest.len = find(rest, "#");
    scheme = take_scheme(&rest);
    if (scheme.len && (!str_ieq(scheme, place->scheme) || !str_has_prefix(rest, STR("//"))))
        return false;
    absolute = str_has_prefix(rest, STR("//"));
    if (!take_authority(place, &rest))
        return false;
    if (rest.len && rest.s[0] == '/')
        *target = pool_str(pool, rest);
    else if (absolute)
        *target = join(pool, STR("/"), rest);
    else if (rest.len == 0)
        *target = pool_str(pool, place->target);
    else if (rest.s[0] == '?')
        *target = join(pool, path, rest);
    else
        *target = join(pool, directory_of(place->target), rest);
    return true;
}

static void add(struct cache_invalid *invalid, struct str target)
{
    for (unsigned i = 0; i < invalid->count; i++) {
        if (str_eq(invalid->targets[i], target))
            return;
    }
    invalid->targets[invalid->count++] = target;
}

void cache_invalidate_list(const struct cache_place *place, struct str method, unsigned status,
                           const struct header_list *response, struct pool *pool,
                           struct cache_invalid *invalid)
{
    static const uint8_t ids[] = {HEADER_LOCATION, HEADER_CONTENT_LOCATION};

    invalid->count = 0;
    if (cache_invalidate_is_safe(method) || status < 200 || status > 399)
        return;
    add(invalid, place->target);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        const struct header *field = header_find(response, (enum header_id)ids[i]);
        struct str target;

        if (field && cache_invalidate_resolve(place, field->value, pool, &target))
            add(invalid, target);
    }
}

static bool is_fresh_explicitly(const struct header_list *response)
{
    struct cache_control cc;
    bool targeted = cache_target_read(response, &cc).len > 0;

    if (!targeted)
        cache_control_read(response, &cc);
    return cc.max_age > 0 || cc.s_maxage > 0 || (!targeted && header_find(response, HEADER_EXPIRES));
}

bool cache_invalidate_is_of_get(const struct cache_place *place, struct str method, unsigned status,
                                const struct header_list *response, struct pool *pool)
{
    const struct header *field = header_find(response, HEADER_CONTENT_LOCATION);
    struct str target;

    return field && str_eq(method, STR("POST")) && status >= 200 && status <= 299 &&
           is_fresh_explicitly(response) && cache_invalidate_resolve(place, field->value, pool, &target) &&
           str_eq(target, place->target);
}

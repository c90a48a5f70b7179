/* cache_directive.c: see cache_directive.h. */
#include "http/cache_directive.h"

#define NAME(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }
#define FLAG(text, flag)                                         \
    {                                                            \
        NAME(text), CACHE_ARGUMENT_NONE, CACHE_CONTROL_##flag, 0 \
    }
#define FIELDS(text, flag, member)                                                                      \
    {                                                                                                   \
        NAME(text), CACHE_ARGUMENT_FIELDS, CACHE_CONTROL_##flag, offsetof(struct cache_control, member) \
    }
#define SECONDS(text, member)                                                         \
    {                                                                                 \
        NAME(text), CACHE_ARGUMENT_SECONDS, 0, offsetof(struct cache_control, member) \
    }

static const struct cache_directive_row rows[] = {
    SECONDS("max-age", max_age),
    SECONDS("s-maxage", s_maxage),
    FLAG("public", PUBLIC),
    FIELDS("private", PRIVATE, private_fields),
    FLAG("no-store", NO_STORE),
    FIELDS("no-cache", NO_CACHE, no_cache_fields),
    FLAG("must-revalidate", MUST_REVALIDATE),
    FLAG("immutable", IMMUTABLE),
    SECONDS("stale-while-revalidate", stale_while_revalidate),
    SECONDS("stale-if-error", stale_if_error),
    FLAG("proxy-revalidate", PROXY_REVALIDATE),
    FLAG("must-understand", MUST_UNDERSTAND),
    FLAG("no-transform", NO_TRANSFORM),
    FLAG("only-if-cached", ONLY_IF_CACHED),
    SECONDS("min-fresh", min_fresh),
    SECONDS("max-stale", max_stale),
};

const struct cache_directive_row *cache_directive_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (str_ieq(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

/*
 * cache_directive.h: the directives Weir knows, for the two readers of them: cache_control.c, after the loose
 * grammar of Cache-Control, and cache_target.c, after the strict one of structured fields.
 */
#ifndef WEIR_HTTP_CACHE_DIRECTIVE_H
#define WEIR_HTTP_CACHE_DIRECTIVE_H

#include "http/cache_control.h"

enum cache_argument {
    CACHE_ARGUMENT_NONE, /* a flag */
    CACHE_ARGUMENT_FIELDS, /* a flag, or with names of fields */
    CACHE_ARGUMENT_SECONDS
};

struct cache_directive_row {
    struct str name;
    enum cache_argument argument;
    unsigned flag;
    size_t offset; /* of its member of struct cache_control: int64_t or struct str */
};

/* The row of a directive, without regard to case (RFC 9111 5.2), or NULL. */
const struct cache_directive_row *cache_directive_find(struct str name);

/* The member that a directive with seconds or with fields sets. */
static inline int64_t *cache_directive_seconds(const struct cache_directive_row *row,
                                               struct cache_control *cc)
{
    return (int64_t *)(void *)((char *)cc + row->offset);
}

static inline struct str *cache_directive_fields(const struct cache_directive_row *row,
                                                 struct cache_control *cc)
{
    return (struct str *)(void *)((char *)cc + row->offset);
}

#endif

/* cache_names.h: names that a setting lists: query arguments, fields. */
#ifndef WEIR_HTTP_CACHE_NAMES_H
#define WEIR_HTTP_CACHE_NAMES_H

#include "base/str.h"

struct cache_names {
    const struct str *names;
    size_t count;
};

/* Whether `name` is one of them, without regard to case; not in NULL. */
static inline bool cache_names_have(const struct cache_names *names, struct str name)
{
    for (size_t i = 0; names && i < names->count; i++) {
        if (str_ieq(names->names[i], name))
            return true;
    }
    return false;
}

#endif

/*
 * json_read.h: reads one flat JSON object (RFC 8259), as the calls of the runtime API and the lines of its
 * saved changes have it.  Limited in size and depth before a parser sees it; a name twice is an error.
 */
#ifndef WEIR_CORE_JSON_READ_H
#define WEIR_CORE_JSON_READ_H

#include "base/pool.h"
#include "base/str.h"

#define JSON_READ_MAX (16 * 1024) /* bytes of the text */
#define JSON_READ_DEPTH 8
#define JSON_READ_MEMBERS 16

enum json_read_type { JSON_READ_TEXT, JSON_READ_NUMBER, JSON_READ_BOOL, JSON_READ_OTHER };

struct json_member {
    struct str name;
    enum json_read_type type; /* fractions, null, arrays and objects are OTHER */
    struct str text; /* UTF-8 without NUL */
    int64_t number;
    bool truth;
};

struct json_members {
    struct json_member items[JSON_READ_MEMBERS];
    size_t count;
};

/* The members of the object in `text`, their texts in the pool; 0, or -1 with what is wrong in `error`. */
int json_read(struct pool *, struct str text, struct json_members *, char *error,
              size_t error_size) WEIR_MUST_CHECK;

/* NULL: there is no member of that name. */
const struct json_member *json_member(const struct json_members *, const char *name);

#endif

/*
 * json.h: writes JSON (RFC 8259) into a text that grows in a pool.  Commas and escapes are its own business;
 * bytes that are not UTF-8 become U+FFFD, so that what strangers sent cannot break a reader.
 */
#ifndef WEIR_CORE_JSON_H
#define WEIR_CORE_JSON_H

#include "base/pool.h"
#include "base/str.h"

struct json {
    struct pool *pool;
    char *text;
    size_t len, room;
    bool comma; /* before the next member */
};

/* An empty text. */
void json_init(struct json *, struct pool *pool);

/*
 * Begin and end an object or array.  Here and below `name` is the member's name, NULL in an array and for the
 * outermost value.
 */
void json_object(struct json *, const char *name);
void json_object_end(struct json *);
void json_array(struct json *, const char *name);
void json_array_end(struct json *);

/* A string; one with `.s` NULL is null. */
void json_str(struct json *, const char *name, struct str value);
void json_int(struct json *, const char *name, int64_t value);
void json_uint(struct json *, const char *name, uint64_t value);
/* Three decimals; what is not finite is null. */
void json_real(struct json *, const char *name, double value);
void json_bool(struct json *, const char *name, bool value);
void json_null(struct json *, const char *name);

/* An object member whose name is not a C string: before a value written with name NULL. */
void json_name(struct json *, struct str name);

/* The text so far; valid until the next call. */
struct str json_text(const struct json *);

#endif

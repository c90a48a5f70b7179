/*
 * uri.h: request targets.  A target is cut into its parts, its path is brought into one canonical
 * form that routing, access rules, the cache key and file lookup share, and text is made safe for
 * a Location field.  The query is never changed.
 */
#ifndef WEIR_HTTP_URI_H
#define WEIR_HTTP_URI_H

#include "base/pool.h"
#include "base/str.h"

enum uri_error {
    URI_OK = 0,
    URI_BAD_BYTE,      /* CTL, SP, DEL, NUL, '#' or a byte above 0x7e */
    URI_BAD_FORM,      /* not a form that is allowed for this method */
    URI_BAD_AUTHORITY, /* absolute-form without host[:port], or with userinfo */
    URI_BAD_ESCAPE,    /* '%' without two hexadecimal digits */
    URI_NUL,           /* %00 */
    URI_SLASH,         /* %2F where a file name is wanted */
    URI_ABOVE_ROOT     /* ".." leaves the root */
};

enum uri_form { URI_ORIGIN, URI_ABSOLUTE, URI_ASTERISK };

struct uri_target {
    enum uri_form form;
    bool https;           /* absolute-form with https */
    struct str authority; /* absolute-form: replaces the Host field; else STR_NONE */
    struct str path;      /* begins with '/', or is "*" */
    struct str query;     /* after the first '?', untouched */
    bool has_query;       /* there was a '?', even with nothing behind it */
};

/* For uri_normalise: a '%' without two digits becomes "%25" and is no error. */
#define URI_KEEP_BAD_ESCAPE 1U

/* A short reason for logs; never NULL. */
const char *uri_error_text(enum uri_error error);

/* No byte that a request target may not hold: CTL, SP, DEL, NUL, '#', 8-bit (RFC 9112 3.2). */
bool uri_is_clean(struct str text);

/*
 * Cuts a request target (RFC 9112 3.2) into parts that borrow from `text`.  authority-form, and
 * with it CONNECT, is refused; asterisk-form is for OPTIONS alone; "OPTIONS http://host" means
 * "*" (3.2.4). The authority is only checked for userinfo and emptiness: give it to host_parse.
 */
enum uri_error uri_parse_target(struct str method, struct str text,
                                struct uri_target *target) WEIR_MUST_CHECK;

/*
 * The canonical form of a path that begins with '/' (RFC 3986 6.2.2): %xx of an unreserved
 * character decoded once, other escapes in upper case, runs of '/' merged, dot segments resolved;
 * %2F and %5C stay escapes.  Normalising the result changes nothing.  `out` ends in NUL and lives
 * in the pool.
 */
enum uri_error uri_normalise(struct str path, unsigned flags, struct pool *pool,
                             struct str *out) WEIR_MUST_CHECK;

/*
 * A normalised path with every escape decoded, for looking up a file.  Fails with URI_NUL or
 * URI_SLASH where decoding would end the name or add a separator.  `out` ends in NUL and lives in
 * the pool.
 */
enum uri_error uri_decode_path(struct str path, struct pool *pool, struct str *out) WEIR_MUST_CHECK;

/*
 * Makes text into a valid URI reference for Location: escapes CTL, SP, 8-bit bytes, '"', '<', '>',
 * '\', '^', '`', '{', '|', '}' and a '%' that begins no escape; keeps all else.  In the pool.
 */
struct str uri_encode(struct str text, struct pool *pool);

/* Escapes a decoded path: as uri_encode, and also each '%', '?' and '#'.  In the pool. */
struct str uri_encode_path(struct str path, struct pool *pool);

#endif

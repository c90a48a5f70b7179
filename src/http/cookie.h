/*
 * cookie.h: reading Cookie and Set-Cookie fields (RFC 6265) and rewriting the attributes of the
 * latter. Values are taken as they stand, quotes included.
 */
#ifndef WEIR_HTTP_COOKIE_H
#define WEIR_HTTP_COOKIE_H

#include "base/pool.h"
#include "base/str.h"
#include "http/header.h"

struct cookie {
    struct str name;
    struct str value;
};

/* A walk over the cookies of a message: `fields` is set by who begins it, the rest is zero. */
struct cookie_walk {
    const struct header_list *fields;
    size_t at; /* fields looked at */
    struct str rest; /* of the last of them */
};

/*
 * The next NAME=VALUE of the Cookie fields (RFC 6265 4.2.1, 5.4), in the order they came; several fields are
 * as one.  Names keep their case, values their quotes; pieces without '=' or without a name are skipped.  A
 * name may come again: the first is the one that counts.  The parts borrow from the field.  False: none is
 * left.
 */
bool cookie_next(struct cookie_walk *, struct cookie *cookie);

struct set_cookie {
    struct cookie cookie;
    struct str attributes; /* behind the first ';', or empty */
};

/* Cuts a Set-Cookie field (RFC 6265 5.2); 0, or -1 when it names no cookie. */
int cookie_parse_set(struct str field, struct set_cookie *out) WEIR_MUST_CHECK;

/* Takes the next attribute off `*rest`; its value is empty where it has none.  False: none left. */
bool cookie_next_attribute(struct str *rest, struct cookie *attribute);

/* The last attribute of that name, which is the one that counts (RFC 6265 5.3); case is ignored. */
bool cookie_find_attribute(struct str attributes, struct str name, struct str *value);

enum cookie_flag { COOKIE_KEEP = 0, COOKIE_ON, COOKIE_OFF };

/* What to change.  A text with `.s` NULL keeps what came; one of length 0 removes the attribute. */
struct cookie_edit {
    struct str value; /* of the cookie itself; length 0 makes it empty */
    struct str domain, path, samesite;
    enum cookie_flag secure, httponly;
};

/*
 * The Set-Cookie field with the edit applied; other attributes keep their place.  A field that
 * names no cookie comes back as it is.  The texts of the edit must hold no ';' or CTL.  In the
 * pool.
 */
struct str cookie_edit_set(struct str field, const struct cookie_edit *edit, struct pool *pool);

#endif

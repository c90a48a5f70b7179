/*
 * cookie.c: see cookie.h.  All fields here are lists of pieces between semicolons; every reader
 * is built on next_piece.
 */
#include "http/cookie.h"

/* The next trimmed piece between semicolons; false at the end. */
static bool next_piece(struct str *rest, struct str *piece)
{
    const char *end;
    size_t len;

    if (rest->len == 0) {
        return false;
    }
    end = memchr(rest->s, ';', rest->len);
    len = end ? (size_t)(end - rest->s) : rest->len;
    *piece = str_trim((struct str){rest->s, len});
    len += end != NULL;
    rest->s += len;
    rest->len -= len;
    return true;
}

/* Cuts at the first '='; false: there is none, and all is name. */
static bool split_pair(struct str piece, struct cookie *pair)
{
    const char *equals = piece.len ? memchr(piece.s, '=', piece.len) : NULL;
    size_t len;

    if (equals == NULL) {
        *pair = (struct cookie){piece, STR_NONE};
        return false;
    }
    len = (size_t)(equals - piece.s);
    pair->name = str_trim((struct str){piece.s, len});
    pair->value = str_trim((struct str){equals + 1, piece.len - len - 1});
    return true;
}

bool cookie_next(struct cookie_walk *walk, struct cookie *cookie)
{
    struct str piece;

    for (;;) {
        while (next_piece(&walk->rest, &piece)) {
            if (split_pair(piece, cookie) && cookie->name.len > 0) {
                return true;
            }
        }
        while (walk->at < walk->fields->count && walk->fields->items[walk->at].id != HEADER_COOKIE) {
            walk->at++;
        }
        if (walk->at == walk->fields->count) {
            return false;
        }
        walk->rest = walk->fields->items[walk->at++].value;
    }
}

/* A text that grows inside room reserved for it. */
struct writer {
    char *text;
    size_t len;
};

static void put(struct writer *w, struct str s)
{
    if (s.len > 0) {
        memcpy(w->text + w->len, s.s, s.len);
        w->len += s.len;
    }
}

static void put_piece(struct writer *w, struct str piece)
{
    if (w->len > 0) {
        put(w, STR("; "));
    }
    put(w, piece);
}

int cookie_parse_set(struct str field, struct set_cookie *out)
{
    struct str piece;

    if (!next_piece(&field, &piece) || !split_pair(piece, &out->cookie) ||
        out->cookie.name.len == 0) {
        return -1;
    }
    out->attributes = field;
    return 0;
}

bool cookie_next_attribute(struct str *rest, struct cookie *attribute)
{
    struct str piece;

    while (next_piece(rest, &piece)) {
        split_pair(piece, attribute);
        if (attribute->name.len > 0) {
            return true;
        }
    }
    return false;
}

bool cookie_find_attribute(struct str attributes, struct str name, struct str *value)
{
    struct cookie attribute;
    bool found = false;

    while (cookie_next_attribute(&attributes, &attribute)) {
        if (str_ieq(attribute.name, name)) {
            *value = attribute.value;
            found = true;
        }
    }
    return found;
}

/* Whether the edit decides about this attribute, so that what came is dropped. */
static bool edit_covers(const struct cookie_edit *edit, struct str name)
{
    return (edit->domain.s && str_ieq(name, STR("Domain"))) ||
           (edit->path.s && str_ieq(name, STR("Path"))) ||
           (edit->samesite.s && str_ieq(name, STR("SameSite"))) ||
           (edit->secure != COOKIE_KEEP && str_ieq(name, STR("Secure"))) ||
           (edit->httponly != COOKIE_KEEP && str_ieq(name, STR("HttpOnly")));
}

static void put_attribute(struct writer *w, struct str name, struct str value)
{
    if (value.len > 0) {
        put_piece(w, name);
        put(w, value);
    }
}

struct str cookie_edit_set(struct str field, const struct cookie_edit *edit, struct pool *pool)
{
    struct set_cookie set;
    struct cookie attribute;
    struct writer w = {NULL, 0};

    if (cookie_parse_set(field, &set) < 0) {
        return field;
    }
    /* Each piece grows by a blank or '=' at most; 80 holds the names of all five attributes. */
    w.text = pool_text(pool, field.len * 3 + edit->value.len + edit->domain.len + edit->path.len +
                                 edit->samesite.len + 80);
    put(&w, set.cookie.name);
    put(&w, STR("="));
    put(&w, edit->value.s ? edit->value : set.cookie.value);
    while (cookie_next_attribute(&set.attributes, &attribute)) {
        if (edit_covers(edit, attribute.name)) {
            continue;
        }
        put_piece(&w, attribute.name);
        if (attribute.value.len > 0) {
            put(&w, STR("="));
            put(&w, attribute.value);
        }
    }
    put_attribute(&w, STR("Domain="), edit->domain);
    put_attribute(&w, STR("Path="), edit->path);
    put_attribute(&w, STR("SameSite="), edit->samesite);
    if (edit->secure == COOKIE_ON) {
        put_piece(&w, STR("Secure"));
    }
    if (edit->httponly == COOKIE_ON) {
        put_piece(&w, STR("HttpOnly"));
    }
    w.text[w.len] = '\0';
    return (struct str){w.text, w.len};
}

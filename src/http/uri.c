/*
 * uri.c: see uri.h.  Escapes are decoded in one pass and dot segments are resolved in a second
 * one over the decoded bytes, so "%2e%2e" and ".." cannot be told apart afterwards, and "%252e"
 * stays what it is.
 */
#include "http/uri.h"

static const char upper_hex[] = "0123456789ABCDEF";

const char *uri_error_text(enum uri_error error)
{
    switch (error) {
    case URI_OK: return "ok";
    case URI_BAD_BYTE: return "forbidden byte in the request target";
    case URI_BAD_FORM: return "form of the request target not allowed";
    case URI_BAD_AUTHORITY: return "bad authority in the request target";
    case URI_BAD_ESCAPE: return "bad percent-encoding";
    case URI_NUL: return "encoded NUL";
    case URI_SLASH: return "encoded slash in a file name";
    case URI_ABOVE_ROOT: return "path leaves the root";
    }
    return "unknown";
}

bool uri_is_clean(struct str text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];

        if (c <= ' ' || c >= 0x7f || c == '#') {
            return false;
        }
    }
    return true;
}

static bool is_unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

/* The byte that the escape at `at` stands for, or -1. */
static int escape_at(struct str text, size_t at)
{
    int high, low;

    if (text.len - at < 3 || text.s[at] != '%') {
        return -1;
    }
    high = hex_digit(text.s[at + 1]);
    low = hex_digit(text.s[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static char *put_escape(char *out, unsigned char byte)
{
    *out++ = '%';
    *out++ = upper_hex[byte >> 4];
    *out++ = upper_hex[byte & 15];
    return out;
}

/* Cuts "path[?query]". */
static void split_query(struct str text, struct uri_target *target)
{
    const char *mark = text.len ? memchr(text.s, '?', text.len) : NULL;

    target->path = text;
    if (mark != NULL) {
        target->path.len = (size_t)(mark - text.s);
        target->has_query = true;
        target->query = str_from(text, target->path.len + 1);
    }
}

/* `text` is what follows "http://" or "https://". */
static enum uri_error parse_absolute(struct str method, struct str text, struct uri_target *target)
{
    size_t len = 0;

    while (len < text.len && text.s[len] != '/' && text.s[len] != '?') {
        if (text.s[len] == '@') {
            return URI_BAD_AUTHORITY; /* RFC 9110 4.2.4 */
        }
        len++;
    }
    if (len == 0) {
        return URI_BAD_AUTHORITY;
    }
    target->form = URI_ABSOLUTE;
    target->authority = (struct str){text.s, len};
    split_query(str_from(text, len), target);
    if (target->path.len == 0) {
        bool server_wide = str_eq(method, STR("OPTIONS")) && !target->has_query;

        target->path = server_wide ? STR("*") : STR("/");
    }
    return URI_OK;
}

static bool has_scheme(struct str text, struct str scheme)
{
    return text.len >= scheme.len && str_ieq((struct str){text.s, scheme.len}, scheme);
}

enum uri_error uri_parse_target(struct str method, struct str text, struct uri_target *target)
{
    *target = (struct uri_target){.form = URI_ORIGIN};
    if (!uri_is_clean(text)) {
        return URI_BAD_BYTE;
    }
    if (text.len == 0 || str_eq(method, STR("CONNECT"))) {
        return URI_BAD_FORM;
    }
    if (text.s[0] == '/') {
        split_query(text, target);
        return URI_OK;
    }
    if (str_eq(text, STR("*")) && str_eq(method, STR("OPTIONS"))) {
        target->form = URI_ASTERISK;
        target->path = text;
        return URI_OK;
    }
    if (has_scheme(text, STR("http://"))) {
        return parse_absolute(method, str_from(text, 7), target);
    }
    if (has_scheme(text, STR("https://"))) {
        target->https = true;
        return parse_absolute(method, str_from(text, 8), target);
    }
    return URI_BAD_FORM;
}

/* First pass: escapes.  `out` has room for three bytes per byte of the path. */
static enum uri_error decode_unreserved(struct str path, unsigned flags, char *out, size_t *len)
{
    char *to = out;
    size_t i;

    for (i = 0; i < path.len; i++) {
        int byte;

        if (path.s[i] != '%') {
            *to++ = path.s[i];
            continue;
        }
        byte = escape_at(path, i);
        if (byte == 0) {
            return URI_NUL;
        }
        if (byte < 0) {
            if (!(flags & URI_KEEP_BAD_ESCAPE)) {
                return URI_BAD_ESCAPE;
            }
            /* Kept as it is, "%%41" would become "%A" and then something else the next time. */
            to = put_escape(to, '%');
            continue;
        }
        if (is_unreserved(byte)) {
            *to++ = (char)byte;
        } else {
            to = put_escape(to, (unsigned char)byte);
        }
        i += 2;
    }
    *len = (size_t)(to - out);
    return URI_OK;
}

/*
 * Second pass, in place: merges slashes and resolves dot segments.  `kept` is the length of the
 * result so far and always ends behind a '/', so that each segment begins there.
 */
static enum uri_error resolve_segments(char *path, size_t *path_len)
{
    size_t kept = 1, at = 1, end = *path_len;

    while (at < end) {
        char *slash = memchr(path + at, '/', end - at);
        size_t len = slash ? (size_t)(slash - path) - at : end - at;

        if (len == 2 && path[at] == '.' && path[at + 1] == '.') {
            if (kept == 1) {
                return URI_ABOVE_ROOT;
            }
            do {
                kept--;
            } while (path[kept - 1] != '/');
        } else if (len > 0 && !(len == 1 && path[at] == '.')) {
            memmove(path + kept, path + at, len);
            kept += len;
            if (slash != NULL) {
                path[kept++] = '/';
            }
        }
        at += len + 1;
    }
    *path_len = kept;
    return URI_OK;
}

enum uri_error uri_normalise(struct str path, unsigned flags, struct pool *pool, struct str *out)
{
    size_t i, len, room = path.len + 1;
    enum uri_error error;
    char *text;

    if (path.len == 0 || path.s[0] != '/') {
        return URI_BAD_FORM;
    }
    if (!uri_is_clean(path) || memchr(path.s, '?', path.len) != NULL) {
        return URI_BAD_BYTE;
    }
    for (i = 0; i < path.len; i++) {
        room += path.s[i] == '%' ? 2 : 0;
    }
    text = pool_text(pool, room);
    error = decode_unreserved(path, flags, text, &len);
    if (error == URI_OK) {
        error = resolve_segments(text, &len);
    }
    if (error == URI_OK) {
        text[len] = '\0';
        *out = (struct str){text, len};
    }
    return error;
}

enum uri_error uri_decode_path(struct str path, struct pool *pool, struct str *out)
{
    char *text = pool_text(pool, path.len + 1);
    size_t i, len = 0;

    for (i = 0; i < path.len; i++) {
        int byte = (unsigned char)path.s[i];

        if (byte == '%') {
            byte = escape_at(path, i);
            if (byte < 0) {
                return URI_BAD_ESCAPE;
            }
            if (byte == '/') {
                return URI_SLASH;
            }
            i += 2;
        }
        if (byte == 0) {
            return URI_NUL;
        }
        text[len++] = (char)byte;
    }
    text[len] = '\0';
    *out = (struct str){text, len};
    return URI_OK;
}

/* `also`: bytes to escape besides those that no URI may hold. */
static struct str encode(struct str text, const char *also, struct pool *pool)
{
    char *out = pool_text(pool, text.len * 3 + 1), *to = out;
    size_t i;

    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        bool bad = c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c) || strchr(also, c) ||
                   (c == '%' && escape_at(text, i) < 0);

        if (bad) {
            to = put_escape(to, c);
        } else {
            *to++ = (char)c;
        }
    }
    *to = '\0';
    return (struct str){out, (size_t)(to - out)};
}

struct str uri_encode(struct str text, struct pool *pool)
{
    return encode(text, "", pool);
}

struct str uri_encode_path(struct str path, struct pool *pool)
{
    return encode(path, "%?#", pool);
}

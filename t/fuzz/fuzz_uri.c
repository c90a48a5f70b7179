/* fuzz_uri.c: targets, normal forms of paths, decoding and encoding. */
#include "fuzz.h"
#include "http/uri.h"

const char *const fuzz_tokens[] = {
    "/",   "//",  "/./",     "/../",     "/..",  "/.",    "..",  "%2e",    "%2E", "%2f",
    "%2F", "%5c", "\\",      "%00",      "%25",  "%252e", "%",   "%4",     "%zz", "?",
    "#",   "*",   "http://", "HTTPS://", "a@b",  "[::1]", ":80", "%c3%a9", "%7e", "~",
    "%41", " ",   "\x80",    ";",        "..;/", "http:", NULL,
};

static void check_normal(struct str path)
{
    bool at_segment = false;
    struct str rest = path;

    CLAIM(path.len > 0 && path.s[0] == '/' && path.s[path.len] == '\0' && strlen(path.s) == path.len);
    for (size_t i = 0; i < path.len; i++) {
        CLAIM(!(at_segment && path.s[i] == '/'));
        at_segment = path.s[i] == '/';
    }
    while (rest.len) {
        const char *slash = memchr(rest.s, '/', rest.len);
        struct str segment = {rest.s, slash ? (size_t)(slash - rest.s) : rest.len};

        CLAIM(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
        rest = (struct str){rest.s + segment.len + (slash != NULL), rest.len - segment.len - (slash != NULL)};
    }
}

static void check_decoded(struct str path, struct pool *pool)
{
    struct str decoded, again, normal;

    if (uri_decode_path(path, pool, &decoded) != URI_OK)
        return;
    CLAIM(decoded.len <= path.len && strlen(decoded.s) == decoded.len);
    CLAIM(uri_normalise(uri_encode_path(decoded, pool), 0, pool, &normal) == URI_OK);
    CLAIM(uri_decode_path(normal, pool, &again) == URI_OK && str_eq(decoded, again));
}

static void check_path(struct str path, unsigned flags, struct pool *pool)
{
    enum uri_error error;
    struct str normal, again;

    error = uri_normalise(path, flags, pool, &normal);
    CLAIM(uri_error_text(error));
    if (error != URI_OK)
        return;
    check_normal(normal);
    CLAIM(uri_normalise(normal, flags, pool, &again) == URI_OK && str_eq(normal, again));
    CLAIM(uri_normalise(normal, 0, pool, &again) == URI_OK && str_eq(normal, again));
    check_decoded(normal, pool);
}

static void check_target(struct str method, struct str text, struct pool *pool)
{
    struct uri_target t;

    if (uri_parse_target(method, text, &t) != URI_OK)
        return;
    CLAIM(uri_is_clean(text) && t.path.len > 0 && (t.path.s[0] == '/' || str_eq(t.path, STR("*"))));
    CLAIM(fuzz_is_inside(t.query, text) && fuzz_is_inside(t.authority, text));
    CLAIM(t.has_query || t.query.len == 0);
    CLAIM((t.form == URI_ABSOLUTE) == (t.authority.len > 0));
    if (t.path.s[0] == '/')
        check_path(t.path, 0, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size}, encoded;
    struct pool *pool = pool_new(4096);

    check_target(STR("GET"), in, pool);
    check_target(STR("OPTIONS"), in, pool);
    if (in.len && in.s[0] == '/') {
        check_path(in, 0, pool);
        check_path(in, URI_KEEP_BAD_ESCAPE, pool);
    }
    encoded = uri_encode(in, pool);
    CLAIM(str_eq(encoded, uri_encode(encoded, pool)));
    for (size_t i = 0; i < encoded.len; i++)
        CLAIM(encoded.s[i] > 0x20 && encoded.s[i] < 0x7f);
    CLAIM(uri_is_clean(uri_encode_path(in, pool)));
    pool_free(pool);
    return 0;
}

/* fuzz_cookie.c: Cookie and Set-Cookie fields, read and changed. */
#include "fuzz.h"
#include "http/cookie.h"

const char *const fuzz_tokens[] = {
    ";",
    "; ",
    "=",
    "\"",
    ",",
    " ",
    "\t",
    "a=",
    "a=1",
    "; Path=/",
    "; Domain=a.b",
    "; Secure",
    "; HttpOnly",
    "; SameSite=None",
    "; path",
    "=;",
    "; =x",
    "__Host-",
    "; Max-Age=0",
    "; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
    NULL,
};

/* In two fields the cookies are the same as in each of them, one after the other. */
static void check_cookies(struct str field, struct pool *pool)
{
    struct header_list fields;
    struct cookie_walk walk = {.fields = &fields};
    struct cookie cookie;
    size_t rounds = 0, first = 0;

    header_list_init(&fields, pool, 3);
    CLAIM(header_add(&fields, (struct str){"Cookie", 6}, field) == 0);
    while (cookie_next(&walk, &cookie)) {
        CLAIM(cookie.name.len > 0 && fuzz_is_inside(cookie.name, field) &&
              fuzz_is_inside(cookie.value, field));
        CLAIM(++first <= field.len);
    }
    CLAIM(header_add(&fields, (struct str){"Set-Cookie", 10}, field) == 0);
    CLAIM(header_add(&fields, (struct str){"Cookie", 6}, field) == 0);
    walk = (struct cookie_walk){.fields = &fields};
    while (cookie_next(&walk, &cookie))
        rounds++;
    CLAIM(rounds == 2 * first);
}

static void check_edit(struct str field, const struct cookie_edit *edit, struct pool *pool)
{
    struct str once = cookie_edit_set(field, edit, pool), value = STR_NONE;
    struct set_cookie before, after;

    CLAIM(str_eq(once, cookie_edit_set(once, edit, pool)));
    if (cookie_parse_set(field, &before) != 0) {
        CLAIM(str_eq(field, once));
        return;
    }
    CLAIM(cookie_parse_set(once, &after) == 0 && str_eq(before.cookie.name, after.cookie.name));
    CLAIM(str_eq(after.cookie.value, edit->value.s ? edit->value : before.cookie.value));
    if (edit->domain.s) {
        CLAIM(cookie_find_attribute(after.attributes, STR("domain"), &value) == (edit->domain.len > 0));
        CLAIM(edit->domain.len == 0 || str_eq(value, edit->domain));
    }
    if (edit->path.s) {
        CLAIM(cookie_find_attribute(after.attributes, STR("path"), &value) == (edit->path.len > 0));
        CLAIM(edit->path.len == 0 || str_eq(value, edit->path));
    }
    if (edit->secure != COOKIE_KEEP)
        CLAIM(cookie_find_attribute(after.attributes, STR("secure"), &value) == (edit->secure == COOKIE_ON));
    if (edit->httponly != COOKIE_KEEP)
        CLAIM(cookie_find_attribute(after.attributes, STR("httponly"), &value) ==
              (edit->httponly == COOKIE_ON));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cookie_edit edits[] = {
        {.secure = COOKIE_ON, .httponly = COOKIE_OFF},
        {.domain = {"", 0}, .path = {"/x", 2}, .samesite = {"Lax", 3}},
        {.domain = {"example.org", 11}, .path = {"", 0}, .secure = COOKIE_OFF, .httponly = COOKIE_ON},
        {.value = {"s3", 2}, .samesite = {"", 0}},
        {.value = {"", 0}},
        {.path = {NULL, 0}},
    };
    struct str in = {(const char *)data, size};
    struct pool *pool = pool_new(4096);

    check_cookies(in, pool);
    for (size_t i = 0; i < ARRAY_SIZE(edits); i++)
        check_edit(in, &edits[i], pool);
    pool_free(pool);
    return 0;
}

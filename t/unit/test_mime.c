/*
 * test_mime.c: types by extension; the source is included to reach every row of the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/mime.c"

static void every_row_is_found(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        struct str type = mime_of_extension(str_of(rows[i].extension));

        if (!str_eq(type, str_of(rows[i].type))) {
            fail_msg("%s not found", rows[i].extension);
        }
        if (str_has_prefix(type, STR("text/")) && !str_has_suffix(type, STR("; charset=utf-8"))) {
            fail_msg("%s has no charset", rows[i].extension);
        }
    }
}

static void by_path(void **state)
{
    static const struct {
        const char *path, *type; /* NULL: not known */
    } paths[] = {
        {"/a/b.html", "text/html; charset=utf-8"},
        {"/a.PNG", "image/png"},
        {"x.tar.gz", "application/gzip"},
        {"/a.html/b", NULL},
        {"/a.", NULL},
        {"/a.nosuch", NULL},
        {"/a.averyveryverylongextension", NULL},
        {"", NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(paths); i++) {
        struct str type = mime_of_path(str_of(paths[i].path));

        if (!str_eq(type, str_of(paths[i].type))) {
            fail_msg("%s: %.*s", paths[i].path, STR_ARG(type));
        }
    }
    assert_null(mime_of_extension(STR("js\0")).s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(by_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

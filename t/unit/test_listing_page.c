/* test_listing_page.c: rows of names, sizes and times, escaped for a URI and for HTML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "modules/listing_page.h"

static void test_rows(void **state)
{
    static const struct {
        struct listing_item item;
        const char *want; /* between <tr><td> and </td></tr> */
    } rows[] = {
        {{STR("a.txt"), false, 0, 0}, "<a href=\"./a.txt\">a.txt</a></td><td>0</td><td>1970-01-01 00:00"},
        {{STR("d"), true, 4096, 59}, "<a href=\"./d/\">d/</a></td><td></td><td>1970-01-01 00:00"},
        {{STR("a b"), false, 1234567890123456789, 60},
         "<a href=\"./a%20b\">a b</a></td><td>1234567890123456789</td><td>1970-01-01 00:01"},
        {{STR("&<>\"'%?#:"), false, 10, 1700000000},
         "<a href=\"./&amp;%3C%3E%22'%25%3F%23:\">&amp;&lt;&gt;&quot;'%?#:</a></td><td>10</td>"
         "<td>2023-11-14 22:13"},
        {{STR("\xc3\xa4"), false, 1, 86399},
         "<a href=\"./%C3%A4\">\xc3\xa4</a></td><td>1</td><td>1970-01-01 23:59"},
        {{STR("x"), false, 1, 86400}, "<a href=\"./x\">x</a></td><td>1</td><td>1970-01-02 00:00"},
        {{STR("x"), false, 1, -1}, "<a href=\"./x\">x</a></td><td>1</td><td>1969-12-31 23:59"},

    };
    struct pool *pool = pool_new(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct listing_page page = {.title = STR("/"), .items = &rows[i].item, .count = 1};
        struct str text = pool_str(pool, listing_page_make(&page, pool));

        if (rows[i].want &&
            !strstr(text.s, pool_printf(pool, "<table>\n<tr><td>%s</td></tr>\n</table>", rows[i].want).s))
            fail_msg("row %zu: %s", i, text.s);
    }
    pool_free(pool);
}

static void test_frame(void **state)
{
    static const struct listing_item items[] = {{STR("d"), true, 0, 0}, {STR("f"), false, 0, 0}};
    struct listing_page page = {.title = STR("/<a>/"), .items = items, .count = 2};
    struct pool *pool = pool_new(1024);
    struct str text = pool_str(pool, listing_page_make(&page, pool));

    (void)state;
    assert_non_null(strstr(text.s, "<title>/&lt;a&gt;/</title>"));
    assert_non_null(strstr(text.s, "<h1>/&lt;a&gt;/</h1>"));
    assert_null(strstr(text.s, "<a>"));
    assert_non_null(strstr(text.s, "href=\"../\""));
    assert_true(strstr(text.s, "./d/") < strstr(text.s, "./f"));
    assert_null(strstr(text.s, "more names"));
    page = (struct listing_page){.title = STR("/"), .cut = true};
    text = pool_str(pool, listing_page_make(&page, pool));
    assert_null(strstr(text.s, "href="));
    assert_non_null(strstr(text.s, "<p>There are more names than are shown here.</p>"));
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_frame)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

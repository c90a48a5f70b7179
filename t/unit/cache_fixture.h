/* cache_fixture.h: fields written as text, and the times that the tests of the cache's rules share. */
#ifndef WEIR_TEST_CACHE_FIXTURE_H
#define WEIR_TEST_CACHE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pool.h"
#include "http/message.h"

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define NOW 784111777
#define DATE_NOW "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"
#define HOUR_AGO "Sun, 06 Nov 1994 07:49:37 GMT"
#define HOUR_AHEAD "Sun, 06 Nov 1994 09:49:37 GMT"

/* The fields of "Name: value" lines; `text` must outlive them. */
static inline void fixture_fields(struct header_list *list, struct pool *pool, const char *text)
{
    header_list_init(list, pool, 64);
    while (*text) {
        const char *end = strchr(text, '\n'), *colon = strchr(text, ':');
        struct str name, value;

        assert_non_null(end);
        assert_true(colon && colon < end);
        name = (struct str){text, (size_t)(colon - text)};
        value = str_trim((struct str){colon + 1, (size_t)(end - colon - 1)});
        assert_int_equal(header_add(list, name, value), 0);
        text = end + 1;
    }
}

/* The same way back, into the pool. */
static inline const char *fixture_text(const struct header_list *list, struct pool *pool)
{
    struct str text = STR("");

    for (size_t i = 0; i < list->count; i++)
        text = pool_printf(pool, "%.*s%.*s: %.*s\n", STR_ARG(text), STR_ARG(list->items[i].name),
                           STR_ARG(list->items[i].value));
    return text.s;
}

static inline void fixture_same(struct str got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.len ? got.s : "", expected, got.len);
}

static inline int fixture_pool_new(void **state)
{
    *state = pool_new(4096);
    return 0;
}

static inline int fixture_pool_free(void **state)
{
    pool_free(*state);
    return 0;
}

#endif

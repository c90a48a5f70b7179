/* fuzz_range.c: Range and Content-Range fields against representations of many sizes. */
#include "fuzz.h"
#include "http/range.h"

const char *const fuzz_tokens[] = {
    "bytes=",
    "bytes ",
    "-",
    ",",
    "/",
    "*",
    " ",
    "\t",
    "0-0",
    "-1",
    "0-",
    "bytes */",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "items=",
    "=",
    "+",
    NULL,
};

static void check_set(const struct range_set *set, uint64_t size)
{
    uint64_t sum = 0;

    CLAIM(set->count > 0 && set->count <= RANGE_MAX);
    for (unsigned i = 0; i < set->count; i++) {
        const struct range *r = &set->ranges[i];
        char text[RANGE_CONTENT_SIZE];

        CLAIM(r->first <= r->last && r->last < size);
        CLAIM(!__builtin_add_overflow(sum, r->last - r->first + 1, &sum) && sum <= size);
        range_print_content(r, size, text);
        CLAIM(memchr(text, 0, sizeof(text)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 2, 10, 1000, 65536, INT64_MAX, UINT64_MAX};
    struct str in = {(const char *)data, size};
    struct range_set set;

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (range_parse(in, sizes[i], &set) == RANGE_PARTIAL)
            check_set(&set, sizes[i]);
    }
    return 0;
}

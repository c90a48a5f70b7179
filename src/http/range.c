/*
 * range.c: see range.h.  A number too large for 64 bits is taken as the largest one: it lies
 * behind the end of anything, and the grammar sets no limit to digits.
 */
#include "http/range.h"

#include <inttypes.h>
#include <stdio.h>

/* 1*DIGIT, saturating; false for anything else. */
static bool read_position(struct str text, uint64_t *value)
{
    size_t i;

    *value = 0;
    for (i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.s[i] - '0');

        if (text.s[i] < '0' || text.s[i] > '9') {
            return false;
        }
        if (*value > (UINT64_MAX - digit) / 10) {
            *value = UINT64_MAX;
        } else {
            *value = *value * 10 + digit;
        }
    }
    return text.len > 0;
}

/* Cuts at the first `mark`; false: there is none. */
static bool cut(struct str text, char mark, struct str *before, struct str *after)
{
    const char *at = text.len ? memchr(text.s, mark, text.len) : NULL;

    if (at == NULL) {
        return false;
    }
    *before = (struct str){text.s, (size_t)(at - text.s)};
    *after = (struct str){at + 1, text.len - before->len - 1};
    return true;
}

/* One range-spec.  False: bad syntax.  *satisfiable says whether `range` was set. */
static bool parse_spec(struct str spec, uint64_t size, struct range *range, bool *satisfiable)
{
    struct str before, after;
    uint64_t first, last = UINT64_MAX;

    if (!cut(spec, '-', &before, &after)) {
        return false;
    }
    if (before.len == 0) {
        if (!read_position(after, &last)) {
            return false;
        }
        *satisfiable = last > 0 && size > 0;
        first = last < size ? size - last : 0;
        last = UINT64_MAX;
    } else {
        if (!read_position(before, &first) || (after.len > 0 && !read_position(after, &last)) ||
            last < first) {
            return false;
        }
        *satisfiable = first < size;
    }
    if (*satisfiable) {
        *range = (struct range){first, last < size ? last : size - 1};
    }
    return true;
}

enum range_result range_parse(struct str field, uint64_t size, struct range_set *set)
{
    struct str unit, rest, spec;
    uint64_t total = 0;
    unsigned specs = 0;

    set->count = 0;
    if (!cut(field, '=', &unit, &rest) || !str_ieq(unit, STR("bytes"))) {
        return RANGE_WHOLE;
    }
    while (str_next_element(&rest, &spec)) {
        struct range range = {0, 0};
        bool satisfiable = false;

        if (++specs > RANGE_MAX || !parse_spec(spec, size, &range, &satisfiable)) {
            return RANGE_WHOLE;
        }
        if (!satisfiable) {
            continue;
        }
        if (__builtin_add_overflow(total, range.last - range.first + 1, &total) || total > size) {
            return RANGE_WHOLE;
        }
        set->ranges[set->count++] = range;
    }
    if (specs == 0) {
        return RANGE_WHOLE;
    }
    return set->count > 0 ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
}

void range_print_content(const struct range *range, uint64_t size, char out[RANGE_CONTENT_SIZE])
{
    if (range == NULL) {
        snprintf(out, RANGE_CONTENT_SIZE, "bytes */%" PRIu64, size);
    } else {
        snprintf(out, RANGE_CONTENT_SIZE, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
                 range->last, size);
    }
}

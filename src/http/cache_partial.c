/* cache_partial.c: see cache_partial.h. */
#include "http/cache_partial.h"

#include "http/etag.h"

/* Cuts at the first `mark`; false: there is none. */
static bool cut(struct str text, char mark, struct str *before, struct str *after)
{
    const char *at = text.len ? memchr(text.s, mark, text.len) : NULL;

    if (!at)
        return false;
    *before = (struct str){text.s, (size_t)(at - text.s)};
    *after = str_from(text, before->len + 1);
    return true;
}

int cache_partial_read(struct str content_range, struct cache_piece *piece)
{
    struct str unit, rest, span, size, first, last;

    if (!cut(content_range, ' ', &unit, &rest) || !str_ieq(unit, STR("bytes")) ||
        !cut(rest, '/', &span, &size) || !cut(span, '-', &first, &last))
        return -1;
    if (str_to_u64(first, UINT64_MAX - 1, &piece->first) < 0 ||
        str_to_u64(last, UINT64_MAX - 1, &piece->last) < 0)
        return -1;
    piece->size = CACHE_PIECE_UNKNOWN;
    if (!str_eq(size, STR("*")) && str_to_u64(size, UINT64_MAX - 1, &piece->size) < 0)
        return -1;
    return piece->first <= piece->last && piece->last < piece->size ? 0 : -1;
}

static struct str strong_tag(const struct header_list *fields)
{
    const struct header *field = header_find(fields, HEADER_ETAG);

    return field && etag_equal_strong(field->value, field->value) ? field->value : STR_NONE;
}

bool cache_partial_storable(unsigned status, const struct header_list *fields, struct cache_piece *piece)
{
    const struct header *field = header_find(fields, HEADER_CONTENT_RANGE);
    const struct header *type = header_find(fields, HEADER_CONTENT_TYPE);
    struct str multipart = STR("multipart/byteranges");

    if (status != 206 || !field || header_count(fields, HEADER_CONTENT_RANGE) != 1 ||
        strong_tag(fields).len == 0)
        return false;
    if (type && type->value.len >= multipart.len &&
        str_ieq((struct str){type->value.s, multipart.len}, multipart))
        return false;
    return cache_partial_read(field->value, piece) == 0;
}

bool cache_partial_combine(const struct header_list *fields_a, const struct cache_piece *a,
                           const struct header_list *fields_b, const struct cache_piece *b,
                           struct cache_piece *both)
{
    struct str tag = strong_tag(fields_a);
    const struct cache_piece *low = a->first <= b->first ? a : b, *high = low == a ? b : a;

    if (tag.len == 0 || !str_eq(tag, strong_tag(fields_b)))
        return false;
    if (a->size != b->size && a->size != CACHE_PIECE_UNKNOWN && b->size != CACHE_PIECE_UNKNOWN)
        return false;
    if (high->first > low->last && high->first - low->last > 1)
        return false;
    *both = (struct cache_piece){low->first, low->last > high->last ? low->last : high->last,
                                 a->size == CACHE_PIECE_UNKNOWN ? b->size : a->size};
    return both->last < both->size;
}

bool cache_partial_is_whole(const struct cache_piece *piece)
{
    return piece->first == 0 && piece->size != CACHE_PIECE_UNKNOWN && piece->last == piece->size - 1;
}

/* "bytes=-5" and "bytes=5-" name an end that only the size tells. */
static bool needs_size(struct str field)
{
    struct str unit, spec, first, last;

    return !cut(field, '=', &unit, &spec) || !cut(spec, '-', &first, &last) || str_trim(first).len == 0 ||
           str_trim(last).len == 0;
}

bool cache_partial_serves(const struct cache_piece *piece, struct str range_field, struct range *range)
{
    struct range_set set;

    if (piece->size == CACHE_PIECE_UNKNOWN && needs_size(range_field))
        return false;
    if (range_parse(range_field, piece->size, &set) != RANGE_PARTIAL || set.count != 1)
        return false;
    *range = set.ranges[0];
    return range->first >= piece->first && range->last <= piece->last;
}

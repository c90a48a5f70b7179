/*
 * etag.c: see etag.h.  Tags are read by their own grammar and not as quoted strings: a backslash
 * in a tag escapes nothing.
 */
#include "http/etag.h"

#include "http/date.h"

struct tag {
    bool weak;
    struct str opaque; /* with its quotes */
};

/* Reads one entity tag off the front; false: there is none. */
static bool take_tag(struct str *rest, struct tag *tag)
{
    struct str s = *rest;
    size_t i;

    tag->weak = str_has_prefix(s, STR("W/"));
    if (tag->weak) {
        s = (struct str){s.s + 2, s.len - 2};
    }
    if (s.len < 2 || s.s[0] != '"') {
        return false;
    }
    for (i = 1; i < s.len && s.s[i] != '"'; i++) {
        unsigned char c = (unsigned char)s.s[i];

        if (c <= ' ' || c == 0x7f) {
            return false;
        }
    }
    if (i == s.len) {
        return false;
    }
    tag->opaque = (struct str){s.s, i + 1};
    *rest = (struct str){s.s + i + 1, s.len - i - 1};
    return true;
}

static bool parse_tag(struct str text, struct tag *tag)
{
    return take_tag(&text, tag) && text.len == 0;
}

bool etag_equal_strong(struct str a, struct str b)
{
    struct tag x, y;

    return parse_tag(a, &x) && parse_tag(b, &y) && !x.weak && !y.weak && str_eq(x.opaque, y.opaque);
}

/* Skips blanks and commas before an element. */
static void skip_separators(struct str *rest)
{
    while (rest->len > 0 && (rest->s[0] == ' ' || rest->s[0] == '\t' || rest->s[0] == ',')) {
        rest->s++;
        rest->len--;
    }
}

bool etag_in_list(struct str list, struct str tag, bool strong)
{
    struct tag wanted, item;

    if (!parse_tag(tag, &wanted)) {
        return false;
    }
    for (skip_separators(&list); take_tag(&list, &item); skip_separators(&list)) {
        bool weak = item.weak || wanted.weak;

        if (str_eq(item.opaque, wanted.opaque) && !(strong && weak)) {
            return true;
        }
    }
    return false;
}

static bool list_matches(struct str field, const struct etag_resource *resource, bool strong)
{
    if (str_eq(str_trim(field), STR("*"))) {
        return resource->exists;
    }
    return resource->exists && etag_in_list(field, resource->tag, strong);
}

/* -1, 0 or 1: the resource was changed before, at or after the date; 2: the date does not count. */
static int compare_date(struct str field, const struct etag_resource *resource, int64_t now)
{
    int64_t date;

    if (field.s == NULL || resource->last_modified < 0 || date_parse(field, now, &date) < 0) {
        return 2;
    }
    return resource->last_modified < date ? -1 : resource->last_modified > date;
}

/* If-Range (RFC 9110 13.1.5): an exact match by a strong validator. */
static bool range_holds(struct str field, const struct etag_resource *resource, int64_t now)
{
    struct tag tag;

    if (parse_tag(field, &tag)) {
        return etag_equal_strong(field, resource->tag);
    }
    /* A date of this very second may still cover two versions (8.8.2.2). */
    return compare_date(field, resource, now) == 0 && resource->last_modified < now;
}

enum etag_verdict etag_evaluate(const struct etag_request *request,
                                const struct etag_resource *resource, int64_t now)
{
    if (request->if_match.s != NULL) {
        if (!list_matches(request->if_match, resource, true)) {
            return ETAG_FAILED;
        }
    } else if (compare_date(request->if_unmodified_since, resource, now) == 1) {
        return ETAG_FAILED;
    }
    if (request->if_none_match.s != NULL) {
        if (list_matches(request->if_none_match, resource, false)) {
            return request->get_or_head ? ETAG_NOT_MODIFIED : ETAG_FAILED;
        }
    } else if (request->get_or_head &&
               compare_date(request->if_modified_since, resource, now) <= 0) {
        return ETAG_NOT_MODIFIED;
    }
    if (request->range.s != NULL && request->if_range.s != NULL &&
        !range_holds(str_trim(request->if_range), resource, now)) {
        return ETAG_PROCEED_WHOLE;
    }
    return ETAG_PROCEED;
}

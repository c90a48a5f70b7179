/* cache_condition.c: see cache_condition.h. */
#include "http/cache_condition.h"

#include "http/cache_fresh.h"

static struct str value_of(const struct header_list *list, enum header_id id)
{
    const struct header *field = header_find(list, id);

    return field ? field->value : STR_NONE;
}

/* When the response was last modified, as far as its fields tell. */
static int64_t modified_at(const struct header_list *stored, int64_t response_time)
{
    const struct header *field = header_find(stored, HEADER_LAST_MODIFIED);
    int64_t at;

    if (field && cache_fresh_date(field->value, response_time, &at) == 0)
        return at;
    return cache_fresh_date_of(stored, response_time);
}

/* If-None-Match is a list, and may come in several lines; the others stand once. */
static enum etag_verdict evaluate_lines(const struct header_list *request, struct etag_request *asked,
                                        const struct etag_resource *resource, int64_t now)
{
    const struct header *field = header_find(request, HEADER_IF_NONE_MATCH);
    const struct header *end = request->items + request->count;
    enum etag_verdict verdict = etag_evaluate(asked, resource, now);

    for (; field && field < end && verdict != ETAG_NOT_MODIFIED; field++) {
        if (field->id != HEADER_IF_NONE_MATCH)
            continue;
        asked->if_none_match = field->value;
        verdict = etag_evaluate(asked, resource, now);
    }
    return verdict;
}

enum etag_verdict cache_condition_evaluate(const struct header_list *request, unsigned status,
                                           const struct header_list *stored, int64_t response_time,
                                           int64_t now)
{
    struct etag_request asked = {
        .get_or_head = true,
        .if_none_match = value_of(request, HEADER_IF_NONE_MATCH),
        .if_modified_since = value_of(request, HEADER_IF_MODIFIED_SINCE),
        .range = value_of(request, HEADER_RANGE),
        .if_range = value_of(request, HEADER_IF_RANGE),
    };
    struct etag_resource resource = {.exists = true, .tag = value_of(stored, HEADER_ETAG)};

    if (status != 200)
        return ETAG_PROCEED_WHOLE;
    resource.last_modified = modified_at(stored, response_time);
    return evaluate_lines(request, &asked, &resource, now);
}

enum range_result cache_condition_range(const struct header_list *request, unsigned status,
                                        enum etag_verdict verdict, uint64_t size, struct range_set *set)
{
    const struct header *field = header_find(request, HEADER_RANGE);

    set->count = 0;
    if (!field || status != 200 || verdict != ETAG_PROCEED || header_count(request, HEADER_RANGE) > 1)
        return RANGE_WHOLE;
    return range_parse(field->value, size, set);
}

void cache_condition_strip(struct header_list *request)
{
    static const uint8_t conditions[] = {HEADER_IF_MATCH,          HEADER_IF_NONE_MATCH,
                                         HEADER_IF_MODIFIED_SINCE, HEADER_IF_UNMODIFIED_SINCE,
                                         HEADER_IF_RANGE,          HEADER_RANGE};

    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
        header_remove(request, (enum header_id)conditions[i]);
}

int cache_condition_validate(struct header_list *request, const struct header_list *stored)
{
    struct str tag = value_of(stored, HEADER_ETAG), modified = value_of(stored, HEADER_LAST_MODIFIED);
    int conditional = 0;
    int64_t at;

    cache_condition_strip(request);
    if (etag_in_list(tag, tag, false)) {
        if (header_add_known(request, HEADER_IF_NONE_MATCH, tag) < 0)
            return -1;
        conditional = 1;
    }
    if (modified.len && cache_fresh_date(modified, 0, &at) == 0) {
        if (header_add_known(request, HEADER_IF_MODIFIED_SINCE, modified) < 0)
            return -1;
        conditional = 1;
    }
    return conditional;
}

static bool describes_body(const struct header *field, bool has_tag)
{
    switch (field->id) {
    case HEADER_CONTENT_TYPE:
    case HEADER_CONTENT_LENGTH:
    case HEADER_CONTENT_ENCODING:
    case HEADER_CONTENT_LANGUAGE:
    case HEADER_CONTENT_RANGE:
    case HEADER_CONTENT_DISPOSITION:
        return true;
    case HEADER_LAST_MODIFIED:
        return has_tag;
    default:
        return false;
    }
}

int cache_condition_not_modified(const struct header_list *stored, struct header_list *to)
{
    bool has_tag = header_find(stored, HEADER_ETAG) != NULL;

    header_reserve(to, to->count + stored->count);
    for (size_t i = 0; i < stored->count; i++) {
        if (describes_body(&stored->items[i], has_tag))
            continue;
        if (to->count >= to->room)
            return -1;
        header_put(to, &stored->items[i]);
    }
    return 0;
}

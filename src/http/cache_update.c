/* cache_update.c: see cache_update.h. */
#include "http/cache_update.h"

#include "http/cache_control.h"
#include "http/cache_fresh.h"
#include "http/date.h"
#include "http/etag.h"
#include "http/hop.h"

/* Between a client and its proxy (RFC 9111 3.1), or made anew for each response sent. */
static bool is_never_kept(const struct header *field)
{
    switch (field->id) {
    case HEADER_AGE:
    case HEADER_PROXY_AUTHENTICATE:
    case HEADER_PROXY_AUTHORIZATION:
        return true;
    case HEADER_OTHER:
        return str_ieq(field->name, STR("Proxy-Authentication-Info"));
    default:
        return false;
    }
}

static bool is_cookie(const struct header *field)
{
    return field->id == HEADER_SET_COOKIE ||
           (field->id == HEADER_OTHER && str_ieq(field->name, STR("Set-Cookie2")));
}

static bool is_kept(const struct header *field, const struct cache_keep *keep)
{
    if (is_never_kept(field) || (keep->set_cookie != CACHE_SET_COOKIE_STORE && is_cookie(field)))
        return false;
    return !cache_control_names(keep->no_cache_fields, field->name) &&
           !cache_control_names(keep->private_fields, field->name);
}

static int copy_kept(const struct header_list *from, const struct cache_keep *keep, struct header_list *to)
{
    header_reserve(to, to->count + from->count);
    for (size_t i = 0; i < from->count; i++) {
        if (!is_kept(&from->items[i], keep))
            continue;
        if (to->count >= to->room)
            return -1;
        header_put(to, &from->items[i]);
    }
    hop_strip(to);
    return 0;
}

static int ensure_date(struct header_list *to, int64_t response_time)
{
    const struct header *field = header_find(to, HEADER_DATE);
    char text[DATE_SIZE];
    int64_t at;

    if (field && cache_fresh_date(field->value, response_time, &at) == 0)
        return 0;
    header_remove(to, HEADER_DATE);
    date_print(response_time, text);
    return header_add_known(to, HEADER_DATE, pool_str(to->pool, (struct str){text, DATE_LEN}));
}

int cache_update_keep(const struct header_list *from, const struct cache_keep *keep, int64_t response_time,
                      struct header_list *to)
{
    if (copy_kept(from, keep, to) < 0)
        return -1;
    return ensure_date(to, response_time);
}

void cache_update_drop(struct header_list *list, const struct cache_keep *keep)
{
    size_t kept = 0, before = list->count;

    for (size_t i = 0; i < before; i++) {
        if (is_kept(&list->items[i], keep))
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

/* The entity tag of a message if it is a strong one, else empty. */
static struct str strong_tag(const struct header_list *fields)
{
    const struct header *field = header_find(fields, HEADER_ETAG);

    return field && etag_equal_strong(field->value, field->value) ? field->value : STR_NONE;
}

bool cache_update_matches(const struct header_list *stored, const struct header_list *fresh)
{
    struct str tag = strong_tag(fresh);

    return tag.len == 0 || str_eq(tag, strong_tag(stored));
}

/* What says how the stored bytes are coded and cut stays as it was when they came (RFC 9111 3.2). */
static bool is_of_body(enum header_id id)
{
    return id == HEADER_CONTENT_LENGTH || id == HEADER_CONTENT_ENCODING || id == HEADER_CONTENT_RANGE;
}

static bool is_replaced(const struct header *field, const struct header_list *by)
{
    if (is_of_body(field->id))
        return false;
    return field->id == HEADER_OTHER ? header_find_name(by, field->name) != NULL
                                     : header_find(by, field->id) != NULL;
}

int cache_update_merge(const struct header_list *stored, const struct header_list *fresh,
                       const struct cache_keep *keep, int64_t response_time, struct header_list *to)
{
    struct header_list news;

    header_list_init(&news, to->pool, fresh->cap > to->cap ? fresh->cap : to->cap);
    if (copy_kept(fresh, keep, &news) < 0)
        return -1;
    header_reserve(to, to->count + stored->count + news.count);
    for (size_t i = 0; i < stored->count; i++) {
        /* A Date that was not said again was that of the older answer. */
        if (stored->items[i].id == HEADER_DATE || is_replaced(&stored->items[i], &news) ||
            !is_kept(&stored->items[i], keep))
            continue;
        if (to->count >= to->room)
            return -1;
        header_put(to, &stored->items[i]);
    }
    for (size_t i = 0; i < news.count; i++) {
        if (is_of_body(news.items[i].id))
            continue;
        if (to->count >= to->room)
            return -1;
        header_put(to, &news.items[i]);
    }
    return ensure_date(to, response_time);
}

/* Both do not say it, or the same. */
static bool same_field(const struct header_list *a, const struct header_list *b, enum header_id id)
{
    const struct header *x = header_find(a, id), *y = header_find(b, id);

    return !x || !y || str_eq(x->value, y->value);
}

bool cache_update_head_matches(const struct header_list *stored, uint64_t length,
                               const struct header_list *head)
{
    const struct header *said = header_find(head, HEADER_CONTENT_LENGTH);
    uint64_t value;

    if (said && (str_to_u64(said->value, UINT64_MAX, &value) < 0 || value != length))
        return false;
    return same_field(stored, head, HEADER_ETAG) && same_field(stored, head, HEADER_LAST_MODIFIED);
}

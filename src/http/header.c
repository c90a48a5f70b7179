/*
 * header.c: the list of fields and the numbers of the known names.  The length of a name leaves
 * at most a handful of candidates, so no hash is needed and no input can make the search slow.
 */
#include "http/header.h"

#define HEADER_FIRST_ROOM 16

static const struct str header_names[HEADER_ID_COUNT] = {
#define HEADER_NAME(id, name) [HEADER_##id] = {name, sizeof(name) - 1},
    HEADER_LIST(HEADER_NAME)
#undef HEADER_NAME
};

/* The first and the last letter of each name, which no two names of one length but a few have in common. */
#define ENDS_OF(first, last) ((uint16_t)(((unsigned char)(first) | 0x20) << 8 | ((unsigned char)(last) | 0x20)))

static const uint16_t header_ends[HEADER_ID_COUNT] = {
#define HEADER_ENDS(id, name) [HEADER_##id] = ENDS_OF(name[0], name[sizeof(name) - 2]),
    HEADER_LIST(HEADER_ENDS)
#undef HEADER_ENDS
};

/* The names of one length: from `first` to `last`, and none where both are HEADER_OTHER. */
static const struct {
    uint8_t first;
    uint8_t last;
} header_lengths[] = {
    [2] = {HEADER_TE, HEADER_TE},
    [3] = {HEADER_AGE, HEADER_VIA},
    [4] = {HEADER_DATE, HEADER_VARY},
    [5] = {HEADER_ALLOW, HEADER_RANGE},
    [6] = {HEADER_ACCEPT, HEADER_SERVER},
    [7] = {HEADER_ALT_SVC, HEADER_WARNING},
    [8] = {HEADER_IF_MATCH, HEADER_LOCATION},
    [9] = {HEADER_FORWARDED, HEADER_X_REAL_IP},
    [10] = {HEADER_CONNECTION, HEADER_USER_AGENT},
    [11] = {HEADER_RETRY_AFTER, HEADER_RETRY_AFTER},
    [12] = {HEADER_CONTENT_TYPE, HEADER_X_REQUEST_ID},
    [13] = {HEADER_ACCEPT_RANGES, HEADER_LAST_MODIFIED},
    [14] = {HEADER_ACCEPT_CHARSET, HEADER_HTTP2_SETTINGS},
    [15] = {HEADER_ACCEPT_ENCODING, HEADER_X_FORWARDED_FOR},
    [16] = {HEADER_CONTENT_ENCODING, HEADER_X_FORWARDED_PORT},
    [17] = {HEADER_IF_MODIFIED_SINCE, HEADER_X_FORWARDED_PROTO},
    [18] = {HEADER_PROXY_AUTHENTICATE, HEADER_PROXY_AUTHENTICATE},
    [19] = {HEADER_CONTENT_DISPOSITION, HEADER_PROXY_AUTHORIZATION},
    [20] = {HEADER_SEC_WEBSOCKET_ACCEPT, HEADER_SEC_WEBSOCKET_ACCEPT},
    [21] = {HEADER_SEC_WEBSOCKET_VERSION, HEADER_SEC_WEBSOCKET_VERSION},
    [22] = {HEADER_SEC_WEBSOCKET_PROTOCOL, HEADER_SEC_WEBSOCKET_PROTOCOL},
    [24] = {HEADER_SEC_WEBSOCKET_EXTENSIONS, HEADER_SEC_WEBSOCKET_EXTENSIONS},
    [25] = {HEADER_STRICT_TRANSPORT_SECURITY, HEADER_STRICT_TRANSPORT_SECURITY},
    [27] = {HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, HEADER_ACCESS_CONTROL_ALLOW_ORIGIN},
};

enum header_id header_id_of(struct str name)
{
    unsigned id, last;
    uint16_t ends;

    if (name.len >= ARRAY_SIZE(header_lengths) || header_lengths[name.len].first == HEADER_OTHER)
        return HEADER_OTHER;
    ends = ENDS_OF(name.s[0], name.s[name.len - 1]);
    last = header_lengths[name.len].last;
    for (id = header_lengths[name.len].first; id <= last; id++) {
        if (header_ends[id] == ends && str_same_letters(header_names[id].s, name.s, name.len))
            return (enum header_id)id;
    }
    return HEADER_OTHER;
}

struct str header_name_of(enum header_id id)
{
    return id < HEADER_ID_COUNT ? header_names[id] : STR_NONE;
}

void header_list_init(struct header_list *list, struct pool *pool, size_t cap)
{
    *list = (struct header_list){.pool = pool, .cap = cap};
}

void header_reserve(struct header_list *list, size_t room)
{
    struct header *items;

    if (room > list->cap)
        room = list->cap;
    if (room <= list->room)
        return;
    items = pool_alloc(list->pool, room * sizeof(*items));
    if (list->count)
        memcpy(items, list->items, list->count * sizeof(*items));
    list->items = items;
    list->room = room;
}

int header_add(struct header_list *list, struct str name, struct str value)
{
    if (list->count >= list->cap)
        return -1;
    if (list->count == list->room)
        header_reserve(list, list->room ? list->room * 2 : HEADER_FIRST_ROOM);
    header_put(list, &(struct header){name, value, header_id_of(name), false});
    return 0;
}

const struct header *header_search(const struct header_list *list, enum header_id id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].id == id)
            return &list->items[i];
    }
    return NULL;
}

const struct header *header_find_name(const struct header_list *list, struct str name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_ieq(list->items[i].name, name))
            return &list->items[i];
    }
    return NULL;
}

size_t header_count(const struct header_list *list, enum header_id id)
{
    size_t n = 0;

    if (!header_may_have(list, id))
        return 0;
    for (size_t i = 0; i < list->count; i++)
        n += list->items[i].id == id;
    return n;
}

size_t header_remove(struct header_list *list, enum header_id id)
{
    size_t kept = 0, before = list->count;

    if (!header_may_have(list, id))
        return 0;
    for (size_t i = 0; i < before; i++) {
        if (list->items[i].id != id)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
    return before - kept;
}

bool header_has_token(const struct header_list *list, enum header_id id, struct str token)
{
    if (!header_may_have(list, id))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct str rest = list->items[i].value, element;

        if (list->items[i].id != id)
            continue;
        while (str_next_element(&rest, &element)) {
            if (str_ieq(element, token))
                return true;
        }
    }
    return false;
}

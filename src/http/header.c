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

static enum header_id header_between(struct str name, enum header_id first, enum header_id last)
{
    char initial = ascii_lower(name.s[0]);

    for (enum header_id id = first; id <= last; id++) {
        if (ascii_lower(header_names[id].s[0]) == initial && str_ieq(header_names[id], name))
            return id;
    }
    return HEADER_OTHER;
}

enum header_id header_id_of(struct str name)
{
    switch (name.len) {
    case 2:
        return header_between(name, HEADER_TE, HEADER_TE);
    case 3:
        return header_between(name, HEADER_AGE, HEADER_VIA);
    case 4:
        return header_between(name, HEADER_DATE, HEADER_VARY);
    case 5:
        return header_between(name, HEADER_ALLOW, HEADER_RANGE);
    case 6:
        return header_between(name, HEADER_ACCEPT, HEADER_SERVER);
    case 7:
        return header_between(name, HEADER_ALT_SVC, HEADER_WARNING);
    case 8:
        return header_between(name, HEADER_IF_MATCH, HEADER_LOCATION);
    case 9:
        return header_between(name, HEADER_FORWARDED, HEADER_X_REAL_IP);
    case 10:
        return header_between(name, HEADER_CONNECTION, HEADER_USER_AGENT);
    case 11:
        return header_between(name, HEADER_RETRY_AFTER, HEADER_RETRY_AFTER);
    case 12:
        return header_between(name, HEADER_CONTENT_TYPE, HEADER_X_REQUEST_ID);
    case 13:
        return header_between(name, HEADER_ACCEPT_RANGES, HEADER_LAST_MODIFIED);
    case 14:
        return header_between(name, HEADER_ACCEPT_CHARSET, HEADER_HTTP2_SETTINGS);
    case 15:
        return header_between(name, HEADER_ACCEPT_ENCODING, HEADER_X_FORWARDED_FOR);
    case 16:
        return header_between(name, HEADER_CONTENT_ENCODING, HEADER_X_FORWARDED_PORT);
    case 17:
        return header_between(name, HEADER_IF_MODIFIED_SINCE, HEADER_X_FORWARDED_PROTO);
    case 18:
        return header_between(name, HEADER_PROXY_AUTHENTICATE, HEADER_PROXY_AUTHENTICATE);
    case 19:
        return header_between(name, HEADER_CONTENT_DISPOSITION, HEADER_PROXY_AUTHORIZATION);
    case 20:
        return header_between(name, HEADER_SEC_WEBSOCKET_ACCEPT, HEADER_SEC_WEBSOCKET_ACCEPT);
    case 21:
        return header_between(name, HEADER_SEC_WEBSOCKET_VERSION, HEADER_SEC_WEBSOCKET_VERSION);
    case 22:
        return header_between(name, HEADER_SEC_WEBSOCKET_PROTOCOL, HEADER_SEC_WEBSOCKET_PROTOCOL);
    case 24:
        return header_between(name, HEADER_SEC_WEBSOCKET_EXTENSIONS,
                              HEADER_SEC_WEBSOCKET_EXTENSIONS);
    case 25:
        return header_between(name, HEADER_STRICT_TRANSPORT_SECURITY,
                              HEADER_STRICT_TRANSPORT_SECURITY);
    case 27:
        return header_between(name, HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
                              HEADER_ACCESS_CONTROL_ALLOW_ORIGIN);
    default:
        return HEADER_OTHER;
    }
}

struct str header_name_of(enum header_id id)
{
    return id < HEADER_ID_COUNT ? header_names[id] : STR_NONE;
}

void header_list_init(struct header_list *list, struct pool *pool, size_t cap)
{
    *list = (struct header_list){.pool = pool, .cap = cap};
}

static void header_grow(struct header_list *list)
{
    size_t room = list->room ? list->room * 2 : HEADER_FIRST_ROOM;
    struct header *items;

    if (room > list->cap)
        room = list->cap;
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
        header_grow(list);
    list->items[list->count++] = (struct header){name, value, header_id_of(name), false};
    return 0;
}

const struct header *header_find(const struct header_list *list, enum header_id id)
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

    for (size_t i = 0; i < list->count; i++)
        n += list->items[i].id == id;
    return n;
}

size_t header_remove(struct header_list *list, enum header_id id)
{
    size_t kept = 0, before = list->count;

    for (size_t i = 0; i < before; i++) {
        if (list->items[i].id != id)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
    return before - kept;
}

bool header_has_token(const struct header_list *list, enum header_id id, struct str token)
{
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

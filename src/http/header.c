/*
 * header.c: the list of fields and the numbers of the known names.  The length of a name leaves
 * at most eight candidates, so no hash is needed and no input can make the search slow.
 */
#include "http/header.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* No more names than these have one length. */
#define HEADER_CANDIDATES 8
#define HEADER_FIRST_ROOM 16

static const struct str header_names[HEADER_ID_COUNT] = {
#define HEADER_NAME(id, name) [HEADER_##id] = {name, sizeof(name) - 1},
    HEADER_LIST(HEADER_NAME)
#undef HEADER_NAME
};

/* The first and the last letter of each name, which few names of one length have in common. */
#define ENDS_OF(first, last) \
    ((uint16_t)(((unsigned char)(first) | 0x20) << 8 | ((unsigned char)(last) | 0x20)))

static const uint16_t header_ends[HEADER_ID_COUNT + HEADER_CANDIDATES] = {
#define HEADER_ENDS(id, name) [HEADER_##id] = ENDS_OF(name[0], name[sizeof(name) - 2]),
    HEADER_LIST(HEADER_ENDS)
#undef HEADER_ENDS
};

/* The first name of each length. */
static const uint8_t header_lengths[] = {
    [2] = HEADER_TE,
    [3] = HEADER_AGE,
    [4] = HEADER_DATE,
    [5] = HEADER_ALLOW,
    [6] = HEADER_ACCEPT,
    [7] = HEADER_ALT_SVC,
    [8] = HEADER_IF_MATCH,
    [9] = HEADER_FORWARDED,
    [10] = HEADER_CONNECTION,
    [11] = HEADER_RETRY_AFTER,
    [12] = HEADER_CONTENT_TYPE,
    [13] = HEADER_ACCEPT_RANGES,
    [14] = HEADER_ACCEPT_CHARSET,
    [15] = HEADER_ACCEPT_ENCODING,
    [16] = HEADER_CONTENT_ENCODING,
    [17] = HEADER_IF_MODIFIED_SINCE,
    [18] = HEADER_PROXY_AUTHENTICATE,
    [19] = HEADER_CONTENT_DISPOSITION,
    [20] = HEADER_SEC_WEBSOCKET_ACCEPT,
    [21] = HEADER_SEC_WEBSOCKET_VERSION,
    [22] = HEADER_SEC_WEBSOCKET_PROTOCOL,
    [24] = HEADER_SEC_WEBSOCKET_EXTENSIONS,
    [25] = HEADER_STRICT_TRANSPORT_SECURITY,
    [27] = HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
};

/* A bit for each of the candidates from `first` on whose ends are these. */
static unsigned header_with_ends(unsigned first, uint16_t ends)
{
#ifdef __SSE2__
    __m128i known = _mm_loadu_si128((const __m128i *)(const void *)&header_ends[first]);
    __m128i equal = _mm_cmpeq_epi16(known, _mm_set1_epi16((short)ends));

    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#else
    unsigned equal = 0;

    for (unsigned i = 0; i < HEADER_CANDIDATES; i++)
        equal |= (unsigned)(header_ends[first + i] == ends) << i;
    return equal;
#endif
}

/* Apart from header_id_of(), so that a name that is not known costs nothing of this. */
static __attribute__((noinline)) enum header_id header_choose(struct str name, unsigned first,
                                                             unsigned candidates)
{
    for (; candidates; candidates &= candidates - 1) {
        unsigned id = first + (unsigned)__builtin_ctz(candidates);

        if (str_same_letters(header_names[id].s, name.s, name.len))
            return (enum header_id)id;
    }
    return HEADER_OTHER;
}

enum header_id header_id_of(struct str name)
{
    unsigned first, candidates;

    if (name.len >= ARRAY_SIZE(header_lengths) || header_lengths[name.len] == HEADER_OTHER)
        return HEADER_OTHER;
    first = header_lengths[name.len];
    candidates = header_with_ends(first, ENDS_OF(name.s[0], name.s[name.len - 1]));
    return candidates ? header_choose(name, first, candidates) : HEADER_OTHER;
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

static int header_append(struct header_list *list, struct str name, enum header_id id, struct str value)
{
    if (list->count >= list->cap)
        return -1;
    if (list->count == list->room)
        header_reserve(list, list->room ? list->room * 2 : HEADER_FIRST_ROOM);
    *header_next(list, id) = (struct header){.name = name, .value = value, .id = id};
    return 0;
}

int header_add(struct header_list *list, struct str name, struct str value)
{
    return header_append(list, name, header_id_of(name), value);
}

int header_add_known(struct header_list *list, enum header_id id, struct str value)
{
    return header_append(list, header_names[id], id, value);
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
    const struct header *field = header_find(list, id), *end = list->items + list->count;
    size_t n = 0;

    for (; field && field < end; field++)
        n += field->id == id;
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

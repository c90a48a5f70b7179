/* hop.c: see hop.h. */
#include "http/hop.h"

static bool is_connection_field(enum header_id id)
{
    switch (id) {
    case HEADER_CONNECTION:
    case HEADER_KEEP_ALIVE:
    case HEADER_PROXY_CONNECTION:
    case HEADER_TE:
    case HEADER_TRAILER:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_UPGRADE:
    case HEADER_HTTP2_SETTINGS:
    case HEADER_CONTENT_LENGTH:
        return true;
    default:
        return false;
    }
}

/* A client that could have these taken out would change who it is, or what the answer may be used for. */
static bool may_be_nominated(enum header_id id)
{
    switch (id) {
    case HEADER_HOST:
    case HEADER_COOKIE:
    case HEADER_AUTHORIZATION:
    case HEADER_CACHE_CONTROL:
    case HEADER_X_FORWARDED_FOR:
    case HEADER_X_FORWARDED_HOST:
    case HEADER_X_FORWARDED_PORT:
    case HEADER_X_FORWARDED_PROTO:
    case HEADER_X_REAL_IP:
    case HEADER_X_REQUEST_ID:
    case HEADER_FORWARDED:
    case HEADER_VIA:
        return false;
    default:
        return true;
    }
}

static bool is_nominated(const struct header_list *headers, const struct header *field)
{
    return may_be_nominated(field->id) && header_has_token(headers, HEADER_CONNECTION, field->name);
}

/* Keeps the fields for which `keep` holds, in their order. */
static void keep_if(struct header_list *headers,
                    bool (*keep)(const struct header_list *, const struct header *))
{
    size_t kept = 0;

    for (size_t i = 0; i < headers->count; i++)
        if (keep(headers, &headers->items[i]))
            headers->items[kept++] = headers->items[i];
    headers->count = kept;
}

static bool keep_unless_nominated(const struct header_list *headers, const struct header *field)
{
    return field->id == HEADER_CONNECTION || !is_nominated(headers, field);
}

static bool keep_end_to_end(const struct header_list *headers WEIR_UNUSED, const struct header *field)
{
    return !is_connection_field(field->id);
}

void hop_strip(struct header_list *headers)
{
    /* In two passes, because the first reads the nominations from Connection, which the second takes out.
       keep_if never loses sight of a Connection that it keeps, wherever it stands. */
    if (header_find(headers, HEADER_CONNECTION))
        keep_if(headers, keep_unless_nominated);
    keep_if(headers, keep_end_to_end);
}

/* Names that Weir knows hold no underscore and are not "Proxy". */
static bool is_unambiguous(const struct header *field)
{
    if (field->id != HEADER_OTHER)
        return field->id != HEADER_PROXY_AUTHORIZATION;
    return !str_ieq(field->name, STR("Proxy")) && !memchr(field->name.s, '_', field->name.len);
}

/* All lines of one list-valued field as one value, followed by `last`; they are taken out. */
static struct str join_and_remove(struct header_list *headers, enum header_id id, struct str last,
                                  struct pool *pool)
{
    struct str value = last;

    for (size_t i = headers->count; i-- > 0;) {
        const struct header *field = &headers->items[i];

        if (field->id == id && field->value.len > 0)
            value = pool_printf(pool, "%.*s, %.*s", STR_ARG(field->value), STR_ARG(value));
    }
    header_remove(headers, id);
    return value;
}

static int set_unless_present(struct header_list *headers, enum header_id id, struct str value)
{
    if (value.len == 0 || header_find(headers, id))
        return 0;
    return header_add(headers, header_name_of(id), value);
}

/* A field in which a proxy says who its client is. */
static bool is_claim(enum header_id id)
{
    switch (id) {
    case HEADER_X_FORWARDED_FOR:
    case HEADER_X_FORWARDED_HOST:
    case HEADER_X_FORWARDED_PORT:
    case HEADER_X_FORWARDED_PROTO:
    case HEADER_X_REAL_IP:
    case HEADER_FORWARDED:
        return true;
    default:
        return false;
    }
}

/* Whether Connection may nominate a field: most often it only says keep-alive. */
static bool has_nominations(const struct header_list *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct header *field = &headers->items[i];

        if (field->id == HEADER_CONNECTION && !str_ieq(field->value, STR("keep-alive")) &&
            !str_ieq(field->value, STR("close")))
            return true;
    }
    return false;
}

void hop_copy_request(const struct header_list *from, struct header_list *to, bool forget)
{
    bool nominations = has_nominations(from);

    for (size_t i = 0; i < from->count; i++) {
        const struct header *field = &from->items[i];

        if (is_connection_field(field->id) || field->id == HEADER_HOST || field->id == HEADER_EXPECT ||
            !is_unambiguous(field) || (forget && is_claim(field->id)) ||
            (nominations && is_nominated(from, field)))
            continue;
        to->items[to->count++] = *field;
    }
}

int hop_forward(struct header_list *headers, const struct hop_client *client, struct pool *pool)
{
    struct str chain = join_and_remove(headers, HEADER_X_FORWARDED_FOR, client->address, pool);

    if (header_add(headers, header_name_of(HEADER_X_FORWARDED_FOR), chain) < 0 ||
        set_unless_present(headers, HEADER_X_FORWARDED_PROTO, client->scheme) < 0 ||
        set_unless_present(headers, HEADER_X_FORWARDED_HOST, client->host) < 0)
        return -1;
    return 0;
}

int hop_via(struct header_list *headers, unsigned minor, struct pool *pool)
{
    struct str hop = minor == 0 ? STR("1.0 weir") : STR("1.1 weir");

    return header_add(headers, STR("Via"), join_and_remove(headers, HEADER_VIA, hop, pool));
}

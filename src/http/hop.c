/* hop.c: see hop.h. */
#include "http/hop.h"

#include "http/bytes.h"

enum hop_trait {
    /* Speaks of the connection, or of the message's length, which whoever sends it on states anew. */
    OF_CONNECTION = 1,
    /* Each hop says it itself, or, as a proxy's password, must not be told to the next. */
    OF_HOP = 2,
    /* A proxy says in it who its client is. */
    IS_CLAIM = 4,
    /* A client that could have these taken out would change who it is, or what the answer may be used for. */
    IS_FIXED = 8,
};

static const uint8_t hop_traits[HEADER_ID_COUNT] = {
    [HEADER_CONNECTION] = OF_CONNECTION,
    [HEADER_KEEP_ALIVE] = OF_CONNECTION,
    [HEADER_PROXY_CONNECTION] = OF_CONNECTION,
    [HEADER_TE] = OF_CONNECTION,
    [HEADER_TRAILER] = OF_CONNECTION,
    [HEADER_TRANSFER_ENCODING] = OF_CONNECTION,
    [HEADER_UPGRADE] = OF_CONNECTION,
    [HEADER_HTTP2_SETTINGS] = OF_CONNECTION,
    [HEADER_CONTENT_LENGTH] = OF_CONNECTION,
    [HEADER_EXPECT] = OF_HOP,
    [HEADER_PROXY_AUTHORIZATION] = OF_HOP,
    [HEADER_HOST] = OF_HOP | IS_FIXED,
    [HEADER_X_FORWARDED_FOR] = IS_CLAIM | IS_FIXED,
    [HEADER_X_FORWARDED_HOST] = IS_CLAIM | IS_FIXED,
    [HEADER_X_FORWARDED_PORT] = IS_CLAIM | IS_FIXED,
    [HEADER_X_FORWARDED_PROTO] = IS_CLAIM | IS_FIXED,
    [HEADER_X_REAL_IP] = IS_CLAIM | IS_FIXED,
    [HEADER_FORWARDED] = IS_CLAIM | IS_FIXED,
    [HEADER_COOKIE] = IS_FIXED,
    [HEADER_AUTHORIZATION] = IS_FIXED,
    [HEADER_CACHE_CONTROL] = IS_FIXED,
    [HEADER_X_REQUEST_ID] = IS_FIXED,
    [HEADER_VIA] = IS_FIXED,
};

static bool is_nominated(const struct header_list *headers, const struct header *field)
{
    return !(hop_traits[field->id] & IS_FIXED) && header_has_token(headers, HEADER_CONNECTION, field->name);
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
    return !(hop_traits[field->id] & OF_CONNECTION);
}

void hop_strip(struct header_list *headers)
{
    /* In two passes, because the first reads the nominations from Connection, which the second takes out.
       keep_if never loses sight of a Connection that it keeps, wherever it stands. */
    if (header_find(headers, HEADER_CONNECTION))
        keep_if(headers, keep_unless_nominated);
    keep_if(headers, keep_end_to_end);
}

/* A name that a CGI-like server takes for another; those that Weir knows are none. */
static bool is_ambiguous(const struct header *field)
{
    return field->id == HEADER_OTHER &&
           (bytes_hold(field->name, '_') || str_ieq(field->name, STR("Proxy")));
}

/* All lines of one list-valued field as one value, followed by `last`; they are taken out. */
static struct str join_and_remove(struct header_list *headers, enum header_id id, struct str last,
                                  struct pool *pool)
{
    struct str value = last;

    if (!header_may_have(headers, id))
        return value;
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
    return header_add_known(headers, id, value);
}

/* Whether Connection may nominate a field: most often it only says keep-alive. */
static bool has_nominations(const struct header_list *headers)
{
    if (!header_may_have(headers, HEADER_CONNECTION))
        return false;
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
    unsigned dropped = OF_CONNECTION | OF_HOP | (forget ? IS_CLAIM : 0);
    bool nominations = has_nominations(from);

    for (size_t i = 0; i < from->count; i++) {
        const struct header *field = &from->items[i];

        if (!(hop_traits[field->id] & dropped) && !is_ambiguous(field) &&
            !(nominations && is_nominated(from, field)))
            header_put(to, field);
    }
}

int hop_forward(struct header_list *headers, const struct hop_client *client, struct pool *pool)
{
    struct str chain = join_and_remove(headers, HEADER_X_FORWARDED_FOR, client->address, pool);

    if (header_add_known(headers, HEADER_X_FORWARDED_FOR, chain) < 0 ||
        set_unless_present(headers, HEADER_X_FORWARDED_PROTO, client->scheme) < 0 ||
        set_unless_present(headers, HEADER_X_FORWARDED_HOST, client->host) < 0)
        return -1;
    return 0;
}

int hop_via(struct header_list *headers, struct str hop, struct pool *pool)
{
    return header_add_known(headers, HEADER_VIA, join_and_remove(headers, HEADER_VIA, hop, pool));
}

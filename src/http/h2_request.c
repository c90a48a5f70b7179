/* h2_request.c: see h2_request.h. */
#include "http/h2_request.h"

#include "http/bytes.h"

/* Pseudo-fields, te, content-length. */
#define FIELDS_ADDED 6

static bool is_of_connection(enum header_id id)
{
    switch (id) {
    case HEADER_HOST:
    case HEADER_CONNECTION:
    case HEADER_KEEP_ALIVE:
    case HEADER_PROXY_CONNECTION:
    case HEADER_TE:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_UPGRADE:
    case HEADER_HTTP2_SETTINGS:
    case HEADER_CONTENT_LENGTH:
        return true;
    default:
        return false;
    }
}

static void add(struct h2_request *r, struct str name, struct str value, uint8_t flags)
{
    /* nghttp2 has no const texts; it only reads them. */
    r->fields[r->count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.s,
                                         .value = (uint8_t *)(uintptr_t)value.s,
                                         .namelen = name.len,
                                         .valuelen = value.len,
                                         .flags = flags};
}

static int add_field(struct h2_request *r, const struct header *field, struct pool *pool)
{
    /* What a guess could find in the table that others' requests fill is kept out of it (RFC 7541 7.1). */
    bool secret = field->id == HEADER_AUTHORIZATION || field->id == HEADER_COOKIE;

    if (is_of_connection(field->id))
        return 0;
    if (!field->checked && (!bytes_are_token(field->name) || !bytes_are_value(field->value)))
        return -1;
    add(r, pool_lower(pool, field->name), field->value,
        secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
    return 0;
}

int h2_request_fields(struct h2_request *r, const struct message *head, struct pool *pool)
{
    const struct header_list *headers = &head->headers;
    const struct header *host = header_find(headers, HEADER_HOST);

    if (!bytes_are_token(head->method) || !bytes_are_target(head->target) ||
        (host && !host->checked && !bytes_are_value(host->value)))
        return -1;
    r->fields = pool_alloc(pool, (headers->count + FIELDS_ADDED) * sizeof(*r->fields));
    r->count = 0;
    add(r, STR(":method"), head->method, NGHTTP2_NV_FLAG_NONE);
    add(r, STR(":scheme"), r->scheme, NGHTTP2_NV_FLAG_NONE);
    if (host)
        add(r, STR(":authority"), host->value, NGHTTP2_NV_FLAG_NONE);
    add(r, STR(":path"), head->target, NGHTTP2_NV_FLAG_NONE);
    for (size_t i = 0; i < headers->count; i++)
        if (add_field(r, &headers->items[i], pool) < 0)
            return -1;
    if (r->trailers)
        add(r, STR("te"), STR("trailers"), NGHTTP2_NV_FLAG_NONE);
    if (r->has_length)
        add(r, STR("content-length"), pool_printf(pool, "%llu", (unsigned long long)r->length),
            NGHTTP2_NV_FLAG_NONE);
    return 0;
}

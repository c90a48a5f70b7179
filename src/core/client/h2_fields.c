/* h2_fields.c: see h2_fields.h. */
#include "core/client/h2_fields.h"

#include "http/bytes.h"

#define NV_FLAGS (NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)
/* :status and Content-Length. */
#define FIELDS_ADDED 2

static nghttp2_nv pair(struct str name, struct str value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.s, (uint8_t *)(uintptr_t)value.s, name.len, value.len, NV_FLAGS};
}

static struct str number(struct pool *pool, uint64_t value)
{
    char *text = pool_text(pool, 20);
    size_t at = 20;

    do
        text[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return (struct str){text + at, 20 - at};
}

/* What speaks of an HTTP/1 connection, or is told anew. */
static bool is_left_out(enum header_id id)
{
    switch (id) {
    case HEADER_CONNECTION:
    case HEADER_KEEP_ALIVE:
    case HEADER_PROXY_CONNECTION:
    case HEADER_TRANSFER_ENCODING:
    case HEADER_UPGRADE:
    case HEADER_HTTP2_SETTINGS:
    case HEADER_CONTENT_LENGTH:
    case HEADER_SEC_WEBSOCKET_ACCEPT:
        return true;
    default:
        return false;
    }
}

static bool is_safe(const struct header *field)
{
    return field->checked ||
           ((field->id != HEADER_OTHER || bytes_are_token(field->name)) && bytes_are_value(field->value));
}

size_t h2_fields_make(struct pool *pool, const struct message *head, unsigned status, const uint64_t *length,
                      nghttp2_nv **nv)
{
    nghttp2_nv *fields = pool_alloc(pool, (head->headers.count + FIELDS_ADDED) * sizeof(*fields));
    size_t n = 0;

    fields[n++] = pair(STR(":status"), number(pool, status));
    for (size_t i = 0; i < head->headers.count; i++) {
        const struct header *field = &head->headers.items[i];

        if (is_left_out(field->id))
            continue;
        if (!is_safe(field))
            return 0;
        fields[n++] = pair(pool_lower(pool, field->name), str_trim(field->value));
    }
    if (length)
        fields[n++] = pair(STR("content-length"), number(pool, *length));
    *nv = fields;
    return n;
}

size_t h2_fields_trailers(struct pool *pool, const struct header_list *trailers, nghttp2_nv **nv)
{
    nghttp2_nv *fields = pool_alloc(pool, (trailers->count + 1) * sizeof(*fields));
    size_t n = 0;

    for (size_t i = 0; i < trailers->count; i++) {
        const struct header *field = &trailers->items[i];

        if (!is_left_out(field->id) && is_safe(field))
            fields[n++] = pair(pool_lower(pool, field->name), str_trim(field->value));
    }
    *nv = fields;
    return n;
}

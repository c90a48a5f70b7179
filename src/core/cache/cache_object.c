/* cache_object.c: see cache_object.h. */
#include "core/cache/cache_object.h"

#include <stdlib.h>

#include "http/status.h"

/* Room for so many fields is made with the object. */
#define OBJECT_FIELDS 16
/* What a descriptor counts as, of which a process has less than of memory. */
#define OBJECT_FILE_BYTES ((size_t)64 * 1024)

static size_t count_fields(struct str text, size_t *bytes)
{
    struct str name, value;
    size_t n = 0;

    for (*bytes = 0; store_field_next(&text, &name, &value); n++)
        *bytes += name.len + value.len + 4;
    return n;
}

static struct str copy_text(char **to, struct str text)
{
    struct str copy = {*to, text.len};

    if (text.len)
        memcpy(*to, text.s, text.len);
    *to += text.len;
    return copy;
}

/*
 * The list of fields, with a text that is as HTTP/1 writes it, so that it is written at once.  A parser looked at them
 * before they were stored, and the file's hash says that they are the same.
 */
static int read_fields(struct cache_object *o, struct str text)
{
    struct str name, value;
    size_t bytes, n = count_fields(text, &bytes);
    char *at = pool_text(o->pool, bytes);

    header_list_init(&o->fields, o->pool, n + 1);
    while (store_field_next(&text, &name, &value)) {
        name = copy_text(&at, name);
        (void)copy_text(&at, STR(": "));
        value = copy_text(&at, value);
        (void)copy_text(&at, STR("\r\n"));
        if (header_add(&o->fields, name, value) < 0)
            return -1;
        o->fields.items[o->fields.count - 1].checked = true;
        o->fields.items[o->fields.count - 1].in_line = true;
    }
    return 0;
}

static void facts_to_file(struct store_facts *to, const struct cache_facts *from)
{
    to->response_time = from->response_time;
    to->initial_age = from->initial_age;
    to->lifetime = from->lifetime;
    to->stale_while_revalidate = from->stale_while_revalidate;
    to->stale_if_error = from->stale_if_error;
    to->spare[0] = from->source;
    to->flags = from->flags;
}

static void facts_of_file(struct cache_facts *to, const struct store_facts *from)
{
    to->response_time = from->response_time;
    to->initial_age = from->initial_age;
    to->lifetime = from->lifetime;
    to->stale_while_revalidate = from->stale_while_revalidate;
    to->stale_if_error = from->stale_if_error;
    to->source = (uint32_t)from->spare[0];
    to->flags = from->flags & ~STORE_SOFT;
}

/* `bytes` of text are to lie in it. */
static struct cache_object *object_alloc(size_t bytes)
{
    struct cache_object *o = calloc(1, sizeof(*o));

    if (o) {
        o->refs = 1;
        o->stored.fd = -1;
        o->pool = pool_new(bytes + OBJECT_FIELDS * sizeof(struct header));
    }
    return o;
}

struct cache_object *cache_object_of_file(struct store_object *from)
{
    struct cache_object *o = object_alloc(from->bytes.len);

    if (!o) {
        store_read_close(from);
        return NULL;
    }
    store_read_move(from, pool_text(o->pool, from->bytes.len));
    o->stored = *from;
    o->is_marker = from->head.kind == STORE_MARKER;
    o->has_length = true;
    o->length = o->have = from->head.body_len;
    o->body = from->fd < 0 ? (char *)(uintptr_t)o->stored.body.s : NULL;
    o->status = from->head.facts.status;
    o->reason = status_reason(o->status);
    facts_of_file(&o->facts, &from->head.facts);
    if (read_fields(o, o->stored.head.fields) < 0) {
        cache_object_release(o);
        return NULL;
    }
    return o;
}

static size_t fields_size(const struct header_list *fields)
{
    size_t n = 0;

    for (size_t i = 0; i < fields->count; i++)
        n += store_field_size(fields->items[i].name, fields->items[i].value);
    return n;
}

struct cache_object *cache_object_new(const struct store_key *key, const struct message *response,
                                      const struct cache_facts *facts)
{
    size_t fields = fields_size(&response->headers), bytes = key->key.len + key->variant.len + fields;
    struct cache_object *o = object_alloc(bytes);
    char *at;

    if (!o)
        return NULL;
    at = pool_text(o->pool, bytes);
    store_head_init(&o->stored.head, key);
    o->stored.head.key = copy_text(&at, key->key);
    o->stored.head.variant = copy_text(&at, key->variant);
    o->stored.head.fields = (struct str){at, fields};
    for (size_t i = 0; i < response->headers.count; i++)
        at = store_field_put(at, response->headers.items[i].name, response->headers.items[i].value);
    o->growing = true;
    o->status = response->status;
    o->reason = status_reason(o->status);
    o->facts = *facts;
    facts_to_file(&o->stored.head.facts, facts);
    o->stored.head.facts.status = (uint16_t)response->status;
    o->stored.head.facts.minor = (uint16_t)response->minor;
    if (store_head_size(&o->stored.head) == 0 || read_fields(o, o->stored.head.fields) < 0) {
        cache_object_release(o);
        return NULL;
    }
    return o;
}

struct cache_object *cache_object_hold(struct cache_object *o)
{
    o->refs++;
    return o;
}

void cache_object_release(struct cache_object *o)
{
    if (--o->refs > 0)
        return;
    store_read_close(&o->stored);
    store_write_free(o->write);
    if (o->body_of)
        cache_object_release(o->body_of);
    if (o->body_room > 0)
        free(o->body);
    free(o->tail);
    pool_free(o->pool);
    free(o);
}

void cache_object_take_body(struct cache_object *o, struct cache_object *from)
{
    struct cache_object *holder = from->body_of ? from->body_of : from;

    o->body_of = cache_object_hold(holder);
    o->body = holder->body;
    o->growing = false;
    o->has_length = true;
    o->length = o->have = holder->length;
}

static void release(void *arg)
{
    cache_object_release(arg);
}

void cache_object_hold_in(struct pool *pool, struct cache_object *o)
{
    pool_on_free(pool, release, cache_object_hold(o));
}

size_t cache_object_bytes(const struct cache_object *o)
{
    return sizeof(*o) + pool_bytes(o->pool) + o->body_room + (o->stored.fd >= 0 ? OBJECT_FILE_BYTES : 0);
}

/* ---- the map: its payload is a pointer, so that an object lives on while clients are sent it ---- */

static struct cache_object **payload(struct hot_object *h)
{
    return (struct cache_object **)(void *)h->payload;
}

static void on_drop(struct hot_object *h)
{
    cache_object_release(*payload(h));
}

struct cache_object *cache_hot_find(struct cache *c, struct hash_128 hash)
{
    struct hot_object *h = hot_get(c->hot, hash);
    struct cache_object *o;

    if (!h)
        return NULL;
    o = *payload(h);
    hot_release(h);
    return o;
}

void cache_hot_put(struct cache *c, struct cache_object *o)
{
    struct hot_object *h = hot_put(c->hot, o->stored.head.hash, sizeof(o), cache_object_bytes(o));

    if (!h)
        return;
    *payload(h) = cache_object_hold(o);
    h->on_free = on_drop;
    hot_release(h);
}

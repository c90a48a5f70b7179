/*
 * path_table.c: open addressing with linear probing.  At most half of the slots are taken, and a
 * slot holds part of the hash, so that nearly every look-up reads one slot and compares at most one
 * text.
 */
#include "core/route/path_table.h"

struct path_slot {
    uint32_t hash;
    struct path_entry *entry; /* NULL: free */
};

struct path_table {
    struct pool *pool;
    struct path_entry *added; /* newest first, until path_table_freeze */
    struct path_slot *slots;
    uint32_t count;
    uint32_t mask;
    size_t longest; /* bytes */
    struct hash_key key;
};

struct path_table *path_table_new(struct pool *pool, struct hash_key key)
{
    struct path_table *table = pool_zalloc(pool, sizeof(*table));

    table->pool = pool;
    table->key = key;
    return table;
}

void path_table_add(struct path_table *table, struct str path, void *value)
{
    struct path_entry *entry = pool_alloc(table->pool, sizeof(*entry));

    entry->path = pool_str(table->pool, path);
    entry->value = value;
    entry->next = table->added;
    table->added = entry;
    table->count++;
    if (path.len > table->longest)
        table->longest = path.len;
}

/* The slot of `path`, or the free one where it belongs; half of all being free, there is one. */
static struct path_slot *path_table_slot(const struct path_table *table, struct str path,
                                         uint32_t hash)
{
    uint32_t at = hash & table->mask;

    while (table->slots[at].entry &&
           (table->slots[at].hash != hash || !str_eq(table->slots[at].entry->path, path)))
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static uint32_t path_table_hash(const struct path_table *table, struct str path)
{
    return (uint32_t)hash_bytes(&table->key, path.s, path.len);
}

void path_table_freeze(struct path_table *table)
{
    struct path_entry *entry = table->added;
    size_t slots = 2;

    while (slots < (size_t)table->count * 2)
        slots *= 2;
    table->mask = (uint32_t)(slots - 1);
    table->slots = pool_zalloc(table->pool, slots * sizeof(*table->slots));
    /* Newest first, each before those of its path: the chains end up in the order of addition. */
    while (entry) {
        struct path_entry *older = entry->next;
        uint32_t hash = path_table_hash(table, entry->path);
        struct path_slot *slot = path_table_slot(table, entry->path, hash);

        entry->next = slot->entry;
        *slot = (struct path_slot){.hash = hash, .entry = entry};
        entry = older;
    }
    table->added = NULL;
}

const struct path_entry *path_table_find(const struct path_table *table, struct str path)
{
    if (table->count == 0 || path.len > table->longest)
        return NULL;
    return path_table_slot(table, path, path_table_hash(table, path))->entry;
}

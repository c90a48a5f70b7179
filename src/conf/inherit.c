/*
 * inherit.c: the levels joined.  Values are copied, not linked, because the inner struct is filled with
 * its own defaults later and must not change what other routes see.
 */
#include "conf/inherit.h"

#include "base/pool.h"

static void *copy_struct(struct pool *pool, const struct conf_group *group, void *to,
    const void *from);

static struct conf_headers *join_headers(struct pool *pool, const struct conf_headers *inner,
    const struct conf_headers *outer)
{
    struct conf_headers *h = pool_zalloc(pool, sizeof(*h));
    h->alone = outer->alone;
    h->ops = pool_zalloc(pool, (inner->n + outer->n + 1) * sizeof(*h->ops));
    for (size_t i = 0; i < outer->n; i++) {
        h->ops[h->n++] = outer->ops[i];
    }
    for (size_t i = 0; i < inner->n; i++) {
        h->ops[h->n++] = inner->ops[i];
    }
    return h;
}

static bool same_shape(const struct conf_row *a, const struct conf_row *b)
{
    return a->type == b->type && a->group == b->group &&
           (a->flags & CONF_LIST) == (b->flags & CONF_LIST);
}

/* Lists of groups too are copied: conf_fill writes into their elements. */
static void copy_value(struct pool *pool, const struct conf_row *row, char *to, const char *from)
{
    if (row->flags & CONF_LIST || row->type == CONF_MAP) {
        struct conf_list list;
        memcpy(&list, from, sizeof(list));
        if (row->type == CONF_GROUP && list.n) {
            size_t size = row->group->size;
            char *items = pool_zalloc(pool, list.n * size);
            for (size_t i = 0; i < list.n; i++) {
                copy_struct(pool, row->group, items + i * size,
                    (const char *)list.items + i * size);
            }
            list.items = items;
        }
        memcpy(to, &list, sizeof(list));
        return;
    }
    if (row->type != CONF_GROUP) {
        memcpy(to, from, conf_type_size(row->type));
        return;
    }
    const void *outer = *(void *const *)(const void *)from;
    void *copy = outer ? pool_zalloc(pool, row->group->size) : NULL;
    *(void **)(void *)to = copy ? copy_struct(pool, row->group, copy, outer) : NULL;
}

/* Both levels have the row: groups and headers are joined, anything else stays as it is. */
static void join_value(struct pool *pool, const struct conf_row *row, char *to, const char *from)
{
    if (row->flags & CONF_LIST) {
        return;
    }
    if (row->type == CONF_GROUP) {
        void *inner = *(void **)(void *)to;
        const void *outer = *(void *const *)(const void *)from;
        /* NULL is `false`: off at the inner level, or nothing to take from the outer. */
        if (inner && outer) {
            conf_inherit(pool, row->group, inner, outer);
        }
    } else if (row->type == CONF_HEADERS) {
        struct conf_headers **inner = (struct conf_headers **)(void *)to;
        const struct conf_headers *outer = *(struct conf_headers *const *)(const void *)from;
        if (*inner && outer && !(*inner)->alone) {
            *inner = join_headers(pool, *inner, outer);
        }
    }
}

/* The number of the row of `group` that may give to `row`, or n_rows. */
static size_t giver(const struct conf_group *group, const struct conf_row *row)
{
    size_t i = 0;
    while (i < group->n_rows && strcmp(group->rows[i].name, row->name) != 0) {
        i++;
    }
    return i < group->n_rows && same_shape(row, &group->rows[i]) ? i : group->n_rows;
}

/* `whole`: a copy is made, so that rows with CONF_OWN are taken too. */
static void join(struct pool *pool, const struct conf_group *inner_group, void *inner,
    const struct conf_group *outer_group, const void *outer, bool whole)
{
    struct conf_head *ih = inner;
    const struct conf_head *oh = outer;
    ih->outer = oh;
    ih->outer_group = outer_group;
    for (size_t i = 0; i < inner_group->n_rows; i++) {
        const struct conf_row *row = &inner_group->rows[i];
        size_t o = inner_group == outer_group ? i : giver(outer_group, row);
        if (o == outer_group->n_rows || !conf_is_present(oh, o) ||
            (!whole && (row->flags & CONF_OWN))) {
            continue;
        }
        char *to = (char *)inner + row->offset;
        const char *from = (const char *)outer + outer_group->rows[o].offset;
        if (conf_is_present(ih, i)) {
            join_value(pool, row, to, from);
            continue;
        }
        copy_value(pool, row, to, from);
        conf_mark_present(ih, i);
    }
}

static void *copy_struct(struct pool *pool, const struct conf_group *group, void *to,
    const void *from)
{
    ((struct conf_head *)to)->at = ((const struct conf_head *)from)->at;
    join(pool, group, to, group, from, true);
    return to;
}

void conf_inherit_across(struct pool *pool, const struct conf_group *inner_group, void *inner,
    const struct conf_group *outer_group, const void *outer)
{
    join(pool, inner_group, inner, outer_group, outer, false);
}

void conf_inherit(struct pool *pool, const struct conf_group *group, void *inner, const void *outer)
{
    join(pool, group, inner, group, outer, false);
}

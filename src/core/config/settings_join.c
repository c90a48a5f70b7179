/* settings_join.c: one level of settings completed from the level around it, sharing what it can. */
#include "core/config/settings.h"

struct join {
    struct conf_load *l;
    const struct conf_group *inner_group, *outer_group;
    struct conf_head *inner;
    const struct conf_head *outer;
};

static size_t join_size(const struct conf_row *row)
{
    return (row->flags & CONF_LIST) ? sizeof(struct conf_list) : conf_type_size(row->type);
}

/* What only the inner level has: its groups have no outer ones to be joined with. */
static int join_fill(struct conf_load *l, const struct conf_row *row, char *member)
{
    int rc = 0;

    if (row->type != CONF_GROUP || row->group == &settings_route_group || (row->flags & CONF_SPARSE))
        return 0;
    if (row->flags & CONF_LIST) {
        struct conf_list *list = (struct conf_list *)(void *)member;
        for (size_t i = 0; i < list->n; i++)
            rc |= conf_fill(l, row->group, (char *)list->items + i * row->group->size);
        return rc;
    }
    void *group = *(void **)(void *)member;
    return group ? conf_fill(l, row->group, group) : 0;
}

static int join_present(struct join *j, const struct conf_row *row, char *to, const char *from)
{
    if (row->type == CONF_HEADERS) {
        struct conf_headers **inner = (struct conf_headers **)(void *)to;
        if (*inner)
            *inner = settings_headers(j->l->pool, *(struct conf_headers *const *)(const void *)from, *inner);
        return 0;
    }
    if (row->type == CONF_GROUP && !(row->flags & CONF_LIST)) {
        void *inner = *(void **)(void *)to;
        const void *outer = *(void *const *)(const void *)from;
        if (inner && outer)
            return settings_join(j->l, row->group, inner, row->group, outer);
    }
    return join_fill(j->l, row, to);
}

/* Nearly all are of two sizes, which the compiler copies without a call. */
static void join_copy(char *to, const char *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 16)
        memcpy(to, from, 16);
    else
        memcpy(to, from, size);
}

static int join_row(struct join *j, size_t i, size_t o)
{
    const struct conf_row *row = &j->inner_group->rows[i];
    char *to = (char *)j->inner + row->offset;
    const char *from = (const char *)j->outer + j->outer_group->rows[o].offset;

    if (conf_is_present(j->inner, i))
        return join_present(j, row, to, from);
    join_copy(to, from, join_size(row));
    if (conf_is_present(j->outer, o))
        conf_mark_present(j->inner, i);
    return 0;
}

/* The row of the outer table with the name of row `i`, or its number of rows. */
static size_t join_giver(const struct join *j, size_t i)
{
    const struct conf_group *g = j->outer_group;
    const struct conf_row *row = &j->inner_group->rows[i];
    size_t o = 0;

    if (g->rows == j->inner_group->rows)
        return i;
    while (o < g->n_rows && strcmp(g->rows[o].name, row->name) != 0)
        o++;
    return o < g->n_rows && g->rows[o].type == row->type && g->rows[o].group == row->group ? o : g->n_rows;
}

int settings_join(struct conf_load *l, const struct conf_group *inner_group, void *inner,
                  const struct conf_group *outer_group, const void *outer)
{
    struct join j = {l, inner_group, outer_group, inner, outer};
    size_t n = conf_rows_in_use(inner_group);
    int rc = 0;

    j.inner->outer = outer;
    j.inner->outer_group = outer_group;

    for (size_t i = 0; i < n; i++) {
        const struct conf_row *row = &inner_group->rows[i];
        size_t o = row->flags & CONF_OWN ? outer_group->n_rows : join_giver(&j, i);
        if (o < outer_group->n_rows)
            rc |= join_row(&j, i, o);
        else if (conf_is_present(j.inner, i))
            rc |= join_fill(l, row, (char *)inner + row->offset);
    }
    return rc;
}

/* Adds one operation; a `remove` or `set` makes those before it on the same name void. */
static void headers_put(struct conf_headers *h, const struct conf_header *op)
{
    if (op->what != CONF_HEADER_ADD) {
        size_t kept = 0;
        for (size_t i = 0; i < h->n; i++)
            if (!str_ieq(h->ops[i].name, op->name))
                h->ops[kept++] = h->ops[i];
        h->n = kept;
    }
    h->ops[h->n++] = *op;
}

struct conf_headers *settings_headers(struct pool *pool, const struct conf_headers *outer,
                                      const struct conf_headers *inner)
{
    struct conf_headers *h = pool_zalloc(pool, sizeof(*h));
    size_t n = (outer ? outer->n : 0) + (inner ? inner->n : 0);

    h->alone = true;
    h->ops = pool_zalloc(pool, (n + 1) * sizeof(*h->ops));
    for (size_t i = 0; outer && !(inner && inner->alone) && i < outer->n; i++)
        headers_put(h, &outer->ops[i]);
    for (size_t i = 0; inner && i < inner->n; i++)
        headers_put(h, &inner->ops[i]);
    return h;
}

bool settings_has(const struct conf_group *g, const struct conf_head *head, const char *name)
{
    const struct conf_row *row = conf_row_find(g, str_of(name));

    return row && conf_is_present(head, (size_t)(row - g->rows));
}

bool settings_is_written(const struct conf_group *g, const struct conf_head *head, const char *name)
{
    const struct conf_row *row = head->places ? conf_row_find(g, str_of(name)) : NULL;

    for (size_t i = 0; row && i < head->places->n; i++)
        if (head->places->rows[i].row == (size_t)(row - g->rows))
            return true;
    return false;
}

void settings_forget(const struct conf_group *g, struct conf_head *head, const char *name)
{
    size_t i = (size_t)(conf_row_find(g, str_of(name)) - g->rows);

    head->present[i / 64] &= ~((uint64_t)1 << (i % 64));
}

void settings_mark(struct conf_load *l, const struct conf_group *g, struct conf_head *head, const char *name,
                   struct conf_place at)
{
    size_t i = (size_t)(conf_row_find(g, str_of(name)) - g->rows);

    conf_set_place(l->pool, head, i, at);
    conf_mark_present(head, i);
}

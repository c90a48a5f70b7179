/* fill.c: the defaults of the tables, each read once and then copied. */
#include "conf/load_value.h"

/* Defaults that were read once: by row, in a table of open addressing. */
#define FILL_SLOTS 1024

struct conf_fills {
    const struct conf_row *rows[FILL_SLOTS];
    void *values[FILL_SLOTS];
    size_t n;
};

static size_t row_size(const struct conf_row *row)
{
    if ((row->flags & CONF_LIST) || row->type == CONF_MAP) {
        return sizeof(struct conf_list);
    }
    return conf_type_size(row->type);
}

static int fill_nested(struct conf_load *l, const struct conf_row *row, char *member)
{
    int rc = 0;
    if (row->type != CONF_GROUP || (row->flags & CONF_SPARSE)) {
        return 0;
    }
    if (row->flags & CONF_LIST) {
        struct conf_list *list = (struct conf_list *)(void *)member;
        for (size_t k = 0; k < list->n; k++) {
            rc |= conf_fill(l, row->group, (char *)list->items + k * row->group->size);
        }
    } else if (*(void **)(void *)member) {
        rc = conf_fill(l, row->group, *(void **)(void *)member);
    }
    return rc;
}

/* A default is written as the file would write it, and takes the same way. */
static int read_fallback(struct conf_load *l, const struct conf_row *row, struct conf_place at, char *member)
{
    config_t tree;
    config_init(&tree);
    int rc = -1;
    struct str text = pool_printf(l->pool, "value = %s;", row->fallback);
    if (config_read_string(&tree, text.s)) {
        struct conf_slot t = {l, row, at, 0, NULL};
        rc = conf_load_value(&t, config_lookup(&tree, "value"), member);
    } else {
        conf_report_add(l->report, at, "the built-in default of '%s' is wrong: %s", row->name,
            row->fallback);
    }
    config_destroy(&tree);
    return rc ? rc : fill_nested(l, row, member);
}

static int fill_row(struct conf_load *l, const struct conf_row *row, struct conf_place at,
    char *member)
{
    if (!l->fills) {
        l->fills = pool_zalloc(l->pool, sizeof(*l->fills));
    }
    struct conf_fills *f = l->fills;
    size_t i = (uintptr_t)row / sizeof(*row) % FILL_SLOTS;
    while (f->rows[i] && f->rows[i] != row) {
        i = (i + 1) % FILL_SLOTS;
    }
    if (f->rows[i]) {
        memcpy(member, f->values[i], row_size(row));
        return 0;
    }
    /* Reading it may nest and add others, so the slot is taken only when all is done. */
    int rc = read_fallback(l, row, at, member);
    if (rc == 0 && f->n < FILL_SLOTS / 2) {
        while (f->rows[i]) {
            i = (i + 1) % FILL_SLOTS;
        }
        f->n++;
        f->rows[i] = row;
        f->values[i] = pool_alloc(l->pool, row_size(row));
        memcpy(f->values[i], member, row_size(row));
    }
    return rc;
}

int conf_fill(struct conf_load *l, const struct conf_group *group, void *out)
{
    struct conf_head *h = out;
    int rc = 0;
    for (size_t i = 0; i < group->n_rows; i++) {
        const struct conf_row *row = &group->rows[i];
        char *member = (char *)out + row->offset;
        if (row->flags & CONF_LATER) {
            continue;
        }
        if (row->fallback && !conf_is_present(h, i)) {
            rc |= fill_row(l, row, h->at, member);
        } else {
            rc |= fill_nested(l, row, member);
        }
    }
    return rc;
}

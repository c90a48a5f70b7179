/* directive.c: looks rows up and says how large their values are. */
#include "base/pool.h"
#include "conf/load.h"

size_t conf_type_size(enum conf_type type)
{
    switch (type) {
    case CONF_BOOL: return sizeof(bool);
    case CONF_INT:
    case CONF_SIZE:
    case CONF_DURATION: return sizeof(int64_t);
    case CONF_RATIO: return sizeof(double);
    case CONF_RATE: return sizeof(struct conf_rate);
    case CONF_STRING:
    case CONF_TEMPLATE:
    case CONF_REGEX:
    case CONF_PATH: return sizeof(struct str);
    case CONF_ENUM: return sizeof(int);
    case CONF_ADDRESS: return sizeof(struct conf_address);
    case CONF_CIDR: return sizeof(struct conf_cidr);
    case CONF_STATUS: return sizeof(struct conf_statuses);
    case CONF_MAP: return sizeof(struct conf_pair);
    case CONF_HEADERS:
    case CONF_GROUP: return sizeof(void *);
    }
    return 0;
}

const struct conf_row *conf_row_find(const struct conf_group *group, struct str name)
{
    if (name.len == 0) {
        return NULL;
    }
    for (size_t i = 0; i < group->n_rows; i++) {
        const char *row = group->rows[i].name;
        if (strncmp(row, name.s, name.len) == 0 && row[name.len] == '\0') {
            return &group->rows[i];
        }
    }
    return NULL;
}

size_t conf_rows_in_use(const struct conf_group *group)
{
    size_t n = group->n_rows;
    while (n && (group->rows[n - 1].flags & CONF_LATER)) {
        n--;
    }
    return n;
}

void conf_set_place(struct pool *pool, struct conf_head *h, size_t row, struct conf_place at)
{
    struct conf_places *p = h->places;
    size_t n = p ? p->n : 0;
    for (size_t i = 0; i < n; i++) {
        if (p->rows[i].row == row) {
            p->rows[i].at = at;
            return;
        }
    }
    if (!p || n == p->room) {
        size_t room = n ? n * 2 : 3;
        h->places = pool_alloc(pool, sizeof(*p) + room * sizeof(p->rows[0]));
        if (n) {
            memcpy(h->places->rows, p->rows, n * sizeof(p->rows[0]));
        }
        p = h->places;
        p->room = room;
    }
    p->rows[n].row = row;
    p->rows[n].at = at;
    p->n = n + 1;
}

struct conf_place conf_place_of(const struct conf_group *group, const struct conf_head *head,
    const char *name)
{
    const struct conf_head *h = head;

    do {
        const struct conf_row *row = h->places || h->outer ? conf_row_find(group, str_of(name)) : NULL;

        if (!row || !conf_is_present(h, (size_t)(row - group->rows)))
            break;
        for (size_t i = 0; h->places && i < h->places->n; i++) {
            if (h->places->rows[i].row == (size_t)(row - group->rows))
                return h->places->rows[i].at;
        }
        group = h->outer_group;
        h = h->outer;
    } while (h);
    return head->at;
}

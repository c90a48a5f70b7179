/* directive.c: looks rows up and says how large their values are. */
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
    for (size_t i = 0; i < group->n_rows; i++) {
        if (str_eq(str_of(group->rows[i].name), name)) {
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

struct conf_place conf_place_of(const struct conf_group *group, const struct conf_head *head,
    const char *name)
{
    const struct conf_row *row = conf_row_find(group, str_of(name));
    if (row && head->places && conf_is_present(head, (size_t)(row - group->rows))) {
        return head->places[row - group->rows];
    }
    return head->at;
}

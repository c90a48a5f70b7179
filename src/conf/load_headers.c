/* load_headers.c: groups whose names are free: maps, and operations on header fields. */
#include "conf/load_value.h"

void *conf_append(struct pool *pool, struct conf_list *list, size_t size, size_t n)
{
    char *items = pool_zalloc(pool, (list->n + n) * size);
    if (list->n) {
        memcpy(items, list->items, list->n * size);
    }
    list->items = items;
    list->n += n;
    return items + (list->n - n) * size;
}

/* Calls for each value of a name: a scalar, or each element of an array. */
static int load_pairs_of(struct conf_slot *t, const config_setting_t *s, struct str name,
    struct conf_list *out)
{
    size_t n = node_is_list(s) ? (size_t)config_setting_length(s) : 1;
    struct conf_pair *p = conf_append(t->l->pool, out, sizeof(*p), n);
    int rc = 0;
    struct conf_row text_row = {.name = pool_str(t->l->pool, name).s, .type = CONF_TEMPLATE,
        .flags = CONF_NUMBERS};
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *v = node_is_list(s) ? config_setting_get_elem(s, (unsigned)i) : s;
        struct conf_slot one = {t->l, &text_row, node_place(t->l, v), t->scope, NULL};
        p[i].name = str_of(text_row.name);
        p[i].at = one.at;
        rc |= conf_load_text(&one, v, &p[i].value);
    }
    return rc;
}

/* ( { name = N; value = V; } ... ), for names that libconfig cannot write. */
static int load_named_pair(struct conf_slot *t, const config_setting_t *s, struct conf_list *out)
{
    const config_setting_t *name = NULL, *value = NULL;
    if (config_setting_is_group(s)) {
        name = config_setting_get_member(s, "name");
        value = config_setting_get_member(s, "value");
    }
    if (!name || !value || !node_is_text(name) || config_setting_length(s) != 2) {
        conf_report_add(t->l->report, node_place(t->l, s),
            "an element of '%s' is wrong; write { name = \"NAME\"; value = \"VALUE\"; }",
            t->row->name);
        return -1;
    }
    return load_pairs_of(t, value, node_text(name), out);
}

int conf_load_map(struct conf_slot *t, const config_setting_t *s, struct conf_list *out)
{
    int rc = 0;
    if (!config_setting_is_group(s) && !node_is_list(s)) {
        return conf_wrong_type(t, s);
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, i);
        if (config_setting_is_group(s) && node_is_again(e)) {
            continue;
        }
        rc |= config_setting_is_group(s) ? load_pairs_of(t, e, str_of(config_setting_name(e)), out)
                                         : load_named_pair(t, e, out);
    }
    return rc;
}

static void add_header(struct conf_headers *h, enum conf_header_what what, struct conf_pair p)
{
    h->ops[h->n++] = (struct conf_header){what, p.name, p.value, p.at};
}

static int load_removed(struct conf_slot *t, const config_setting_t *s, struct conf_list *out)
{
    struct conf_row row = {.name = "remove", .type = CONF_STRING};
    size_t n = node_is_list(s) ? (size_t)config_setting_length(s) : 1;
    struct conf_pair *p = conf_append(t->l->pool, out, sizeof(*p), n);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *v = node_is_list(s) ? config_setting_get_elem(s, (unsigned)i) : s;
        struct conf_slot one = {t->l, &row, node_place(t->l, v), t->scope, NULL};
        p[i].at = one.at;
        rc |= conf_load_text(&one, v, &p[i].name);
    }
    return rc;
}

/* Within a level the order is remove, set, add, however it is written. */
int conf_load_headers(struct conf_slot *t, const config_setting_t *s, struct conf_headers **out)
{
    struct conf_headers *h = *out = pool_zalloc(t->l->pool, sizeof(*h));
    struct conf_list lists[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    int rc = 0;
    if (!config_setting_is_group(s)) {
        return conf_wrong_type(t, s);
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, i);
        struct str name = str_of(config_setting_name(e));
        struct conf_row row = {.name = config_setting_name(e), .type = CONF_MAP};
        struct conf_slot one = {t->l, &row, node_place(t->l, e), t->scope, NULL};
        if (node_is_again(e)) {
            continue;
        }
        if (str_eq(name, STR("remove"))) {
            rc |= load_removed(&one, e, &lists[CONF_HEADER_REMOVE]);
        } else if (str_eq(name, STR("set")) || str_eq(name, STR("add"))) {
            rc |= conf_load_map(&one, e, &lists[name.s[0] == 's' ? CONF_HEADER_SET : CONF_HEADER_ADD]);
        } else if (str_eq(name, STR("inherit")) && config_setting_type(e) == CONFIG_TYPE_BOOL) {
            h->alone = !config_setting_get_bool(e);
        } else {
            conf_report_add(t->l->report, one.at,
                "unknown setting '%s' in '%s'; write set, add, remove or inherit = false",
                row.name, t->row->name);
            rc = -1;
        }
    }
    h->ops = pool_zalloc(t->l->pool, (lists[0].n + lists[1].n + lists[2].n + 1) * sizeof(*h->ops));
    for (int k = CONF_HEADER_REMOVE; k <= CONF_HEADER_ADD; k++) {
        for (size_t i = 0; i < lists[k].n; i++) {
            add_header(h, (enum conf_header_what)k, ((struct conf_pair *)lists[k].items)[i]);
        }
    }
    return rc;
}

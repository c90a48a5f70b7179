/*
 * load.c: walks libconfig's tree against the directive tables.  The short forms (one for a list of one,
 * a scalar for a group's main member, true and false for a group) are undone here, once for all
 * settings, so that the rest of the program sees a single shape.
 */
#include "conf/load_value.h"

static int load_group(struct conf_load *l, const struct conf_group *g, unsigned scope,
    const config_setting_t *s, void *out);

static unsigned inner_scope(const struct conf_slot *t)
{
    return t->row->enters ? t->row->enters : t->scope;
}

static void set_place(struct conf_load *l, void *out, size_t row, struct conf_place at)
{
    conf_set_place(l->pool, out, row, at);
    conf_mark_present(out, row);
}

static int check_required(struct conf_load *l, const struct conf_group *g, unsigned scope, const void *out)
{
    const struct conf_head *h = out;
    bool demands = false;
    int rc = 0;
    if (l->undemanding == g) {
        return 0;
    }
    for (size_t i = 0; i < g->n_rows; i++) {
        bool required = g->rows[i].flags & CONF_REQUIRED;
        demands |= required;
        bool here = !scope || !g->rows[i].scopes || (g->rows[i].scopes & scope);
        if (required && here && !conf_is_present(h, i)) {
            conf_report_add(l->report, h->at, "%s lacks '%s'; write %s = ...;", g->name,
                g->rows[i].name, g->rows[i].name);
            rc = -1;
        }
    }
    if (!demands) {
        l->undemanding = g;
    }
    return rc;
}

/* One row of the group from `s`, as main member or as an element of an array. */
static int load_member(struct conf_load *l, const struct conf_group *g, size_t i, unsigned scope,
    const config_setting_t *s, void *out)
{
    struct conf_slot t = {l, &g->rows[i], node_place(l, s), scope, NULL};
    set_place(l, out, i, t.at);
    return conf_load_value(&t, s, (char *)out + t.row->offset);
}

/* A scalar that stands for the group of `outer`: messages name that, since the main member was not written. */
static int load_main(struct conf_slot *outer, const struct conf_row *main, const config_setting_t *s, void *out)
{
    const struct conf_group *g = outer->row->group;
    struct conf_slot t = {outer->l, main, node_place(outer->l, s), inner_scope(outer), outer->row};
    set_place(t.l, out, (size_t)(main - g->rows), t.at);
    return conf_load_value(&t, s, (char *)out + main->offset);
}

/* A struct in any of its forms: group, true, main member, array of members. */
static int load_struct(struct conf_slot *t, const config_setting_t *s, void *out)
{
    const struct conf_group *g = t->row->group;
    struct conf_head *h = out;
    int rc = 0;
    h->at = node_place(t->l, s);
    const struct conf_row *main = g->main ? conf_row_find(g, str_of(g->main)) : NULL;
    if (config_setting_is_group(s)) {
        rc = load_group(t->l, g, inner_scope(t), s, out);
    } else if (g->positional && node_is_list(s)) {
        size_t n = (size_t)config_setting_length(s);
        if (n > g->n_rows) {
            conf_report_add(t->l->report, h->at, "%s has %zu elements; write at most %zu", g->name, n,
                g->n_rows);
            h->broken = true;
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
            rc |= load_member(t->l, g, i, inner_scope(t), e, out);
        }
    } else if (config_setting_type(s) == CONFIG_TYPE_BOOL && (!main || main->type != CONF_BOOL)) {
        rc = 0;
    } else if (main && (!node_is_list(s) || (main->flags & CONF_LIST))) {
        rc = load_main(t, main, s, out);
    } else {
        return conf_wrong_type(t, s);
    }
    h->broken = rc != 0;
    return rc ? rc : check_required(t->l, g, inner_scope(t), out);
}

static int load_list(struct conf_slot *t, const config_setting_t *s, struct conf_list *out)
{
    bool group = t->row->type == CONF_GROUP;
    size_t size = group ? t->row->group->size : conf_type_size(t->row->type);
    int rc = 0;
    if (!(t->row->flags & CONF_APPEND)) {
        *out = (struct conf_list){NULL, 0};
    }
    if (t->row->type == CONF_MAP) {
        return node_is_false(s) ? 0 : conf_load_map(t, s, out);
    }
    /* `false` is the empty list, except where it would be an element. */
    if (node_is_false(s) && t->row->type != CONF_BOOL) {
        return 0;
    }
    size_t n = node_is_list(s) ? (size_t)config_setting_length(s) : 1;
    if (n == 0) {
        return 0;
    }
    char *items = conf_append(t->l->pool, out, size, n);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *e = node_is_list(s) ? config_setting_get_elem(s, (unsigned)i) : s;
        struct conf_slot one = {t->l, t->row, node_place(t->l, e), t->scope, t->group};
        rc |= group ? load_struct(&one, e, items + i * size) : conf_load_scalar(&one, e, items + i * size);
    }
    return rc;
}

int conf_load_value(struct conf_slot *t, const config_setting_t *s, char *member)
{
    if ((t->row->flags & CONF_LIST) || t->row->type == CONF_MAP) {
        return load_list(t, s, (struct conf_list *)(void *)member);
    }
    if (t->row->type != CONF_GROUP && t->row->type != CONF_HEADERS) {
        return conf_load_scalar(t, s, member);
    }
    void **pointer = (void **)(void *)member;
    *pointer = NULL;
    if (node_is_false(s)) {
        return 0;
    }
    if (t->row->type == CONF_HEADERS) {
        return conf_load_headers(t, s, (struct conf_headers **)(void *)member);
    }
    *pointer = pool_zalloc(t->l->pool, t->row->group->size);
    return load_struct(t, s, *pointer);
}

const struct conf_hint *conf_hint_find(const struct conf_load *l, const char *in, struct str name)
{
    for (const struct conf_hint *h = l->hints; h && h->name; h++) {
        if (str_ieq(str_of(h->name), name) && (!h->in || strcmp(h->in, in) == 0)) {
            return h;
        }
    }
    return NULL;
}

static void hint_say(struct conf_load *l, const struct conf_group *g, const struct conf_hint *h,
    const config_setting_t *s)
{
    struct conf_place at = node_place(l, s);
    const char *name = config_setting_name(s);
    const struct conf_row *row = h->group ? conf_row_find(h->group, str_of(h->setting)) : NULL;
    if (!row) {
        conf_report_add(l->report, at, "unknown setting '%s' in %s; remove it: %s", name, g->name, h->right);
    } else if (row->flags & CONF_LATER) {
        conf_report_add(l->report, at,
            "unknown setting '%s' in %s; it is '%s' here, which is not in this version of Weir: remove it", name,
            g->name, row->name);
    } else if (h->right) {
        struct str right = str_of(h->right), here = pool_printf(l->pool, " in %s", g->name);
        right.len -= str_has_suffix(right, here) ? here.len : 0;
        conf_report_add(l->report, at, "unknown setting '%s' in %s; write %.*s", name, g->name, STR_ARG(right));
    } else {
        bool here = h->group == g;
        conf_report_add(l->report, at, "unknown setting '%s' in %s; write '%s'%s%s", name, g->name, row->name,
            here ? "" : " in ", here ? "" : h->group->name);
    }
}

/* A setting that is there, of another meaning: its value tells that the other program's was meant. */
static bool is_foreign(const struct conf_load *l, const struct conf_group *g, const struct conf_row *row,
    const config_setting_t *s)
{
    return row->type == CONF_BOOL && !(row->flags & CONF_LATER) &&
           (config_setting_is_group(s) || node_is_list(s)) && conf_hint_find(l, g->name, str_of(row->name));
}

static void unknown(struct conf_load *l, const struct conf_group *g, unsigned scope,
    const config_setting_t *s)
{
    struct str name = str_of(config_setting_name(s));
    size_t limit = name.len < 4 ? 2 : name.len / 3 + 2;
    const char *near = NULL;
    const struct conf_hint *hint = conf_hint_find(l, g->name, name);
    if (hint) {
        hint_say(l, g, hint, s);
        return;
    }
    for (size_t i = 0; i < g->n_rows; i++) {
        if (g->rows[i].scopes && scope && !(g->rows[i].scopes & scope)) {
            continue;
        }
        size_t d = str_distance(name, str_of(g->rows[i].name), limit);
        if (d < limit) {
            limit = d;
            near = g->rows[i].name;
        }
    }
    if (near) {
        conf_report_add(l->report, node_place(l, s), "unknown setting '%s' in %s; did you mean '%s'?",
            name.s, g->name, near);
    } else {
        conf_report_add(l->report, node_place(l, s), "unknown setting '%s' in %s; remove it", name.s,
            g->name);
    }
}

static const char *scope_name(const struct conf_load *l, unsigned scope)
{
    for (const struct conf_scope_name *n = l->scopes; n && n->scope; n++) {
        if (n->scope & scope) {
            return n->name;
        }
    }
    return "this place";
}

static int load_later(struct conf_load *l, const struct conf_row *row, const config_setting_t *s)
{
    if (node_is_false(s)) {
        return 0;
    }
    conf_report_add(l->report, node_place(l, s), "'%s' is not in this version of Weir; remove it", row->name);
    return -1;
}

static void misplaced(struct conf_load *l, const struct conf_row *row, unsigned scope, const config_setting_t *s)
{
    const char *here = scope_name(l, scope);
    const struct conf_hint *hint = conf_hint_find(l, here, str_of(row->name));
    if (hint && hint->in && hint->right) {
        conf_report_add(l->report, node_place(l, s), "'%s' may not stand in %s; write %s", row->name, here, hint->right);
    } else {
        conf_report_add(l->report, node_place(l, s), "'%s' may not stand in %s; it belongs in %s", row->name, here,
            scope_name(l, row->scopes));
    }
}

static int load_group(struct conf_load *l, const struct conf_group *g, unsigned scope,
    const config_setting_t *s, void *out)
{
    int rc = 0;
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, i);
        if (node_is_again(e)) {
            continue;
        }
        const struct conf_row *row = conf_row_find(g, str_of(config_setting_name(e)));
        if (!row || is_foreign(l, g, row, e)) {
            unknown(l, g, scope, e);
            rc = -1;
        } else if (row->flags & CONF_LATER) {
            rc |= load_later(l, row, e);
        } else if (row->scopes && scope && !(row->scopes & scope)) {
            misplaced(l, row, scope, e);
            rc = -1;
        } else {
            rc |= load_member(l, g, (size_t)(row - g->rows), scope, e, out);
        }
    }
    return rc;
}

int conf_load(struct conf_load *l, const struct conf_group *group, unsigned scope, void *out)
{
    config_t tree;
    struct conf_head *h = out;
    int rc;
    config_init(&tree);
    if (!config_read_string(&tree, l->text->s)) {
        int line = config_error_line(&tree);
        if (!l->text->mended) {
            conf_report_add(l->report, conf_text_place(l->text, line > 0 ? (unsigned)line : 1),
                "%s here; compare the line with the manual's syntax", config_error_text(&tree));
        }
        rc = CONF_UNREADABLE;
    } else {
        if (!h->at.file) {
            h->at = conf_text_place(l->text, 1);
        }
        rc = load_group(l, group, scope, config_root_setting(&tree), out);
        rc |= check_required(l, group, scope, out);
    }
    config_destroy(&tree);
    return rc;
}

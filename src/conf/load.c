/*
 * load.c: walks libconfig's tree against the directive tables.  The short forms (one for a list of one,
 * a scalar for a group's main member, true and false for a group) are undone here, once for all
 * settings, so that the rest of the program sees a single shape.
 */
#include "conf/load.h"

#include <arpa/inet.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>

/* Where a value goes and how it is spoken of. */
struct slot {
    struct conf_load *l;
    const struct conf_row *row;
    struct conf_place at;
    unsigned scope;
};

static int load_group(struct conf_load *l, const struct conf_group *g, unsigned scope,
    const config_setting_t *s, void *out);

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

static struct conf_place place_of(const struct conf_load *l, const config_setting_t *s)
{
    return conf_text_place(l->text, config_setting_source_line(s));
}

static bool is_text(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_STRING;
}

static bool is_integer(const config_setting_t *s)
{
    int type = config_setting_type(s);
    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static bool is_list(const config_setting_t *s)
{
    int type = config_setting_type(s);
    return type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
}

static bool is_false(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_BOOL && !config_setting_get_bool(s);
}

static struct str text_of(const config_setting_t *s)
{
    return str_of(config_setting_get_string(s));
}

static const char *kind_of(const config_setting_t *s)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_GROUP: return "a group { }";
    case CONFIG_TYPE_LIST: return "a list ( )";
    case CONFIG_TYPE_ARRAY: return "an array [ ]";
    case CONFIG_TYPE_STRING: return "a string";
    case CONFIG_TYPE_BOOL: return "a boolean";
    case CONFIG_TYPE_FLOAT: return "a number with a point";
    default: return "an integer";
    }
}

static const char *wanted(const struct conf_row *row)
{
    switch (row->type) {
    case CONF_BOOL: return "true or false";
    case CONF_INT: return "an integer";
    case CONF_SIZE: return "a size such as 4096, \"16k\", \"10m\" or \"2g\"";
    case CONF_DURATION: return "a duration such as 30, \"500ms\", \"30s\", \"5m\", \"8h\" or \"7d\"";
    case CONF_RATIO: return "a number such as 0.5 or 20";
    case CONF_RATE: return "a rate such as \"10/s\" or \"6/m\"";
    case CONF_ADDRESS: return "an address such as \"*:80\", \"[::1]:80\" or \"unix:/path\"";
    case CONF_CIDR: return "a network such as \"10.0.0.0/8\", \"::1\" or \"all\"";
    case CONF_STATUS: return "a status such as 404 or \"500-599\"";
    case CONF_GROUP:
    case CONF_HEADERS:
    case CONF_MAP: return "a group { }";
    default: return "a string in quotes";
    }
}

static int wrong_type(struct slot *t, const config_setting_t *s)
{
    conf_report_add(t->l->report, t->at, "'%s' is %s; write %s", t->row->name, kind_of(s),
        wanted(t->row));
    return -1;
}

static int wrong_text(struct slot *t, struct str text)
{
    conf_report_add(t->l->report, t->at, "'%s' does not understand \"%.*s\"; write %s", t->row->name,
        STR_ARG(text), wanted(t->row));
    return -1;
}

/* Digits and a unit of `units`, which are pairs of a name and a factor; 0 or -1. */
struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit SIZES[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30},
    {"t", (int64_t)1 << 40}, {NULL, 0}};
static const struct unit TIMES[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000},
    {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

static int number_with_unit(struct str s, const struct unit *units, int64_t *out)
{
    size_t digits = 0;
    while (digits < s.len && s.s[digits] >= '0' && s.s[digits] <= '9') {
        digits++;
    }
    uint64_t v;
    if (str_to_u64((struct str){s.s, digits}, INT64_MAX, &v) != 0) {
        return -1;
    }
    struct str unit = {s.s + digits, s.len - digits};
    for (; units->name; units++) {
        if (str_ieq(unit, str_of(units->name))) {
            return __builtin_mul_overflow((int64_t)v, units->factor, out) ? -1 : 0;
        }
    }
    return -1;
}

/* `v` as the file would write it, for messages: durations in the largest unit that fits. */
static struct str show(struct slot *t, int64_t v)
{
    const struct unit *u = t->row->type == CONF_DURATION ? TIMES
                           : t->row->type == CONF_SIZE   ? SIZES
                                                         : NULL;
    const struct unit *best = NULL;
    for (; u && u->name; u++) {
        if (*u->name && v && v % u->factor == 0 && (!best || u->factor > best->factor)) {
            best = u;
        }
    }
    return best ? pool_printf(t->l->pool, "\"%lld%s\"", (long long)(v / best->factor), best->name)
                : pool_printf(t->l->pool, "%lld", (long long)v);
}

static int check_range(struct slot *t, int64_t v)
{
    const struct conf_row *r = t->row;
    if ((r->min == 0 && r->max == 0) || (v >= r->min && v <= r->max)) {
        return 0;
    }
    conf_report_add(t->l->report, t->at, "'%s' is out of range; write a value from %.*s to %.*s",
        r->name, STR_ARG(show(t, r->min)), STR_ARG(show(t, r->max)));
    return -1;
}

static int load_number(struct slot *t, const config_setting_t *s, const struct unit *units,
    int64_t *out)
{
    int64_t v;
    if ((t->row->flags & CONF_OFF) && is_false(s)) {
        *out = -1;
        return 0;
    }
    if (is_integer(s)) {
        v = config_setting_get_int64(s);
        if (units && v < 0) {
            conf_report_add(t->l->report, t->at, "'%s' is negative; write %s", t->row->name,
                wanted(t->row));
            return -1;
        }
        if (units && __builtin_mul_overflow(v, units[0].factor, &v)) {
            conf_report_add(t->l->report, t->at, "'%s' is too large; write %s", t->row->name,
                wanted(t->row));
            return -1;
        }
    } else if (units && is_text(s)) {
        if (number_with_unit(text_of(s), units, &v) != 0) {
            return wrong_text(t, text_of(s));
        }
    } else {
        return wrong_type(t, s);
    }
    *out = v;
    return check_range(t, v);
}

static int load_ratio(struct slot *t, const config_setting_t *s, double *out)
{
    if (is_integer(s)) {
        *out = (double)config_setting_get_int64(s);
    } else if (config_setting_type(s) == CONFIG_TYPE_FLOAT) {
        *out = config_setting_get_float(s);
    } else if (is_text(s)) {
        char *end;
        *out = strtod(config_setting_get_string(s), &end);
        if (end == config_setting_get_string(s) || (*end && strcmp(end, "%") != 0)) {
            return wrong_text(t, text_of(s));
        }
    } else {
        return wrong_type(t, s);
    }
    const struct conf_row *r = t->row;
    if ((r->min || r->max) && !(*out >= (double)r->min && *out <= (double)r->max)) {
        conf_report_add(t->l->report, t->at, "'%s' is out of range; write a value from %lld to %lld",
            r->name, (long long)r->min, (long long)r->max);
        return -1;
    }
    return 0;
}

static int load_rate(struct slot *t, const config_setting_t *s, struct conf_rate *out)
{
    if (!is_text(s)) {
        return wrong_type(t, s);
    }
    struct str text = text_of(s);
    const char *slash = memchr(text.s, '/', text.len);
    size_t n = slash ? (size_t)(slash - text.s) : text.len;
    uint64_t count;
    if (!slash || str_to_u64((struct str){text.s, n}, INT32_MAX, &count) != 0 || count == 0) {
        return wrong_text(t, text);
    }
    struct str unit = pool_printf(t->l->pool, "%s%s",
        slash[1] >= '0' && slash[1] <= '9' ? "" : "1", slash + 1);
    if (!slash[1] || number_with_unit(unit, TIMES, &out->period) != 0 || out->period == 0) {
        return wrong_text(t, text);
    }
    out->count = (int64_t)count;
    return 0;
}

static int load_text(struct slot *t, const config_setting_t *s, struct str *out)
{
    if (is_text(s)) {
        *out = pool_str(t->l->pool, text_of(s));
    } else if (is_integer(s) && (t->row->flags & CONF_NUMBERS)) {
        *out = pool_printf(t->l->pool, "%lld", config_setting_get_int64(s));
    } else {
        return wrong_type(t, s);
    }
    return 0;
}

static int load_path(struct slot *t, const config_setting_t *s, struct str *out)
{
    if (load_text(t, s, out) != 0) {
        return -1;
    }
    if (out->len == 0) {
        conf_report_add(t->l->report, t->at, "'%s' is empty; write a path", t->row->name);
        return -1;
    }
    for (const char *const *c = t->row->choices; c && *c; c++) {
        struct str word = str_of(*c);
        bool prefix = str_has_suffix(word, STR(":"));
        if (prefix ? str_has_prefix(*out, word) : str_eq(*out, word)) {
            return 0;
        }
    }
    *out = str_of(conf_path_in(t->l->pool, t->l->text->dir, *out));
    return 0;
}

static int load_enum(struct slot *t, const config_setting_t *s, int *out)
{
    if (!is_text(s) && !(is_integer(s) && (t->row->flags & CONF_NUMBERS))) {
        return wrong_type(t, s);
    }
    struct str text = is_text(s)
        ? text_of(s)
        : pool_printf(t->l->pool, "%lld", config_setting_get_int64(s));
    struct str all = STR_NONE;
    for (int i = 0; t->row->choices[i]; i++) {
        if (str_eq(str_of(t->row->choices[i]), text)) {
            *out = i;
            return 0;
        }
        all = pool_printf(t->l->pool, "%.*s%s\"%s\"", STR_ARG(all),
            !i ? "" : t->row->choices[i + 1] ? ", " : " or ", t->row->choices[i]);
    }
    conf_report_add(t->l->report, t->at, "'%s' cannot be \"%.*s\"; write %.*s", t->row->name,
        STR_ARG(text), STR_ARG(all));
    return -1;
}

static int load_address(struct slot *t, const config_setting_t *s, struct conf_address *out)
{
    if (!is_text(s)) {
        return wrong_type(t, s);
    }
    struct str text = pool_str(t->l->pool, text_of(s));
    *out = (struct conf_address){.text = text, .host = text, .port = -1};
    if (str_has_prefix(text, STR("unix:"))) {
        out->is_unix = true;
        out->host = (struct str){text.s + 5, text.len - 5};
        return out->host.len ? 0 : wrong_text(t, text);
    }
    const char *colon = memrchr(text.s, ':', text.len);
    const char *bracket = memchr(text.s, ']', text.len);
    if (bracket && (text.s[0] != '[' || (bracket[1] && bracket[1] != ':'))) {
        return wrong_text(t, text);
    }
    bool bare_v6 = colon && !bracket && memchr(text.s, ':', (size_t)(colon - text.s));
    if (colon && !bare_v6 && (!bracket || colon > bracket)) {
        uint64_t port;
        struct str digits = {colon + 1, (size_t)(text.s + text.len - colon - 1)};
        if (str_to_u64(digits, 65535, &port) != 0) {
            return wrong_text(t, text);
        }
        out->port = (int)port;
        out->host.len = (size_t)(colon - text.s);
    }
    if (bracket) {
        char buf[16];
        out->host = pool_str(t->l->pool, (struct str){text.s + 1, (size_t)(bracket - text.s - 1)});
        return inet_pton(AF_INET6, out->host.s, buf) == 1 ? 0 : wrong_text(t, text);
    }
    return out->host.len && !bare_v6 ? 0 : wrong_text(t, text);
}

static int load_cidr(struct slot *t, const config_setting_t *s, struct conf_cidr *out)
{
    if (!is_text(s)) {
        return wrong_type(t, s);
    }
    struct str text = text_of(s);
    *out = (struct conf_cidr){0};
    if (str_eq(text, STR("all"))) {
        return 0;
    }
    const char *slash = memchr(text.s, '/', text.len);
    struct str host = {text.s, slash ? (size_t)(slash - text.s) : text.len};
    host = pool_str(t->l->pool, host);
    bool v6 = memchr(host.s, ':', host.len) != NULL;
    unsigned max = v6 ? 128 : 32;
    uint64_t bits = max;
    struct str digits = STR_NONE;
    if (slash) {
        digits = str_of(slash + 1);
    }
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host.s, out->addr) != 1 ||
        (slash && str_to_u64(digits, max, &bits) != 0)) {
        return wrong_text(t, text);
    }
    out->family = v6 ? 6 : 4;
    out->bits = (uint8_t)bits;
    for (unsigned i = 0; i < max; i++) {
        if (i >= bits) {
            out->addr[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
        }
    }
    return 0;
}

static int load_status(struct slot *t, const config_setting_t *s, struct conf_statuses *out)
{
    uint64_t first, last;
    if (is_integer(s)) {
        int64_t v = config_setting_get_int64(s);
        first = last = v < 0 ? 0 : (uint64_t)v;
    } else if (is_text(s)) {
        struct str text = text_of(s);
        const char *dash = memchr(text.s, '-', text.len);
        struct str from = {text.s, dash ? (size_t)(dash - text.s) : text.len};
        if (str_to_u64(from, 999, &first) != 0 ||
            str_to_u64(dash ? str_of(dash + 1) : from, 999, &last) != 0) {
            return wrong_text(t, text);
        }
    } else {
        return wrong_type(t, s);
    }
    if (first < 100 || last > 599 || first > last) {
        conf_report_add(t->l->report, t->at, "'%s' is out of range; write a status from 100 to 599",
            t->row->name);
        return -1;
    }
    *out = (struct conf_statuses){(int)first, (int)last};
    return 0;
}

static int load_scalar(struct slot *t, const config_setting_t *s, void *out)
{
    switch (t->row->type) {
    case CONF_BOOL:
        if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
            return wrong_type(t, s);
        }
        *(bool *)out = config_setting_get_bool(s) != 0;
        return 0;
    case CONF_INT: return load_number(t, s, NULL, out);
    case CONF_SIZE: return load_number(t, s, SIZES, out);
    case CONF_DURATION: return load_number(t, s, TIMES, out);
    case CONF_RATIO: return load_ratio(t, s, out);
    case CONF_RATE: return load_rate(t, s, out);
    case CONF_PATH: return load_path(t, s, out);
    case CONF_ENUM: return load_enum(t, s, out);
    case CONF_ADDRESS: return load_address(t, s, out);
    case CONF_CIDR: return load_cidr(t, s, out);
    case CONF_STATUS: return load_status(t, s, out);
    default: return load_text(t, s, out);
    }
}

static void *append(struct pool *pool, struct conf_list *list, size_t size, size_t n)
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
static int load_pairs_of(struct slot *t, const config_setting_t *s, struct str name,
    struct conf_list *out)
{
    size_t n = is_list(s) ? (size_t)config_setting_length(s) : 1;
    struct conf_pair *p = append(t->l->pool, out, sizeof(*p), n);
    int rc = 0;
    struct conf_row text_row = {.name = pool_str(t->l->pool, name).s, .type = CONF_TEMPLATE,
        .flags = CONF_NUMBERS};
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *v = is_list(s) ? config_setting_get_elem(s, (unsigned)i) : s;
        struct slot one = {t->l, &text_row, place_of(t->l, v), t->scope};
        p[i].name = str_of(text_row.name);
        p[i].at = one.at;
        rc |= load_text(&one, v, &p[i].value);
    }
    return rc;
}

/* ( { name = N; value = V; } ... ), for names that libconfig cannot write. */
static int load_named_pair(struct slot *t, const config_setting_t *s, struct conf_list *out)
{
    const config_setting_t *name = NULL, *value = NULL;
    if (config_setting_is_group(s)) {
        name = config_setting_get_member(s, "name");
        value = config_setting_get_member(s, "value");
    }
    if (!name || !value || !is_text(name) || config_setting_length(s) != 2) {
        conf_report_add(t->l->report, place_of(t->l, s),
            "an element of '%s' is wrong; write { name = \"NAME\"; value = \"VALUE\"; }",
            t->row->name);
        return -1;
    }
    return load_pairs_of(t, value, text_of(name), out);
}

static int load_map(struct slot *t, const config_setting_t *s, struct conf_list *out)
{
    int rc = 0;
    if (!config_setting_is_group(s) && !is_list(s)) {
        return wrong_type(t, s);
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, i);
        rc |= config_setting_is_group(s) ? load_pairs_of(t, e, str_of(config_setting_name(e)), out)
                                         : load_named_pair(t, e, out);
    }
    return rc;
}

static void add_header(struct conf_headers *h, enum conf_header_what what, struct conf_pair p)
{
    h->ops[h->n++] = (struct conf_header){what, p.name, p.value, p.at};
}

static int load_removed(struct slot *t, const config_setting_t *s, struct conf_list *out)
{
    struct conf_row row = {.name = "remove", .type = CONF_STRING};
    size_t n = is_list(s) ? (size_t)config_setting_length(s) : 1;
    struct conf_pair *p = append(t->l->pool, out, sizeof(*p), n);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *v = is_list(s) ? config_setting_get_elem(s, (unsigned)i) : s;
        struct slot one = {t->l, &row, place_of(t->l, v), t->scope};
        p[i].at = one.at;
        rc |= load_text(&one, v, &p[i].name);
    }
    return rc;
}

/* Within a level the order is remove, set, add, however it is written. */
static int load_headers(struct slot *t, const config_setting_t *s, struct conf_headers **out)
{
    struct conf_headers *h = *out = pool_zalloc(t->l->pool, sizeof(*h));
    struct conf_list lists[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    int rc = 0;
    if (!config_setting_is_group(s)) {
        return wrong_type(t, s);
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, i);
        struct str name = str_of(config_setting_name(e));
        struct conf_row row = {.name = config_setting_name(e), .type = CONF_MAP};
        struct slot one = {t->l, &row, place_of(t->l, e), t->scope};
        if (str_eq(name, STR("remove"))) {
            rc |= load_removed(&one, e, &lists[CONF_HEADER_REMOVE]);
        } else if (str_eq(name, STR("set")) || str_eq(name, STR("add"))) {
            rc |= load_map(&one, e, &lists[name.s[0] == 's' ? CONF_HEADER_SET : CONF_HEADER_ADD]);
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

static unsigned inner_scope(const struct slot *t)
{
    return t->row->enters ? t->row->enters : t->scope;
}

static void set_place(struct conf_load *l, const struct conf_group *g, void *out, size_t row,
    struct conf_place at)
{
    struct conf_head *h = out;
    if (!h->places) {
        h->places = pool_zalloc(l->pool, conf_rows_in_use(g) * sizeof(*h->places));
    }
    h->places[row] = at;
    conf_mark_present(h, row);
}

static int load_value(struct slot *t, const config_setting_t *s, char *member);

static int check_required(struct conf_load *l, const struct conf_group *g, const void *out)
{
    const struct conf_head *h = out;
    int rc = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        if ((g->rows[i].flags & CONF_REQUIRED) && !conf_is_present(h, i)) {
            conf_report_add(l->report, h->at, "%s lacks '%s'; write %s = ...;", g->name,
                g->rows[i].name, g->rows[i].name);
            rc = -1;
        }
    }
    return rc;
}

/* One row of the group from `s`, as main member or as an element of an array. */
static int load_member(struct conf_load *l, const struct conf_group *g, size_t i, unsigned scope,
    const config_setting_t *s, void *out)
{
    struct slot t = {l, &g->rows[i], place_of(l, s), scope};
    set_place(l, g, out, i, t.at);
    return load_value(&t, s, (char *)out + t.row->offset);
}

/* A struct in any of its forms: group, true, main member, array of members. */
static int load_struct(struct slot *t, const config_setting_t *s, void *out)
{
    const struct conf_group *g = t->row->group;
    struct conf_head *h = out;
    int rc = 0;
    h->at = place_of(t->l, s);
    const struct conf_row *main = g->main ? conf_row_find(g, str_of(g->main)) : NULL;
    if (config_setting_is_group(s)) {
        rc = load_group(t->l, g, inner_scope(t), s, out);
    } else if (g->positional && is_list(s)) {
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
    } else if (main && (!is_list(s) || (main->flags & CONF_LIST))) {
        rc = load_member(t->l, g, (size_t)(main - g->rows), inner_scope(t), s, out);
    } else {
        return wrong_type(t, s);
    }
    h->broken = rc != 0;
    return rc ? rc : check_required(t->l, g, out);
}

static int load_list(struct slot *t, const config_setting_t *s, struct conf_list *out)
{
    bool group = t->row->type == CONF_GROUP;
    size_t size = group ? t->row->group->size : conf_type_size(t->row->type);
    int rc = 0;
    if (!(t->row->flags & CONF_APPEND)) {
        *out = (struct conf_list){NULL, 0};
    }
    if (t->row->type == CONF_MAP) {
        return is_false(s) ? 0 : load_map(t, s, out);
    }
    /* `false` is the empty list, except where it would be an element. */
    if (is_false(s) && t->row->type != CONF_BOOL) {
        return 0;
    }
    size_t n = is_list(s) ? (size_t)config_setting_length(s) : 1;
    if (n == 0) {
        return 0;
    }
    char *items = append(t->l->pool, out, size, n);
    for (size_t i = 0; i < n; i++) {
        const config_setting_t *e = is_list(s) ? config_setting_get_elem(s, (unsigned)i) : s;
        struct slot one = {t->l, t->row, place_of(t->l, e), t->scope};
        rc |= group ? load_struct(&one, e, items + i * size) : load_scalar(&one, e, items + i * size);
    }
    return rc;
}

static int load_value(struct slot *t, const config_setting_t *s, char *member)
{
    if ((t->row->flags & CONF_LIST) || t->row->type == CONF_MAP) {
        return load_list(t, s, (struct conf_list *)(void *)member);
    }
    if (t->row->type != CONF_GROUP && t->row->type != CONF_HEADERS) {
        return load_scalar(t, s, member);
    }
    void **pointer = (void **)(void *)member;
    *pointer = NULL;
    if (is_false(s)) {
        return 0;
    }
    if (t->row->type == CONF_HEADERS) {
        return load_headers(t, s, (struct conf_headers **)(void *)member);
    }
    *pointer = pool_zalloc(t->l->pool, t->row->group->size);
    return load_struct(t, s, *pointer);
}

static void unknown(struct conf_load *l, const struct conf_group *g, unsigned scope,
    const config_setting_t *s)
{
    struct str name = str_of(config_setting_name(s));
    size_t limit = name.len < 4 ? 2 : name.len / 3 + 2;
    const char *near = NULL;
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
        conf_report_add(l->report, place_of(l, s), "unknown setting '%s' in %s; did you mean '%s'?",
            name.s, g->name, near);
    } else {
        conf_report_add(l->report, place_of(l, s), "unknown setting '%s' in %s; remove it", name.s,
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
    if (is_false(s)) {
        return 0;
    }
    conf_report_add(l->report, place_of(l, s), "'%s' is not in this version of Weir; remove it", row->name);
    return -1;
}

static int load_group(struct conf_load *l, const struct conf_group *g, unsigned scope,
    const config_setting_t *s, void *out)
{
    int rc = 0;
    for (unsigned i = 0; i < (unsigned)config_setting_length(s); i++) {
        const config_setting_t *e = config_setting_get_elem(s, i);
        const struct conf_row *row = conf_row_find(g, str_of(config_setting_name(e)));
        if (!row) {
            unknown(l, g, scope, e);
            rc = -1;
        } else if (row->flags & CONF_LATER) {
            rc |= load_later(l, row, e);
        } else if (row->scopes && scope && !(row->scopes & scope)) {
            conf_report_add(l->report, place_of(l, e), "'%s' may not stand in %s; it belongs in %s",
                row->name, scope_name(l, scope), scope_name(l, row->scopes));
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
        conf_report_add(l->report, conf_text_place(l->text, line > 0 ? (unsigned)line : 1),
            "%s here; compare the line with the manual's syntax", config_error_text(&tree));
        rc = -1;
    } else {
        if (!h->at.file) {
            h->at = conf_text_place(l->text, 1);
        }
        rc = load_group(l, group, scope, config_root_setting(&tree), out);
        rc |= check_required(l, group, out);
    }
    config_destroy(&tree);
    return rc;
}

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
    if (row->type != CONF_GROUP) {
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
        struct slot t = {l, row, at, 0};
        rc = load_value(&t, config_lookup(&tree, "value"), member);
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

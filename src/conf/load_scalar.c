/* load_scalar.c: single values: numbers with units, texts, choices, statuses. */
#include <stdlib.h>

#include "conf/load_value.h"

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
    case CONF_ADDRESS: return "an address such as \"127.0.0.1:80\", \"[::1]:80\" or \"unix:/path\"";
    case CONF_CIDR: return "a network such as \"10.0.0.0/8\", \"::1\" or \"all\"";
    case CONF_STATUS: return "a status such as 404 or \"500-599\"";
    case CONF_GROUP:
    case CONF_HEADERS:
    case CONF_MAP: return "a group { }";
    default: return "a string in quotes";
    }
}

/* The member that the writer of a text probably meant, when the main member is of another type. */
static const struct conf_row *text_member(const struct conf_group *g)
{
    for (size_t i = 0; i < g->n_rows; i++) {
        enum conf_type type = g->rows[i].type;
        if ((type == CONF_TEMPLATE || type == CONF_STRING) && !(g->rows[i].flags & (CONF_LATER | CONF_LIST))) {
            return &g->rows[i];
        }
    }
    return NULL;
}

/* The choices of this version, in words. */
static struct str choices_of(struct conf_slot *t)
{
    const struct conf_row *row = t->row;
    struct str all = STR_NONE;
    int last = 0;
    for (int i = 0; row->choices[i]; i++) {
        last = row->later >> i & 1 ? last : i;
    }
    for (int i = 0; i <= last; i++) {
        if (!(row->later >> i & 1)) {
            all = pool_printf(t->l->pool, "%.*s%s\"%s\"", STR_ARG(all),
                all.len == 0 ? "" : i < last ? ", " : " or ", row->choices[i]);
        }
    }
    return all;
}

int conf_wrong_type(struct conf_slot *t, const config_setting_t *s)
{
    const struct conf_row *member = t->group && node_is_text(s) ? text_member(t->group->group) : NULL;
    if (member) {
        conf_report_add(t->l->report, t->at, "'%s' is %s; write %s, or %s = { %s = \"%s\"; };", slot_name(t),
            kind_of(s), wanted(t->row), slot_name(t), member->name, config_setting_get_string(s));
    } else {
        struct str want = t->row->type == CONF_ENUM ? choices_of(t) : str_of(wanted(t->row));
        conf_report_add(t->l->report, t->at, "'%s' is %s; write %.*s", slot_name(t), kind_of(s), STR_ARG(want));
    }
    return -1;
}

int conf_wrong_text(struct conf_slot *t, struct str text)
{
    conf_report_add(t->l->report, t->at, "'%s' does not understand \"%.*s\"; write %s", slot_name(t),
        STR_ARG(text), wanted(t->row));
    return -1;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit SIZES[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30},
    {"t", (int64_t)1 << 40}, {NULL, 0}};
static const struct unit TIMES[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000},
    {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

/* Digits and a unit of `units`; 0 or -1. */
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
static struct str show(struct conf_slot *t, int64_t v)
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

static int check_range(struct conf_slot *t, int64_t v)
{
    const struct conf_row *r = t->row;
    if ((r->min == 0 && r->max == 0) || (v >= r->min && v <= r->max)) {
        return 0;
    }
    conf_report_add(t->l->report, t->at, "'%s' is out of range; write a value from %.*s to %.*s",
        slot_name(t), STR_ARG(show(t, r->min)), STR_ARG(show(t, r->max)));
    return -1;
}

static int load_number(struct conf_slot *t, const config_setting_t *s, const struct unit *units,
    int64_t *out)
{
    int64_t v;
    if ((t->row->flags & CONF_OFF) && node_is_false(s)) {
        *out = -1;
        return 0;
    }
    if (node_is_integer(s)) {
        v = config_setting_get_int64(s);
        if (units && v < 0) {
            conf_report_add(t->l->report, t->at, "'%s' is negative; write %s", slot_name(t),
                wanted(t->row));
            return -1;
        }
        if (units && __builtin_mul_overflow(v, units[0].factor, &v)) {
            conf_report_add(t->l->report, t->at, "'%s' is too large; write %s", slot_name(t),
                wanted(t->row));
            return -1;
        }
    } else if (units && node_is_text(s)) {
        if (number_with_unit(node_text(s), units, &v) != 0) {
            return conf_wrong_text(t, node_text(s));
        }
    } else {
        return conf_wrong_type(t, s);
    }
    *out = v;
    return check_range(t, v);
}

static int load_ratio(struct conf_slot *t, const config_setting_t *s, double *out)
{
    if (node_is_integer(s)) {
        *out = (double)config_setting_get_int64(s);
    } else if (config_setting_type(s) == CONFIG_TYPE_FLOAT) {
        *out = config_setting_get_float(s);
    } else if (node_is_text(s)) {
        char *end;
        *out = strtod(config_setting_get_string(s), &end);
        if (end == config_setting_get_string(s) || (*end && strcmp(end, "%") != 0)) {
            return conf_wrong_text(t, node_text(s));
        }
    } else {
        return conf_wrong_type(t, s);
    }
    const struct conf_row *r = t->row;
    if ((r->min || r->max) && !(*out >= (double)r->min && *out <= (double)r->max)) {
        conf_report_add(t->l->report, t->at, "'%s' is out of range; write a value from %lld to %lld",
            slot_name(t), (long long)r->min, (long long)r->max);
        return -1;
    }
    return 0;
}

static int load_rate(struct conf_slot *t, const config_setting_t *s, struct conf_rate *out)
{
    if (!node_is_text(s)) {
        return conf_wrong_type(t, s);
    }
    struct str text = node_text(s);
    const char *slash = memchr(text.s, '/', text.len);
    size_t n = slash ? (size_t)(slash - text.s) : text.len;
    uint64_t count;
    if (!slash || str_to_u64((struct str){text.s, n}, INT32_MAX, &count) != 0 || count == 0) {
        return conf_wrong_text(t, text);
    }
    struct str unit = pool_printf(t->l->pool, "%s%s",
        slash[1] >= '0' && slash[1] <= '9' ? "" : "1", slash + 1);
    if (!slash[1] || number_with_unit(unit, TIMES, &out->period) != 0 || out->period == 0) {
        return conf_wrong_text(t, text);
    }
    out->count = (int64_t)count;
    return 0;
}

int conf_load_text(struct conf_slot *t, const config_setting_t *s, struct str *out)
{
    if (node_is_text(s)) {
        *out = pool_str(t->l->pool, node_text(s));
    } else if (node_is_integer(s) && (t->row->flags & CONF_NUMBERS)) {
        *out = pool_printf(t->l->pool, "%lld", config_setting_get_int64(s));
    } else {
        return conf_wrong_type(t, s);
    }
    return 0;
}

static int load_path(struct conf_slot *t, const config_setting_t *s, struct str *out)
{
    if (conf_load_text(t, s, out) != 0) {
        return -1;
    }
    if (out->len == 0) {
        conf_report_add(t->l->report, t->at, "'%s' is empty; write a path", slot_name(t));
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

/* The choice that was probably meant, or NULL. */
static const char *choice_near(const struct conf_row *row, struct str text)
{
    size_t limit = text.len / 3 + 1;
    const char *near = NULL;
    for (int i = 0; row->choices[i]; i++) {
        size_t d = str_distance(text, str_of(row->choices[i]), limit);
        if (d < limit && !(row->later >> i & 1)) {
            limit = d;
            near = row->choices[i];
        }
    }
    return near;
}

static int load_enum(struct conf_slot *t, const config_setting_t *s, int *out)
{
    if (!node_is_text(s) && !(node_is_integer(s) && (t->row->flags & CONF_NUMBERS))) {
        return conf_wrong_type(t, s);
    }
    struct str text = node_is_text(s)
        ? node_text(s)
        : pool_printf(t->l->pool, "%lld", config_setting_get_int64(s));
    for (int i = 0; t->row->choices[i]; i++) {
        if (!str_eq(str_of(t->row->choices[i]), text)) {
            continue;
        }
        *out = i;
        if (!(t->row->later >> i & 1)) {
            return 0;
        }
        conf_report_add(t->l->report, t->at, "%s = \"%.*s\" is not in this version of Weir; write %.*s",
            slot_name(t), STR_ARG(text), STR_ARG(choices_of(t)));
        return -1;
    }
    const char *near = choice_near(t->row, text);
    const struct conf_hint *hint = conf_hint_find(t->l, t->row->name, text);
    if (hint && hint->in) {
        conf_report_add(t->l->report, t->at, "'%s' cannot be \"%.*s\"; write %s", slot_name(t), STR_ARG(text),
            hint->right);
    } else if (near) {
        conf_report_add(t->l->report, t->at, "'%s' cannot be \"%.*s\"; did you mean \"%s\"?", slot_name(t),
            STR_ARG(text), near);
    } else {
        conf_report_add(t->l->report, t->at, "'%s' cannot be \"%.*s\"; write %.*s", slot_name(t), STR_ARG(text),
            STR_ARG(choices_of(t)));
    }
    return -1;
}

static int load_status(struct conf_slot *t, const config_setting_t *s, struct conf_statuses *out)
{
    uint64_t first, last;
    if (node_is_integer(s)) {
        int64_t v = config_setting_get_int64(s);
        first = last = v < 0 ? 0 : (uint64_t)v;
    } else if (node_is_text(s)) {
        struct str text = node_text(s);
        const char *dash = memchr(text.s, '-', text.len);
        struct str from = {text.s, dash ? (size_t)(dash - text.s) : text.len};
        if (str_to_u64(from, 999, &first) != 0 ||
            str_to_u64(dash ? str_of(dash + 1) : from, 999, &last) != 0) {
            return conf_wrong_text(t, text);
        }
    } else {
        return conf_wrong_type(t, s);
    }
    if (first < 100 || last > 599 || first > last) {
        conf_report_add(t->l->report, t->at, "'%s' is out of range; write a status from 100 to 599",
            slot_name(t));
        return -1;
    }
    *out = (struct conf_statuses){(int)first, (int)last};
    return 0;
}

int conf_load_scalar(struct conf_slot *t, const config_setting_t *s, void *out)
{
    switch (t->row->type) {
    case CONF_BOOL:
        if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
            return conf_wrong_type(t, s);
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
    case CONF_ADDRESS: return conf_load_address(t, s, out);
    case CONF_CIDR: return conf_load_cidr(t, s, out);
    case CONF_STATUS: return load_status(t, s, out);
    default: return conf_load_text(t, s, out);
    }
}

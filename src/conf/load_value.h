/*
 * load_value.h: what the files of the loader share: a value on its way from libconfig's tree to a struct.
 */
#ifndef WEIR_CONF_LOAD_VALUE_H
#define WEIR_CONF_LOAD_VALUE_H

#include <libconfig.h>

#include "conf/load.h"

/* Where a value goes and how it is spoken of. */
struct conf_slot {
    struct conf_load *l;
    const struct conf_row *row;
    struct conf_place at;
    unsigned scope;
    const struct conf_row *group; /* a scalar stands for this group and `row` is its main member; or NULL */
};

/* The setting as it was written. */
static inline const char *slot_name(const struct conf_slot *t)
{
    return t->group ? t->group->name : t->row->name;
}

static inline struct conf_place node_place(const struct conf_load *l, const config_setting_t *s)
{
    return conf_text_place(l->text, config_setting_source_line(s));
}

static inline bool node_is_text(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_STRING;
}

static inline bool node_is_integer(const config_setting_t *s)
{
    int type = config_setting_type(s);
    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static inline bool node_is_list(const config_setting_t *s)
{
    int type = config_setting_type(s);
    return type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
}

static inline bool node_is_false(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_BOOL && !config_setting_get_bool(s);
}

static inline struct str node_text(const config_setting_t *s)
{
    return str_of(config_setting_get_string(s));
}

/* What stands for a setting that is there already: its error has been reported. */
static inline bool node_is_again(const config_setting_t *s)
{
    return str_has_prefix(str_of(config_setting_name(s)), STR(CONF_TEXT_AGAIN));
}

/* Reports that `s` is of a type the row does not take; -1. */
int conf_wrong_type(struct conf_slot *, const config_setting_t *s);

/* Reports that `text` is not what the row takes; -1. */
int conf_wrong_text(struct conf_slot *, struct str text);

/* One value into `out`; 0, or -1: reported. */
int conf_load_scalar(struct conf_slot *, const config_setting_t *s, void *out);
int conf_load_text(struct conf_slot *, const config_setting_t *s, struct str *out);
int conf_load_address(struct conf_slot *, const config_setting_t *s, struct conf_address *out);
int conf_load_cidr(struct conf_slot *, const config_setting_t *s, struct conf_cidr *out);

/* Names with values, and header operations; 0, or -1: reported. */
int conf_load_map(struct conf_slot *, const config_setting_t *s, struct conf_list *out);
int conf_load_headers(struct conf_slot *, const config_setting_t *s, struct conf_headers **out);

/* Any value in any of its forms; 0, or -1: reported. */
int conf_load_value(struct conf_slot *, const config_setting_t *s, char *member);

/* Room for `n` more items of `size` bytes, zeroed; the first of them. */
void *conf_append(struct pool *, struct conf_list *list, size_t size, size_t n);

/* What is known of a word of others in the group or level, or for the setting, of that name; NULL: nothing. */
const struct conf_hint *conf_hint_find(const struct conf_load *, const char *in, struct str name);

#endif

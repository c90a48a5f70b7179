/*
 * cache_target.c: see cache_target.h.  Of structured fields only what tells a valid dictionary from another
 * is read; parameters are checked and dropped.
 */
#include "http/cache_target.h"

#include "http/bytes.h"
#include "http/cache_directive.h"

static const struct str targets[] = {
    {"Weir-Cache-Control", sizeof("Weir-Cache-Control") - 1},
    {"CDN-Cache-Control", sizeof("CDN-Cache-Control") - 1},
};

enum item_type { ITEM_BOOLEAN, ITEM_INTEGER, ITEM_DECIMAL, ITEM_STRING, ITEM_TOKEN, ITEM_BYTES, ITEM_LIST };

struct item {
    enum item_type type;
    int64_t number; /* of a boolean or an integer */
    struct str text; /* of a string, between its quotes */
};

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return is_lower(ascii_lower(c));
}

static bool begins(struct str in, char c)
{
    return in.len > 0 && in.s[0] == c;
}

static bool take_char(struct str *in, char c)
{
    if (!begins(*in, c))
        return false;
    *in = str_from(*in, 1);
    return true;
}

/* Takes the bytes that `allowed` takes in off the front. */
static struct str take_while(struct str *in, bool (*allowed)(char c))
{
    size_t len = 0;

    while (len < in->len && allowed(in->s[len]))
        len++;
    *in = str_from(*in, len);
    return (struct str){in->s - len, len};
}

static bool in_key(char c)
{
    return is_lower(c) || is_digit(c) || (c != '\0' && strchr("_-.*", c));
}

static bool in_token(char c)
{
    return is_alpha(c) || is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~:/", c));
}

static bool in_base64(char c)
{
    return is_alpha(c) || is_digit(c) || (c != '\0' && strchr("+/=", c));
}

static bool take_key(struct str *in, struct str *key)
{
    if (in->len == 0 || !(is_lower(in->s[0]) || in->s[0] == '*'))
        return false;
    *key = take_while(in, in_key);
    return true;
}

/* At most 15 digits, or 12 and up to 3 decimals. */
static bool take_number(struct str *in, struct item *item)
{
    bool minus = take_char(in, '-');
    struct str digits = take_while(in, is_digit), decimals;

    if (digits.len == 0 || digits.len > 15)
        return false;
    item->type = ITEM_INTEGER;
    item->number = minus ? -1 : cache_control_delta(digits);
    if (!take_char(in, '.'))
        return true;
    decimals = take_while(in, is_digit);
    item->type = ITEM_DECIMAL;
    return digits.len <= 12 && decimals.len >= 1 && decimals.len <= 3;
}

static bool take_string(struct str *in, struct item *item)
{
    size_t i = 1;

    for (; i < in->len && in->s[i] != '"'; i++) {
        if (in->s[i] == '\\' && (++i == in->len || (in->s[i] != '"' && in->s[i] != '\\')))
            return false;
        if (in->s[i] < 0x20 || in->s[i] > 0x7e)
            return false;
    }
    if (i >= in->len)
        return false;
    item->type = ITEM_STRING;
    item->text = (struct str){in->s + 1, i - 1};
    *in = str_from(*in, i + 1);
    return true;
}

static bool take_bare_item(struct str *in, struct item *item)
{
    if (begins(*in, '"'))
        return take_string(in, item);
    if (begins(*in, '-') || (in->len && is_digit(in->s[0])))
        return take_number(in, item);
    if (take_char(in, '?')) {
        *item = (struct item){.type = ITEM_BOOLEAN, .number = begins(*in, '1')};
        return take_char(in, '0') || take_char(in, '1');
    }
    if (take_char(in, ':')) {
        take_while(in, in_base64);
        item->type = ITEM_BYTES;
        return take_char(in, ':');
    }
    if (in->len == 0 || !(is_alpha(in->s[0]) || in->s[0] == '*'))
        return false;
    take_while(in, in_token);
    item->type = ITEM_TOKEN;
    return true;
}

static void skip_spaces(struct str *in)
{
    while (take_char(in, ' '))
        ;
}

static bool skip_parameters(struct str *in)
{
    struct str key;
    struct item item;

    while (take_char(in, ';')) {
        skip_spaces(in);
        if (!take_key(in, &key) || (take_char(in, '=') && !take_bare_item(in, &item)))
            return false;
    }
    return true;
}

static bool take_inner_list(struct str *in, struct item *item)
{
    struct item inner;

    for (skip_spaces(in); !take_char(in, ')'); skip_spaces(in)) {
        if (!take_bare_item(in, &inner) || !skip_parameters(in) || !(begins(*in, ' ') || begins(*in, ')')))
            return false;
    }
    item->type = ITEM_LIST;
    return true;
}

static bool take_value(struct str *in, struct item *item)
{
    *item = (struct item){.type = ITEM_BOOLEAN, .number = 1};
    if (take_char(in, '=') && !(take_char(in, '(') ? take_inner_list(in, item) : take_bare_item(in, item)))
        return false;
    return skip_parameters(in);
}

/* These allow a cache more, so that an argument they do not have makes them say nothing. */
#define GENEROUS (CACHE_CONTROL_PUBLIC | CACHE_CONTROL_MUST_UNDERSTAND | CACHE_CONTROL_IMMUTABLE)

static void set_flag(struct cache_control *cc, unsigned flag, const struct item *item)
{
    if (item->type == ITEM_BOOLEAN ? item->number != 0 : !(flag & GENEROUS))
        cc->set |= flag;
    else
        cc->set &= ~flag;
}

static bool apply(struct cache_control *cc, const struct cache_directive_row *row, const struct item *item)
{
    if (row->argument == CACHE_ARGUMENT_SECONDS) {
        if (item->type != ITEM_INTEGER || item->number < 0)
            return false;
        *cache_directive_seconds(row, cc) = item->number;
        return true;
    }
    if (row->argument == CACHE_ARGUMENT_FIELDS) {
        struct str *names = cache_directive_fields(row, cc);

        *names = STR_NONE;
        if (item->type == ITEM_STRING && str_trim(item->text).len && !bytes_hold(item->text, '\\')) {
            *names = str_trim(item->text);
            cc->set &= ~row->flag;
            return true;
        }
    }
    set_flag(cc, row->flag, item);
    return true;
}

int cache_target_add(struct cache_control *cc, struct str line, size_t *members)
{
    struct str in = str_trim(line), key;
    struct item item;

    while (in.len) {
        const struct cache_directive_row *row;

        if (!take_key(&in, &key) || !take_value(&in, &item))
            return -1;
        row = cache_directive_find(key);
        if (row && !apply(cc, row, &item))
            return -1;
        ++*members;
        in = str_trim(in);
        if (in.len == 0)
            return 0;
        if (!take_char(&in, ','))
            return -1;
        in = str_trim(in);
        if (in.len == 0)
            return -1; /* a comma at the end */
    }
    return 0;
}

static bool read_target(const struct header_list *fields, struct str name, struct cache_control *cc)
{
    size_t members = 0;

    cache_control_init(cc);
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->items[i].id != HEADER_OTHER || !str_ieq(fields->items[i].name, name))
            continue;
        if (cache_target_add(cc, fields->items[i].value, &members) < 0)
            return false;
    }
    return members > 0;
}

struct str cache_target_read(const struct header_list *fields, struct cache_control *cc)
{
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        if (read_target(fields, targets[i], cc))
            return targets[i];
    }
    cache_control_init(cc);
    return STR_NONE;
}

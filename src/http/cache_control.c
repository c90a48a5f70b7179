/* cache_control.c: see cache_control.h. */
#include "http/cache_control.h"

#include "http/bytes.h"
#include "http/cache_directive.h"

/* One directive, cut at its first '='. */
struct part {
    struct str name, argument;
    bool has_argument;
    bool spaced; /* there are blanks around the '=', which the grammar does not have */
};

void cache_control_init(struct cache_control *cc)
{
    *cc = (struct cache_control){.max_age = -1,
                                 .s_maxage = -1,
                                 .stale_while_revalidate = -1,
                                 .stale_if_error = -1,
                                 .min_fresh = -1,
                                 .max_stale = -1};
}

int64_t cache_control_delta(struct str text)
{
    int64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] < '0' || text.s[i] > '9')
            return -1;
        value = value * 10 + (text.s[i] - '0');
        if (value > CACHE_DELTA_MAX)
            value = CACHE_DELTA_MAX;
    }
    return text.len ? value : -1;
}

bool cache_control_names(struct str fields, struct str name)
{
    struct str element;

    while (str_next_element(&fields, &element)) {
        if (str_ieq(element, name))
            return true;
    }
    return false;
}

/* Whether a quoted string in it has no end. */
static bool is_open(struct str s)
{
    bool inside = false;

    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] == '"')
            inside = !inside;
        else if (inside && s.s[i] == '\\')
            i++;
    }
    return inside;
}

static struct part part_of(struct str element)
{
    const char *equals = memchr(element.s, '=', element.len);
    struct part part = {.name = element, .has_argument = equals != NULL};
    size_t len;

    if (!equals)
        return part;
    len = (size_t)(equals - element.s);
    part.name = str_trim((struct str){element.s, len});
    part.argument = str_from(element, len + 1);
    part.spaced = part.name.len != len || (part.argument.len && is_ows(part.argument.s[0]));
    return part;
}

/* Without its quotes, if it has them: either form is to be read for any directive (RFC 9111 5.2). */
static struct str unquoted(struct str s)
{
    if (s.len >= 2 && s.s[0] == '"' && s.s[s.len - 1] == '"')
        return (struct str){s.s + 1, s.len - 2};
    return s;
}

/* Of two values the one that lets a cache do less: of all but min-fresh that is the smaller. */
static int64_t stricter(int64_t a, int64_t b, bool larger)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return (a < b) == larger ? b : a;
}

static void take_seconds(struct cache_control *cc, const struct cache_directive_row *row,
                         const struct part *part)
{
    int64_t *member = cache_directive_seconds(row, cc), value;

    value = part->spaced ? -1 : cache_control_delta(unquoted(part->argument));
    if (member == &cc->max_stale && !part->has_argument)
        value = CACHE_DELTA_MAX; /* however stale (5.2.1.2) */
    if (value < 0)
        value = 0;
    *member = stricter(*member, value, member == &cc->min_fresh);
}

/* Names that cannot be read, or are said twice, stand for the whole response. */
static void take_fields(struct cache_control *cc, const struct cache_directive_row *row,
                        const struct part *part)
{
    struct str *member = cache_directive_fields(row, cc), names = str_trim(unquoted(part->argument));

    if (!part->has_argument || part->spaced || names.len == 0 || member->len || bytes_hold(names, '\\') ||
        bytes_hold(names, '"'))
        cc->set |= row->flag;
    else
        *member = names;
}

static void take_directive(struct cache_control *cc, struct str element)
{
    struct part part = part_of(element);
    const struct cache_directive_row *row = cache_directive_find(part.name);

    if (!row)
        return;
    switch (row->argument) {
    case CACHE_ARGUMENT_NONE:
        cc->set |= row->flag;
        break;
    case CACHE_ARGUMENT_FIELDS:
        take_fields(cc, row, &part);
        break;
    case CACHE_ARGUMENT_SECONDS:
        take_seconds(cc, row, &part);
        break;
    }
}

void cache_control_add(struct cache_control *cc, struct str line)
{
    struct str element;

    if (line.len && memchr(line.s, '"', line.len) && is_open(line))
        cc->set |= CACHE_CONTROL_BROKEN;
    while (str_next_element(&line, &element))
        take_directive(cc, element);
}

bool cache_control_read(const struct header_list *fields, struct cache_control *cc)
{
    const struct header *field = header_find(fields, HEADER_CACHE_CONTROL);
    const struct header *end = fields->items + fields->count;
    bool found = field != NULL;

    cache_control_init(cc);
    for (; field && field < end; field++) {
        if (field->id == HEADER_CACHE_CONTROL)
            cache_control_add(cc, field->value);
    }
    return found;
}

/*
 * accept.c: see accept.h.  The three fields differ only in how a range matches and in what holds
 * without a match, so one loop serves all: a matcher tells how specific a match is.
 */
#include "http/accept.h"

static struct str str_head(struct str s, size_t len)
{
    return (struct str){s.s, len};
}

/* Splits "item; rest" at the first `;`. */
static struct str take_part(struct str *rest)
{
    const char *end = rest->len ? memchr(rest->s, ';', rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->s) : rest->len;
    struct str part = str_trim(str_head(*rest, len));

    len += end != NULL;
    *rest = (struct str){rest->s + len, rest->len - len};
    return part;
}

/* "0", "1", and at most three decimals (RFC 9110 12.4.2); what is malformed counts as 0. */
static unsigned parse_weight(struct str text)
{
    unsigned value, scale = 100;
    size_t i;

    if (text.len == 0 || text.len > 5 || text.s[0] < '0' || text.s[0] > '1' ||
        (text.len > 1 && text.s[1] != '.')) {
        return 0;
    }
    value = text.s[0] == '1' ? 1000 : 0;
    for (i = 2; i < text.len; i++, scale /= 10) {
        if (text.s[i] < '0' || text.s[i] > '9') {
            return 0;
        }
        value += (unsigned)(text.s[i] - '0') * scale;
    }
    return value <= 1000 ? value : 0;
}

static unsigned weight_of(struct str parameters)
{
    while (parameters.len > 0) {
        struct str part = take_part(&parameters);

        if (part.len >= 2 && ascii_lower(part.s[0]) == 'q' && part.s[1] == '=') {
            return parse_weight((struct str){part.s + 2, part.len - 2});
        }
    }
    return 1000;
}

/*
 * The weight of the closest match; of equally close ones the largest.  `match` tells how closely
 * a range takes in `what`: 0 not at all, 1 by a wildcard, more is closer.  `otherwise`: no range
 * matches.
 */
static unsigned best_weight(struct str field, struct str what,
                            size_t (*match)(struct str range, struct str what), unsigned otherwise)
{
    unsigned weight = otherwise;
    size_t closest = 0;
    struct str element;

    while (str_next_element(&field, &element)) {
        size_t close = match(take_part(&element), what);
        unsigned q = weight_of(element);

        if (close > closest || (close > 0 && close == closest && q > weight)) {
            closest = close;
            weight = q;
        }
    }
    return weight;
}

/* "de" takes in "de-CH". */
static size_t match_language(struct str range, struct str tag)
{
    if (range.len == 0 || range.len > tag.len || !str_ieq(range, str_head(tag, range.len)) ||
        (range.len < tag.len && tag.s[range.len] != '-')) {
        return 0;
    }
    return 1 + range.len;
}

/* "de-CH", cut short at its end, comes to "de". */
static size_t match_shortened(struct str range, struct str tag)
{
    return match_language(tag, range) > 0;
}

static size_t match_any(struct str range, struct str what)
{
    (void)what;
    return str_eq(range, STR("*"));
}

static size_t match_coding(struct str range, struct str coding)
{
    if (str_eq(range, STR("*"))) {
        return 1;
    }
    if (str_ieq(range, STR("x-gzip"))) {
        range = STR("gzip");
    }
    return str_ieq(range, coding) ? 2 : 0;
}

static size_t match_type(struct str range, struct str type)
{
    if (str_eq(range, STR("*/*"))) {
        return 1;
    }
    if (range.len > 2 && str_has_suffix(range, STR("/*"))) {
        size_t major = range.len - 1; /* with its '/' */

        return type.len > major && str_ieq(str_head(range, major), str_head(type, major)) ? 2 : 0;
    }
    return str_ieq(range, type) ? 3 : 0;
}

unsigned accept_language(struct str field, struct str tag)
{
    const unsigned none = 1001;
    unsigned weight = best_weight(field, tag, match_language, none);

    if (weight != none)
        return weight;
    weight = best_weight(field, tag, match_shortened, 0);
    if (weight > 0)
        return weight > 1 ? weight - 1 : weight;
    return best_weight(field, tag, match_any, 0);
}

unsigned accept_encoding(struct str field, struct str coding)
{
    return best_weight(field, coding, match_coding, str_ieq(coding, STR("identity")) ? 1000 : 0);
}

unsigned accept_type(struct str field, struct str type)
{
    return best_weight(field, type, match_type, field.s == NULL ? 1000 : 0);
}

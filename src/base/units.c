/*
 * units.c: reads and prints durations, sizes and percentages.
 * Both kinds are a number and a suffix from a table ordered from the largest unit to the smallest, so
 * that the first unit that divides a value evenly gives its shortest exact text.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct unit size_units[] = {
    {"t", UINT64_C(1) << 40}, {"g", UINT64_C(1) << 30}, {"m", UINT64_C(1) << 20},
    {"k", UINT64_C(1) << 10}, {"", 1},
};

enum scale_result { SCALE_OK, SCALE_SYNTAX, SCALE_RANGE };

/* How many digits `text` starts with. */
static size_t count_digits(struct str text)
{
    size_t n = 0;

    while (n < text.len && text.s[n] >= '0' && text.s[n] <= '9')
        n++;
    return n;
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct str suffix)
{
    for (size_t i = 0; i < count; i++)
        if (str_ieq(str_of(units[i].suffix), suffix))
            return &units[i];
    return NULL;
}

/* Reads 1*DIGIT and one of the suffixes. */
static enum scale_result parse_scaled(struct str text, const struct unit *units, size_t count,
                                      uint64_t max, uint64_t *value)
{
    size_t n = count_digits(text);
    const struct unit *unit = find_unit(units, count, (struct str){text.s + n, text.len - n});
    uint64_t v;

    if (n == 0 || !unit)
        return SCALE_SYNTAX;
    if (str_to_u64((struct str){text.s, n}, max / unit->factor, &v) < 0)
        return SCALE_RANGE;
    *value = v * unit->factor;
    return SCALE_OK;
}

/* The part of a wrong value that an error text shows. */
static struct str shown(struct str text)
{
    return text.len > 40 ? (struct str){text.s, 40} : text;
}

static int out_of_range(char *error, size_t error_size, struct str text, const char *max)
{
    snprintf(error, error_size, "\"%.*s\" is too large: at most %s", STR_ARG(shown(text)), max);
    return -1;
}

int units_parse_duration(struct str text, int64_t *ms, char *error, size_t error_size)
{
    char buf[UNITS_TEXT_MAX];
    uint64_t v = 0;
    enum scale_result result;

    if (text.len > 0 && count_digits(text) == text.len) {
        result = str_to_u64(text, INT64_MAX / 1000, &v) < 0 ? SCALE_RANGE : SCALE_OK;
        v *= 1000;
    } else {
        result = parse_scaled(text, duration_units, ARRAY_SIZE(duration_units), INT64_MAX, &v);
    }
    if (result == SCALE_RANGE) {
        units_print_duration(INT64_MAX, buf);
        return out_of_range(error, error_size, text, buf);
    }
    if (result == SCALE_SYNTAX) {
        snprintf(error, error_size,
                 "\"%.*s\" is not a duration: write a whole number and ms, s, m, h or d, as in "
                 "\"500ms\" or \"30s\"; a bare number is seconds",
                 STR_ARG(shown(text)));
        return -1;
    }
    *ms = (int64_t)v;
    return 0;
}

int units_duration_from_seconds(int64_t seconds, int64_t *ms, char *error, size_t error_size)
{
    if (seconds < 0) {
        snprintf(error, error_size, "a duration cannot be negative: write 0 or more seconds");
        return -1;
    }
    if (seconds > INT64_MAX / 1000) {
        snprintf(error, error_size, "%" PRId64 " seconds are too long: at most %" PRId64, seconds,
                 INT64_MAX / 1000);
        return -1;
    }
    *ms = seconds * 1000;
    return 0;
}

int units_parse_size(struct str text, uint64_t *bytes, char *error, size_t error_size)
{
    char buf[UNITS_TEXT_MAX];

    switch (parse_scaled(text, size_units, ARRAY_SIZE(size_units), UINT64_MAX, bytes)) {
    case SCALE_OK:
        return 0;
    case SCALE_RANGE:
        units_print_size(UINT64_MAX, buf);
        return out_of_range(error, error_size, text, buf);
    case SCALE_SYNTAX:
        break;
    }
    snprintf(error, error_size,
             "\"%.*s\" is not a size: write a whole number and k, m, g or t, as in \"16k\" or "
             "\"10m\"; a bare number is bytes",
             STR_ARG(shown(text)));
    return -1;
}

int units_parse_percent(struct str text, unsigned max, unsigned *percent, char *error,
                        size_t error_size)
{
    struct str digits = text;
    uint64_t v;

    if (str_has_suffix(digits, STR("%")))
        digits.len--;
    if (str_to_u64(digits, max, &v) < 0) {
        snprintf(error, error_size,
                 "\"%.*s\" is not a percentage: write a whole number from 0 to %u",
                 STR_ARG(shown(text)), max);
        return -1;
    }
    *percent = (unsigned)v;
    return 0;
}

static struct str print_scaled(uint64_t v, const char *sign, const struct unit *unit,
                               char buf[UNITS_TEXT_MAX])
{
    int n;

    while (v % unit->factor != 0)
        unit++; /* ends: the last factor of each table is 1 */
    n = snprintf(buf, UNITS_TEXT_MAX, "%s%" PRIu64 "%s", sign, v / unit->factor, unit->suffix);
    return (struct str){buf, (size_t)n};
}

struct str units_print_duration(int64_t ms, char buf[UNITS_TEXT_MAX])
{
    const struct unit *seconds = &duration_units[3];

    if (ms == 0)
        return print_scaled(0, "", seconds, buf);
    if (ms < 0)
        return print_scaled(0 - (uint64_t)ms, "-", duration_units, buf);
    return print_scaled((uint64_t)ms, "", duration_units, buf);
}

struct str units_print_size(uint64_t bytes, char buf[UNITS_TEXT_MAX])
{
    const struct unit *plain = &size_units[ARRAY_SIZE(size_units) - 1];

    return print_scaled(bytes, "", bytes == 0 ? plain : size_units, buf);
}

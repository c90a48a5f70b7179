/*
 * units.c: each kind has a table of suffixes, ordered from the largest unit to the smallest, so that the first
 * unit that divides a value evenly gives its shortest exact text.
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
